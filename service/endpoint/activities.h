#pragma once
// What is going on now, for those who may see it.

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/model/job_progress.h"
#include "agent/model/progress_meter.h"

namespace obhut::endpoint {

/// Whom something is for: what was found on the device is not for everybody on it.
enum class Audience : std::uint8_t { kAnybody, kAdministrator };

/// Nothing is kept or sent here: whoever looks sees how things stand, however seldom that is, so
/// that a slow watcher costs a job nothing.
/// Thread: any.
class Activities {
 public:
  using Look = std::function<model::JobProgress()>;
  struct View {
    Instant started{};
    model::ProgressView progress;
  };

  explicit Activities(Clock& clock) : clock_(clock) {}
  Activities(const Activities&) = delete;
  Activities& operator=(const Activities&) = delete;

  /// An activity for as long as it lives; the board must outlive it. Nobody looks after its end.
  class Running {
   public:
    Running(Activities& board, Audience audience, Look look);
    ~Running();
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    [[nodiscard]] View view();

   private:
    friend class Activities;
    Activities& board_;
    const Audience audience_;
    const Instant started_;
    const Look look_;
    model::ProgressMeter meter_;
  };

  /// A place among those who watch for as long as it lives. The local socket serves few
  /// connections at a time: those who may only look must leave some to who does the work.
  class Watcher {
   public:
    static constexpr unsigned kMost = 4;
    Watcher(Activities& board, Audience audience);
    ~Watcher();
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;
    [[nodiscard]] bool granted() const { return granted_; }

   private:
    Activities& board_;
    const bool counted_;
    const bool granted_;
  };

  /// In the order in which they began.
  [[nodiscard]] std::vector<View> views(Audience audience);
  /// The first that is a `job`.
  [[nodiscard]] std::optional<View> running(const std::string& job);
  /// The last `job` that ended well, as it stood then.
  [[nodiscard]] std::optional<View> ended(const std::string& job);

 private:
  View look_at(Running& running);  // with mutex_ held
  Clock& clock_;
  std::mutex mutex_;
  std::list<Running*> running_;
  std::vector<View> ended_;            // one a job
  std::atomic<unsigned> watchers_{0};  // that are no administrators
};

}  // namespace obhut::endpoint
