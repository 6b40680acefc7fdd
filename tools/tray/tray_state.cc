#include "tools/tray/tray_state.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "service/endpoint/json_fields.h"
#include "tools/cli/format.h"

namespace obhut::tray {

using cli::Message;
using endpoint::flag_or;
using endpoint::number_or;
using endpoint::text_or;
using nlohmann::json;

namespace {

/// A line that was lost is nothing to look up for until then.
constexpr std::chrono::minutes kHiccup{10};
constexpr std::chrono::days kTrialNotice{7};

constexpr Message kProtected{"Protected", "Geschützt"};
constexpr Message kRunning{"Backup is running", "Sicherung läuft"};
constexpr Message kRunningPercent{"Backup is running: {} %", "Sicherung läuft: {} %"};
constexpr Message kPaused{"Backups are paused", "Sicherungen angehalten"};
constexpr Message kPausedUntil{"Backups are paused until {}", "Sicherungen angehalten bis {}"};
constexpr Message kPausedBattery{"Backups wait for mains power",
                                 "Sicherungen warten auf Netzstrom"};
constexpr Message kPausedMetered{"Backups wait for an unmetered network",
                                 "Sicherungen warten auf ein Netz ohne Volumenabrechnung"};
constexpr Message kAttention{"Needs attention: {}", "Braucht Aufmerksamkeit: {}"};
constexpr Message kOffline{"The backup cluster is out of reach since {}",
                           "Der Sicherungs-Cluster ist seit {} nicht erreichbar"};
constexpr Message kTrialEnds{"The trial ends on {}", "Der Testzeitraum endet am {}"};
constexpr Message kNotEnrolled{"Not set up yet", "Noch nicht eingerichtet"};
constexpr Message kNoPlan{"Waiting for a protection plan", "Wartet auf einen Schutzplan"};
constexpr Message kNoBackup{"No backup yet", "Noch keine Sicherung"};
constexpr Message kNoDaemon{"The backup service does not answer",
                            "Der Sicherungsdienst antwortet nicht"};

constexpr Message kLast{"Last backup: {}", "Letzte Sicherung: {}"};
constexpr Message kNone{"Last backup: none yet", "Letzte Sicherung: noch keine"};
constexpr Message kNext{"Next backup: {}", "Nächste Sicherung: {}"};
constexpr Message kBackUpNow{"Back up now", "Jetzt sichern"};
constexpr Message kPauseHour{"Pause for 1 hour", "1 Stunde anhalten"};
constexpr Message kPauseTomorrow{"Pause until tomorrow", "Bis morgen anhalten"};
constexpr Message kResume{"Resume backups", "Sicherungen fortsetzen"};
constexpr Message kRestore{"Restore files…", "Dateien wiederherstellen …"};
constexpr Message kPoints{"Recovery points of this device",
                          "Wiederherstellungspunkte dieses Geräts"};
constexpr Message kMessages{"{} {message|messages}", "{} {Meldung|Meldungen}"};
constexpr Message kNoMessages{"No messages", "Keine Meldungen"};
constexpr Message kSupportBundle{"Create a support bundle…", "Paket für den Support erstellen …"};
constexpr Message kAbout{"About", "Über"};
constexpr Message kQuit{"Quit", "Beenden"};

constexpr Message kFirstBackup{
    "The first backup is complete. This device is protected now.",
    "Die erste Sicherung ist vollständig. Dieses Gerät ist jetzt geschützt."};
constexpr Message kAllWell{"Settled: {}", "Erledigt: {}"};

struct AlertText {
  std::string_view code;  ///< or what it begins with
  Message text;
};

/// What an alert means to the person whose files they are. The daemon's own words name files and
/// servers, for whoever is asked for help.
constexpr std::array kAlerts{
    AlertText{"backup-failed",
              {"the last backup failed", "die letzte Sicherung ist fehlgeschlagen"}},
    AlertText{"no-recent-backup", {"no backup for too long", "zu lange keine Sicherung"}},
    AlertText{"not-recoverable",
              {"nobody but this device could open the backup: write the recovery key down",
               "niemand außer diesem Gerät könnte die Sicherung öffnen: "
               "Wiederherstellungsschlüssel notieren"}},
    AlertText{"recovery-awaited",
              {"the vault waits for its key", "der Tresor wartet auf seinen Schlüssel"}},
    AlertText{
        "entries-skipped",
        {"some files could not be backed up", "einige Dateien konnten nicht gesichert werden"}},
    AlertText{
        "hook-failed",
        {"a program beside the backup failed", "ein Programm neben der Sicherung ist gescheitert"}},
    AlertText{"quota-exceeded", {"the storage is used up", "der Speicherplatz ist aufgebraucht"}},
    AlertText{
        "cluster-unreachable",
        {"the backup cluster is out of reach", "der Sicherungs-Cluster ist nicht erreichbar"}},
    AlertText{"device-removed",
              {"the provider removed this device", "der Anbieter hat dieses Gerät entfernt"}},
    AlertText{
        "vault-taken-over",
        {"another device took this one's vault", "ein anderes Gerät hat den Tresor übernommen"}},
    AlertText{"plan-refused", {"a protection plan was refused", "ein Schutzplan wurde abgelehnt"}},
    AlertText{"trust-list-refused",
              {"the provider's list of operators was refused",
               "die Liste der Verantwortlichen des Anbieters wurde abgelehnt"}},
    AlertText{"schedule-unusable",
              {"the protection plan has no usable schedule",
               "der Schutzplan hat keinen brauchbaren Zeitplan"}},
    AlertText{
        "local-retention-failed",
        {"old recovery points could not be removed", "alte Punkte konnten nicht entfernt werden"}},
    AlertText{"state-not-written",
              {"the disk does not take the backup's own files",
               "die Platte nimmt die Dateien der Sicherung nicht an"}},
};

std::string said(const Viewer& viewer, const Message& message,
                 std::initializer_list<std::string_view> values = {}) {
  return cli::say(viewer.language, message, values);
}

std::string alert_text(const json& alert, const Viewer& viewer) {
  const std::string code = text_or(alert, "code");
  for (const AlertText& known : kAlerts) {
    if (code.starts_with(known.code)) return said(viewer, known.text);
  }
  return printable(text_or(alert, "message", code));
}

/// Standing ones that somebody has to do something about. What is for information, or follows from
/// what the icon shows by itself, is none.
std::vector<json> pressing(const json& status) {
  std::vector<json> alerts;
  for (const json& alert : status.value("alerts", json::array())) {
    const std::string code = text_or(alert, "code");
    const bool shown_otherwise = code == "cluster-unreachable" || code == "backups-paused";
    if (text_or(alert, "severity") != "info" && !shown_otherwise) alerts.push_back(alert);
  }
  return alerts;
}

json object_in(const json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_object() ? *at : json::object();
}

std::string clock_text(const std::string& rfc3339) {
  const std::optional<Instant> at = parse_time(rfc3339);
  return at ? cli::human_time(*at) : std::string();
}

bool is_offline(const json& status, const Viewer& viewer) {
  const std::optional<Instant> lost = endpoint::time_of(object_in(status, "cluster"), "lost_since");
  return lost && viewer.now - *lost > kHiccup;
}

std::optional<Instant> trial_end(const json& status, const Viewer& viewer) {
  const std::optional<Instant> end = endpoint::time_of(object_in(status, "trial"), "ends");
  return end && *end - viewer.now < kTrialNotice ? end : std::nullopt;
}

Look look_of(const json& status, const Viewer& viewer) {
  if (!status.is_object()) return Look::kNoDaemon;
  const json schedule = object_in(status, "schedule");
  if (!flag_or(object_in(status, "enrolment"), "enrolled")) return Look::kNotSetUp;
  if (!pressing(status).empty()) return Look::kAttention;
  if (flag_or(schedule, "running")) return Look::kRunning;
  if (flag_or(object_in(status, "pause"), "paused")) return Look::kPaused;
  if (is_offline(status, viewer)) return Look::kOffline;
  if (text_or(schedule, "last_success").empty()) return Look::kNotSetUp;
  return trial_end(status, viewer) ? Look::kTrialEnding : Look::kProtected;
}

std::string pause_text(const json& pause, const Viewer& viewer) {
  const std::string until = clock_text(text_or(pause, "until"));
  if (!until.empty()) return said(viewer, kPausedUntil, {until});
  for (const json& reason : pause.value("reasons", json::array())) {
    if (reason == "battery") return said(viewer, kPausedBattery);
    if (reason == "metered") return said(viewer, kPausedMetered);
  }
  return said(viewer, kPaused);
}

std::string not_set_up(const json& status, const Viewer& viewer) {
  if (!flag_or(object_in(status, "enrolment"), "enrolled")) return said(viewer, kNotEnrolled);
  return said(viewer, object_in(status, "plan").empty() ? kNoPlan : kNoBackup);
}

std::optional<unsigned> percent_of(const json& status) {
  const json progress = object_in(object_in(status, "schedule"), "progress");
  const auto percent = progress.find("percent");
  if (percent == progress.end() || !percent->is_number_integer()) return std::nullopt;
  return static_cast<unsigned>(std::clamp<std::int64_t>(percent->get<std::int64_t>(), 0, 100));
}

std::string headline(const TrayView& view, const json& status, const Viewer& viewer) {
  switch (view.look) {
    case Look::kProtected:
      return said(viewer, kProtected);
    case Look::kRunning:
      return view.percent ? said(viewer, kRunningPercent, {std::to_string(*view.percent)})
                          : said(viewer, kRunning);
    case Look::kPaused:
      return pause_text(object_in(status, "pause"), viewer);
    case Look::kAttention:
      return said(viewer, kAttention, {alert_text(pressing(status).front(), viewer)});
    case Look::kOffline:
      return said(viewer, kOffline,
                  {clock_text(text_or(object_in(status, "cluster"), "lost_since"))});
    case Look::kTrialEnding:
      return said(viewer, kTrialEnds, {clock_text(text_or(object_in(status, "trial"), "ends"))});
    case Look::kNotSetUp:
      return not_set_up(status, viewer);
    case Look::kNoDaemon:
      break;
  }
  return said(viewer, kNoDaemon);
}

std::string last_backup(const json& status, const Viewer& viewer) {
  const std::string last = clock_text(text_or(object_in(status, "schedule"), "last_success"));
  return last.empty() ? said(viewer, kNone) : said(viewer, kLast, {last});
}

std::vector<MenuLine> menu_of(const TrayView& view, const json& status, const Viewer& viewer) {
  std::vector<MenuLine> menu;
  const auto line = [&](Choice choice, std::string text, bool enabled = true) {
    menu.push_back({choice, std::move(text), enabled});
  };
  const auto separator = [&] { menu.push_back({}); };
  line(Choice::kNone, headline(view, status, viewer), false);
  if (view.look == Look::kNoDaemon) {
    separator();
    line(Choice::kAbout, said(viewer, kAbout));
    line(Choice::kQuit, said(viewer, kQuit));
    return menu;
  }
  const json schedule = object_in(status, "schedule");
  const bool enrolled = flag_or(object_in(status, "enrolment"), "enrolled");
  line(Choice::kNone, last_backup(status, viewer), false);
  const std::string next = clock_text(text_or(schedule, "next"));
  if (!next.empty()) line(Choice::kNone, said(viewer, kNext, {next}), false);
  separator();
  const bool has_plan = !object_in(status, "plan").empty();
  line(Choice::kBackUpNow, said(viewer, kBackUpNow), has_plan && !flag_or(schedule, "running"));
  if (object_in(status, "pause").contains("since")) {
    line(Choice::kResume, said(viewer, kResume));
  } else {
    line(Choice::kPauseHour, said(viewer, kPauseHour), enrolled);
    line(Choice::kPauseTomorrow, said(viewer, kPauseTomorrow), enrolled);
  }
  separator();
  line(Choice::kRestore, said(viewer, kRestore), enrolled);
  line(Choice::kPoints, said(viewer, kPoints), enrolled);
  separator();
  const std::size_t messages = pressing(status).size();
  line(Choice::kMessages,
       messages == 0 ? said(viewer, kNoMessages)
                     : said(viewer, kMessages, {std::to_string(messages)}),
       messages > 0);
  line(Choice::kSupportBundle, said(viewer, kSupportBundle));
  line(Choice::kAbout, said(viewer, kAbout));
  line(Choice::kQuit, said(viewer, kQuit));
  return menu;
}

}  // namespace

TrayView view_of(const json& status, const Viewer& viewer) {
  TrayView view;
  view.look = look_of(status, viewer);
  view.title = viewer.brand;
  if (view.look == Look::kRunning) view.percent = percent_of(status);
  view.tooltip = headline(view, status, viewer);
  if (view.look != Look::kNoDaemon) view.tooltip += "\n" + last_backup(status, viewer);
  view.menu = menu_of(view, status, viewer);
  return view;
}

std::vector<std::string> message_lines(const json& status, const Viewer& viewer) {
  std::vector<std::string> lines;
  if (!status.is_object()) return lines;
  for (const json& alert : pressing(status)) {
    lines.push_back(clock_text(text_or(alert, "since")) + "  " + alert_text(alert, viewer));
  }
  return lines;
}

std::vector<Notice> Notices::look(const json& status, const Viewer& viewer) {
  std::vector<Notice> notices;
  if (!status.is_object()) return notices;
  std::vector<std::string> standing;
  for (const json& alert : pressing(status)) {
    const std::string code = text_or(alert, "code");
    standing.push_back(code);
    if (!known_ || std::ranges::find(*known_, code) != known_->end()) continue;
    const std::string text = alert_text(alert, viewer);
    notices.push_back(
        {viewer.brand, said(viewer, kAttention, {text}), text_or(alert, "severity") == "critical"});
    texts_[code] = text;
  }
  for (const std::string& code : known_.value_or(std::vector<std::string>())) {
    const auto text = texts_.find(code);
    if (text == texts_.end() || std::ranges::find(standing, code) != standing.end()) continue;
    notices.push_back({viewer.brand, said(viewer, kAllWell, {text->second}), false});
    texts_.erase(text);
  }
  const bool has_backup = !text_or(object_in(status, "schedule"), "last_success").empty();
  if (known_ && has_backup && !had_backup_) {
    notices.push_back({viewer.brand, said(viewer, kFirstBackup), false});
  }
  had_backup_ = has_backup;
  known_ = std::move(standing);
  return notices;
}

std::chrono::seconds until_tomorrow(const Instant now) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  // localtime_r is the one call that both C libraries lack in common; one thread asks.
  std::tm local = *std::localtime(&seconds);
  local.tm_mday += 1;
  local.tm_hour = 6;
  local.tm_min = 0;
  local.tm_sec = 0;
  local.tm_isdst = -1;
  return std::chrono::seconds(std::mktime(&local) - seconds);
}

}  // namespace obhut::tray
