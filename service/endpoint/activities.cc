#include "service/endpoint/activities.h"

#include <algorithm>

namespace obhut::endpoint {

Activities::Running::Running(Activities& board, Audience audience, Look look)
    : board_(board),
      audience_(audience),
      started_(board.clock_.now()),
      look_(std::move(look)),
      meter_(board.clock_) {
  const std::scoped_lock lock(board_.mutex_);
  board_.running_.push_back(this);
}

Activities::Running::~Running() {
  const std::scoped_lock lock(board_.mutex_);
  board_.running_.remove(this);
  View last = board_.look_at(*this);
  if (last.progress.progress.phase != model::kDonePhase) return;
  std::erase_if(board_.ended_, [&](const View& earlier) {
    return earlier.progress.progress.job == last.progress.progress.job;
  });
  board_.ended_.push_back(std::move(last));
}

Activities::View Activities::Running::view() {
  const std::scoped_lock lock(board_.mutex_);
  return board_.look_at(*this);
}

Activities::Watcher::Watcher(Activities& board, Audience audience)
    : board_(board),
      counted_(audience == Audience::kAnybody),
      granted_(!counted_ || board.watchers_.fetch_add(1) < kMost) {}

Activities::Watcher::~Watcher() {
  if (counted_) --board_.watchers_;
}

Activities::View Activities::look_at(Running& running) {
  View view{running.started_, {running.look_(), {}}};
  view.progress.estimate = running.meter_.look(view.progress.progress);
  return view;
}

std::vector<Activities::View> Activities::views(Audience audience) {
  const std::scoped_lock lock(mutex_);
  std::vector<View> views;
  for (Running* running : running_) {
    const bool seen =
        audience == Audience::kAdministrator || running->audience_ == Audience::kAnybody;
    if (seen) views.push_back(look_at(*running));
  }
  return views;
}

std::optional<Activities::View> Activities::running(const std::string& job) {
  std::vector<View> all = views(Audience::kAdministrator);
  const auto at = std::ranges::find_if(
      all, [&](const View& view) { return view.progress.progress.job == job; });
  if (at == all.end()) return std::nullopt;
  return std::move(*at);
}

std::optional<Activities::View> Activities::ended(const std::string& job) {
  const std::scoped_lock lock(mutex_);
  const auto at = std::ranges::find_if(
      ended_, [&](const View& view) { return view.progress.progress.job == job; });
  if (at == ended_.end()) return std::nullopt;
  return *at;
}

}  // namespace obhut::endpoint
