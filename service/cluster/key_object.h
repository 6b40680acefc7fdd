#pragma once
// What the cluster may know about a key object: its header is plain (agent/vault/FORMAT.md).

#include "agent/base/bytes.h"

namespace obhut::cluster {

/// True for a slot that somebody outside the device can open: the partner's escrow. That a recovery
/// key is held by somebody the agent says itself, once it was confirmed.
bool is_outside_slot(ByteView key_object);

}  // namespace obhut::cluster
