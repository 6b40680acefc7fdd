#pragma once
// A new installation takes the place of one that was lost: its licence and its vaults, on the word
// of the partner (a registration token that names it), and on nothing less.

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/trust/receipt.h"
#include "service/cluster/devices.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

/// The device that a token names, fit to be replaced. A removed one is, since its recovery points
/// stay: the new device then begins a licence of its own.
/// Errors: 422 replaces-unknown, also for another customer's device: ids are not to be guessed;
/// 409 device-replaced naming the device that has the vaults now.
Answer<Device> replaceable_device(sql::Session& session, const DeviceId& id,
                                  const CustomerId& customer);

/// Lets the new installation into the workload of `old`, which is not removed: every installation
/// that presented it so far is superseded, and the workload is found by the new hardware from now
/// on. Nothing is written to the ledger: it is the same licence.
Result<void> take_place(sql::Session& session, const Device& old, const Sha256& hardware,
                        Instant now);

/// Gives all vaults of `old` to `heir`, which is enrolled already. Tickets that the old device
/// holds are worth nothing any more. Errors: kConflict where another one was faster.
Result<void> hand_over_vaults(sql::Session& session, const Device& old, const DeviceId& heir,
                              Instant now);

/// Whether the vault was this device's until another one took its place.
Result<bool> had_vault(sql::Session& session, const VaultId& vault, const DeviceId& device);

}  // namespace obhut::cluster
