#pragma once
// The sealed part of a head, bound to its place in the chain.

#include "agent/base/result.h"
#include "agent/model/head.h"
#include "agent/model/summary.h"
#include "agent/seal/keyring.h"

namespace obhut::seal {

/// Sets `head.sealed_summary`; vault, device and sequence of `head` are bound into it.
Result<void> seal_summary(const Keyring& keyring, const model::Summary& summary, model::Head& head);
/// Errors: kCorrupt, kCrypto.
Result<model::Summary> open_summary(const Keyring& keyring, const model::Head& head);

}  // namespace obhut::seal
