#pragma once
// Local programs before and after a run. A plan can only name them: they are files that an
// administrator put into the hooks folder.

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/result.h"
#include "agent/trust/plan_gate.h"

namespace obhut::endpoint {

enum class HookPhase : std::uint8_t { kBefore, kAfter };

/// "before", "after": what OBHUT_PHASE says.
std::string_view to_string(HookPhase phase);

/// What became of one hook.
struct HookRun {
  std::string name;
  HookPhase phase = HookPhase::kBefore;
  std::optional<int> exit_code;  ///< nothing where it was not started, or not let end
  std::chrono::milliseconds time{0};
  std::string output;             ///< of both streams, its bytes; at most kMostOutput
  bool output_truncated = false;  ///< it wrote more
  std::optional<Error> error;     ///< why it counts as failed: it could not run, or ended badly
};

/// Thread: one at a time.
class HookRunner {
 public:
  static constexpr std::size_t kMostOutput = 64U << 10U;

  struct Settings {
    std::string folder;               ///< checked anew before every hook: platform::trusted_program
    std::chrono::milliseconds limit;  ///< of each; past it the hook and all it started is ended
  };

  /// Borrows the clock.
  HookRunner(Settings settings, Clock& clock, const Log& log)
      : settings_(std::move(settings)), clock_(clock), log_(log) {}

  /// In the plan's order up to the first that fails, which is the last in the answer.
  std::vector<HookRun> run_before(const trust::AcceptedPlan& plan, const std::stop_token& stop);
  /// All of them, whatever becomes of the others. `outcome` is that of the run. A stop leaves each
  /// a short while: what was frozen for the backup must not stay frozen.
  std::vector<HookRun> run_after(const trust::AcceptedPlan& plan, std::string_view outcome,
                                 const std::stop_token& stop);

 private:
  HookRun run(const std::string& name, HookPhase phase, const trust::AcceptedPlan& plan,
              std::string_view outcome, const std::stop_token& stop);

  Settings settings_;
  Clock& clock_;
  Log log_;
};

}  // namespace obhut::endpoint
