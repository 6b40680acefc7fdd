#include "service/endpoint/requests.h"

#include <array>
#include <functional>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/plan/plan_codec.h"
#include "agent/trust/recovery_access.h"
#include "platform/local_files.h"
#include "service/endpoint/grant_requests.h"
#include "service/endpoint/json_fields.h"
#include "service/endpoint/pause_requests.h"
#include "service/endpoint/point_requests.h"
#include "service/endpoint/progress_events.h"
#include "service/endpoint/recovery_requests.h"
#include "service/endpoint/update_requests.h"
#include "tools/cli/exit_codes.h"

namespace obhut::endpoint {

namespace {

using nlohmann::json;

constexpr std::chrono::seconds kEnrolWait{60};

json alerts_json(const Outbox& outbox) {
  json alerts = json::array();
  for (const Alert& alert : outbox.standing()) {
    alerts.push_back({{"code", alert.code},
                      {"severity", alert.severity},
                      {"message", alert.message},
                      {"since", format_time(alert.since)}});
  }
  return alerts;
}

json enrolment_json(const EnrolmentView& view) {
  json value = {{"enrolled", view.enrolled}, {"pending", view.pending}};
  if (!view.last_error.empty()) value["last_error"] = view.last_error;
  if (!view.identity) return value;
  value["device"] = view.identity->device.text();
  value["customer"] = view.identity->customer.text();
  value["partner"] = view.identity->partner.text();
  value["cluster"] = view.identity->cluster;
  value["kind"] = view.identity->kind;
  value["workload"] = view.identity->workload;
  if (view.identity->replaces) value["replaces"] = view.identity->replaces->text();
  value["activated_at"] = format_time_micro(view.identity->activated_at);
  value["receipt"] = view.identity->receipt;
  return value;
}

json plan_json(const trust::AcceptedPlan& plan) {
  return {{"name", plan.plan.name},
          {"version", plan.envelope.version},
          {"hash", plan.hash.text()},
          {"operators", plan.operators},
          {"accepted_at", format_time(plan.accepted_at)},
          {"effective_at", format_time(plan.effective_at)}};
}

/// Where recovery points are, by the words that name them in requests.
json locations_json(const model::Plan& plan) {
  json locations = json::array();
  for (const model::Target& target : plan.targets) {
    const bool local = target.type == model::TargetType::kLocal;
    locations.push_back(
        {{"id", local ? target.path : "cluster"}, {"kind", local ? "local" : "cluster"}});
  }
  return locations;
}

json report_json(const pipeline::BackupReport& report) {
  json incidents = json::array();
  for (const pipeline::Incident& incident : report.incidents) {
    if (incidents.size() >= 1000) break;
    incidents.push_back({{"kind", pipeline::to_string(incident.kind)},
                         {"path", platform::shown(incident.path)},
                         {"reason", incident.reason.message}});
  }
  json live = json::array();
  for (const pipeline::ReadLive& each : report.read_live) {
    live.push_back({{"path", platform::shown(each.path)}, {"reason", printable(each.reason)}});
  }
  return {{"id", report.point.id.text()},
          {"sequence", report.point.head.sequence},
          {"time", format_time(report.point.head.created)},
          {"files", report.summary.totals.files},
          {"directories", report.summary.totals.directories},
          {"bytes", report.summary.totals.bytes},
          {"read_bytes", report.summary.read_bytes},
          {"new_bytes", report.summary.new_bytes},
          {"stored_bytes", report.summary.stored_bytes},
          {"skipped", report.skipped},
          {"changed", report.changed},
          {"consistency", model::to_string(report.summary.consistency)},
          {"read_live", std::move(live)},
          {"incidents", std::move(incidents)}};
}

/// Hooks in the order in which they ran. `output` only for administrators.
json hooks_json(const std::vector<HookRun>& hooks, bool with_output) {
  // One answer must hold all of it, each byte up to six times as long in JSON.
  std::size_t room = 8 * HookRunner::kMostOutput;
  json value = json::array();
  for (const HookRun& run : hooks) {
    json item = {{"name", run.name},
                 {"phase", to_string(run.phase)},
                 {"exit", nullptr},
                 {"seconds", static_cast<double>(run.time.count()) / 1000}};
    if (run.exit_code) item["exit"] = *run.exit_code;
    if (run.error) item["error"] = run.error->message;
    if (with_output) {
      const std::string_view output = std::string_view(run.output).substr(0, room);
      room -= output.size();
      item["output"] = output;
      item["output_truncated"] = run.output_truncated || output.size() < run.output.size();
    }
    value.push_back(std::move(item));
  }
  return value;
}

json outcome_json(const RunOutcome& outcome, Audience audience) {
  json targets = json::array();
  for (const TargetOutcome& target : outcome.targets) {
    json value = {{"target", target.target}};
    if (target.report) value["point"] = report_json(*target.report);
    if (target.report && audience == Audience::kAnybody) {
      value["point"].erase("incidents");
      value["point"].erase("read_live");
    }
    if (target.error) {
      value["error"] = {{"kind", to_string(target.error->kind)},
                        {"message", target.error->message}};
    }
    targets.push_back(std::move(value));
  }
  return {{"outcome", outcome.word()},
          {"started", format_time_micro(outcome.started)},
          {"finished", format_time_micro(outcome.finished)},
          {"hooks", hooks_json(outcome.hooks, audience == Audience::kAdministrator)},
          {"targets", std::move(targets)}};
}

json schedule_json(Engine& engine, Audience audience) {
  const ScheduleView view = engine.scheduler().view();
  json value = {{"running", view.running},
                {"runs", view.finished_runs},
                {"failures_in_a_row", view.failures_in_a_row}};
  if (view.last) value["last"] = outcome_json(*view.last, Audience::kAnybody);
  if (view.last_success) value["last_success"] = format_time(*view.last_success);
  if (view.next) value["next"] = format_time(*view.next);
  if (const auto running = engine.activities().running("backup")) {
    value["progress"] = activity_json(*running, audience);
  }
  return value;
}

json cluster_json(Engine& engine) {
  json value = {{"reachable", !engine.line().loss() && engine.line().last_heard()}};
  if (const auto heard = engine.line().last_heard()) value["last_heard"] = format_time(*heard);
  if (const auto loss = engine.line().loss()) {
    value["lost_since"] = format_time(loss->since);
    value["reason"] = loss->error.message;
  }
  return value;
}

json protection_json(Engine& engine) {
  const Recoverability keys = engine.keeper().recoverability();
  const bool backed_up = engine.scheduler().view().last_success.has_value();
  // Nothing counts as protected that only this machine could open again.
  const char* word = engine.keeper().waiting() ? "waiting for recovery"
                     : !backed_up              ? "no backup yet"
                     : keys.recoverable()      ? "protected"
                                               : "not recoverable";
  return {{"state", word},
          {"recoverable", keys.recoverable()},
          {"escrow", keys.escrow},
          {"recovery_key_made", keys.recovery_key_made},
          {"recovery_key_confirmed", keys.recovery_confirmed},
          {"passphrase", keys.passphrase}};
}

Result<json> status(Daemon& daemon, Audience audience) {
  json value = {{"enrolment", enrolment_json(daemon.enrolment())},
                {"alerts", alerts_json(daemon.outbox())}};
  Engine* engine = daemon.engine();
  if (engine == nullptr) return value;
  value["cluster"] = cluster_json(*engine);
  value["schedule"] = schedule_json(*engine, audience);
  value["activities"] = activities_json(engine->activities(), audience);
  value["pause"] = pause_json(engine->pauses().view());
  value["protection"] = protection_json(*engine);
  if (const auto end = engine->trial().ends()) value["trial"] = {{"ends", format_time(*end)}};
  if (json recovery = recovery_json(*engine); !recovery.is_null()) {
    value["recovery"] = std::move(recovery);
  }
  value["updates"] = update_json(engine->updater().view());
  value["plan"] = nullptr;
  value["locations"] = json::array();
  if (const auto plan = engine->plans().in_force()) {
    value["plan"] = plan_json(*plan);
    value["locations"] = locations_json(plan->plan);
  }
  if (const auto plan = engine->plans().pending()) value["pending_plan"] = plan_json(*plan);
  if (const std::string refusal = engine->plans().last_refusal(); !refusal.empty()) {
    value["refused_plan"] = refusal;
  }
  return value;
}

/// What is billed for this device, by the cluster's own signatures.
Result<json> billing(Engine& engine) {
  const Identity& identity = engine.identity();
  json storage = json::array();
  for (const trust::Receipt& receipt : engine.receipts().kept()) {
    storage.push_back({{"day", receipt.day},
                       {"location", receipt.location},
                       {"vault", receipt.vault.text()},
                       {"bytes", receipt.bytes},
                       {"customer", receipt.customer}});
  }
  json local = json::array();
  for (const LocalVault& vault : engine.meter().vaults()) {
    local.push_back({{"vault", vault.vault.text()},
                     {"path", platform::shown(vault.path)},
                     {"bytes", vault.bytes},
                     {"measured_at", format_time_micro(vault.measured_at)},
                     {"told", vault.told}});
  }
  return json{{"activation",
               {{"workload", identity.workload},
                {"kind", identity.kind},
                {"activated_at", format_time_micro(identity.activated_at)}}},
              {"storage", std::move(storage)},
              {"local_vaults", std::move(local)},
              {"folder", platform::shown(engine.receipts().folder())}};
}

Result<json> enroll(Daemon& daemon, const json& request) {
  const std::string token = text_or(request, "token");
  if (token.empty()) return fail(ErrorKind::kInvalidInput, "enroll: want a registration token");
  TRY(daemon.enroll(token));
  const EnrolmentView view = daemon.wait_enrolled(kEnrolWait);
  json value = enrolment_json(view);
  if (view.enrolled) return value;
  // The activation stands; what is missing is the cluster's receipt.
  if (!view.last_error.empty()) {
    value["exit"] = exit_code_of(view.last_kind);
  } else {
    value["exit"] = static_cast<int>(cli::kExitUnreachable);
  }
  return value;
}

Result<json> backup(Engine& engine, const json& request, Reply& reply,
                    const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::uint64_t number, engine.scheduler().run_now());
  const PauseView held = engine.pauses().view();
  if (!flag_or(request, "wait")) return json{{"started", true}, {"pause", pause_json(held)}};
  while (!engine.scheduler().wait_for(number, kProgressEvery)) {
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "the daemon is stopping");
    json event = {{"event", "progress"},
                  {"pause", pause_json(engine.pauses().view())},
                  {"progress", nullptr}};
    if (const auto running = engine.activities().running("backup")) {
      event["progress"] = activity_json(*running, Audience::kAdministrator);
    }
    // Whoever asked has gone: the backup goes on all the same.
    if (!reply.event(event)) return json::object();
  }
  const ScheduleView view = engine.scheduler().view();
  if (const auto ended = engine.activities().ended("backup");
      ended && ended->started >= view.last->started) {
    reply.event(progress_event(*ended));
  }
  json value = outcome_json(*view.last, Audience::kAdministrator);
  const Error* error = view.last->first_error();
  value["exit"] =
      error ? exit_code_of(error->kind)
            : static_cast<int>(view.last->word() == "skipped" || view.last->first_hook_error()
                                   ? cli::kExitSkipped
                                   : cli::kExitDone);
  return value;
}

