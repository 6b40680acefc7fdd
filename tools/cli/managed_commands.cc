#include "tools/cli/managed_commands.h"

#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/plan/plan_check.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/machine.h"
#include "service/endpoint/conversation.h"
#include "tools/cli/answer_fields.h"
#include "tools/cli/command.h"
#include "tools/cli/grant_commands.h"
#include "tools/cli/input.h"
#include "tools/cli/interactive_restore.h"
#include "tools/cli/lookup_output.h"
#include "tools/cli/managed_client.h"
#include "tools/cli/managed_output.h"
#include "tools/cli/mount_commands.h"
#include "tools/cli/recovery_commands.h"
#include "tools/cli/recovery_sheet.h"
#include "tools/cli/secrets.h"
#include "tools/cli/update_commands.h"

namespace obhut::cli {

namespace {

using nlohmann::json;

constexpr Message kStatus{"what is protected, and how things stand",
                          "was geschützt ist und wie es steht"};
constexpr Message kFollow{"watch what runs to its end first",
                          "erst zusehen, bis endet, was gerade läuft"};
constexpr Message kBilling{
    "the cluster's receipts for what is billed for this device",
    "die Quittungen des Clusters für das, was für dieses Gerät abgerechnet wird"};
constexpr Message kEnroll{"join with a registration token", "mit einem Anmeldetoken beitreten"};
constexpr Message kTokenFile{"file with the token (-: standard input)",
                             "Datei mit dem Token (-: Standardeingabe)"};
constexpr Message kBackup{"run the plan now", "den Plan jetzt ausführen"};
constexpr Message kWait{"wait for its end", "auf das Ende warten"};
constexpr Message kPause{"hold backups up, also one that is running",
                         "Sicherungen anhalten, auch eine laufende"};
constexpr Message kPauseFor{"for so long: 30m, 2h, 1d (default: until `obhut resume`)",
                            "so lange: 30m, 2h, 1d (sonst bis `obhut resume`)"};
constexpr Message kResume{"let backups go on", "Sicherungen weiterlaufen lassen"};
constexpr Message kPoints{"list the recovery points", "die Wiederherstellungspunkte auflisten"};
constexpr Message kTarget{"cluster, or the folder of a local target",
                          "cluster oder der Ordner eines lokalen Ziels"};
constexpr Message kLs{"list what a point holds", "auflisten, was ein Punkt enthält"};
constexpr Message kPoint{"id of the point, or \"latest\"", "Kennung des Punkts oder „latest“"};
constexpr Message kPath{"folder or file in the point", "Ordner oder Datei im Punkt"};
constexpr Message kRecursive{"all levels", "alle Ebenen"};
constexpr Message kFind{"find entries by pattern", "Einträge nach Muster finden"};
constexpr Message kPattern{"gitignore syntax: \"*.txt\" anywhere, \"/etc/*.conf\" from the root",
                           "gitignore-Schreibweise: „*.txt“ überall, „/etc/*.conf“ ab der Wurzel"};
constexpr Message kRestore{"restore a point or part of it",
                           "einen Punkt oder einen Teil wiederherstellen"};
constexpr Message kTo{"folder to restore into; \"/\" is the original place",
                      "Zielordner; „/“ ist der ursprüngliche Ort"};
constexpr Message kWantsTo{"restore: where to? --to FOLDER, or -i to choose",
                           "restore: wohin? --to ORDNER, oder -i, um auszuwählen"};
constexpr Message kInteractive{"choose point, entries and place on the terminal",
                               "Punkt, Einträge und Ort auf dem Terminal auswählen"};
constexpr Message kBelow{"what lies below this folder of the point lands in DIR itself",
                         "was unter diesem Ordner des Punkts liegt, landet direkt in DIR"};
constexpr Message kExisting{"what to do with files that are there: keep, overwrite, both",
                            "was mit vorhandenen Dateien geschieht: keep, overwrite, both"};
constexpr Message kDryRun{"say what would happen, and write nothing",
                          "sagen, was geschähe, und nichts schreiben"};
constexpr Message kEveryPoint{"look in all points for names that hold these words",
                              "in allen Punkten nach Namen mit diesen Wörtern suchen"};
constexpr Message kVersions{"the versions of a file or folder in all points",
                            "die Fassungen einer Datei oder eines Ordners in allen Punkten"};
constexpr Message kChanges{"what changed from the point before",
                           "was sich seit dem Punkt davor geändert hat"};
constexpr Message kExport{"write a point as tar or zip", "einen Punkt als tar oder zip schreiben"};
constexpr Message kToFile{"archive to write", "Archiv, das geschrieben wird"};
constexpr Message kFormat{"tar or zip", "tar oder zip"};
constexpr Message kVerify{"prove that the points can be restored",
                          "beweisen, dass sich die Punkte wiederherstellen lassen"};
constexpr Message kReadData{"read every byte", "jedes Byte lesen"};
constexpr Message kPlan{"protection plans", "Schutzpläne"};
constexpr Message kPlanShow{"the plan in force", "der geltende Plan"};
constexpr Message kPlanCheck{"check a plan file and print its next runs",
                             "eine Plandatei prüfen und ihre nächsten Läufe zeigen"};
constexpr Message kPlanFile{"plan in JSON", "Plan als JSON"};
constexpr Message kKey{"the keys that open this device's backups",
                       "die Schlüssel, die die Sicherungen dieses Geräts öffnen"};
constexpr Message kKeyShow{"show the recovery key, to be written down",
                           "den Wiederherstellungsschlüssel zeigen, zum Aufschreiben"};
constexpr Message kKeyConfirm{
    "confirm that the recovery key was written down; the machine then forgets it",
    "bestätigen, dass der Wiederherstellungsschlüssel aufgeschrieben ist; das Gerät vergisst ihn "
    "dann"};
constexpr Message kKeyFile{"file with the key (-: standard input)",
                           "Datei mit dem Schlüssel (-: Standardeingabe)"};
constexpr Message kEnrolled{"enrolled as {}, activated at {}\n",
                            "angemeldet als {}, aktiviert am {}\n"};
constexpr Message kActivated{"activated; the cluster has not confirmed it yet: {}\n",
                             "aktiviert; der Cluster hat es noch nicht bestätigt: {}\n"};
constexpr Message kWriteDown{
    "{}\n\nWrite it down, keep it away from this machine, then run `obhut key confirm`.\n",
    "{}\n\nAufschreiben, fern von diesem Gerät aufbewahren, dann `obhut key confirm` ausführen.\n"};
constexpr Message kSheetFile{
    "write it as a recovery sheet, with all that a recovery without this device needs",
    "als Wiederherstellungsblatt schreiben, mit allem, was eine Wiederherstellung ohne dieses "
    "Gerät braucht"};
constexpr Message kSheetWritten{
    "{}: recovery sheet. Print it or move it to a USB stick, delete it here, then run `obhut key "
    "confirm` with the key on it.\n",
    "{}: Wiederherstellungsblatt. Ausdrucken oder auf einen USB-Stick bewegen, hier löschen, dann "
    "`obhut key confirm` mit seinem Schlüssel ausführen.\n"};
constexpr Message kAddPassphrase{"add a passphrase", "eine Passphrase hinzufügen"};
constexpr Message kNewKeyFile{
    "file with the new passphrase (-: standard input; without it, the terminal asks)",
    "Datei mit der neuen Passphrase (-: Standardeingabe; ohne sie fragt das Terminal)"};
constexpr Message kPassphraseAdded{
    "added: whoever knows the passphrase can restore this device\n",
    "hinzugefügt: Wer die Passphrase kennt, kann dieses Gerät wiederherstellen\n"};
constexpr Message kConfirmed{
    "confirmed: whoever has the key can restore this device\n",
    "bestätigt: Wer den Schlüssel hat, kann dieses Gerät wiederherstellen\n"};
constexpr Message kExported{"{}: {} {file|files}\n", "{}: {} {Datei|Dateien}\n"};

constexpr std::size_t kMaxInput = std::size_t{2} << 20U;
constexpr std::uint64_t kMostFound = 100'000;

/// Everything that any of these commands can be given.
struct Arguments {
  std::string socket = endpoint::default_socket();
  std::string file;
  std::string target;
  std::string point = "latest";
  std::string path;
  std::vector<std::string> paths;
  std::string pattern;
  std::string to;
  std::string below;
  std::string existing = "keep";
  std::string format = "tar";
  std::string time;
  bool wait = false;
  bool follow = false;
  bool billing = false;
  bool recursive = false;
  bool read_data = false;
  bool dry_run = false;
  bool interactive = false;
  bool every_point = false;
};
using Shared = std::shared_ptr<Arguments>;

/// Prints entries as they come: a point may hold millions.
Result<void> list_entries(Context& context, const Arguments& arguments, const json& request) {
  bool first = true;
  if (context.json) print("[");
  Result<json> answer = ask_daemon(context, arguments.socket, request, [&](const json& event) {
    const auto entries = event.find("entries");
    if (entries == event.end() || !entries->is_array()) return;
    for (const json& entry : *entries) {
      if (context.json) {
        print((first ? "\n" : ",\n") + entry.dump());
      } else {
        print(entry.contains("point_time") ? found_line(context, entry)
                                           : entry_line(context, entry));
      }
      first = false;
    }
  });
  if (context.json) print(first ? "]\n" : "\n]\n");
  if (!answer) return std::unexpected(std::move(answer).error());
  return {};
}

Result<void> run_enroll(Context& context, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::string token, read_text_input(arguments.file, kMaxInput));
  return converse(
      context, arguments.socket, {{"command", "enroll"}, {"token", token}},
      [](const Context& with, const json& answer) {
        if (!answer.value("enrolled", false)) {
          return with.say(kActivated, {answer.value("last_error", "")});
        }
        return with.say(kEnrolled, {answer.value("device", ""), answer.value("activated_at", "")});
      });
}

Result<void> run_points(Context& context, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const json answer,
                   ask_daemon(context, arguments.socket,
                              {{"command", "points"}, {"target", arguments.target}}, {}));
  const json points = answer.value("points", json::array());
  print(context.json ? points.dump(2) + "\n" : points_text(context, points));
  return {};
}

