#pragma once
// What holds backups up: somebody at this machine who asked for it, and the plan's rules about
// batteries and metered networks.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/pause_gate.h"
#include "agent/base/result.h"
#include "agent/model/plan.h"
#include "platform/power.h"
#include "service/endpoint/outbox.h"
#include "service/endpoint/state_folder.h"

namespace obhut::endpoint {

/// Why backups stand still: any number of reasons at once.
struct PauseView {
  struct Asked {
    Instant since{};
    std::optional<Instant> until;  ///< nothing: until somebody says otherwise
  };
  std::optional<Asked> asked;
  bool battery = false;
  bool metered = false;

  [[nodiscard]] bool paused() const { return asked.has_value() || battery || metered; }
};

/// Where the answers come from; tests have their own.
struct PauseSources {
  std::function<model::Limits()> limits;  ///< of the plan in force
  std::function<platform::PowerSource()> power;
  std::function<platform::NetworkCost()> network;
};

/// Thread: run() one, the rest any.
class PauseControl {
 public:
  /// A pause that was asked for outlives restarts. Errors: those of the state folder.
  static Result<std::unique_ptr<PauseControl>> open(StateFolder& state, Clock& clock,
                                                    const Log& log, Outbox& outbox,
                                                    PauseSources sources);

  /// Called where backups begin or cease to stand still, on the thread that found out.
  void on_change(std::function<void()> call) { changed_call_ = std::move(call); }

  /// Until resume(), or for `time`. Takes the place of an earlier one. Durable once it returns ok.
  Result<void> pause(std::optional<std::chrono::seconds> time);
  /// Ends what pause() began; the plan's rules still hold. Fine where nothing was paused.
  Result<void> resume();

  /// Looks again every half minute, and when a pause is over, until stopped.
  void run(std::stop_token stop);
  /// Looks once.
  void look();

  [[nodiscard]] PauseView view() const;
  [[nodiscard]] bool paused() const { return gate_.paused(); }
  /// Closed while backups stand still.
  [[nodiscard]] const PauseGate& gate() const { return gate_; }

 private:
  PauseControl(StateFolder& state, Clock& clock, const Log& log, Outbox& outbox,
               PauseSources sources)
      : state_(state), clock_(clock), log_(log), outbox_(outbox), sources_(std::move(sources)) {}
  Result<void> load();
  Result<void> keep(const std::optional<PauseView::Asked>& asked);
  void tell();    // with mutex_ held
  bool settle();  // with mutex_ held; true where the gate changed

  StateFolder& state_;
  Clock& clock_;
  Log log_;
  Outbox& outbox_;
  PauseSources sources_;
  std::function<void()> changed_call_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool asked_anew_ = false;  // run() works out anew when to look next
  PauseView view_;
  PauseGate gate_;
};

}  // namespace obhut::endpoint