Result<json> plan(Engine& engine) {
  const auto in_force = engine.plans().in_force();
  if (!in_force) return fail(ErrorKind::kNotFound, "no protection plan is in force yet");
  json value = plan_json(*in_force);
  value["plan"] = json::parse(plan::serialize_plan(in_force->plan), nullptr, false);
  return value;
}

/// The vault in the cluster, made where it is missing, with every slot that it should have.
Result<void> with_cluster_vault(Engine& engine, const std::stop_token& stop,
                                const std::function<Result<void>(vault::Vault&)>& use) {
  const auto plan = engine.plans().in_force();
  ASSIGN_OR_RETURN(const auto cluster,
                   engine.runner().cluster_store(ClusterStore::Patience::kPerson));
  ASSIGN_OR_RETURN(const VaultId id, engine.keeper().cluster_vault());
  TRY(engine.control().create_vault(id, stop));
  ASSIGN_OR_RETURN(const auto vault,
                   engine.keeper().open_cluster(cluster->store(),
                                                plan ? plan->plan.escrow : std::nullopt, stop));
  return use(*vault);
}

Result<json> key_show(Engine& engine, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::string key, engine.keeper().show_recovery_key());
  const Identity& identity = engine.identity();
  json value = {
      {"recovery_key", key}, {"cluster", identity.cluster}, {"ca_pin", identity.ca_pin.text()}};
  // Its slot goes up now where the cluster can be reached, else with the first backup.
  const Result<void> stored =
      with_cluster_vault(engine, stop, [](vault::Vault&) { return Result<void>(); });
  value["stored"] = stored.has_value();
  if (!stored) value["reason"] = stored.error().message;
  return value;
}

