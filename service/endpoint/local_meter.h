#pragma once
// Measures the vaults at the customer's own places, signs what it found, and tells the cluster:
// nobody else sees them.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/result.h"
#include "agent/store/local_store.h"
#include "agent/vault/vault.h"
#include "agent/wire/control_client.h"
#include "service/endpoint/identity.h"
#include "service/endpoint/state_folder.h"
#include "service/endpoint/vault_keeper.h"

namespace obhut::endpoint {

/// A local vault as it was last measured.
struct LocalVault {
  VaultId vault;
  std::string path;
  std::string file_system;  ///< that it lay on: platform::file_system_id()
  std::uint64_t bytes = 0;
  Instant measured_at{};
  std::uint64_t number = 0;  ///< of the newest measurement
  bool told = false;         ///< the cluster has it
};

/// Thread: any.
class LocalMeter {
 public:
  /// All vaults are measured anew that often: what somebody deletes by hand shows.
  static constexpr std::chrono::hours kScanEvery{24 * 7};

  static Result<std::unique_ptr<LocalMeter>> open(StateFolder& state, Clock& clock, const Log& log,
                                                  VaultKeeper& keeper, const Identity& identity);

  /// After a run.
  Result<void> measure(const std::string& path, vault::Vault& vault, const std::stop_token& stop);
  /// Measures again what is known, where the last scan is kScanEvery ago. A vault that is gone from
  /// its file system holds 0 bytes; where the file system itself is gone (a disk that was taken
  /// out, a share that is not mounted) the last measurement stands.
  Result<void> scan_if_due(const std::stop_token& stop);
  /// Tells what was measured and not told yet. Errors: those of the client; what was not taken
  /// waits on.
  Result<void> send(wire::ControlClient& cluster, const std::stop_token& stop);

  [[nodiscard]] std::vector<LocalVault> vaults() const;

 private:
  LocalMeter(StateFolder& state, Clock& clock, const Log& log, VaultKeeper& keeper,
             const Identity& identity)
      : state_(state), clock_(clock), log_(log), keeper_(keeper), identity_(identity) {}
  Result<void> load();
  Result<void> save();  // with mutex_ held
  Result<void> note(const VaultId& vault, const std::string& path, std::uint64_t bytes);
  Result<std::optional<std::uint64_t>> look_again(const LocalVault& known,
                                                  const std::stop_token& stop);
  Result<bool> tell(wire::ControlClient& cluster, LocalVault& vault, const std::stop_token& stop);

  StateFolder& state_;
  Clock& clock_;
  Log log_;
  VaultKeeper& keeper_;
  const Identity& identity_;
  mutable std::mutex mutex_;
  std::vector<LocalVault> vaults_;
  std::optional<Instant> scanned_;
};

}  // namespace obhut::endpoint
