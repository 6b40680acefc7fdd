#include "tools/cli/vault_commands.h"

#include <CLI/CLI.hpp>

#include "tools/cli/context.h"

namespace obhut::cli {
namespace {

constexpr Message kVault{"work on a vault in a folder, without daemon or cluster",
                         "mit einem Tresor in einem Ordner arbeiten, ohne Dienst und Cluster"};

}  // namespace

void add_vault_commands(CLI::App& app, Context& context) {
  CLI::App* vault = app.add_subcommand("vault", context.say(kVault));
  vault->require_subcommand(1);
  add_vault_backup(*vault, context);
  add_vault_restore(*vault, context);
  add_vault_browse(*vault, context);
  add_vault_care(*vault, context);
  add_vault_prune(*vault, context);
  add_vault_keys(*vault, context);
}

}  // namespace obhut::cli
