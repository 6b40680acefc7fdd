#include "agent/plan/plan_codec.h"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "agent/base/check.h"
#include "agent/model/strict_json.h"
#include "agent/plan/plan_rules.h"
#include "agent/plan/schema_check.h"

namespace obhut::plan {
namespace {

using namespace model;
using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view kSchemaName = "obhut.plan/1";
constexpr JsonLimits kLimits{.bytes = std::size_t{256} * 1024, .depth = 12};

template <class T, std::size_t N>
using Words = std::array<std::pair<T, const char*>, N>;
constexpr Words<TargetType, 2> kTargetTypes = {
    {{TargetType::kCluster, "cluster"}, {TargetType::kLocal, "local"}}};
constexpr Words<MissedRun, 2> kMissed = {
    {{MissedRun::kRunSoon, "run-soon"}, {MissedRun::kSkip, "skip"}}};
constexpr Words<CpuUse, 2> kCpu = {{{CpuUse::kNormal, "normal"}, {CpuUse::kIdle, "idle"}}};
constexpr Words<PowerRule, 2> kPower = {{{PowerRule::kRun, "run"}, {PowerRule::kPause, "pause"}}};
constexpr Words<SnapshotUse, 3> kSnapshot = {{{SnapshotUse::kRequired, "required"},
                                              {SnapshotUse::kPreferred, "preferred"},
                                              {SnapshotUse::kNone, "none"}}};
constexpr Words<UpdateRule, 3> kUpdates = {{{UpdateRule::kOff, "off"},
                                            {UpdateRule::kDownload, "download"},
                                            {UpdateRule::kInstall, "install"}}};

template <class T, std::size_t N>
const char* word_of(const Words<T, N>& words, T value) {
  for (const auto& [known, word] : words) {
    if (known == value) return word;
  }
  return words.front().second;
}

// Reading: the schema has been checked, so that types and ranges are right; what is absent keeps
// the default that the struct gives it.

void read(const json& object, const char* name, bool& out) {
  if (const auto found = object.find(name); found != object.end()) out = found->get<bool>();
}
void read(const json& object, const char* name, std::uint32_t& out) {
  if (const auto found = object.find(name); found != object.end()) {
    out = found->get<std::uint32_t>();
  }
}
void read(const json& object, const char* name, std::string& out) {
  if (const auto found = object.find(name); found != object.end()) out = found->get<std::string>();
}
void read(const json& object, const char* name, std::vector<std::string>& out) {
  if (const auto found = object.find(name); found != object.end()) {
    out = found->get<std::vector<std::string>>();
  }
}
template <class T, std::size_t N>
void read(const json& object, const char* name, const Words<T, N>& words, T& out) {
  const auto found = object.find(name);
  if (found == object.end()) return;
  for (const auto& [value, word] : words) {
    if (*found == word) out = value;
  }
}
/// The member, or an empty object where it is absent.
const json& part(const json& object, const char* name) {
  static const json kEmpty = json::object();
  const auto found = object.find(name);
  return found == object.end() ? kEmpty : *found;
}

Source read_source(const json& value) {
  Source source;
  read(value, "paths", source.paths);
  read(value, "include", source.include);
  read(value, "exclude", source.exclude);
  read(value, "ignore_case", source.ignore_case);
  read(value, "one_file_system", source.one_file_system);
  read(value, "skip_cachedir_tag", source.skip_cachedir_tag);
  return source;
}

Target read_target(const json& value) {
  Target target;
  read(value, "type", kTargetTypes, target.type);
  read(value, "path", target.path);
  read(value, "key", target.key);
  const json& retention = part(value, "retention");
  read(retention, "keep_last", target.retention.keep_last);
  read(retention, "hourly", target.retention.hourly);
  read(retention, "daily", target.retention.daily);
  read(retention, "weekly", target.retention.weekly);
  read(retention, "monthly", target.retention.monthly);
  read(retention, "yearly", target.retention.yearly);
  read(retention, "lock_days", target.retention.lock_days);
  return target;
}

DayWindow read_window(const json& value) {
  DayWindow window;
  if (value.contains("days")) {
    window.days = 0;
    for (const json& day : value["days"]) {
      window.days =
          static_cast<DaySet>(window.days | parse_day(day.get<std::string>()).value_or(0));
    }
  }
  window.from = parse_time_of_day(value["from"].get<std::string>()).value_or(window.from);
  window.to = parse_time_of_day(value["to"].get<std::string>()).value_or(window.to);
  return window;
}

/// "YYYY-MM-DDTHH:MM" with or without seconds.
std::optional<std::chrono::local_seconds> parse_start(std::string_view text) {
  const auto digits = [&](std::size_t at, std::size_t count) {
    int value = 0;
    for (char c : text.substr(at, count)) value = value * 10 + (c - '0');
    return value;
  };
  const std::chrono::year_month_day date{std::chrono::year{digits(0, 4)},
                                         std::chrono::month{static_cast<unsigned>(digits(5, 2))},
                                         std::chrono::day{static_cast<unsigned>(digits(8, 2))}};
  const int hour = digits(11, 2);
  const int minute = digits(14, 2);
  const int second = text.size() > 16 ? digits(17, 2) : 0;
  const bool sane = date.ok() && date.year() >= std::chrono::year{1970} &&
                    date.year() < std::chrono::year{2200} && hour < 24 && minute < 60 &&
                    second < 60;
  if (!sane) return std::nullopt;
  return std::chrono::local_days{date} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
         std::chrono::seconds{second};
}

std::string format_start(std::chrono::local_seconds at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss<std::chrono::seconds> time{at - day};
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text;
}

Result<model::Schedule> read_schedule(const json& value) {
  model::Schedule schedule;
  read(value, "rrule", schedule.rrule);
  read(value, "time_zone", schedule.time_zone);
  std::uint32_t jitter = 0;
  read(value, "jitter_minutes", jitter);
  schedule.jitter = std::chrono::minutes{jitter};
  read(value, "missed", kMissed, schedule.missed);
  for (const json& window : part(value, "windows")) schedule.windows.push_back(read_window(window));
  if (value.contains("start")) {
    const auto start = parse_start(value["start"].get<std::string>());
    if (!start) {
      return fail(ErrorKind::kInvalidInput,
                  "plan: /schedule/start: no such date and time from 1970 to 2199");
    }
    schedule.start = *start;
  }
  return schedule;
}

Limits read_limits(const json& value) {
  Limits limits;
  for (const json& entry : part(value, "upload_kbps")) {
    UploadLimit limit{read_window(entry), 0};
    read(entry, "kbps", limit.kbps);
    limits.upload.push_back(limit);
  }
  read(value, "cpu", kCpu, limits.cpu);
  read(value, "on_battery", kPower, limits.on_battery);
  read(value, "metered", kPower, limits.metered);
  return limits;
}

Result<Plan> read_plan(const json& value) {
  Plan plan;
  read(value, "name", plan.name);
  for (const json& source : value["sources"]) plan.sources.push_back(read_source(source));
  for (const json& target : value["targets"]) plan.targets.push_back(read_target(target));
  ASSIGN_OR_RETURN(plan.schedule, read_schedule(value["schedule"]));
  if (value.contains("escrow")) {
    Escrow escrow;
    escrow.key =
        EscrowKeyId::parse(value["escrow"]["key"].get<std::string>()).value_or(EscrowKeyId{});
    read(value["escrow"], "name", escrow.name);
    plan.escrow = std::move(escrow);
  }
  plan.limits = read_limits(part(value, "limits"));
  read(part(value, "consistency"), "snapshot", kSnapshot, plan.snapshot);
  const json& verification = part(value, "verification");
  read(verification, "every_days", plan.verification.every_days);
  read(verification, "test_restore_files", plan.verification.test_restore_files);
  const json& alerts = part(value, "alerts");
  read(alerts, "no_backup_hours", plan.alerts.no_backup_hours);
  read(alerts, "failed_runs", plan.alerts.failed_runs);
  read(alerts, "skipped_entries", plan.alerts.skipped_entries);
  read(part(value, "hooks"), "before", plan.hooks.before);
  read(part(value, "hooks"), "after", plan.hooks.after);
  read(value, "updates", kUpdates, plan.updates);
  read(part(value, "network"), "proxy", plan.proxy);
  return plan;
}

// Writing.

ordered_json source_json(const Source& source) {
  return {{"type", "files"},
          {"paths", source.paths},
          {"include", source.include},
          {"exclude", source.exclude},
          {"ignore_case", source.ignore_case},
          {"one_file_system", source.one_file_system},
          {"skip_cachedir_tag", source.skip_cachedir_tag}};
}

ordered_json target_json(const Target& target) {
  ordered_json out = {{"type", word_of(kTargetTypes, target.type)}};
  if (!target.path.empty()) out["path"] = target.path;
  if (!target.key.empty()) out["key"] = target.key;
  const Retention& keep = target.retention;
  out["retention"] = ordered_json{{"keep_last", keep.keep_last}, {"hourly", keep.hourly},
                                  {"daily", keep.daily},         {"weekly", keep.weekly},
                                  {"monthly", keep.monthly},     {"yearly", keep.yearly},
                                  {"lock_days", keep.lock_days}};
  return out;
}

ordered_json window_json(const DayWindow& window) {
  ordered_json days = ordered_json::array();
  for (unsigned i = 0; i < 7; ++i) {
    if ((window.days >> i & 1U) != 0) days.push_back(day_name(i));
  }
  return {{"days", std::move(days)},
          {"from", format_time_of_day(window.from)},
          {"to", format_time_of_day(window.to)}};
}

ordered_json schedule_json(const model::Schedule& schedule) {
  ordered_json windows = ordered_json::array();
  for (const DayWindow& window : schedule.windows) windows.push_back(window_json(window));
  return {{"rrule", schedule.rrule},
          {"time_zone", schedule.time_zone},
          {"start", format_start(schedule.start)},
          {"jitter_minutes", schedule.jitter.count()},
          {"missed", word_of(kMissed, schedule.missed)},
          {"windows", std::move(windows)}};
}

ordered_json limits_json(const Limits& limits) {
  ordered_json upload = ordered_json::array();
  for (const UploadLimit& limit : limits.upload) {
    ordered_json entry = window_json(limit.window);
    entry["kbps"] = limit.kbps;
    upload.push_back(std::move(entry));
  }
  return {{"upload_kbps", std::move(upload)},
          {"cpu", word_of(kCpu, limits.cpu)},
          {"on_battery", word_of(kPower, limits.on_battery)},
          {"metered", word_of(kPower, limits.metered)}};
}

}  // namespace

Result<Plan> parse_plan(std::string_view text) {
  ASSIGN_OR_RETURN(const json value, parse_strict_json(text, "plan", kLimits));
  TRY(check_schema(value));
  ASSIGN_OR_RETURN(Plan plan, read_plan(value));
  TRY(check_rules(plan));
  return plan;
}

std::string serialize_plan(const Plan& plan) {
  ordered_json out = {{"schema", kSchemaName}, {"name", plan.name}};
  out["sources"] = ordered_json::array();
  for (const Source& source : plan.sources) out["sources"].push_back(source_json(source));
  out["targets"] = ordered_json::array();
  for (const Target& target : plan.targets) out["targets"].push_back(target_json(target));
  out["schedule"] = schedule_json(plan.schedule);
  if (plan.escrow) {
    out["escrow"] = ordered_json{{"key", plan.escrow->key.text()}, {"name", plan.escrow->name}};
  }
  out["limits"] = limits_json(plan.limits);
  out["consistency"] = ordered_json{{"snapshot", word_of(kSnapshot, plan.snapshot)}};
  out["verification"] = ordered_json{{"every_days", plan.verification.every_days},
                                     {"test_restore_files", plan.verification.test_restore_files}};
  out["alerts"] = ordered_json{{"no_backup_hours", plan.alerts.no_backup_hours},
                               {"failed_runs", plan.alerts.failed_runs},
                               {"skipped_entries", plan.alerts.skipped_entries}};
  out["hooks"] = ordered_json{{"before", plan.hooks.before}, {"after", plan.hooks.after}};
  // Agents of before there were these refuse a plan that says so much as "off".
  if (plan.updates != UpdateRule::kOff) out["updates"] = word_of(kUpdates, plan.updates);
  if (!plan.proxy.empty()) out["network"] = ordered_json{{"proxy", plan.proxy}};
  // Text that is no UTF-8 cannot come from parse_plan(); made by hand it must not throw.
  return out.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace obhut::plan