/// The cluster learns that the vault is recoverable; a report that is lost costs a wrong word in a
/// list, and the next one mends it.
Result<bool> report_recoverable(Engine& engine, const std::optional<SigningKeyId>& access_key,
                                const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const VaultId vault, engine.keeper().cluster_vault());
  return engine.control().confirm_recovery(vault, access_key, stop).has_value();
}

Result<json> key_passphrase(Engine& engine, const json& request, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const vault::KeySource key, key_in(request));
  if (vault::slot_type_of(key) != vault::SlotType::kPassphrase) {
    return fail(ErrorKind::kInvalidInput, "this is a recovery key, not a passphrase");
  }
  TRY(with_cluster_vault(engine, stop, [&](vault::Vault& vault) {
    return engine.keeper().add_passphrase(vault, key, stop);
  }));
  ASSIGN_OR_RETURN(const bool reported, report_recoverable(engine, {}, stop));
  return json{{"added", true}, {"reported", reported}};
}

Result<json> key_confirm(Engine& engine, const json& request, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const vault::RecoveryKey key,
                   vault::RecoveryKey::parse(text_or(request, "key")));
  TRY(engine.keeper().confirm_recovery_key(key));
  ASSIGN_OR_RETURN(const bool reported,
                   report_recoverable(
                       engine, trust::recovery_access_key(key.secret().view()).public_key(), stop));
  return json{{"confirmed", true}, {"reported", reported}};
}

