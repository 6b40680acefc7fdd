#pragma once
// The vault of a lost device, found in the cluster and opened by the installation that took its
// place: with a recovery key or passphrase, or by the partner's escrow.

#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/model/plan.h"
#include "agent/trust/escrow.h"
#include "agent/vault/key_slot.h"
#include "agent/vault/vault.h"
#include "service/endpoint/engine_parts.h"
#include "service/endpoint/vault_keeper.h"

namespace obhut::endpoint {

/// The code of the alert, and of the cluster's refusal, once another installation has the vault.
inline constexpr const char* kTakenOver = "vault-taken-over";

/// Thread: any; one recovery at a time.
class Recovery {
 public:
  explicit Recovery(EngineParts parts) : parts_(std::move(parts)) {}

  /// Asks the cluster what there is to recover. Nothing at all ends the waiting, for then nothing
  /// can be lost; else an alert stands until the keys come. Fine where nothing is waited for.
  /// Errors: those of the client.
  Result<void> look(std::stop_token stop);

  /// What was recovered: the newest point, from which the next backup goes on.
  struct Recovered {
    VaultId vault;
    std::uint64_t sequence = 0;
    Instant created{};
    DeviceId made_by;
    /// Why this device is not entered in the vault yet; the next backup does it.
    std::optional<Error> unfinished;
  };
  /// Opens the newest vault of this device that has points, or `vault`.
  /// Errors: kConflict where nothing is waited for; kNotFound where there is no such vault;
  /// kRefused where no slot opens with this key, or where the cluster shows what the lost device
  /// did not make.
  Result<Recovered> open_with_key(const vault::KeySource& key, const std::optional<VaultId>& vault,
                                  const std::optional<model::Escrow>& escrow, std::stop_token stop);

  /// A signed request for the partner. Repeated, it is the same one, until it was answered.
  /// Errors: also kNotFound where the vault has no escrow slot.
  struct Request {
    std::string text;
    VaultId vault;
    std::string fingerprint;
  };
  Result<Request> ask_escrow(const std::optional<VaultId>& vault, std::stop_token stop);

  /// Takes the partner's answer. In: `made_by` is the device whose signature the newest point
  /// bears, where that is an earlier one than the device that was replaced. Errors: kInvalidInput;
  /// kConflict where no request is open; kRefused for the answer to another request, and for keys
  /// that do not open what the lost device signed.
  Result<Recovered> open_with_answer(std::string_view answer,
                                     const std::optional<DeviceId>& made_by,
                                     const std::optional<model::Escrow>& escrow,
                                     std::stop_token stop);

  /// Gives the points of the lost device up; they stay in the cluster for retention. Also ends the
  /// alert of a vault that was taken over. Errors: kConflict where there is neither.
  Result<void> start_over();

  /// Of the request that is open, for the status.
  [[nodiscard]] std::optional<std::string> open_fingerprint() const;

 private:
  struct Pending {
    std::string text;
    trust::SignedEscrowRequest request;
    crypto::ExchangeKey key;
  };
  Result<wire::ListedVault> choose(const std::optional<VaultId>& vault, std::stop_token stop);
  Result<std::optional<Pending>> pending() const;
  Result<Pending> make_request(const VaultId& vault, std::stop_token stop);
  Result<void> forget_request();
  Result<vault::Point> newest_point(const wire::ListedVault& listed, const vault::Vault& vault,
                                    std::stop_token stop);
  Result<Recovered> take(const wire::ListedVault& listed, vault::Vault& vault, const WayIn& way,
                         const std::optional<DeviceId>& made_by,
                         const std::optional<model::Escrow>& escrow, std::stop_token stop);

  EngineParts parts_;
  mutable std::mutex mutex_;
};

}  // namespace obhut::endpoint
