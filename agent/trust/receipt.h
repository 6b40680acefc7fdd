#pragma once
// Who said when: the endpoint reports its activation, the cluster countersigns what it received.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/signing.h"

namespace obhut::trust {

/// obhut.activation/1, signed by the device's key, which it thereby proves to hold. Sent again in
/// the same bytes until a receipt arrives.
struct ActivationReport {
  DeviceId device;
  SigningKeyId device_key;  ///< the signer
  PartnerId partner;
  CustomerId customer;
  Sha256 token_hash;
  std::string kind;
  Instant installed_at{};
  /// A hash of what the machine is, salted with the customer: tells a re-installation from a new
  /// machine, and says nothing about the machine.
  Sha256 hardware;
};
/// In: `report.device_key` is ignored, the signer's key is put there. Times to the microsecond.
std::string make_activation(const ActivationReport& report, const crypto::SigningKey& device_key);
/// Errors: kInvalidInput, kCrypto.
Result<ActivationReport> read_activation(std::string_view text);

enum class ReceiptKind : std::uint8_t {
  kActivation,
  kCommit,
  kStorage,  ///< the most that a vault held at a location on a day
};
/// Whose clock an activation date comes from (BILLING.md rule 10).
enum class ClockSource : std::uint8_t { kEndpoint, kReceipt };

/// obhut.receipt/1, signed by the cluster.
struct Receipt {
  ReceiptKind kind = ReceiptKind::kActivation;
  DeviceId device;
  Instant received_at{};
  /// SHA-256 of what was received: the activation's text, the head's bytes; for kStorage of the
  /// text of the ledger's event with which the level came to stand.
  Sha256 subject;
  // kActivation
  std::string workload;
  Instant activated_at{};
  ClockSource clock = ClockSource::kEndpoint;
  // kStorage
  std::string customer;  ///< its number, as on the bill
  std::string location;
  std::string day;  ///< "2026-03-05", local time of the partner's price list
  std::uint64_t bytes = 0;
  // kCommit, kStorage
  VaultId vault;
  // kCommit
  Sha256 head;  ///< the head's name in the vault
  std::uint64_t sequence = 0;
  friend bool operator==(const Receipt&, const Receipt&) = default;
};
std::string make_receipt(const Receipt& receipt, const crypto::SigningKey& cluster_key);
/// Errors: kInvalidInput, kCrypto; kRefused for another signer than `cluster_key`.
Result<Receipt> read_receipt(std::string_view text, const SigningKeyId& cluster_key);

}  // namespace obhut::trust
