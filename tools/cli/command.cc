#include "tools/cli/command.h"

#include <CLI/CLI.hpp>

namespace obhut::cli {
namespace {

constexpr Message kJson{"one JSON document on standard output",
                        "ein JSON-Dokument auf der Standardausgabe"};
constexpr Message kVault{"folder of the vault", "Ordner des Tresors"};
constexpr Message kKeyFile{
    "file with the passphrase or recovery key (-: standard input)",
    "Datei mit Passphrase oder Wiederherstellungsschlüssel (-: Standardeingabe)"};

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

void add_vault_options(CLI::App& command, const Context& context, VaultArguments& arguments) {
  command.add_option("--vault", arguments.vault, context.say(kVault))->required()->type_name("DIR");
  command.add_option("--key-file", arguments.key_file, context.say(kKeyFile))->type_name("FILE");
}

}  // namespace obhut::cli
