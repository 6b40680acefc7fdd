#include "service/endpoint/pause_control.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"
#include "service/endpoint/json_fields.h"

namespace obhut::endpoint {

namespace {

constexpr const char* kFile = "pause.json";
constexpr const char* kAlert = "backups-paused";
constexpr std::chrono::seconds kLookAgain{30};

nlohmann::json json_of(const std::optional<PauseView::Asked>& asked) {
  nlohmann::json value = nlohmann::json::object();
  if (!asked) return value;
  value["since"] = format_time_micro(asked->since);
  if (asked->until) value["until"] = format_time_micro(*asked->until);
  return value;
}

}  // namespace

Result<std::unique_ptr<PauseControl>> PauseControl::open(StateFolder& state, Clock& clock,
                                                         const Log& log, Outbox& outbox,
                                                         PauseSources sources) {
  std::unique_ptr<PauseControl> control(
      new PauseControl(state, clock, log, outbox, std::move(sources)));
  TRY(control->load());
  control->look();
  return control;
}

Result<void> PauseControl::load() {
  ASSIGN_OR_RETURN(const std::optional<nlohmann::json> stored, state_.load(kFile));
  if (!stored) return {};
  if (const auto since = time_of(*stored, "since")) {
    view_.asked = {*since, time_of(*stored, "until")};
  }
  return {};
}

Result<void> PauseControl::keep(const std::optional<PauseView::Asked>& asked) {
  bool changed = false;
  {
    const std::scoped_lock lock(mutex_);
    TRY(state_.save(kFile, json_of(asked)));
    view_.asked = asked;
    asked_anew_ = true;
    changed = settle();
    tell();
  }
  changed_.notify_all();
  if (changed && changed_call_) changed_call_();
  return {};
}

// The partner sees in its list that nothing is protected meanwhile. A pause with an end is somebody
// at work; one without is soon forgotten.
void PauseControl::tell() {
  outbox_.clear(kAlert);
  if (!view_.asked) return;
  const auto& until = view_.asked->until;
  outbox_.raise(
      kAlert, until ? "info" : "warning",
      until ? "backups are paused until " + format_time(*until) + "; `obhut resume` goes on earlier"
            : "backups are paused; `obhut resume` goes on");
}

Result<void> PauseControl::pause(std::optional<std::chrono::seconds> time) {
  const Instant now = clock_.now();
  PauseView::Asked asked{now, {}};
  if (time) asked.until = now + *time;
  TRY(keep(asked));
  log_.info("backups paused", field("until", asked.until ? format_time(*asked.until) : "resumed"));
  return {};
}

Result<void> PauseControl::resume() {
  TRY(keep(std::nullopt));
  log_.info("backups resumed");
  return {};
}

bool PauseControl::settle() {
  const bool paused = view_.paused();
  if (paused == gate_.paused()) return false;
  if (paused) {
    gate_.pause();
  } else {
    gate_.resume();
  }
  return true;
}

void PauseControl::look() {
  const model::Limits limits = sources_.limits();
  // Asked without the lock: files of the system may take their time.
  const bool battery = limits.on_battery == model::PowerRule::kPause &&
                       sources_.power() == platform::PowerSource::kBattery;
  const bool metered = limits.metered == model::PowerRule::kPause &&
                       sources_.network() == platform::NetworkCost::kMetered;
  bool changed = false;
  {
    const std::scoped_lock lock(mutex_);
    const Instant now = clock_.now();
    if (view_.asked && view_.asked->until) {
      const auto time = *view_.asked->until - view_.asked->since;
      // A clock that was set back must not make a pause of two hours one of two years.
      if (now < view_.asked->since) view_.asked = {now, now + time};
      if (now >= *view_.asked->until) {
        view_.asked.reset();
        const Result<void> kept = state_.save(kFile, json_of({}));
        // At worst it is found to be over once more after a restart.
        if (!kept) log_.warn("end of the pause not kept", field("reason", kept.error().message));
        tell();
      }
    }
    view_.battery = battery;
    view_.metered = metered;
    changed = settle();
    if (changed) {
      log_.info(view_.paused() ? "backups stand still" : "backups go on",
                field("battery", battery ? "yes" : "no"), field("metered", metered ? "yes" : "no"));
    }
  }
  if (changed && changed_call_) changed_call_();
}

void PauseControl::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    look();
    std::unique_lock lock(mutex_);
    std::chrono::microseconds time = kLookAgain;
    if (view_.asked && view_.asked->until) {
      time = std::clamp<std::chrono::microseconds>(*view_.asked->until - clock_.now(),
                                                   std::chrono::milliseconds(1), kLookAgain);
    }
    changed_.wait_for(lock, stop, time, [this] { return asked_anew_; });
    asked_anew_ = false;
  }
}

PauseView PauseControl::view() const {
  const std::scoped_lock lock(mutex_);
  return view_;
}

}  // namespace obhut::endpoint
