#pragma once
// obhut.envelope/1: a protection plan under operators' signatures.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/signing.h"

namespace obhut::trust {

/// One device, or all of a customer's that have no plan of their own.
using PlanTarget = std::variant<DeviceId, CustomerId>;

struct PlanEnvelope {
  PartnerId partner;
  PlanTarget target;
  std::uint64_t version = 0;  ///< grows with every plan for the target; from 1
  Instant issued{};
  Instant expires{};  ///< bounds acceptance; a plan in force stays in force
  std::optional<Instant> effective;
  std::string plan;  ///< obhut.plan/1, JSON text
};

/// In: `envelope.plan` is valid JSON; it is signed in the spelling of one line without spaces.
/// Times are kept to the second.
std::string make_envelope(const PlanEnvelope& envelope,
                          std::span<const crypto::SigningKey* const> operators);

struct SignedEnvelope {
  PlanEnvelope envelope;
  std::vector<SigningKeyId> signers;
  Sha256 hash;  ///< SHA-256 of the signed payload: names the plan in heads and reports
};
/// Proves the signatures, not the signers: plan_gate.h does.
/// Errors: kInvalidInput, kCrypto; kRefused where there is no signature.
Result<SignedEnvelope> read_envelope(std::string_view document);

}  // namespace obhut::trust
