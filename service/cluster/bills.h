#pragma once
// A partner's bills, from its ledger and price list by the code that `obhut-cluster rate` runs, and
// the closing of months.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/crypto/signing.h"
#include "service/billing/month.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

enum class BillForm : std::uint8_t {
  kJson,
  kCsv,
  kFocus,  ///< CSV in columns of FOCUS
};

/// As it was closed: never changed afterwards.
struct ClosedMonth {
  billing::Month month;
  std::string bill;     ///< its bytes
  Sha256 prices;        ///< of the price list it was rated with
  std::string closing;  ///< closing_document.h
};
/// In order.
Result<std::vector<ClosedMonth>> closed_months(sql::Session& session, const PartnerId& partner);

/// Price lists stay, so that a bill can be rated again with the one that it was rated with.
Result<void> keep_price_list(sql::Session& session, const PartnerId& partner,
                             const std::string& document, Instant now);

/// Thread: any.
class Bills {
 public:
  Bills(sql::Database& database, const Clock& clock, const crypto::SigningKey& cluster_key)
      : database_(database), clock_(clock), cluster_key_(cluster_key) {}

  /// Of a closed month the bill that was closed; else the month to date, with corrections where it
  /// follows the last one closed. In: "2026-03".
  /// Errors: 404 no-prices; 422 for a month that is none, and what the rating says.
  Answer<std::string> bill(const PartnerId& partner, std::string_view month, BillForm form);

  /// Closes a month: its bill is stored with the chain's head and signed. Closed again it answers
  /// with what was closed. A partner's first closed month is the one named; from then on each
  /// follows the one before.
  /// Errors: 409 month-not-over, month-out-of-order; as bill().
  Answer<ClosedMonth> close(const PartnerId& partner, std::string_view month);
  Answer<std::vector<ClosedMonth>> closed(const PartnerId& partner);

 private:
  sql::Database& database_;
  const Clock& clock_;
  const crypto::SigningKey& cluster_key_;
};

}  // namespace obhut::cluster
