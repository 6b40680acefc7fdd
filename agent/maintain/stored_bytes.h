#pragma once
// What a local vault is metered by: the bytes that its kept points need.

#include <cstdint>
#include <stop_token>
#include <string>

#include "agent/base/result.h"
#include "agent/vault/vault.h"

namespace obhut::maintain {

/// Bytes of the packs, index objects and heads that kept points need and that are there. What a run
/// that was cut off left, and what a repack superseded, does not count; nor does what somebody
/// removed by hand. In: where the vault's index is cached; "" for nowhere.
/// Errors: those of the store of the retrying kinds; kCancelled.
Result<std::uint64_t> stored_bytes(vault::Vault& vault, const std::string& cache_directory,
                                   const std::stop_token& stop);

}  // namespace obhut::maintain
