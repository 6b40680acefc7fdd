#include "tools/cli/managed_output.h"

#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/model/progress_json.h"
#include "tools/cli/answer_fields.h"
#include "tools/cli/consistency_text.h"
#include "tools/cli/format.h"
#include "tools/cli/left_out_text.h"
#include "tools/cli/progress_text.h"
#include "tools/cli/update_commands.h"

namespace obhut::cli {

namespace {

using nlohmann::json;

constexpr Message kNotEnrolled{
    "not enrolled; run `obhut enroll --token-file FILE`\n",
    "nicht angemeldet; mit `obhut enroll --token-file DATEI` anmelden\n"};
constexpr Message kPending{"activated; the cluster has not confirmed it yet{}\n",
                           "aktiviert; der Cluster hat es noch nicht bestätigt{}\n"};
constexpr Message kDevice{"device      {}\n", "Gerät       {}\n"};
constexpr Message kActivated{"activated   {}\n", "aktiviert   {}\n"};
constexpr Message kCluster{"cluster     {} ({})\n", "Cluster     {} ({})\n"};
constexpr Message kReachable{"reachable", "erreichbar"};
constexpr Message kUnreachable{"out of reach: {}", "nicht erreichbar: {}"};
constexpr Message kPlan{"plan        {}, version {}\n", "Plan        {}, Version {}\n"};
constexpr Message kNoPlan{"plan        none yet\n", "Plan        noch keiner\n"};
constexpr Message kWorkload{"workload    {} {}\n", "Workload    {} {}\n"};
constexpr Message kReceipts{"the most that was stored, day by day, as the cluster signed it:\n",
                            "höchster Speicherstand je Tag, wie ihn der Cluster quittiert hat:\n"};
constexpr Message kNoReceipts{
    "no receipt of storage yet: each day gets one when it is over\n",
    "noch keine Quittung über Speicher: jeder Tag bekommt eine, wenn er vorbei ist\n"};
constexpr Message kLocalVaults{"vaults here, as this device measures and signs them\n",
                               "Tresore hier, wie dieses Gerät sie misst und unterschreibt\n"};
constexpr Message kNotTold{"not reported yet", "noch nicht gemeldet"};
constexpr Message kReceiptFolder{"receipts    {}\n", "Quittungen  {}\n"};
constexpr Message kProtection{"protection  {}\n", "Schutz      {}\n"};
constexpr Message kProtected{"protected", "geschützt"};
constexpr Message kNoBackup{"no backup yet", "noch keine Sicherung"};
constexpr Message kWaiting{"waiting for recovery", "wartet auf Wiederherstellung"};
constexpr Message kAwaited{
    "recovery    vault {} of the lost device waits for its key. Bring it with\n"
    "              obhut key recover\n"
    "            ask the partner with\n"
    "              obhut key request --out FILE\n"
    "            or give its recovery points up and begin a new vault with\n"
    "              obhut key start-over\n",
    "Rückkehr    Tresor {} des verlorenen Geräts wartet auf seinen Schlüssel. Vorlegen mit\n"
    "              obhut key recover\n"
    "            den Partner bitten mit\n"
    "              obhut key request --out DATEI\n"
    "            oder die Wiederherstellungspunkte aufgeben und einen neuen Tresor beginnen mit\n"
    "              obhut key start-over\n"};
constexpr Message kAskedPartner{"            asked the partner; fingerprint {}\n",
                                "            Partner gefragt; Fingerabdruck {}\n"};
constexpr Message kNotRecoverable{
    "not recoverable: only this machine could open its backups",
    "nicht wiederherstellbar: nur dieses Gerät könnte seine Sicherungen öffnen"};
constexpr Message kLast{"last backup {}\n", "letzte Sicherung {}\n"};
constexpr Message kNext{"next backup {}\n", "nächste Sicherung {}\n"};
constexpr Message kRunning{"running     {}\n", "läuft       {}\n"};
constexpr Message kHooksRun{"the plan", "der Plan"};
constexpr Message kNotPaused{"backups go on\n", "Sicherungen laufen weiter\n"};
constexpr Message kPaused{"paused      {}\n", "angehalten  {}\n"};
constexpr Message kUntilResumed{"until `obhut resume`", "bis `obhut resume`"};
constexpr Message kUntil{"until {} or `obhut resume`", "bis {} oder `obhut resume`"};
constexpr Message kWhileOnBattery{"while the machine runs on its battery, as the plan says",
                                  "solange das Gerät mit Akku läuft, wie es der Plan will"};
constexpr Message kWhileMetered{"while the network is metered, as the plan says",
                                "solange das Netz getaktet ist, wie es der Plan will"};
constexpr Message kBeginsLater{"the backup begins when backups go on\n",
                               "die Sicherung beginnt, wenn es weitergeht\n"};
constexpr Message kHookRan{"hook {} ({}): exit code {}, {} s\n",
                           "Hook {} ({}): Rückgabewert {}, {} s\n"};
constexpr Message kOutputCut{"  | … more was written\n", "  | … es kam noch mehr\n"};
constexpr Message kBefore{"before", "vorher"};
constexpr Message kAfter{"after", "nachher"};
constexpr Message kAlert{"alert       {}: {}\n", "Meldung     {}: {}\n"};
constexpr Message kStarted{"backup started\n", "Sicherung begonnen\n"};
constexpr Message kTargetDone{"{}: point {}, {} {file|files}, {}, {} newly stored{}\n",
                              "{}: Punkt {}, {} {Datei|Dateien}, {}, {} neu gespeichert{}\n"};
constexpr Message kSkipped{"; {} {entry|entries} skipped or changed",
                           "; {} {Eintrag|Einträge} ausgelassen oder verändert"};
constexpr Message kTargetFailed{"{}: {}\n", "{}: {}\n"};
constexpr Message kRestored{"{} {file|files} and {} {folder|folders} restored, {}\n",
                            "{} {Datei|Dateien} und {} Ordner wiederhergestellt, {}\n"};
constexpr Message kKept{"{} left as they were\n", "{} unverändert gelassen\n"};
constexpr Message kVerified{"{} {point|points}, {} {pack|packs}, {} read: {} {error|errors}\n",
                            "{} {Punkt|Punkte}, {} {Paket|Pakete}, {} gelesen: {} Fehler\n"};

constexpr std::size_t kNoLimit = 4096;

std::string protection_of(const Context& context, const json& protection) {
  const std::string state = text_of(protection, "state");
  if (state == "protected") return context.say(kProtected);
  if (state == "waiting for recovery") return context.say(kWaiting);
  return context.say(state == "not recoverable" ? kNotRecoverable : kNoBackup);
}

std::string recovery_text(const Context& context, const json& recovery) {
  if (recovery.empty()) return {};
  const std::string vault = text_of(recovery, "vault");
  std::string text = context.say(kAwaited, {vault.empty() ? "(…)" : vault});
  if (const std::string print = text_of(recovery, "fingerprint"); !print.empty()) {
    text += context.say(kAskedPartner, {print});
  }
  return text;
}

std::string schedule_text(const Context& context, const json& schedule) {
  std::string text;
  if (const std::string last = text_of(schedule, "last_success"); !last.empty()) {
    text += context.say(kLast, {local_time(last)});
  }
  if (schedule.value("running", false)) {
    // Between the parts of a run, or before it, hooks may be at work.
    if (object_of(schedule, "progress").empty()) {
      text += context.say(kRunning, {context.say(kHooksRun)});
    }
  } else if (const std::string next = text_of(schedule, "next"); !next.empty()) {
    text += context.say(kNext, {local_time(next)});
  }
  return text;
}

std::string activities_text(const Context& context, const json& activities) {
  std::string text;
  for (const json& activity : activities) {
    text += context.say(kRunning, {line_of(context, model::progress_of(activity), kNoLimit)});
  }
  return text;
}

std::string problems_text(const json& report, const char* member) {
  std::string text;
  const auto problems = report.find(member);
  if (problems == report.end() || !problems->is_array()) return text;
  for (const json& problem : *problems) {
    text += text_of(problem, problem.contains("path") ? "path" : "subject") + ": " +
            text_of(problem, problem.contains("reason") ? "reason" : "message") + "\n";
  }
  return text;
}

std::string pause_reason(const Context& context, const json& pause, const std::string& reason) {
  if (reason == "battery") return context.say(kWhileOnBattery);
  if (reason == "metered") return context.say(kWhileMetered);
  const std::string until = text_of(pause, "until");
  return until.empty() ? context.say(kUntilResumed) : context.say(kUntil, {local_time(until)});
}

std::string pause_reasons(const Context& context, const json& pause) {
  std::string text;
  for (const json& reason : pause.value("reasons", json::array())) {
    if (!reason.is_string()) continue;
    text += context.say(kPaused, {pause_reason(context, pause, reason.get<std::string>())});
  }
  return text;
}

/// Whatever a hook wrote, line by line, fit for a terminal.
std::string output_lines(std::string_view output) {
  std::string text;
  while (!output.empty()) {
    const std::size_t end = std::min(output.find('\n'), output.size());
    text += "  | " + printable(output.substr(0, end)) + "\n";
    output.remove_prefix(std::min(end + 1, output.size()));
  }
  return text;
}

std::string hooks_text(const Context& context, const json& hooks) {
  std::string text;
  for (const json& hook : hooks) {
    const std::string error = text_of(hook, "error");
    const auto exit = hook.find("exit");
    if (exit != hook.end() && exit->is_number_integer()) {
      char seconds[32];
      std::snprintf(seconds, sizeof seconds, "%.1f", hook.value("seconds", 0.0));
      if (context.language == Language::kGerman) std::ranges::replace(seconds, '.', ',');
      text +=
          context.say(kHookRan, {text_of(hook, "name"),
                                 context.say(text_of(hook, "phase") == "before" ? kBefore : kAfter),
                                 std::to_string(exit->get<int>()), seconds});
    } else {
      text += error + "\n";
    }
    text += output_lines(text_of(hook, "output"));
    if (hook.value("output_truncated", false)) text += context.say(kOutputCut);
  }
  return text;
}

}  // namespace

std::string pause_text(const Context& context, const json& pause) {
  return pause.value("paused", false) ? pause_reasons(context, pause) : context.say(kNotPaused);
}

std::string status_text(const Context& context, const json& status) {
  const json& enrolment = object_of(status, "enrolment");
  if (!enrolment.value("enrolled", false)) {
    if (!enrolment.value("pending", false)) return context.say(kNotEnrolled);
    const std::string reason = text_of(enrolment, "last_error");
    return context.say(kPending, {reason.empty() ? "" : ": " + reason});
  }
  std::string text = context.say(kDevice, {text_of(enrolment, "device")}) +
                     context.say(kActivated, {local_time(text_of(enrolment, "activated_at"))});
  const json& cluster = object_of(status, "cluster");
  const std::string line = cluster.value("reachable", false)
                               ? context.say(kReachable)
                               : context.say(kUnreachable, {text_of(cluster, "reason")});
  text += context.say(kCluster, {text_of(enrolment, "cluster"), line});
  const json& plan = object_of(status, "plan");
  text += plan.empty()
              ? context.say(kNoPlan)
              : context.say(kPlan, {text_of(plan, "name"), count_of(context, plan, "version")});
  text += context.say(kProtection, {protection_of(context, object_of(status, "protection"))});
  text += recovery_text(context, object_of(status, "recovery"));
  text += schedule_text(context, object_of(status, "schedule"));
  text += activities_text(context, status.value("activities", json::array()));
  text += pause_reasons(context, object_of(status, "pause"));
  text += update_line(context, object_of(status, "updates"));
  for (const json& alert : status.value("alerts", json::array())) {
    text += context.say(kAlert, {text_of(alert, "code"), text_of(alert, "message")});
  }
  return text;
}

std::string billing_text(const Context& context, const json& billing) {
  using enum Table::Align;
  const json& activation = object_of(billing, "activation");
  std::string text =
      context.say(kActivated, {local_time(text_of(activation, "activated_at"))}) +
      context.say(kWorkload, {text_of(activation, "kind"), text_of(activation, "workload")});
  Table table({kLeft, kLeft, kRight});
  for (const json& day : billing.value("storage", json::array())) {
    table.row({text_of(day, "day"), text_of(day, "location"), bytes_of(context, day, "bytes")});
  }
  const std::string days = table.text();
  text += days.empty() ? context.say(kNoReceipts) : context.say(kReceipts) + days;
  Table local({kLeft, kLeft, kRight, kLeft});
  for (const json& vault : billing.value("local_vaults", json::array())) {
    local.row({text_of(vault, "path"), local_time(text_of(vault, "measured_at")),
               bytes_of(context, vault, "bytes"),
               vault.value("told", false) ? "" : context.say(kNotTold)});
  }
  if (const std::string here = local.text(); !here.empty())
    text += context.say(kLocalVaults) + here;
  return text + context.say(kReceiptFolder, {text_of(billing, "folder")});
}

std::string outcome_text(const Context& context, const json& outcome) {
  if (outcome.value("started", json()) == true) {
    const json& pause = object_of(outcome, "pause");
    if (!pause.value("paused", false)) return context.say(kStarted);
    return pause_reasons(context, pause) + context.say(kBeginsLater);
  }
  std::string text = hooks_text(context, outcome.value("hooks", json::array()));
  for (const json& target : outcome.value("targets", json::array())) {
    const json& error = object_of(target, "error");
    if (!error.empty()) {
      text += context.say(kTargetFailed, {text_of(target, "target"), text_of(error, "message")});
      continue;
    }
    const json& point = object_of(target, "point");
    const std::uint64_t incomplete = number_of(point, "skipped") + number_of(point, "changed");
    text += context.say(
        kTargetDone,
        {text_of(target, "target"), text_of(point, "id").substr(0, 16),
         count_of(context, point, "files"), bytes_of(context, point, "bytes"),
         bytes_of(context, point, "stored_bytes"),
         incomplete ? context.say(kSkipped, {human_count(incomplete, context.language)}) : ""});
    text += read_live_text(context, point.value("read_live", json::array()));
    text += problems_text(point, "incidents");
  }
  return text;
}

std::string points_text(const Context& context, const json& points) {
  using enum Table::Align;
  Table table({kLeft, kLeft, kRight, kRight, kRight, kLeft});
  for (const json& point : points) {
    table.row({text_of(point, "id").substr(0, 16), local_time(text_of(point, "time")),
               count_of(context, point, "files"), bytes_of(context, point, "bytes"),
               bytes_of(context, point, "stored_bytes"),
               consistency_text(context, text_of(point, "consistency"))});
  }
  return table.text();
}

std::string entry_line(const Context& context, const json& entry) {
  std::string size = bytes_of(context, entry, "size");
  size.insert(0, size.size() < 8 ? 8 - size.size() : 0, ' ');
  const std::string target = text_of(entry, "target");
  return size + "  " + local_time(text_of(entry, "modified")) + "  " + text_of(entry, "path") +
         (text_of(entry, "type") == "directory" ? "/" : "") +
         (target.empty() ? "" : " -> " + target) + "\n";
}

std::string restore_text(const Context& context, const json& report) {
  std::string text = context.say(
      kRestored, {count_of(context, report, "files"), count_of(context, report, "directories"),
                  bytes_of(context, report, "bytes")});
  if (number_of(report, "kept") > 0)
    text += context.say(kKept, {count_of(context, report, "kept")});
  text += left_out_text(context, report.value("left_out", json::object()));
  return text + problems_text(report, "problems");
}

std::string verify_text(const Context& context, const json& report) {
  return context.say(
             kVerified,
             {count_of(context, report, "points"), count_of(context, report, "packs"),
              bytes_of(context, report, "bytes_read"), count_of(context, report, "errors")}) +
         problems_text(report, "findings");
}

std::string plan_text(const Context& context, const json& plan) {
  return context.say(kPlan, {text_of(plan, "name"), count_of(context, plan, "version")}) +
         plan.value("plan", json::object()).dump(2) + "\n";
}

std::optional<model::ProgressView> progress_in(const json& event) {
  const json& progress = object_of(event, "progress");
  const bool paused = object_of(event, "pause").value("paused", false);
  if (progress.empty() && !paused) return std::nullopt;
  model::ProgressView view = model::progress_of(progress);
  view.progress.paused = view.progress.paused || paused;
  return view;
}

std::string progress_text(const Context& context, const json& event) {
  const auto view = progress_in(event);
  return view ? line_of(context, *view, kNoLimit) : std::string();
}

}  // namespace obhut::cli
