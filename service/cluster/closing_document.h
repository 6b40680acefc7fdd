#pragma once
// The provider's word on a closed month: which bill, from which events and prices.

#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/signing.h"
#include "service/billing/ledger.h"
#include "service/billing/month.h"

namespace obhut::cluster {

inline constexpr std::string_view kClosingType = "obhut.closing+jws";

/// obhut.closing/1, signed by the cluster. Source: service/billing/FORMAT.md section 4.
struct Closing {
  PartnerId partner;
  billing::Month month;
  Sha256 bill;               ///< of the bill's bytes
  Sha256 prices;             ///< of the price list's bytes
  billing::LedgerHead head;  ///< the last row that was rated
  Sha256 previous;           ///< of the text of the closing before; zero for the first
  Instant closed_at{};
  friend bool operator==(const Closing&, const Closing&) = default;
};

std::string make_closing(const Closing& closing, const crypto::SigningKey& cluster_key);
/// Errors: kInvalidInput, kCrypto; kRefused for another signer than `cluster_key`.
Result<Closing> read_closing(std::string_view text, const SigningKeyId& cluster_key);

}  // namespace obhut::cluster
