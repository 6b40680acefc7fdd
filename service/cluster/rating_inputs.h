#pragma once
// All that a partner's bill follows from, out of the database.

#include <functional>
#include <string>
#include <vector>

#include "agent/base/ids.h"
#include "service/billing/bill.h"
#include "service/billing/event_set.h"
#include "service/billing/ledger.h"
#include "service/billing/price_list.h"
#include "service/cluster/bills.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

struct RatingInputs {
  billing::LedgerHead head;  ///< the last of the events
  billing::EventSet events;
  billing::PriceList prices;
  std::string prices_text;
  std::vector<billing::ClosedBill> closed;
  std::vector<ClosedMonth> closed_months;
};

/// The newest. Errors: 404 no-prices.
Answer<billing::PriceList> price_list_of(sql::Session& session, const PartnerId& partner);
Answer<billing::PriceList> price_list_of(sql::Database& database, const PartnerId& partner);

/// The chain's rows up to `last_row`, where `keep` wants their event's text (all, where it is
/// empty), and lines made up beside them. Errors: kInvalidInput for events that a rating cannot
/// take.
Result<billing::EventSet> ledger_events(sql::Database& database, const PartnerId& partner,
                                        std::uint64_t last_row, std::string_view more_events = {},
                                        const std::function<bool(std::string_view)>& keep = {});

/// Of the newest price list, all that was committed to the ledger by now, and all months closed.
/// Errors: 404 no-prices, kInvalidInput for events that a rating cannot take.
Answer<RatingInputs> rating_inputs(sql::Database& database, const PartnerId& partner);

/// Of the newest price list; a usual one where the partner has none yet.
/// Errors: kInvalidInput for a list that cannot be read.
Result<billing::BillingCalendar> calendar_of(sql::Session& session, const PartnerId& partner);

/// In: "2026-03". Errors: 422 invalid-month.
Answer<billing::Month> month_in(std::string_view text);

}  // namespace obhut::cluster
