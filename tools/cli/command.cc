#include "tools/cli/command.h"

#include <map>
#include <string>

#include <CLI/CLI.hpp>

namespace obhut::cli {
namespace {

constexpr Message kJson{"one JSON document on standard output",
                        "ein JSON-Dokument auf der Standardausgabe"};
constexpr Message kVault{"folder of the vault", "Ordner des Tresors"};
constexpr Message kReadableVault{
    "folder of the vault, or https://HOST:PORT#PIN for one in the cluster",
    "Ordner des Tresors, oder https://HOST:PORT#PIN für einen im Cluster"};
constexpr Message kSheetFile{"recovery sheet: names the vault and holds its recovery key",
                             "Wiederherstellungsblatt: nennt den Tresor und enthält seinen "
                             "Wiederherstellungsschlüssel"};
constexpr Message kKeyFile{
    "file with the passphrase or recovery key (-: standard input)",
    "Datei mit Passphrase oder Wiederherstellungsschlüssel (-: Standardeingabe)"};

constexpr Message kProgressWhen{
    "show how far it is: auto (on a terminal), always (with --json: JSON lines), never",
    "zeigen, wie weit es ist: auto (auf einem Terminal), always (mit --json: JSON-Zeilen), never"};

}  // namespace

CLI::App* add_command(CLI::App& parent, Context& context, const std::string& name,
                      const Message& help, std::function<Result<void>()> body) {
  CLI::App* command = parent.add_subcommand(name, context.say(help));
  command->add_flag("--json", context.json, context.say(kJson));
  command->callback([&context, body = std::move(body)] {
    if (Result<void> done = body(); !done) report_error(context, done.error());
  });
  return command;
}

void add_progress_option(CLI::App& command, Context& context) {
  static const std::map<std::string, ProgressMode> kModes = {{"auto", ProgressMode::kAuto},
                                                             {"always", ProgressMode::kAlways},
                                                             {"never", ProgressMode::kNever}};
  command
      .add_option_function<std::string>(
          "--progress", [&context](const std::string& word) { context.progress = kModes.at(word); },
          context.say(kProgressWhen))
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN");
}

void add_vault_options(CLI::App& command, const Context& context, VaultArguments& arguments) {
  command.add_option("--vault", arguments.vault, context.say(kVault))->required()->type_name("DIR");
  command.add_option("--key-file", arguments.key_file, context.say(kKeyFile))->type_name("FILE");
}

void add_readable_vault_options(CLI::App& command, const Context& context,
                                VaultArguments& arguments) {
  command.add_option("--vault", arguments.vault, context.say(kReadableVault))
      ->type_name("DIR|URL#PIN");
  CLI::Option* key = command.add_option("--key-file", arguments.key_file, context.say(kKeyFile))
                         ->type_name("FILE");
  command.add_option("--sheet", arguments.sheet, context.say(kSheetFile))
      ->type_name("FILE")
      ->excludes(key);
}

}  // namespace obhut::cli
