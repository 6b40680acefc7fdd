#include "service/cluster/level_changes.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "service/cluster/peaks.h"
#include "service/cluster/rating_inputs.h"
#include "service/cluster/storage_maximum.h"
#include "service/cluster/tenants.h"

namespace obhut::cluster {
namespace {

/// So that nobody waits long for the writer's turn.
constexpr std::size_t kAtOnce = 500;

struct Change {
  VaultId vault;
  CustomerId customer;
  billing::Location location{};
  std::uint64_t bytes = 0;
  Instant at{};
};

Result<std::vector<Change>> take_changes(sql::Session& session) {
  ASSIGN_OR_RETURN(const sql::Rows rows,
                   session.query("SELECT vault, location, at, event_id, customer, bytes"
                                 " FROM level_changes ORDER BY at, event_id, vault LIMIT :limit",
                                 {{"limit", kAtOnce}}));
  std::vector<Change> changes;
  std::vector<sql::Params> taken;
  for (const sql::Row& row : rows) {
    const auto location = billing::parse_location(row.text(1));
    if (!location) {
      return fail(ErrorKind::kCorrupt, "level of vault " + row.text(0) + ": no such location");
    }
    changes.push_back(
        {row.id<VaultId>(0), row.id<CustomerId>(4), *location, row.count(5), row.instant(2)});
    taken.push_back({{"vault", row.text(0)},
                     {"location", row.text(1)},
                     {"at", row.instant(2)},
                     {"event_id", row.text(3)}});
  }
  TRY(
      session.exec_each("DELETE FROM level_changes WHERE vault = :vault AND location = :location"
                        " AND at = :at AND event_id = :event_id",
                        taken));
  return changes;
}

Result<std::uint64_t> stored_sum(sql::Session& session, const CustomerId& customer,
                                 billing::Location location) {
  ASSIGN_OR_RETURN(
      const std::optional<sql::Row> row,
      session.query_one("SELECT COALESCE(SUM(bytes), 0) FROM stored_levels"
                        " WHERE customer = :customer AND location = :location",
                        {{"customer", customer}, {"location", billing::to_string(location)}}));
  return row->count(0);
}

/// One that is older than what is known, by another instance's clock, was not the last word.
Result<void> keep_level(sql::Session& session, const Change& change) {
  TRY(
      session.exec("INSERT INTO stored_levels (customer, location, vault, bytes, at)"
                   " VALUES (:customer, :location, :vault, :bytes, :at)"
                   " ON CONFLICT (customer, location, vault) DO UPDATE"
                   " SET bytes = excluded.bytes, at = excluded.at"
                   " WHERE stored_levels.at <= excluded.at",
                   {{"customer", change.customer},
                    {"location", billing::to_string(change.location)},
                    {"vault", change.vault},
                    {"bytes", change.bytes},
                    {"at", change.at}}));
  return {};
}

/// The partner's calendar; nothing where its price list cannot be read, so that no bill can be made
/// either: then no maximum of a month is known.
using Calendars = std::map<PartnerId, std::optional<billing::BillingCalendar>>;

Result<void> note_sum(sql::Session& session, Calendars& calendars, const Change& last,
                      std::uint64_t before, Instant now) {
  const Answer<Customer> customer = find_customer(session, last.customer);
  if (!customer) return fail(customer.error().kind, customer.error().detail);
  auto known = calendars.find(customer->partner);
  if (known == calendars.end()) {
    auto calendar = calendar_of(session, customer->partner);
    if (!calendar && calendar.error().kind != ErrorKind::kInvalidInput) {
      return std::unexpected(calendar.error());
    }
    known = calendars.emplace(customer->partner, std::nullopt).first;
    if (calendar) known->second = std::move(*calendar);
  }
  if (!known->second) return {};
  const billing::Month month = known->second->month_of(last.at);
  ASSIGN_OR_RETURN(const std::uint64_t sum, stored_sum(session, last.customer, last.location));
  ASSIGN_OR_RETURN(const Peak peak,
                   note_peak(session, last.customer, last.location, month, before, sum, last.at));
  if (!peak.is_new) return {};
  return announce_maximum(session, *customer, last.location, month, peak, sum, last.at, now);
}

Result<std::uint64_t> follow_some(sql::Session& session, Instant now) {
  ASSIGN_OR_RETURN(const std::vector<Change> changes, take_changes(session));
  std::map<std::pair<CustomerId, billing::Location>, std::vector<Change>> sums;
  for (const Change& change : changes) sums[{change.customer, change.location}].push_back(change);
  Calendars calendars;
  for (const auto& [key, list] : sums) {
    for (std::size_t i = 0; i < list.size();) {
      ASSIGN_OR_RETURN(const std::uint64_t before, stored_sum(session, key.first, key.second));
      const Instant at = list[i].at;
      for (; i < list.size() && list[i].at == at; ++i) TRY(keep_level(session, list[i]));
      TRY(note_sum(session, calendars, list[i - 1], before, now));
    }
  }
  return changes.size();
}

}  // namespace

Result<void> queue_level(sql::Session& session, const CustomerId& customer, const VaultId& vault,
                         billing::Location location, std::uint64_t bytes, std::string_view event_id,
                         Instant at) {
  TRY(
      session.exec("INSERT INTO level_changes (vault, location, at, event_id, customer, bytes)"
                   " VALUES (:vault, :location, :at, :event_id, :customer, :bytes)",
                   {{"vault", vault},
                    {"location", billing::to_string(location)},
                    {"at", at},
                    {"event_id", event_id},
                    {"customer", customer},
                    {"bytes", bytes}}));
  return {};
}

Result<std::uint64_t> follow_levels(sql::Database& database, const Clock& clock,
                                    const std::stop_token& stop) {
  std::uint64_t taken = 0;
  while (!stop.stop_requested()) {
    const auto waiting = database.read([](sql::Session& session) {
      return session.query_one("SELECT vault FROM level_changes LIMIT 1");
    });
    if (!waiting) return std::unexpected(waiting.error());
    if (!*waiting) break;
    const Result<std::uint64_t> done =
        database.write([&](sql::Session& session) { return follow_some(session, clock.now()); });
    if (!done) return done;
    taken += *done;
  }
  return taken;
}

}  // namespace obhut::cluster
