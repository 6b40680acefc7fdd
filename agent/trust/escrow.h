#pragma once
// Recovery by the partner's escrow key, which never leaves the partner: a fresh endpoint asks with
// the slots that only that key opens, and is answered with the vault's roots sealed to itself.
// Bytes: FORMAT.md, "Escrow".

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/signing.h"

namespace obhut::trust {

inline constexpr std::size_t kMaxEscrowSlots = 16;
inline constexpr std::size_t kMaxEscrowSlot = std::size_t{64} << 10U;  ///< bytes

/// obhut.escrow-request/1, signed by the device that asks.
struct EscrowRequest {
  DeviceId device;
  PartnerId partner;
  VaultId vault;
  crypto::ExchangeKeyId key;  ///< made for this request; its private half stays on the device
  Instant created{};
  std::vector<Bytes> slots;  ///< the vault's escrow slots, 1 to kMaxEscrowSlots
};

/// Times are kept to the second. In: `request.device` follows from the key.
std::string make_escrow_request(const EscrowRequest& request, const crypto::SigningKey& device_key);

struct SignedEscrowRequest {
  EscrowRequest request;
  Sha256 hash;  ///< of the text without white space around it
};
/// Proves that the device itself asks, not that it may: whether it is the machine that it says it
/// is, two people find out who compare the fingerprint.
/// Errors: kInvalidInput; kCrypto; kRefused where the key is another device's.
Result<SignedEscrowRequest> read_escrow_request(std::string_view text);

/// For people, who read it to each other: 80 bits of the hash as "ABCD-EFGH-IJKL-MNOP".
std::string fingerprint_of(const Sha256& request);

/// obhut.escrow-answer/1: what was sealed for the device that asked. Not signed: it proves itself,
/// since only the right roots open what the lost device signed.
struct EscrowAnswer {
  Sha256 request;
  Bytes sealed;
};
std::string make_escrow_answer(const EscrowAnswer& answer);
/// Errors: kInvalidInput.
Result<EscrowAnswer> read_escrow_answer(std::string_view text);

/// What the answer's seal is bound to: it opens for this request, device and vault alone.
std::string escrow_answer_context(const DeviceId& device, const VaultId& vault,
                                  const Sha256& request);

}  // namespace obhut::trust
