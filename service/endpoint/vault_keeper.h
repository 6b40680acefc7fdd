#pragma once
// The vaults of this device and the ways into them: which exist, which are missing still.

#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/crypto/signing.h"
#include "agent/model/plan.h"
#include "agent/store/local_store.h"
#include "agent/vault/vault.h"
#include "service/endpoint/identity.h"
#include "service/endpoint/state_folder.h"

namespace obhut::endpoint {

/// Whether anybody but this machine could open the vault in the cluster.
struct Recoverability {
  bool escrow = false;              ///< the partner's escrow key opens it
  bool recovery_key_made = false;   ///< shown, perhaps
  bool recovery_confirmed = false;  ///< somebody typed the recovery key in again
  [[nodiscard]] bool recoverable() const { return escrow || recovery_confirmed; }
};

/// Thread: any.
class VaultKeeper {
 public:
  /// In: `keys_folder`, where the key files lie that a plan may name.
  static Result<std::unique_ptr<VaultKeeper>> open(StateFolder& state, Clock& clock,
                                                   const Identity& identity,
                                                   crypto::SigningKey device_key,
                                                   std::string keys_folder);

  /// Of the vault in the cluster; made and kept durably on the first call.
  Result<VaultId> cluster_vault();
  [[nodiscard]] vault::Vault::Writer writer() const;

  /// The vault in the cluster with every slot that it should have: the machine's, the escrow's, and
  /// the recovery key's where one was made. Slots go up before any data. Crash-safe: what is
  /// missing is added on the next call.
  Result<std::unique_ptr<vault::Vault>> open_cluster(store::Store& store,
                                                     const std::optional<model::Escrow>& escrow,
                                                     std::stop_token stop);
  /// To read from: adds nothing. Errors: kNotFound before the first backup.
  Result<std::unique_ptr<vault::Vault>> read_cluster(store::Store& store, std::stop_token stop);

  /// A plan's local target likewise; made where the folder is empty or missing.
  Result<std::unique_ptr<vault::Vault>> open_local(store::Store& store, const model::Target& target,
                                                   const std::optional<model::Escrow>& escrow,
                                                   std::stop_token stop);
  Result<std::unique_ptr<vault::Vault>> read_local(store::Store& store, std::stop_token stop);

  /// The recovery key as text, made on the first call; its slot goes up with open_cluster().
  /// Errors: kConflict once it was confirmed: it is on paper then and here no more.
  Result<std::string> show_recovery_key();
  /// Forgets the key on this machine. Errors: kInvalidInput for a typo; kRefused for another key;
  /// kConflict where its slot is not in the cluster yet.
  Result<void> confirm_recovery_key(std::string_view typed);

  [[nodiscard]] Recoverability recoverability() const;

 private:
  VaultKeeper(StateFolder& state, Clock& clock, const Identity& identity, crypto::SigningKey key,
              std::string keys_folder)
      : state_(state),
        clock_(clock),
        device_(identity.device),
        key_(std::move(key)),
        keys_folder_(std::move(keys_folder)) {}
  struct Record {
    bool escrow = false;
    std::string escrow_key;        ///< whose slot is there
    std::string recovery_hash;     ///< SHA-256 of the recovery key's secret; "" before the first
    bool recovery_stored = false;  ///< its slot is in the cluster
    bool recovery_confirmed = false;
  };
  Result<void> load();
  Result<void> save(const Record& record);  // with mutex_ held
  Result<seal::Keyring> keyring();
  Result<crypto::SecretBytes> machine_secret();
  Result<std::optional<vault::RecoveryKey>> recovery_key();
  Result<void> add_missing(vault::Vault& vault, const std::optional<model::Escrow>& escrow,
                           std::stop_token stop);
  Result<void> add_recovery(vault::Vault& vault, std::stop_token stop);
  Result<void> add_key_file(vault::Vault& vault, const std::string& name, std::stop_token stop);

  StateFolder& state_;
  Clock& clock_;
  DeviceId device_;
  crypto::SigningKey key_;
  std::string keys_folder_;
  mutable std::mutex mutex_;
  Record record_;
};

}  // namespace obhut::endpoint
