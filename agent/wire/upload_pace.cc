#include "agent/wire/upload_pace.h"

#include <algorithm>

namespace obhut::wire {
namespace {

using std::chrono::duration;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// A slice is what goes in 50 ms, within these: below them TLS and TCP cost more than the body,
/// above them nothing is gained.
constexpr std::uint64_t kSlicesPerSecond = 20;
constexpr std::uint64_t kLeastSlice = 1U << 10U;
constexpr std::uint64_t kMostSlice = 64U << 10U;
/// Time that passed unused is made up for no further than this, so that neither the answer's delay
/// between two transfers nor a thread that woke late costs anything of the limit.
constexpr milliseconds kUnused{125};
/// With less than this a second transfer would bring both near the time that servers give a block.
constexpr std::uint64_t kShare = 64U << 10U;
constexpr milliseconds kAskLimitEvery{250};
constexpr milliseconds kLookAgain{100};

}  // namespace

UploadPace::UploadPace(Clock& clock, UploadLimit limit)
    : clock_(clock), ask_(std::move(limit)), free_at_(clock.steady()) {}

Result<std::unique_ptr<UploadPace::Transfer>> UploadPace::begin(const std::stop_token& stop) {
  std::unique_ptr<Transfer> transfer;
  {
    const std::scoped_lock lock(mutex_);
    const auto place = transfers_.insert(transfers_.end(), nullptr);
    transfer = std::make_unique<Transfer>(*this, place);
    *place = transfer.get();
  }
  while (true) {
    {
      const std::scoped_lock lock(mutex_);
      if (may_move(*transfer, limit_at(clock_.steady()))) return transfer;
    }
    if (!clock_.sleep_for(kLookAgain, stop)) {
      return fail(ErrorKind::kCancelled, "stopped while others used all of the upload limit");
    }
  }
}

void UploadPace::end(std::list<Transfer*>::iterator place) {
  const std::scoped_lock lock(mutex_);
  transfers_.erase(place);
}

std::uint64_t UploadPace::limit_at(SteadyTime now) {
  if (asked_ == SteadyTime::min() || now - asked_ >= kAskLimitEvery) {
    limit_ = ask_();
    asked_ = now;
  }
  return limit_;
}

bool UploadPace::may_move(const Transfer& transfer, std::uint64_t limit) const {
  if (limit == 0) return true;
  std::uint64_t places = std::max<std::uint64_t>(1, limit / kShare);
  for (const Transfer* older : transfers_) {
    if (older == &transfer) return true;
    if (--places == 0) return false;
  }
  return false;
}

Pace::Slice UploadPace::slice_for(const Transfer& transfer, std::size_t wanted) {
  const std::scoped_lock lock(mutex_);
  const SteadyTime now = clock_.steady();
  const std::uint64_t limit = limit_at(now);
  if (limit == 0) {
    free_at_ = now;
    return {wanted, {}};
  }
  if (!may_move(transfer, limit)) return {0, kLookAgain};
  const std::uint64_t bytes = std::min<std::uint64_t>(
      wanted, std::clamp(limit / kSlicesPerSecond, kLeastSlice, kMostSlice));
  const duration<double> price(static_cast<double>(bytes) / static_cast<double>(limit));
  // It goes once its own time is over: bytes that went before it would come on top of the limit.
  free_at_ = std::max(free_at_, now - kUnused) + duration_cast<steady_clock::duration>(price);
  return {static_cast<std::size_t>(bytes),
          std::max<steady_clock::duration>(free_at_ - now, steady_clock::duration::zero())};
}

}  // namespace obhut::wire