Result<json> restore_request(const Arguments& arguments, const char* command) {
  ASSIGN_OR_RETURN(const std::string to, platform::absolute_path(arguments.to));
  return json{
      {"command", command},       {"target", arguments.target},     {"point", arguments.point},
      {"paths", arguments.paths}, {"pattern", arguments.pattern},   {"to", to},
      {"below", arguments.below}, {"existing", arguments.existing}, {"format", arguments.format}};
}

Result<void> run_restore(Context& context, const Arguments& arguments) {
  if (arguments.interactive) {
    return run_interactive_restore(context, arguments.socket, arguments.target);
  }
  if (arguments.to.empty()) return fail(ErrorKind::kInvalidInput, context.say(kWantsTo));
  ASSIGN_OR_RETURN(json request, restore_request(arguments, "restore"));
  request["dry_run"] = arguments.dry_run;
  return converse(context, arguments.socket, request,
                  arguments.dry_run ? dry_run_text : restore_text);
}

Result<void> run_export(Context& context, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const json request, restore_request(arguments, "export"));
  return converse(context, arguments.socket, request, [](const Context& with, const json& answer) {
    return with.say(kExported, {answer.value("file", ""),
                                std::to_string(answer.value("files", std::uint64_t{0}))});
  });
}

Result<void> run_plan_check(Context& context, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::string text, read_text_input(arguments.file, kMaxInput));
  Result<plan::PlanReport> report = plan::check_plan_file(text, context.clock.now());
  if (!report) return pass_on(std::move(report.error()), arguments.file);
  print(context.json ? plan::format_report_json(*report) + "\n" : plan::format_report(*report));
  return {};
}

