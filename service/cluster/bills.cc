#include "service/cluster/bills.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/crypto/digest.h"
#include "service/billing/rate.h"
#include "service/cluster/closing_document.h"
#include "service/cluster/rating_inputs.h"
#include "service/cluster/webhook_outbox.h"

namespace obhut::cluster {
namespace {

const ClosedMonth* find(const std::vector<ClosedMonth>& months, billing::Month month) {
  const auto at = std::ranges::find(months, month, &ClosedMonth::month);
  return at == months.end() ? nullptr : &*at;
}

std::string text_of(const billing::Bill& bill, const billing::PriceList& prices, BillForm form) {
  if (form == BillForm::kCsv) return billing::bill_to_csv(bill);
  if (form == BillForm::kFocus) return billing::bill_to_focus(bill, prices.calendar());
  return billing::bill_to_json(bill);
}

/// So that a message stays small; the bill has them all.
constexpr std::size_t kMostTotalsTold = 1000;

Result<void> announce_closed(sql::Session& session, const PartnerId& partner,
                             const billing::Bill& bill, const Sha256& hash, Instant now) {
  std::int64_t sum = 0;
  nlohmann::ordered_json totals = nlohmann::ordered_json::array();
  for (const billing::CustomerTotal& total : bill.totals) {
    if (__builtin_add_overflow(sum, total.amount_cents, &sum)) {
      return fail(ErrorKind::kInvalidInput, "the bill's total does not fit into 64 bits of cents");
    }
    totals.push_back({{"customer", total.customer}, {"amount_cents", total.amount_cents}});
  }
  nlohmann::ordered_json data = {{"month", bill.month.text()},
                                 {"bill_sha256", hash.text()},
                                 {"currency", bill.currency},
                                 {"amount_cents", sum},
                                 {"customers", bill.totals.size()}};
  if (totals.size() <= kMostTotalsTold) data["totals"] = std::move(totals);
  return announce(session, partner, kMonthClosedEvent,
                  "month-closed-" + partner.text() + "-" + bill.month.text(), data.dump(), now);
}

}  // namespace

Result<std::vector<ClosedMonth>> closed_months(sql::Session& session, const PartnerId& partner) {
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   session.query("SELECT month, bill, prices, closing FROM closed_months"
                                 " WHERE partner = :partner ORDER BY month",
                                 {{"partner", partner}}));
  std::vector<ClosedMonth> months;
  for (const sql::Row& row : rows) {
    const auto month = billing::Month::parse(row.text(0));
    if (!month) return fail(ErrorKind::kCorrupt, "closed month " + row.text(0) + ": is no month");
    months.push_back({*month, row.text(1), row.id<Sha256>(2), row.text(3)});
  }
  return months;
}

Result<void> keep_price_list(sql::Session& session, const PartnerId& partner,
                             const std::string& document, Instant now) {
  TRY(
      session.exec("INSERT INTO price_lists (partner, hash, document, set_at)"
                   " VALUES (:partner, :hash, :document, :set_at)"
                   " ON CONFLICT (partner, hash) DO NOTHING",
                   {{"partner", partner},
                    {"hash", crypto::sha256(as_bytes(document))},
                    {"document", document},
                    {"set_at", now}}));
  return {};
}

Answer<std::vector<ClosedMonth>> Bills::closed(const PartnerId& partner) {
  return database_.read([&](sql::Session& session) -> Answer<std::vector<ClosedMonth>> {
    ASSIGN_OR_RETURN(std::vector<ClosedMonth> months, closed_months(session, partner));
    return months;
  });
}

Answer<std::string> Bills::bill(const PartnerId& partner, std::string_view month_text,
                                BillForm form) {
  ASSIGN_OR_RETURN(const billing::Month month, month_in(month_text));
  ASSIGN_OR_RETURN(const std::vector<ClosedMonth> months, closed(partner));
  if (const ClosedMonth* done = find(months, month)) {
    if (form == BillForm::kJson) return done->bill;
    ASSIGN_OR_RETURN(const billing::Bill bill, billing::bill_of_json("closed bill", done->bill));
    ASSIGN_OR_RETURN(const billing::PriceList prices, price_list_of(database_, partner));
    return text_of(bill, prices, form);
  }
  ASSIGN_OR_RETURN(const RatingInputs inputs, rating_inputs(database_, partner));
  ASSIGN_OR_RETURN(const billing::Bill bill,
                   billing::rate(inputs.events, inputs.prices, month, inputs.closed));
  return text_of(bill, inputs.prices, form);
}

// Rated outside of any transaction, for as long as it takes: rows up to the head do not change any
// more, and that no other month was closed meanwhile is looked at in the end.
Answer<ClosedMonth> Bills::close(const PartnerId& partner, std::string_view month_text) {
  ASSIGN_OR_RETURN(const billing::Month month, month_in(month_text));
  ASSIGN_OR_RETURN(const RatingInputs inputs, rating_inputs(database_, partner));
  const std::vector<ClosedMonth>& before = inputs.closed_months;
  if (const ClosedMonth* done = find(before, month)) return *done;
  if (!before.empty() && month != before.back().month.next()) {
    return refuse(409, "month-out-of-order",
                  "months close in order: the next one is " + before.back().month.next().text());
  }
  const Instant now = clock_.now();
  if (now < inputs.prices.calendar().start_of(month.next())) {
    return refuse(409, "month-not-over", month.text() + " is not over yet");
  }
  ASSIGN_OR_RETURN(const billing::Bill bill,
                   billing::rate(inputs.events, inputs.prices, month, inputs.closed));
  ClosedMonth closed{
      month, billing::bill_to_json(bill), crypto::sha256(as_bytes(inputs.prices_text)), {}};
  Closing closing;
  closing.partner = partner;
  closing.month = month;
  closing.bill = crypto::sha256(as_bytes(closed.bill));
  closing.prices = closed.prices;
  closing.head = inputs.head;
  if (!before.empty()) closing.previous = crypto::sha256(as_bytes(before.back().closing));
  closing.closed_at = now;
  closed.closing = make_closing(closing, cluster_key_);
  return database_.write([&](sql::Session& session) -> Answer<ClosedMonth> {
    ASSIGN_OR_RETURN(const std::vector<ClosedMonth> months, closed_months(session, partner));
    if (const ClosedMonth* done = find(months, month)) return *done;
    if (months.size() != before.size()) {
      return refuse(409, "month-out-of-order", "another month was closed just now; try again");
    }
    TRY(keep_price_list(session, partner, inputs.prices_text, now));
    TRY(
        session.exec("INSERT INTO closed_months (partner, month, bill, prices, rows_rated, head,"
                     " closing, closed) VALUES (:partner, :month, :bill, :prices, :rows_rated,"
                     " :head, :closing, :closed)",
                     {{"partner", partner},
                      {"month", month.text()},
                      {"bill", closed.bill},
                      {"prices", closed.prices},
                      {"rows_rated", inputs.head.sequence},
                      {"head", inputs.head.hash},
                      {"closing", closed.closing},
                      {"closed", now}}));
    TRY(announce_closed(session, partner, bill, closing.bill, now));
    return closed;
  });
}

}  // namespace obhut::cluster
