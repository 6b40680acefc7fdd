#pragma once
// What several `obhut vault` commands say alike.

#include <string>

#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/model/entry.h"
#include "agent/restore/report.h"
#include "agent/restore/selection.h"
#include "agent/vault/vault.h"
#include "tools/cli/context.h"

namespace obhut::cli {

/// How a point is shown: the first 16 digits of its head's hash.
std::string short_id(const Sha256& point);

/// A point by what the user typed, with its summary. Errors: kInvalidInput, kCorrupt, kCrypto.
struct ChosenPoint {
  Sha256 id;
  Instant created;
  model::Summary summary;
};
Result<ChosenPoint> choose_point(const Context& context, vault::Vault& vault,
                                 const std::string& text);

/// Paths and patterns as typed. Errors: kInvalidInput.
Result<restore::Selection> selection_of(const std::vector<std::string>& paths,
                                        const std::vector<std::string>& patterns);

/// "drwxr-xr-x"
std::string mode_text(const model::Entry& entry);

/// What could not be restored, and the exit code for it.
void tell_problems(Context& context, const restore::RestoreReport& report);

}  // namespace obhut::cli
