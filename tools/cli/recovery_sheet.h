#pragma once
// The recovery sheet: a text file, or paper, with all that a vault's recovery on bare hands needs.

#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/vault/key_slot.h"
#include "tools/cli/cluster_vault.h"
#include "tools/cli/context.h"

namespace obhut::cli {

struct RecoverySheet {
  ClusterPlace place;
  vault::RecoveryKey key;
};

/// What it is for, for whom, the two lines that are read again, and what to do on the bad day.
/// A secret.
std::string sheet_text(const Context& context, const RecoverySheet& sheet, std::string_view device,
                       Instant made);
/// Reads the lines "vault:" and "key:", typed off paper too. Errors: kInvalidInput naming the line.
Result<RecoverySheet> parse_sheet(std::string_view text);
/// Errors: those of parse_sheet() and read_named_file(), naming the file.
Result<RecoverySheet> read_sheet(const std::string& file);

}  // namespace obhut::cli
