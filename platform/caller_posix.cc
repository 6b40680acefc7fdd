#include <cstdlib>

#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/os_error.h"
#include "platform/posix_caller.h"

namespace obhut::platform {
namespace {

constexpr auto kImpossible = static_cast<uid_t>(-1);

/// Of the calling thread alone: glibc's own function changes all threads.
bool set_groups(const std::vector<gid_t>& groups) {
  return ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

const std::vector<gid_t>& own_groups() {
  static const std::vector<gid_t> kGroups = [] {
    std::vector<gid_t> room(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
    const int found = ::getgroups(static_cast<int>(room.size()), room.data());
    room.resize(static_cast<std::size_t>(std::max(found, 0)));
    return room;
  }();
  return kGroups;
}

/// True once the thread is that account to the file system. The calls tell of no failure; asked for
/// an impossible id they answer with the one in force.
bool set_account(uid_t uid, gid_t gid) {
  ::setfsgid(gid);
  ::setfsuid(uid);
  return static_cast<gid_t>(::setfsgid(kImpossible)) == gid && file_user() == uid;
}

bool become_ourselves() {
  return set_groups(own_groups()) && set_account(::geteuid(), ::getegid());
}

}  // namespace

Caller::Caller(std::unique_ptr<State> state) : state_(std::move(state)) {}
Caller::~Caller() = default;

uid_t file_user() {
  return static_cast<uid_t>(::setfsuid(kImpossible));
}

CallerPtr caller_of(uid_t uid, gid_t gid, std::vector<gid_t> groups) {
  if (uid == ::geteuid()) return nullptr;
  return std::make_shared<const Caller>(
      std::make_unique<Caller::State>(Caller::State{uid, gid, std::move(groups)}));
}

// File system ids, not effective ones: with those the other account could signal and trace us. The
// kernel takes the capabilities over files away with them.
Result<ActingAs> ActingAs::begin(CallerPtr caller) {
  if (!caller) return ActingAs(nullptr);
  static_cast<void>(own_groups());  // as they are before they change
  const Caller::State& who = caller->state();
  if (set_groups(who.groups)) {
    ActingAs acting(std::move(caller));
    if (set_account(who.uid, who.gid)) return acting;
    return fail(ErrorKind::kRefused, "act as user " + std::to_string(who.uid));
  }
  return std::unexpected(
      os_error(errno, Whose::kOurs, "act as", "user " + std::to_string(who.uid)));
}

ActingAs::~ActingAs() {
  if (caller_ && !become_ourselves()) std::abort();
}

}  // namespace obhut::platform
