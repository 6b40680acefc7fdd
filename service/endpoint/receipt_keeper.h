#pragma once
// The cluster's signatures under what is billed for this device: its activation, and the most that
// its vault held on each day. Kept as files that `tools/verify-bill --receipts` reads.

#include <span>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/result.h"
#include "agent/trust/receipt.h"
#include "agent/wire/control_client.h"
#include "service/endpoint/identity.h"
#include "service/endpoint/outbox.h"
#include "service/endpoint/state_folder.h"

namespace obhut::endpoint {

/// A receipt whose signature is not the cluster's, or that is about something else than was asked,
/// is not kept: an alert says so.
/// Thread: collect() one, kept() any.
class ReceiptKeeper {
 public:
  static constexpr std::chrono::hours kEvery{6};
  static constexpr std::chrono::minutes kAfterFailure{15};

  ReceiptKeeper(const StateFolder& state, Clock& clock, const Log& log, Outbox& outbox,
                const Identity& identity);

  /// Asks for what came since the newest kept of each vault, where that is due. Errors: those of
  /// the line and of writing files.
  Result<void> collect(wire::ControlClient& control, std::span<const VaultId> vaults,
                       const std::stop_token& stop);

  [[nodiscard]] const std::string& folder() const { return folder_; }
  /// Of storage, by day. What cannot be read any more is left out.
  [[nodiscard]] std::vector<trust::Receipt> kept() const;

 private:
  Result<void> ask(wire::ControlClient& control, const VaultId& vault, const std::stop_token& stop);
  Result<void> keep(const VaultId& vault, const std::string& text);
  [[nodiscard]] std::string newest_day(const VaultId& vault) const;

  Clock& clock_;
  const Log& log_;
  Outbox& outbox_;
  const Identity& identity_;
  std::string folder_;
  std::optional<std::chrono::steady_clock::time_point> due_;
};

}  // namespace obhut::endpoint
