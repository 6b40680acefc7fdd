#pragma once
// Keys and ids that are the same in every run.

#include <string>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/crypto/signing.h"
#include "agent/trust/trust_chain.h"

namespace obhut::trust {

inline crypto::SigningKey key_of(std::uint8_t number) {
  return crypto::SigningKey::from_seed(Bytes(32, number)).value();
}
template <class IdType>
IdType id_of(std::uint8_t number) {
  std::array<std::uint8_t, IdType::kSize> bytes{};
  bytes.fill(number);
  return IdType(bytes);
}
inline Instant at(std::string_view text) {
  return parse_time(text).value();
}

/// A partner with a root, two operators for plans, one for enrolment.
struct Partner {
  PartnerId id = id_of<PartnerId>(0xA0);
  CustomerId customer = id_of<CustomerId>(0xC0);
  crypto::SigningKey root = key_of(1);
  crypto::SigningKey anna = key_of(2);
  crypto::SigningKey bert = key_of(3);
  crypto::SigningKey enroller = key_of(4);
  Instant now = at("2026-06-01T12:00:00Z");

  [[nodiscard]] TrustList list(std::uint64_t serial = 1) const {
    constexpr auto kPlan = static_cast<std::uint8_t>(OperatorRole::kPlan);
    constexpr auto kEnroll = static_cast<std::uint8_t>(OperatorRole::kEnroll);
    TrustList out;
    out.partner = id;
    out.serial = serial;
    out.issued = at("2026-01-01T00:00:00Z");
    out.root = root.public_key();
    out.operators = {
        {anna.public_key(), "anna", kPlan, at("2027-01-01T00:00:00Z")},
        {bert.public_key(), "bert", kPlan, at("2027-01-01T00:00:00Z")},
        {enroller.public_key(), "emil", kEnroll, at("2027-01-01T00:00:00Z")},
    };
    return out;
  }
  [[nodiscard]] TrustChain chain() const { return chain_with(list()); }
  [[nodiscard]] TrustChain chain_with(const TrustList& list) const {
    TrustChain out = TrustChain::pinned_to(id, root.public_key());
    CHECK(out.update(make_trust_list(list, root)).has_value());
    return out;
  }
};

}  // namespace obhut::trust
