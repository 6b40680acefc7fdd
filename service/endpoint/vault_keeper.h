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
  bool passphrase = false;          ///< somebody chose one, or opened it with one
  [[nodiscard]] bool recoverable() const { return escrow || recovery_confirmed || passphrase; }
};

/// By what a lost device's vault was opened, from outside that device.
struct WayIn {
  vault::SlotType type = vault::SlotType::kRecovery;
  std::string recovery_hash{};  ///< kRecovery: as hash_of() gives it
};

/// A device that took the place of a lost one waits for the keys of that one's vault: they are
/// brought (adopt) or given up (start_over). Until then it makes no vault, since whoever sees a
/// backup run believes that all is well.
///
/// Thread: any.
class VaultKeeper {
 public:
  /// In: `keys_folder`, where the key files lie that a plan may name.
  static Result<std::unique_ptr<VaultKeeper>> open(StateFolder& state, Clock& clock,
                                                   const Identity& identity,
                                                   crypto::SigningKey device_key,
                                                   std::string keys_folder);

  [[nodiscard]] bool waiting() const;
  /// Which vault is waited for, once the cluster said so: for messages alone.
  void await(const VaultId& vault);
  [[nodiscard]] std::optional<VaultId> awaited() const;
  /// Says what is waited for, and the ways out.
  [[nodiscard]] std::string waiting_message() const;
  /// Keeps the keys of the lost device's vault, which becomes this device's own; durable once ok.
  /// Errors: kConflict where nothing is waited for.
  Result<void> adopt(const seal::Keyring& keyring, const WayIn& way);
  /// Gives the lost device's vault up: this one makes a vault of its own.
  /// Errors: kConflict where nothing is waited for.
  Result<void> start_over();
  /// Another installation took `lost` over, on the partner's word. Its keys are laid aside, and the
  /// next call of cluster_vault() makes a new one. Fine where another vault is in use already.
  Result<void> abandon(const VaultId& lost);

  /// Of the vault in the cluster; made and kept durably on the first call.
  /// Errors: kRefused while waiting(); so with all that needs the vault.
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
  /// Forgets the key on this machine. Errors: kRefused for another key;
  /// kConflict where its slot is not in the cluster yet.
  Result<void> confirm_recovery_key(const vault::RecoveryKey& key);

  /// One more way into the vault in the cluster, as open_cluster() gave it. A passphrase that opens
  /// it already is taken as it is. Nothing of it stays on this machine.
  Result<void> add_passphrase(vault::Vault& vault, const vault::KeySource& passphrase,
                              std::stop_token stop);

  [[nodiscard]] Recoverability recoverability() const;

 private:
  VaultKeeper(StateFolder& state, Clock& clock, const Identity& identity, crypto::SigningKey key,
              std::string keys_folder)
      : state_(state),
        clock_(clock),
        device_(identity.device),
        replaces_(identity.replaces),
        key_(std::move(key)),
        keys_folder_(std::move(keys_folder)) {}
  struct Record {
    bool escrow = false;
    std::string escrow_key;        ///< whose slot is there
    std::string recovery_hash;     ///< SHA-256 of the recovery key's secret; "" before the first
    bool recovery_stored = false;  ///< its slot is in the cluster
    bool recovery_confirmed = false;
    bool passphrase = false;
    bool started_over = false;  ///< what a lost device left was given up
  };
  Result<void> load();
  Result<void> save(const Record& record);  // with mutex_ held
  Result<seal::Keyring> keyring();
  Result<void> store_keyring(const seal::Keyring& keyring);
  [[nodiscard]] std::string message_while_waiting() const;  // with mutex_ held
  Result<void> add_self(vault::Vault& vault, std::stop_token stop);
  Result<crypto::SecretBytes> machine_secret();
  Result<std::optional<vault::RecoveryKey>> recovery_key();
  Result<void> add_missing(vault::Vault& vault, const std::optional<model::Escrow>& escrow,
                           std::stop_token stop);
  Result<void> add_recovery(vault::Vault& vault, std::stop_token stop);
  Result<void> add_key_file(vault::Vault& vault, const std::string& name, std::stop_token stop);

  StateFolder& state_;
  Clock& clock_;
  DeviceId device_;
  std::optional<DeviceId> replaces_;
  crypto::SigningKey key_;
  std::string keys_folder_;
  mutable std::mutex mutex_;
  Record record_;
  bool waiting_ = false;
  std::optional<VaultId> awaited_;
};

/// The error of who asks for a recovery where nothing is waited for.
std::unexpected<Error> nothing_awaited();

/// Names a recovery key without giving it away.
std::string hash_of(const vault::RecoveryKey& key);

}  // namespace obhut::endpoint
