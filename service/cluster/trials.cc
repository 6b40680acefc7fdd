#include "service/cluster/trials.h"

#include <map>

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"
#include "service/cluster/rating_inputs.h"
#include "service/cluster/webhook_outbox.h"

namespace obhut::cluster {
namespace {

struct OpenTrial {
  CustomerId customer;
  PartnerId partner;
  std::string number;
  Instant started{};
  std::optional<Instant> deleted;
};

Result<std::vector<OpenTrial>> open_trials(sql::Database& database) {
  ASSIGN_OR_RETURN(const sql::Rows rows, database.read([](sql::Session& session) {
    return session.query(
        "SELECT customers.id, partner, number, started, deleted FROM open_trials"
        " JOIN customers ON customers.id = open_trials.customer ORDER BY started");
  }));
  std::vector<OpenTrial> trials;
  for (const sql::Row& row : rows) {
    trials.push_back({row.id<CustomerId>(0), row.id<PartnerId>(1), row.text(2), row.instant(3),
                      row.maybe_instant(4)});
  }
  return trials;
}

Answer<Instant> end_of(const billing::PriceList& prices, Instant started) {
  const billing::BillingCalendar& calendar = prices.calendar();
  ASSIGN_OR_RETURN(const billing::Policy* policy,
                   prices.policy_of(calendar.month_of(started), "in which a trial starts"));
  return calendar.plus_days(started, policy->trial_days);
}

/// True for the one that ended it: another instance may look at the same time.
Result<bool> close(sql::Database& database, const OpenTrial& trial, Instant end, Instant now) {
  const bool converted = !trial.deleted || *trial.deleted > end;
  return database.write([&](sql::Session& session) -> Result<bool> {
    ASSIGN_OR_RETURN(const std::uint64_t closed,
                     session.exec("DELETE FROM open_trials WHERE customer = :customer",
                                  {{"customer", trial.customer}}));
    if (closed == 0 || !converted) return false;
    const nlohmann::ordered_json data = {{"customer", trial.number},
                                         {"trial_started", format_time(trial.started)},
                                         {"converted", format_time(end)}};
    TRY(announce(session, trial.partner, kTrialConvertedEvent,
                 "trial-converted-" + trial.customer.text(), data.dump(), now));
    return true;
  });
}

}  // namespace

Result<void> open_trial(sql::Session& session, const Customer& customer, Instant now) {
  TRY(
      session.exec("INSERT INTO open_trials (customer, started) SELECT id, :now FROM customers"
                   " WHERE id = :id AND NOT EXISTS (SELECT 1 FROM customers AS before"
                   " WHERE before.partner = customers.partner"
                   " AND before.number = customers.number AND before.created < customers.created)"
                   " ON CONFLICT (customer) DO NOTHING",
                   {{"now", now}, {"id", customer.id}}));
  return {};
}

Answer<std::optional<Instant>> trial_end(sql::Database& database, const CustomerId& customer) {
  using End = std::optional<Instant>;
  return database.read([&](sql::Session& session) -> Answer<End> {
    ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                     session.query_one("SELECT partner, started FROM open_trials"
                                       " JOIN customers ON customers.id = open_trials.customer"
                                       " WHERE open_trials.customer = :customer",
                                       {{"customer", customer}}));
    if (!row) return End{};
    const Answer<billing::PriceList> prices = price_list_of(session, row->id<PartnerId>(0));
    const Answer<Instant> end = prices ? end_of(*prices, row->instant(1))
                                       : Answer<Instant>(std::unexpected(prices.error()));
    return end ? End(*end) : End{};
  });
}

Result<std::uint64_t> convert_trials(sql::Database& database, Instant now, const Log& log) {
  ASSIGN_OR_RETURN(const std::vector<OpenTrial> trials, open_trials(database));
  std::map<PartnerId, Answer<billing::PriceList>> lists;
  std::uint64_t converted = 0;
  for (const OpenTrial& trial : trials) {
    const auto known = lists.find(trial.partner);
    const Answer<billing::PriceList>& prices =
        known != lists.end()
            ? known->second
            : lists.emplace(trial.partner, price_list_of(database, trial.partner)).first->second;
    const Answer<Instant> end =
        prices ? end_of(*prices, trial.started) : Answer<Instant>(std::unexpected(prices.error()));
    if (!end) {
      if (end.error().code != "no-prices") {
        log.warn("end of a trial not known", field("partner", trial.partner),
                 field("error", end.error().detail));
      }
      continue;
    }
    if (*end > now) continue;
    ASSIGN_OR_RETURN(const bool done, close(database, trial, *end, now));
    converted += done ? 1 : 0;
  }
  return converted;
}

}  // namespace obhut::cluster
