#pragma once
// `obhut vault …`: works on a vault in a folder, without daemon or cluster.

namespace CLI {
class App;
}

namespace obhut::cli {

struct Context;

/// Adds the group `vault` to `app`. Both must outlive the parsing.
void add_vault_commands(CLI::App& app, Context& context);

// The parts of the group, a file each.
void add_vault_backup(CLI::App& vault, Context& context);   ///< init, backup
void add_vault_restore(CLI::App& vault, Context& context);  ///< restore, export
void add_vault_browse(CLI::App& vault, Context& context);   ///< points, ls, find
void add_vault_care(CLI::App& vault, Context& context);     ///< check, repair
void add_vault_prune(CLI::App& vault, Context& context);    ///< prune
void add_vault_keys(CLI::App& vault, Context& context);     ///< key …

}  // namespace obhut::cli
