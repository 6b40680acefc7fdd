#pragma once
// Index objects without the packs that are gone.

#include <cstdint>
#include <stop_token>

#include "agent/base/result.h"
#include "agent/vault/vault.h"

namespace obhut::maintain {

/// Writes index objects anew of which a fifth and more tells of packs that the store does not have,
/// and small ones where there are many; the old ones are superseded, and replaced for heads up to
/// `until`. A head that names one of them afterwards keeps it. Out: how many were superseded.
/// Errors: those of the store; kCrypto; kCancelled.
Result<std::uint64_t> rewrite_index(vault::Vault& vault, const vault::IndexCache& index,
                                    std::uint64_t until, const std::stop_token& stop);

}  // namespace obhut::maintain
