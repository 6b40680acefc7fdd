#include "service/endpoint/outbox.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/crypto/random.h"
#include "service/endpoint/json_fields.h"

namespace obhut::endpoint {

namespace {

using nlohmann::json;

constexpr const char* kFile = "outbox.json";
constexpr std::string_view kBegun = "running";

json to_json(const Alert& alert) {
  json value = {{"id", alert.id},
                {"code", alert.code},
                {"severity", alert.severity},
                {"message", alert.message},
                {"since", format_time_micro(alert.since)},
                {"reported", alert.reported}};
  if (alert.cleared) value["cleared"] = format_time_micro(*alert.cleared);
  return value;
}

json to_json(const wire::ActivityReport& activity) {
  json value = {{"id", activity.id},
                {"kind", activity.kind},
                {"started", format_time_micro(activity.started)},
                {"finished", format_time_micro(activity.finished)},
                {"outcome", activity.outcome},
                {"counts", activity.counts}};
  if (activity.grant) {
    value["grant"] = {{"document", activity.grant->document},
                      {"account", activity.grant->account},
                      {"paths", activity.grant->paths},
                      {"destination", activity.grant->destination}};
  }
  return value;
}

std::optional<wire::GrantReport> grant_from(const json& value) {
  const auto grant = value.find("grant");
  if (grant == value.end() || !grant->is_object()) return std::nullopt;
  wire::GrantReport report{
      text_or(*grant, "document"), text_or(*grant, "account"), {}, text_or(*grant, "destination")};
  const json paths = grant->value("paths", json::array());
  for (const json& path : paths) {
    if (path.is_number_unsigned()) report.paths.push_back(path.get<std::uint64_t>());
  }
  return report;
}

Alert alert_from(const json& value) {
  return {text_or(value, "id"),
          text_or(value, "code"),
          text_or(value, "severity"),
          text_or(value, "message"),
          time_of(value, "since").value_or(Instant{}),
          time_of(value, "cleared"),
          flag_or(value, "reported")};
}

wire::ActivityReport activity_from(const json& value) {
  wire::ActivityReport activity{text_or(value, "id"),
                                text_or(value, "kind"),
                                time_of(value, "started").value_or(Instant{}),
                                time_of(value, "finished").value_or(Instant{}),
                                text_or(value, "outcome"),
                                {},
                                grant_from(value)};
  const auto counts = value.find("counts");
  if (counts == value.end() || !counts->is_object()) return activity;
  for (const auto& [name, count] : counts->items()) {
    if (count.is_number_unsigned()) activity.counts[name] = count.get<std::uint64_t>();
  }
  return activity;
}

}  // namespace

std::string new_report_id() {
  return crypto::random_id<Id<struct ReportTag, 16>>().text();
}

Result<std::unique_ptr<Outbox>> Outbox::open(StateFolder& state, Clock& clock, const Log& log) {
  std::unique_ptr<Outbox> outbox(new Outbox(state, clock, log));
  TRY(outbox->load());
  return outbox;
}

Result<void> Outbox::load() {
  ASSIGN_OR_RETURN(const std::optional<json> stored, state_.load(kFile));
  if (!stored) return {};
  for (const json& value : stored->value("alerts", json::array())) {
    Alert alert = alert_from(value);
    if (!alert.code.empty()) alerts_[alert.code] = std::move(alert);
  }
  for (const json& value : stored->value("activities", json::array())) {
    activities_.push_back(activity_from(value));
  }
  return {};
}

Result<void> Outbox::write() {
  json alerts = json::array();
  for (const auto& [code, alert] : alerts_) alerts.push_back(to_json(alert));
  json activities = json::array();
  for (const wire::ActivityReport& activity : activities_) activities.push_back(to_json(activity));
  return state_.save(kFile, {{"alerts", std::move(alerts)}, {"activities", std::move(activities)}});
}

void Outbox::save() {
  const Result<void> saved = write();
  // A full disk must not end the backup that the report is about.
  if (!saved) log_.warn("reports not kept", field("reason", saved.error().message));
}

void Outbox::raise(std::string_view code, std::string_view severity, std::string_view message) {
  const std::scoped_lock lock(mutex_);
  Alert& alert = alerts_[std::string(code)];
  const bool stands = !alert.code.empty() && !alert.cleared;
  if (stands && alert.message == message) return;
  if (!stands) {
    alert = {
        new_report_id(), std::string(code), std::string(severity), {}, clock_.now(), {}, false};
    log_.warn("alert raised", field("code", code), field("message", message));
  }
  alert.message = message;
  save();
}

void Outbox::clear(std::string_view code) {
  const std::scoped_lock lock(mutex_);
  const auto at = alerts_.find(std::string(code));
  if (at == alerts_.end() || at->second.cleared) return;
  at->second.cleared = clock_.now();
  at->second.reported = false;
  log_.info("alert cleared", field("code", code));
  save();
}

void Outbox::clear_all(std::string_view prefix) {
  std::vector<std::string> codes;
  for (const Alert& alert : standing()) {
    if (alert.code.starts_with(prefix)) codes.push_back(alert.code);
  }
  for (const std::string& code : codes) clear(code);
}

std::vector<Alert> Outbox::standing() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Alert> standing;
  for (const auto& [code, alert] : alerts_) {
    if (!alert.cleared) standing.push_back(alert);
  }
  return standing;
}

