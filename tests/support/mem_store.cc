#include "tests/support/mem_store.h"

namespace obhut::tests {
namespace {

using Objects = std::map<model::ObjectName, Bytes>;

}  // namespace

Result<void> MemStore::put(const model::ObjectName& name, ByteView body, std::stop_token stop) {
  if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "put " + name.text());
  objects_.with([&](Objects& objects) { objects.try_emplace(name, to_bytes(body)); });
  return {};
}

Result<Bytes> MemStore::get(const model::ObjectName& name, ByteRange range, std::stop_token stop) {
  if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "get " + name.text());
  return objects_.with([&](const Objects& objects) -> Result<Bytes> {
    const auto at = objects.find(name);
    if (at == objects.end()) return fail(ErrorKind::kNotFound, "get " + name.text());
    const ByteView body = at->second;
    if (range.offset > body.size() || range.length > body.size() - range.offset) {
      return fail(ErrorKind::kCorrupt, "get " + name.text() + ": shorter than what is asked for");
    }
    return to_bytes(body.subspan(range.offset, range.length));
  });
}

Result<std::optional<std::uint64_t>> MemStore::size_of(const model::ObjectName& name,
                                                       std::stop_token stop) {
  if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "look for " + name.text());
  return objects_.with([&](const Objects& objects) -> std::optional<std::uint64_t> {
    const auto at = objects.find(name);
    if (at == objects.end()) return std::nullopt;
    return at->second.size();
  });
}

Result<std::vector<store::ObjectInfo>> MemStore::list(model::ObjectKind kind,
                                                      std::stop_token stop) {
  if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "list");
  return objects_.with([&](const Objects& objects) {
    std::vector<store::ObjectInfo> found;
    for (const auto& [name, body] : objects) {
      if (name.kind == kind) found.push_back({name, body.size()});
    }
    return found;
  });
}

// Tests in one process order their calls themselves.
Result<std::unique_ptr<store::Quiet>> MemStore::quiet(std::stop_token) {
  return std::make_unique<store::Quiet>();
}

Result<void> MemStore::remove_all(std::span<const model::ObjectName> names, std::stop_token stop) {
  for (const model::ObjectName& name : names) TRY(remove(name, stop));
  return {};
}

Result<void> MemStore::remove(const model::ObjectName& name, std::stop_token stop) {
  if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "remove " + name.text());
  objects_.with([&](Objects& objects) { objects.erase(name); });
  return {};
}

std::size_t MemStore::count(model::ObjectKind kind) const {
  return objects_.with([&](const Objects& objects) {
    std::size_t count = 0;
    for (const auto& [name, body] : objects) count += name.kind == kind ? 1 : 0;
    return count;
  });
}

std::uint64_t MemStore::bytes() const {
  return objects_.with([&](const Objects& objects) {
    std::uint64_t sum = 0;
    for (const auto& [name, body] : objects) sum += body.size();
    return sum;
  });
}

Objects MemStore::snapshot() const {
  return objects_.with([](const Objects& objects) { return objects; });
}

void MemStore::restore(Objects objects) {
  objects_.with([&](Objects& mine) { mine = std::move(objects); });
}

void MemStore::plant(const model::ObjectName& name, Bytes body) {
  objects_.with([&](Objects& objects) { objects.insert_or_assign(name, std::move(body)); });
}

}  // namespace obhut::tests