/// The key as a recovery sheet, which goes to the file and nowhere else.
Result<void> write_sheet(Context& context, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const json answer,
                   ask_daemon(context, arguments.socket, {{"command", "key-show"}}, {}));
  ASSIGN_OR_RETURN(ClusterPlace place, parse_cluster_place(text_of(answer, "cluster") + "#" +
                                                           text_of(answer, "ca_pin")));
  ASSIGN_OR_RETURN(vault::RecoveryKey key,
                   vault::RecoveryKey::parse(text_of(answer, "recovery_key")));
  const std::string text = sheet_text(context, {std::move(place), std::move(key)},
                                      platform::host_name(), context.clock.now());
  TRY(platform::write_file(arguments.file, as_bytes(text)));
  const json told = {{"sheet", printable(arguments.file)}};
  print(context.json ? told.dump(2) + "\n"
                     : context.say(kSheetWritten, {printable(arguments.file)}));
  return {};
}

Result<void> run_key_show(Context& context, const Arguments& arguments) {
  if (!arguments.file.empty()) return write_sheet(context, arguments);
  return converse(context, arguments.socket, {{"command", "key-show"}},
                  [](const Context& with, const json& answer) {
                    return with.say(kWriteDown, {answer.value("recovery_key", "")});
                  });
}

Result<void> run_key_confirm(Context& context, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::string key, read_text_input(arguments.file, kMaxInput));
  return converse(context, arguments.socket, {{"command", "key-confirm"}, {"key", key}},
                  [](const Context& with, const json&) { return with.say(kConfirmed); });
}

Result<void> run_add_passphrase(Context& context, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const vault::Passphrase passphrase,
                   read_new_passphrase(context, arguments.file));
  return converse(context, arguments.socket,
                  {{"command", "key-passphrase"}, {"key", to_base64url(passphrase.text.view())}},
                  [](const Context& with, const json&) { return with.say(kPassphraseAdded); });
}

