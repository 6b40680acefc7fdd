#include "platform/beneath.h"

#include "platform/restore_names.h"

namespace obhut::platform {
namespace {

constexpr std::size_t kKeptOpen = 128;
/// Bytes of a path, at its end, whose directories are kept on the way down: 64 of short names, and
/// never more than kKeptOpen.
constexpr std::size_t kRememberedTail = 128;

}  // namespace

Result<std::shared_ptr<const Handle>> Beneath::directory(std::string_view path) {
  if (path.empty()) return root_;
  const std::scoped_lock lock(mutex_);
  std::string_view known = path;
  Shared from;
  // Nearly always the directory itself or the one above it is at hand. Looking further up costs a
  // hash of a long path each time, more than it saves.
  for (int up = 0; up < 4 && !known.empty(); ++up) {
    from = cached(known);
    if (from) break;
    known = split_last(known).first;
  }
  if (!from) {
    from = root_;
    known = {};
  }
  if (known.size() == path.size()) return from;
  if (!plain_) {
    const std::string_view rest = path.substr(known.empty() ? 0 : known.size() + 1);
    if (std::optional<Result<Handle>> opened = beneath_half::open_at_once(*from, rest, path)) {
      if (!*opened) return std::unexpected(std::move(*opened).error());
      return remember(path, std::move(**opened));
    }
  }
  return open_step_by_step(std::move(from), known.size(), path);
}

/// `at` is the directory named by the first `known` bytes of `path`.
Result<Beneath::Shared> Beneath::open_step_by_step(Shared at, std::size_t known,
                                                   std::string_view path) {
  while (known < path.size()) {
    const std::size_t start = known == 0 ? 0 : known + 1;
    const std::size_t end = std::min(path.find('/', start), path.size());
    ASSIGN_OR_RETURN(Handle next,
                     beneath_half::open_one(*at, path.substr(start, end - start), path));
    known = end;
    // The way's end is remembered whole: directories are finished from the bottom up, and without
    // it each one of a deep tree would be looked for from the root.
    const bool near_the_end = path.size() - known < kRememberedTail;
    at = near_the_end ? remember(path.substr(0, known), std::move(next))
                      : std::make_shared<const Handle>(std::move(next));
  }
  return at;
}

Beneath::Shared Beneath::cached(std::string_view path) {
  const auto found = places_.find(path);
  if (found == places_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return found->second->second;
}

Beneath::Shared Beneath::remember(std::string_view path, Handle handle) {
  drop(path);
  recent_.emplace_front(path, std::make_shared<const Handle>(std::move(handle)));
  places_.emplace(recent_.front().first, recent_.begin());
  if (recent_.size() > kKeptOpen) {
    places_.erase(recent_.back().first);
    recent_.pop_back();
  }
  return recent_.front().second;
}

void Beneath::drop(std::string_view path) {
  const auto found = places_.find(path);
  if (found == places_.end()) return;
  const auto place = found->second;
  places_.erase(found);
  recent_.erase(place);
}

void Beneath::forget(std::string_view path) {
  const std::scoped_lock lock(mutex_);
  drop(path);
}

}  // namespace obhut::platform
