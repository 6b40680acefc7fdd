// init, backup.

#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/pipeline/backup_job.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/machine.h"
#include "tools/cli/command.h"
#include "tools/cli/consistency_text.h"
#include "tools/cli/format.h"
#include "tools/cli/progress_line.h"
#include "tools/cli/secrets.h"
#include "tools/cli/source_filter.h"
#include "tools/cli/vault_commands.h"
#include "tools/cli/vault_output.h"

namespace obhut::cli {
namespace {

using nlohmann::json;

// ---- init

constexpr Message kInitHelp{"make a new vault", "einen neuen Tresor anlegen"};
constexpr Message kRecoveryOutHelp{
    "also make a recovery key and write it to this new file",
    "auch einen Wiederherstellungsschlüssel anlegen, in diese neue Datei"};
constexpr Message kInitDone{"Vault {} is ready in {}.\n", "Der Tresor {} liegt bereit in {}.\n"};
constexpr Message kRecoveryWritten{
    "The recovery key is in {}: keep it away from this machine.\n",
    "Der Wiederherstellungsschlüssel liegt in {}: getrennt von diesem Rechner verwahren.\n"};
constexpr Message kFileExists{"{}: is there already", "{}: gibt es schon"};

struct InitArguments {
  VaultArguments vault;
  std::string recovery_out;
};

Result<void> add_recovery_key(Context& context, vault::Vault& vault, const std::string& path) {
  const vault::RecoveryKey key = vault::RecoveryKey::generate();
  const std::string text = key.text() + "\n";
  // The file first: a slot whose key nobody has is of no use.
  TRY(platform::write_file(path, as_bytes(text)));
  TRY(vault.add_slot(vault::RecoveryKey(key.secret().view()), context.clock.now(), context.stop));
  return {};
}

Result<void> run_init(Context& context, const InitArguments& arguments) {
  if (!arguments.recovery_out.empty() && platform::exists(arguments.recovery_out)) {
    return fail(ErrorKind::kInvalidInput, context.say(kFileExists, {arguments.recovery_out}));
  }
  ASSIGN_OR_RETURN(const vault::KeySource key, read_new_key(context, arguments.vault.key_file));
  ASSIGN_OR_RETURN(const std::unique_ptr<store::LocalStore> store,
                   store::LocalStore::create(arguments.vault.vault));
  ASSIGN_OR_RETURN(const std::unique_ptr<store::StoreLock> lock, store->lock(store::Use::kWrite));
  ASSIGN_OR_RETURN(const std::unique_ptr<vault::Vault> vault,
                   vault::Vault::create_standalone(*store, key, context.clock, context.stop));
  if (!arguments.recovery_out.empty()) {
    TRY(add_recovery_key(context, *vault, arguments.recovery_out));
  }
  if (context.json) {
    json out{{"vault", vault->id().text()}, {"directory", printable(arguments.vault.vault)}};
    if (!arguments.recovery_out.empty())
      out["recovery_key_file"] = printable(arguments.recovery_out);
    print(out.dump() + "\n");
    return {};
  }
  print(context.say(kInitDone, {vault->id().text(), printable(arguments.vault.vault)}));
  if (!arguments.recovery_out.empty()) {
    print(context.say(kRecoveryWritten, {printable(arguments.recovery_out)}));
  }
  return {};
}

// ---- backup

constexpr Message kBackupHelp{"make a recovery point of files and folders",
                              "einen Wiederherstellungspunkt von Dateien und Ordnern anlegen"};
constexpr Message kSourceHelp{"files and folders to back up", "zu sichernde Dateien und Ordner"};
constexpr Message kExcludeHelp{
    "leave out what matches (gitignore syntax, relative to each source)",
    "auslassen, was passt (gitignore-Schreibweise, relativ zu jeder Quelle)"};
constexpr Message kIncludeHelp{"take only what matches", "nur nehmen, was passt"};
constexpr Message kOneFileSystemHelp{"stay on the file system of each source",
                                     "auf dem Dateisystem jeder Quelle bleiben"};
constexpr Message kCachesHelp{"leave out folders marked by a CACHEDIR.TAG",
                              "Ordner mit CACHEDIR.TAG auslassen"};
constexpr Message kConsistencyHelp{
    "how files are held still while they are read: snapshot (of btrfs or LVM, or no backup at "
    "all), "
    "preferred (where it can be had), best-effort",
    "wie Dateien beim Lesen festgehalten werden: snapshot (von btrfs oder LVM, sonst keine "
    "Sicherung), preferred (wo er möglich ist), best-effort (gar nicht)"};
constexpr Message kNoSource{"{}: no such file or folder",
                            "{}: keine solche Datei, kein solcher Ordner"};
constexpr Message kBackupDone{"Recovery point {}: {} {file|files}, {}, in {}\n",
                              "Wiederherstellungspunkt {}: {} {Datei|Dateien}, {}, in {}\n"};
constexpr Message kBackupFiles{"  new {}, changed {}, unchanged {}; stored {}\n",
                               "  neu {}, geändert {}, unverändert {}; gespeichert {}\n"};
constexpr Message kHeld{"  consistency: {}\n", "  Konsistenz: {}\n"};
constexpr Message kAdopted{
    "  went on where a run that was cut off had stopped ({} {pack|packs})\n",
    "  fortgesetzt, wo ein abgebrochener Lauf stehen blieb ({} {Paket|Pakete})\n"};
constexpr Message kSkippedCount{
    "{} {entry|entries} could not be read and {is|are} not in the point:\n",
    "{} {Eintrag war|Einträge waren} nicht lesbar und {fehlt|fehlen} im Punkt:\n"};
constexpr Message kChangedCount{
    "{} {entry|entries} changed while being read, or {is|are} not whole:\n",
    "{} {Eintrag änderte|Einträge änderten} sich beim Lesen oder {ist|sind} nicht vollständig:\n"};
constexpr Message kMore{"  … and {} more\n", "  … und {} weitere\n"};

struct BackupArguments {
  VaultArguments vault;
  std::vector<std::string> sources;
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  bool one_file_system = false;
  bool exclude_caches = false;
  std::string consistency = "best-effort";
};

model::SnapshotUse snapshot_use(std::string_view word) {
  if (word == "snapshot") return model::SnapshotUse::kRequired;
  return word == "preferred" ? model::SnapshotUse::kPreferred : model::SnapshotUse::kNone;
}

json read_live_json(const pipeline::BackupReport& report) {
  json live = json::array();
  for (const pipeline::ReadLive& each : report.read_live) {
    live.push_back({{"path", platform::shown(each.path)}, {"reason", printable(each.reason)}});
  }
  return live;
}

json json_of(const pipeline::BackupReport& report) {
  json incidents = json::array();
  for (const pipeline::Incident& incident : report.incidents) {
    incidents.push_back({{"kind", std::string(pipeline::to_string(incident.kind))},
                         {"path", platform::shown(incident.path)},
                         {"reason", printable(incident.reason.message)}});
  }
  const model::Summary& summary = report.summary;
  const std::chrono::duration<double> seconds = summary.finished - summary.started;
  return {{"id", short_id(report.point.id)},
          {"head", report.point.id.text()},
          {"time", format_time(report.point.head.created)},
          {"files", summary.totals.files},
          {"directories", summary.totals.directories},
          {"bytes", summary.totals.bytes},
          {"stored_bytes", summary.stored_bytes},
          {"new_bytes", summary.new_bytes},
          {"read_bytes", summary.read_bytes},
          {"new_files", summary.new_files},
          {"changed_files", summary.changed_files},
          {"unchanged_files", summary.unchanged_files},
          {"skipped", report.skipped},
          {"changed_while_read", report.changed},
          {"ignored", report.ignored},
          {"adopted_packs", report.adopted_packs},
          {"seconds", seconds.count()},
          {"consistency", model::to_string(summary.consistency)},
          {"read_live", read_live_json(report)},
          {"incidents", incidents}};
}

void tell_incidents(const Context& context, const pipeline::BackupReport& report,
                    pipeline::IncidentKind kind, std::uint64_t count, const Message& title) {
  if (count == 0) return;
  constexpr std::uint64_t kShown = 20;
  std::string text = context.say(title, {human_count(count, context.language)});
  std::uint64_t shown = 0;
  for (const pipeline::Incident& incident : report.incidents) {
    if (incident.kind != kind || shown == kShown) continue;
    text +=
        "  " + platform::shown(incident.path) + ": " + printable(incident.reason.message) + "\n";
    ++shown;
  }
  if (shown < count) text += context.say(kMore, {human_count(count - shown, context.language)});
  print(text);
}

void tell_backup(Context& context, const pipeline::BackupReport& report) {
  if (!report.complete()) context.exit_code = kExitSkipped;
  if (context.json) {
    print(json_of(report).dump() + "\n");
    return;
  }
  const model::Summary& summary = report.summary;
  const Language language = context.language;
  print(context.say(kBackupDone,
                    {short_id(report.point.id), human_count(summary.totals.files, language),
                     human_bytes(summary.totals.bytes, language),
                     human_duration(summary.finished - summary.started, language)}));
  print(context.say(kBackupFiles, {human_count(summary.new_files, language),
                                   human_count(summary.changed_files, language),
                                   human_count(summary.unchanged_files, language),
                                   human_bytes(summary.stored_bytes, language)}));
  const json live = read_live_json(report);
  if (!live.empty() || summary.consistency == model::Consistency::kSnapshot) {
    print(context.say(kHeld, {consistency_text(context, model::to_string(summary.consistency))}));
    print(read_live_text(context, live));
  }
  if (report.adopted_packs > 0) {
    print(context.say(kAdopted, {human_count(report.adopted_packs, language)}));
  }
  tell_incidents(context, report, pipeline::IncidentKind::kSkipped, report.skipped, kSkippedCount);
  tell_incidents(context, report, pipeline::IncidentKind::kChanged, report.changed, kChangedCount);
}

Result<std::vector<std::string>> absolute_sources(const Context& context,
                                                  const std::vector<std::string>& given) {
  std::vector<std::string> sources;
  for (const std::string& source : given) {
    ASSIGN_OR_RETURN(std::string path, platform::absolute_path(source));
    if (!platform::exists(path)) {
      return fail(ErrorKind::kInvalidInput, context.say(kNoSource, {printable(source)}));
    }
    sources.push_back(std::move(path));
  }
  return sources;
}

Result<void> run_backup(Context& context, const BackupArguments& arguments) {
  ASSIGN_OR_RETURN(const plan::Selection selection,
                   plan::Selection::make({arguments.include, arguments.exclude, false}));
  pipeline::BackupOptions options;
  ASSIGN_OR_RETURN(options.sources, absolute_sources(context, arguments.sources));
  ASSIGN_OR_RETURN(const std::string vault_folder, platform::absolute_path(arguments.vault.vault));
  const SourceFilter filter(options.sources, selection, !arguments.include.empty(), {vault_folder});
  ASSIGN_OR_RETURN(const VaultSession session,
                   open_vault(context, arguments.vault, store::Use::kWrite));
  options.walk.rules.one_file_system = arguments.one_file_system;
  options.walk.rules.skip_caches = arguments.exclude_caches;
  options.walk.filter = &filter;
  options.host = platform::host_name();
  options.cache_directory = session.cache_directory;
  options.snapshots.use = snapshot_use(arguments.consistency);
  if (!session.cache_directory.empty()) {
    options.snapshots.folder = platform::join(session.cache_directory, "snapshots");
  }
  options.reader = local_reads();
  options.count_ahead = ProgressLine::is_shown(context);
  pipeline::BackupJob job(*session.vault, context.clock, context.log, std::move(options));
  Result<pipeline::BackupReport> report = [&] {
    const ProgressLine line(context, measured(context.clock, [&] { return job.job_progress(); }));
    return job.run(context.stop);
  }();
  if (!report) return std::unexpected(std::move(report).error());
  tell_backup(context, *report);
  return {};
}

}  // namespace

void add_vault_backup(CLI::App& vault, Context& context) {
  // Each command's arguments live as long as the callback that reads them.
  const auto init = std::make_shared<InitArguments>();
  CLI::App* command = add_command(vault, context, "init", kInitHelp,
                                  [&context, init] { return run_init(context, *init); });
  add_vault_options(*command, context, init->vault);
  command->add_option("--recovery-key-out", init->recovery_out, context.say(kRecoveryOutHelp))
      ->type_name("FILE");

  const auto backup = std::make_shared<BackupArguments>();
  command = add_command(vault, context, "backup", kBackupHelp,
                        [&context, backup] { return run_backup(context, *backup); });
  add_vault_options(*command, context, backup->vault);
  add_progress_option(*command, context);
  command->add_option("source", backup->sources, context.say(kSourceHelp))->required();
  // One pattern an option: what follows may be a source.
  command->add_option("--exclude", backup->exclude, context.say(kExcludeHelp))
      ->allow_extra_args(false)
      ->type_name("PATTERN");
  command->add_option("--include", backup->include, context.say(kIncludeHelp))
      ->allow_extra_args(false)
      ->type_name("PATTERN");
  command->add_flag("--one-file-system", backup->one_file_system, context.say(kOneFileSystemHelp));
  command->add_flag("--exclude-caches", backup->exclude_caches, context.say(kCachesHelp));
  command->add_option("--consistency", backup->consistency, context.say(kConsistencyHelp))
      ->check(CLI::IsMember({"snapshot", "preferred", "best-effort"}))
      ->capture_default_str();
}

}  // namespace obhut::cli