void Outbox::add(wire::ActivityReport activity) {
  const std::scoped_lock lock(mutex_);
  activities_.push_back(std::move(activity));
  const auto is_plain = [](const wire::ActivityReport& waiting) { return !waiting.grant; };
  const auto plain = std::ranges::count_if(activities_, is_plain);
  if (static_cast<std::size_t>(plain) > kMostActivities) {
    activities_.erase(std::ranges::find_if(activities_, is_plain));
  }
  save();
}

Result<void> Outbox::add_use(wire::ActivityReport activity) {
  const std::scoped_lock lock(mutex_);
  const auto waiting = std::ranges::find(activities_, activity.id, &wire::ActivityReport::id);
  if (waiting != activities_.end()) {
    *waiting = std::move(activity);
    return write();
  }
  const auto uses = std::ranges::count_if(
      activities_, [](const wire::ActivityReport& one) { return one.grant.has_value(); });
  if (activity.outcome == kBegun && static_cast<std::size_t>(uses) >= kMostUses) {
    return fail(ErrorKind::kThrottled,
                "the partner has not heard yet of what was restored by grants: connect this "
                "device to the cluster first");
  }
  activities_.push_back(std::move(activity));
  Result<void> written = write();
  if (!written) activities_.pop_back();
  return written;
}

Result<void> Outbox::send(wire::ControlClient& cluster, std::stop_token stop) {
  std::vector<wire::AlertReport> alerts;
  std::vector<wire::ActivityReport> activities;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [code, alert] : alerts_) {
      if (!alert.reported) {
        alerts.push_back({alert.id, alert.code, alert.severity, alert.since, alert.cleared});
      }
    }
    const std::size_t some = std::min<std::size_t>(activities_.size(), 100);
    activities.assign(activities_.begin(), activities_.begin() + static_cast<std::ptrdiff_t>(some));
  }
  if (!alerts.empty()) TRY(cluster.report_alerts(alerts, stop));
  if (!activities.empty()) TRY(cluster.report_activities(activities, stop));
  if (alerts.empty() && activities.empty()) return {};
  const std::scoped_lock lock(mutex_);
  for (const wire::AlertReport& sent : alerts) {
    const auto at = alerts_.find(sent.code);
    // It may have changed while it was on its way.
    if (at == alerts_.end() || at->second.id != sent.id || at->second.cleared != sent.cleared)
      continue;
    if (sent.cleared) {
      alerts_.erase(at);
    } else {
      at->second.reported = true;
    }
  }
  std::erase_if(activities_, [&](const wire::ActivityReport& waiting) {
    return std::ranges::any_of(activities, [&](const auto& sent) {
      return sent.id == waiting.id && sent.outcome == waiting.outcome;  // it may have ended since
    });
  });
  save();
  return {};
}

}  // namespace obhut::endpoint
