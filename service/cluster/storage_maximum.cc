#include "service/cluster/storage_maximum.h"

#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"
#include "service/cluster/webhook_outbox.h"

namespace obhut::cluster {
namespace {

constexpr std::uint64_t kGigabyte = 1'000'000'000;

/// What the next one of the month is measured against.
Result<std::optional<std::uint64_t>> last_told(sql::Session& session, const sql::Params& key) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                   session.query_one("SELECT bytes FROM webhook_maxima WHERE webhook = :webhook"
                                     " AND customer = :customer AND location = :location"
                                     " AND month = :month",
                                     key));
  return row ? std::optional(row->count(0)) : std::nullopt;
}

Result<void> keep_told(sql::Session& session, sql::Params row, std::uint64_t bytes) {
  row.emplace_back("bytes", bytes);
  TRY(
      session.exec("INSERT INTO webhook_maxima (webhook, customer, location, month, bytes)"
                   " VALUES (:webhook, :customer, :location, :month, :bytes)"
                   " ON CONFLICT (webhook, customer, location)"
                   " DO UPDATE SET month = excluded.month, bytes = excluded.bytes",
                   row));
  return {};
}

}  // namespace

std::uint64_t worth_telling(std::uint64_t last_told) {
  return std::max(last_told / 10, kGigabyte);
}

Result<void> announce_maximum(sql::Session& session, const Customer& customer,
                              billing::Location location, billing::Month month, const Peak& peak,
                              std::uint64_t sum, Instant at, Instant now) {
  ASSIGN_OR_RETURN(const std::vector<Webhook> hooks, webhooks_of(session, customer.partner));
  for (const Webhook& hook : hooks) {
    if (!hook.wants(kStorageMaximumEvent) || sum <= hook.threshold_bytes) continue;
    const sql::Params key = {{"webhook", hook.id},
                             {"customer", customer.id},
                             {"location", billing::to_string(location)},
                             {"month", month.text()}};
    if (peak.before > hook.threshold_bytes) {
      ASSIGN_OR_RETURN(std::optional<std::uint64_t> told, last_told(session, key));
      if (!told) {
        // The month began above the threshold, or the hook is new: that is no news, growth is.
        TRY(keep_told(session, key, peak.before));
        told = peak.before;
      }
      if (sum < *told + worth_telling(*told)) continue;
    }
    TRY(keep_told(session, key, sum));
    const nlohmann::ordered_json data = {{"customer", customer.number},
                                         {"location", billing::to_string(location)},
                                         {"month", month.text()},
                                         {"bytes", sum},
                                         {"threshold_bytes", hook.threshold_bytes},
                                         {"at", format_time(at)}};
    const std::string id = "storage-maximum-" + customer.id.text() + "-" +
                           std::string(billing::to_string(location)) + "-" + month.text() + "-" +
                           std::to_string(sum);
    TRY(announce_to(session, hook.id, kStorageMaximumEvent, id, data.dump(), now));
  }
  return {};
}

}  // namespace obhut::cluster