Result<void> run_pause(Context& context, const Arguments& arguments) {
  json request = {{"command", "pause"}};
  if (!arguments.time.empty()) {
    const auto time = parse_duration(arguments.time);
    if (!time) {
      return fail(ErrorKind::kInvalidInput,
                  "--for " + printable(arguments.time) + ": want a time such as 30m, 2h or 1d");
    }
    request["seconds"] = time->count();
  }
  return converse(context, arguments.socket, request, pause_text);
}

Result<void> run_find(Context& context, const Arguments& arguments) {
  if (arguments.every_point) {
    return list_entries(context, arguments,
                        {{"command", "search"},
                         {"target", arguments.target},
                         {"text", arguments.pattern},
                         {"limit", kMostFound}});
  }
  return list_entries(context, arguments,
                      {{"command", "find"},
                       {"target", arguments.target},
                       {"point", arguments.point},
                       {"pattern", arguments.pattern}});
}

Result<void> run_versions(Context& context, const Arguments& arguments) {
  return converse(context, arguments.socket,
                  {{"command", "versions"}, {"target", arguments.target}, {"path", arguments.path}},
                  versions_text);
}

Result<void> run_changes(Context& context, const Arguments& arguments) {
  return converse(
      context, arguments.socket,
      {{"command", "changes"}, {"target", arguments.target}, {"point", arguments.point}},
      changes_text);
}

using Body = Result<void> (*)(Context&, const Arguments&);

CLI::App* add(CLI::App& parent, Context& context, const std::string& name, const Message& help,
              const Shared& arguments, Body body) {
  return add_daemon_command(parent, context, name, help, arguments->socket,
                            [&context, arguments, body] { return body(context, *arguments); });
}

void add_point_options(CLI::App& command, const Context& context, Arguments& arguments) {
  command.add_option("--target", arguments.target, context.say(kTarget));
}

void add_daily_commands(CLI::App& app, Context& context) {
  Shared in = std::make_shared<Arguments>();
  CLI::App* status =
      add(app, context, "status", kStatus, in, [](Context& with, const Arguments& given) {
        if (given.billing)
          return converse(with, given.socket, {{"command", "billing"}}, billing_text);
        return converse(with, given.socket, {{"command", given.follow ? "watch" : "status"}},
                        status_text);
      });
  CLI::Option* follow = status->add_flag("--follow", in->follow, context.say(kFollow));
  status->add_flag("--billing", in->billing, context.say(kBilling))->excludes(follow);
  add_progress_option(*status, context);
  in = std::make_shared<Arguments>();
  CLI::App* enroll = add(app, context, "enroll", kEnroll, in, run_enroll);
  enroll->add_option("--token-file", in->file, context.say(kTokenFile))
      ->required()
      ->type_name("FILE");
  in = std::make_shared<Arguments>();
  CLI::App* backup =
      add(app, context, "backup", kBackup, in, [](Context& with, const Arguments& given) {
        return converse(with, given.socket, {{"command", "backup"}, {"wait", given.wait}},
                        outcome_text);
      });
  backup->add_flag("--wait", in->wait, context.say(kWait));
  add_progress_option(*backup, context);
  in = std::make_shared<Arguments>();
  CLI::App* verify =
      add(app, context, "verify", kVerify, in, [](Context& with, const Arguments& given) {
        return converse(
            with, given.socket,
            {{"command", "verify"}, {"target", given.target}, {"read_data", given.read_data}},
            verify_text);
      });
  verify->add_flag("--read-data", in->read_data, context.say(kReadData));
  add_progress_option(*verify, context);
  add_point_options(*verify, context, *in);
}

void add_pause_commands(CLI::App& app, Context& context) {
  const Shared in = std::make_shared<Arguments>();
  add(app, context, "pause", kPause, in, run_pause)
      ->add_option("--for", in->time, context.say(kPauseFor))
      ->type_name("TIME");
  add(app, context, "resume", kResume, std::make_shared<Arguments>(),
      [](Context& with, const Arguments& given) {
        return converse(with, given.socket, {{"command", "resume"}}, pause_text);
      });
}

