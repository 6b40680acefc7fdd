#pragma once
// The plan's upload limit: one for all that this process sends, kept inside each transfer.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/wire/transport.h"

namespace obhut::wire {

/// Bytes per second that may go now; 0 is no limit. Asked several times a second, since a plan's
/// limit depends on the time of day and the plan itself may change.
using UploadLimit = std::function<std::uint64_t()>;

/// Divides the limit among the bodies on their way, a slice each in turn. Counts the bytes of
/// bodies; TLS, TCP and IP add 3 to 10%.
///
/// Over any time T no more than limit * (T + 0.2 s) goes, and a whole transfer keeps to the limit
/// where the line and this machine are fast enough.
///
/// As many transfers share a limit as leave each a rate at which no server gives up on it; others
/// wait until they may begin. When the limit falls, the youngest pause.
/// Thread: any.
class UploadPace {
 public:
  UploadPace(Clock& clock, UploadLimit limit);

  /// One body. Its place among the others is free again when it goes away.
  class Transfer final : public Pace {
   public:
    Transfer(UploadPace& pace, std::list<Transfer*>::iterator place) : pace_(pace), place_(place) {}
    ~Transfer() override { pace_.end(place_); }
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;
    Slice next(std::size_t wanted) override { return pace_.slice_for(*this, wanted); }

   private:
    friend class UploadPace;
    UploadPace& pace_;
    std::list<Transfer*>::iterator place_;
  };
  /// Waits until one more may begin. Errors: kCancelled.
  Result<std::unique_ptr<Transfer>> begin(const std::stop_token& stop);

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  [[nodiscard]] std::uint64_t limit_at(SteadyTime now);
  [[nodiscard]] bool may_move(const Transfer& transfer, std::uint64_t limit) const;
  Pace::Slice slice_for(const Transfer& transfer, std::size_t wanted);
  void end(std::list<Transfer*>::iterator place);

  Clock& clock_;
  UploadLimit ask_;
  std::mutex mutex_;                // guards all below
  std::list<Transfer*> transfers_;  ///< the oldest first
  std::uint64_t limit_ = 0;
  SteadyTime asked_ = SteadyTime::min();
  SteadyTime free_at_;  ///< when all that was granted has had its time
};

}  // namespace obhut::wire
