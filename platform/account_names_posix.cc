#include <map>
#include <vector>

#include <grp.h>
#include <pwd.h>

#include "agent/base/guarded.h"
#include "platform/filesystem.h"

namespace obhut::platform {
namespace {

/// Calls a get…_r function with a buffer that grows until the record fits; nothing where there is
/// no such record.
template <class Record, class Ask, class Take>
auto ask_system(Ask ask, Take take) -> std::optional<decltype(take(std::declval<Record&>()))> {
  std::vector<char> buffer(2048);
  constexpr std::size_t kLargest = 1 << 22;  // a group with very many members
  while (true) {
    Record record{};
    Record* found = nullptr;
    const int code = ask(&record, buffer.data(), buffer.size(), &found);
    if (code == ERANGE && buffer.size() < kLargest) {
      buffer.resize(buffer.size() * 4);
      continue;
    }
    if (found == nullptr) return std::nullopt;
    return take(record);
  }
}

template <class Key, class Value, class Ask>
Value cached(Guarded<std::map<Key, Value>>& cache, const Key& key, Ask ask) {
  // The lock is held while the system is asked: a directory service that takes a second is then
  // asked once, not once by each thread.
  return cache.with([&](std::map<Key, Value>& known) {
    const auto found = known.find(key);
    if (found != known.end()) return found->second;
    return known.emplace(key, ask()).first->second;
  });
}

}  // namespace

struct AccountNames::Cache {
  Guarded<std::map<std::uint32_t, std::string>> users;
  Guarded<std::map<std::uint32_t, std::string>> groups;
  Guarded<std::map<std::string, std::optional<std::uint32_t>>> user_ids;
  Guarded<std::map<std::string, std::optional<std::uint32_t>>> group_ids;
};

AccountNames::AccountNames() : cache_(std::make_unique<Cache>()) {}
AccountNames::~AccountNames() = default;

std::string AccountNames::user(std::uint32_t uid) {
  return cached(cache_->users, uid, [&] {
    return ask_system<passwd>(
               [&](passwd* record, char* buffer, std::size_t size, passwd** found) {
                 return ::getpwuid_r(uid, record, buffer, size, found);
               },
               [](const passwd& record) { return std::string(record.pw_name); })
        .value_or("");
  });
}

std::string AccountNames::group(std::uint32_t gid) {
  return cached(cache_->groups, gid, [&] {
    return ask_system<::group>(
               [&](::group* record, char* buffer, std::size_t size, ::group** found) {
                 return ::getgrgid_r(gid, record, buffer, size, found);
               },
               [](const ::group& record) { return std::string(record.gr_name); })
        .value_or("");
  });
}

std::optional<std::uint32_t> AccountNames::user_id(const std::string& name) {
  return cached(cache_->user_ids, name, [&] {
    return ask_system<passwd>(
        [&](passwd* record, char* buffer, std::size_t size, passwd** found) {
          return ::getpwnam_r(name.c_str(), record, buffer, size, found);
        },
        [](const passwd& record) -> std::uint32_t { return record.pw_uid; });
  });
}

std::optional<std::uint32_t> AccountNames::group_id(const std::string& name) {
  return cached(cache_->group_ids, name, [&] {
    return ask_system<::group>(
        [&](::group* record, char* buffer, std::size_t size, ::group** found) {
          return ::getgrnam_r(name.c_str(), record, buffer, size, found);
        },
        [](const ::group& record) -> std::uint32_t { return record.gr_gid; });
  });
}

}  // namespace obhut::platform