void add_browse_commands(CLI::App& app, Context& context) {
  Shared in = std::make_shared<Arguments>();
  add_point_options(*add(app, context, "points", kPoints, in, run_points), context, *in);
  in = std::make_shared<Arguments>();
  CLI::App* ls = add(app, context, "ls", kLs, in, [](Context& with, const Arguments& given) {
    return list_entries(with, given,
                        {{"command", "ls"},
                         {"target", given.target},
                         {"point", given.point},
                         {"path", given.path},
                         {"recursive", given.recursive}});
  });
  ls->add_option("point", in->point, context.say(kPoint));
  ls->add_option("path", in->path, context.say(kPath));
  ls->add_flag("-r,--recursive", in->recursive, context.say(kRecursive));
  add_point_options(*ls, context, *in);
  in = std::make_shared<Arguments>();
  CLI::App* find = add(app, context, "find", kFind, in, run_find);
  find->add_option("pattern", in->pattern, context.say(kPattern))->required();
  CLI::Option* one = find->add_option("--point", in->point, context.say(kPoint));
  find->add_flag("--all-points", in->every_point, context.say(kEveryPoint))->excludes(one);
  add_point_options(*find, context, *in);
  in = std::make_shared<Arguments>();
  CLI::App* versions = add(app, context, "versions", kVersions, in, run_versions);
  versions->add_option("path", in->path, context.say(kPath))->required();
  add_point_options(*versions, context, *in);
  in = std::make_shared<Arguments>();
  CLI::App* changes = add(app, context, "changes", kChanges, in, run_changes);
  changes->add_option("point", in->point, context.say(kPoint));
  add_point_options(*changes, context, *in);
}

void add_restore_options(CLI::App& command, const Context& context, Arguments& arguments) {
  command.add_option("point", arguments.point, context.say(kPoint));
  command.add_option("path", arguments.paths, context.say(kPath));
  command.add_option("--include", arguments.pattern, context.say(kPattern));
  add_point_options(command, context, arguments);
}

void add_restore_commands(CLI::App& app, Context& context) {
  Shared in = std::make_shared<Arguments>();
  CLI::App* restore = add(app, context, "restore", kRestore, in, run_restore);
  CLI::Option* choose =
      restore->add_flag("-i,--interactive", in->interactive, context.say(kInteractive));
  restore->add_option("--to", in->to, context.say(kTo))->type_name("DIR")->excludes(choose);
  restore->add_option("--below", in->below, context.say(kBelow))
      ->type_name("FOLDER")
      ->excludes(choose);
  restore->add_option("--existing", in->existing, context.say(kExisting))->excludes(choose);
  restore->add_flag("--dry-run", in->dry_run, context.say(kDryRun))->excludes(choose);
  add_progress_option(*restore, context);
  add_restore_options(*restore, context, *in);
  for (const char* chosen : {"point", "path", "--include"}) {
    restore->get_option(chosen)->excludes(choose);
  }
  in = std::make_shared<Arguments>();
  CLI::App* archive = add(app, context, "export", kExport, in, run_export);
  archive->add_option("--to", in->to, context.say(kToFile))->required()->type_name("FILE");
  archive->add_option("--format", in->format, context.say(kFormat));
  add_restore_options(*archive, context, *in);
}

void add_plan_and_key_commands(CLI::App& app, Context& context) {
  CLI::App* plan = app.add_subcommand("plan", context.say(kPlan));
  plan->require_subcommand(1);
  add(*plan, context, "show", kPlanShow, std::make_shared<Arguments>(),
      [](Context& with, const Arguments& in) {
        return converse(with, in.socket, {{"command", "plan"}}, plan_text);
      });
  Shared in = std::make_shared<Arguments>();
  add(*plan, context, "check", kPlanCheck, in, run_plan_check)
      ->add_option("file", in->file, context.say(kPlanFile))
      ->required();
  CLI::App* key = app.add_subcommand("key", context.say(kKey));
  key->require_subcommand(1);
  in = std::make_shared<Arguments>();
  add(*key, context, "show-recovery", kKeyShow, in, run_key_show)
      ->add_option("--sheet", in->file, context.say(kSheetFile))
      ->type_name("FILE");
  in = std::make_shared<Arguments>();
  in->file = "-";
  add(*key, context, "confirm", kKeyConfirm, in, run_key_confirm)
      ->add_option("--key-file", in->file, context.say(kKeyFile))
      ->type_name("FILE");
  in = std::make_shared<Arguments>();
  add(*key, context, "add-passphrase", kAddPassphrase, in, run_add_passphrase)
      ->add_option("--new-key-file", in->file, context.say(kNewKeyFile))
      ->type_name("FILE");
  add_recovery_commands(*key, context);
}

}  // namespace

void add_managed_commands(CLI::App& app, Context& context) {
  add_daily_commands(app, context);
  add_pause_commands(app, context);
  add_browse_commands(app, context);
  add_restore_commands(app, context);
  add_mount_commands(app, context);
  add_grant_commands(app, context);
  add_update_commands(app, context);
  add_plan_and_key_commands(app, context);
}

}  // namespace obhut::cli