/// Who works at this machine may have it backed up, and may ask for quiet until tomorrow, unless
/// its administrator says otherwise. A pause without an end is an administrator's, as is its end.
Result<void> check_steering(Daemon& daemon, std::string_view command, const json& request) {
  constexpr std::uint64_t kMostPause = 36UL * 3600;
  if (command == "backup") {
    if (!flag_or(request, "wait")) return {};
    return fail(ErrorKind::kRefused, "backup: to wait for it needs administrator rights");
  }
  if (!daemon.config().pause_by_users) {
    return fail(
        ErrorKind::kRefused,
        std::string(command) + ": needs administrator rights (pause_by_users in agent.toml)");
  }
  const std::uint64_t seconds = number_or(request, "seconds");
  if (command == "pause" && (seconds == 0 || seconds > kMostPause)) {
    return fail(ErrorKind::kRefused, "pause: for longer than 36 hours needs administrator rights");
  }
  Engine* const engine = daemon.engine();
  const PauseView held = engine != nullptr ? engine->pauses().view() : PauseView{};
  if (held.asked && !held.asked->until) {
    return fail(ErrorKind::kRefused,
                std::string(command) + ": an administrator paused the backups without an end");
  }
  return {};
}

}  // namespace

Result<void> check_asker(Daemon& daemon, Audience audience, std::string_view command,
                         const json& request) {
  if (audience == Audience::kAdministrator) return {};
  if (command == "backup" || command == "pause" || command == "resume") {
    return check_steering(daemon, command, request);
  }
  constexpr std::array kForAll{"status",        "watch",       "points",    "ls",         "find",
                               "restore",       "export",      "search",    "versions",   "preview",
                               "changes",       "grants",      "grant-add", "grant-drop", "browse",
                               "update-status", "update-check"};
  if (std::ranges::find(kForAll, command) == kForAll.end()) {
    return fail(ErrorKind::kRefused, std::string(command) + ": needs administrator rights");
  }
  // A folder that somebody made could be anything: the plan names those that are vaults.
  const std::string target = text_or(request, "target");
  if (target.empty() || target == "cluster") return {};
  Engine* const engine = daemon.engine();
  const auto plan = engine != nullptr ? engine->plans().in_force() : nullptr;
  const auto is_target = [&](const model::Target& one) { return one.path == target; };
  if (plan && std::ranges::any_of(plan->plan.targets, is_target)) return {};
  return fail(
      ErrorKind::kRefused,
      printable(target) + ": is no target of the protection plan; needs administrator rights");
}

Error not_enrolled() {
  return {ErrorKind::kRefused,
          "this endpoint is not enrolled yet; run `obhut enroll --token-file FILE`"};
}

int exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidInput:
      return cli::kExitUsage;
    case ErrorKind::kRefused:
    case ErrorKind::kCrypto:
      return cli::kExitRefused;
    case ErrorKind::kUnavailable:
    case ErrorKind::kTimeout:
    case ErrorKind::kThrottled:
      return cli::kExitUnreachable;
    default:
      return cli::kExitFailed;
  }
}

Result<json> carry_out(Daemon& daemon, const Asker& asker, std::string_view command,
                       const json& request, Reply& reply, const std::stop_token& stop) {
  if (command == "watch" && daemon.engine() != nullptr) {
    TRY(watch(*daemon.engine(), asker.audience, daemon.clock(), reply, stop));
  }
  if (command == "status" || command == "watch") return status(daemon, asker.audience);
  if (command == "enroll") return enroll(daemon, request);
  Engine* engine = daemon.engine();
  if (engine == nullptr) return std::unexpected(not_enrolled());
  if (command == "backup") return backup(*engine, request, reply, stop);
  if (command == "plan") return plan(*engine);
  if (command == "billing") return billing(*engine);
  if (command == "key-show") return key_show(*engine, stop);
  if (command == "key-passphrase") return key_passphrase(*engine, request, stop);
  if (command == "key-confirm") return key_confirm(*engine, request, stop);
  if (auto answer = carry_out_pause(*engine, command, request)) return std::move(*answer);
  if (auto answer = carry_out_recovery(*engine, command, request, stop)) return std::move(*answer);
  if (auto answer = carry_out_update(*engine, asker, command, stop)) return std::move(*answer);
  if (auto answer = carry_out_grants(*engine, asker, command, request, stop)) {
    return std::move(*answer);
  }
  return carry_out_on_points(engine->points(), asker, command, request, reply, stop);
}

}  // namespace obhut::endpoint
