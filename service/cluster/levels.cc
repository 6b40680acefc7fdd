#include "service/cluster/levels.h"

#include <algorithm>
#include <map>

#include "agent/crypto/digest.h"
#include "agent/trust/receipt.h"
#include "service/billing/event_text.h"
#include "service/cluster/kept_heads.h"
#include "service/cluster/ledger_store.h"
#include "service/cluster/level_changes.h"
#include "service/cluster/quotas.h"
#include "service/cluster/rating_inputs.h"
#include "service/cluster/vaults.h"

namespace obhut::cluster {
namespace {

struct Level {
  Instant at{};
  std::uint64_t bytes = 0;
  Sha256 subject;  ///< of the event's text
};
/// By location, in order; of several at one instant the last by id alone.
using Levels = std::map<std::string, std::vector<Level>>;

/// All since the one with which the day begins.
Result<Levels> levels_since(sql::Session& session, const VaultId& vault, Instant begin) {
  ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.query("SELECT location, at, bytes, subject FROM levels AS l WHERE vault = :vault"
                    " AND at >= COALESCE((SELECT MAX(before.at) FROM levels AS before"
                    " WHERE before.vault = l.vault AND before.location = l.location"
                    " AND before.at <= :begin), :begin) ORDER BY location, at, event_id",
                    {{"vault", vault}, {"begin", begin}}));
  Levels levels;
  for (const sql::Row& row : rows) {
    std::vector<Level>& list = levels[row.text(0)];
    const Level level{row.instant(1), row.count(2), row.id<Sha256>(3)};
    if (!list.empty() && list.back().at == level.at) list.pop_back();
    list.push_back(level);
  }
  return levels;
}

/// The highest that stood within [start, end); null where nothing did.
const Level* highest(const std::vector<Level>& levels, Instant start, Instant end) {
  const Level* best = nullptr;
  for (std::size_t i = 0; i < levels.size() && levels[i].at < end; ++i) {
    const bool over_before = i + 1 < levels.size() && levels[i + 1].at <= start;
    if (!over_before && (best == nullptr || levels[i].bytes > best->bytes)) best = &levels[i];
  }
  return best == nullptr || best->bytes == 0 ? nullptr : best;
}

/// The one that was given for the day already, or a new one.
Result<std::string> receipt_for(sql::Session& session, const trust::Receipt& receipt,
                                const crypto::SigningKey& cluster_key) {
  const sql::Params key = {
      {"vault", receipt.vault}, {"location", receipt.location}, {"day", receipt.day}};
  ASSIGN_OR_RETURN(const std::optional<sql::Row> known,
                   session.query_one("SELECT receipt FROM storage_receipts WHERE vault = :vault"
                                     " AND location = :location AND day = :day",
                                     key));
  if (known) return known->text(0);
  std::string text = trust::make_receipt(receipt, cluster_key);
  sql::Params row = key;
  row.emplace_back("receipt", text);
  TRY(
      session.exec("INSERT INTO storage_receipts (vault, location, day, receipt)"
                   " VALUES (:vault, :location, :day, :receipt)",
                   row));
  return text;
}

}  // namespace

Result<void> record_level(sql::Session& session, const Customer& customer, const Vault& vault,
                          std::uint64_t bytes, const LevelCause& cause, Instant now) {
  const std::string event = billing::storage_level(
      {cause.event_id, now, customer.number}, vault.id.text(), vault.location, bytes, cause.reason);
  TRY(append_event(session, customer.partner, event, now));
  ASSIGN_OR_RETURN(const std::uint64_t added,
                   session.exec("INSERT INTO levels (vault, location, at, event_id, bytes, subject)"
                                " VALUES (:vault, :location, :at, :event_id, :bytes, :subject)"
                                " ON CONFLICT (vault, location, at, event_id) DO NOTHING",
                                {{"vault", vault.id},
                                 {"location", billing::to_string(vault.location)},
                                 {"at", now},
                                 {"event_id", cause.event_id},
                                 {"bytes", bytes},
                                 {"subject", crypto::sha256(as_bytes(event))}}));
  if (added == 0) return {};
  return queue_level(session, customer.id, vault.id, vault.location, bytes, cause.event_id, now);
}

Answer<void> set_level(sql::Session& session, const Vault& vault, std::uint64_t bytes,
                       const LevelCause& cause, Instant now) {
  if (bytes == vault.level) return {};
  TRY(session.exec("UPDATE vaults SET level = :level WHERE id = :id",
                   {{"level", bytes}, {"id", vault.id}}));
  ASSIGN_OR_RETURN(const Customer customer, find_customer(session, vault.customer));
  TRY(record_level(session, customer, vault, bytes, cause, now));
  if (vault.location == billing::Location::kProvider) TRY(watch_soft_quota(session, vault, now));
  return {};
}

Answer<void> settle_level(sql::Session& session, const Vault& vault, std::string_view reason,
                          Instant now) {
  ASSIGN_OR_RETURN(const std::uint64_t level, counted_level(session, vault.id));
  return set_level(session, vault, level, {event_id_at(reason, vault.id, now), reason}, now);
}

Result<std::optional<std::uint64_t>> newest_level(sql::Session& session, const Vault& vault) {
  ASSIGN_OR_RETURN(
      const std::optional<sql::Row> row,
      session.query_one("SELECT bytes FROM levels WHERE vault = :vault"
                        " AND location = :location"
                        " ORDER BY at DESC, event_id DESC LIMIT 1",
                        {{"vault", vault.id}, {"location", billing::to_string(vault.location)}}));
  return row ? std::optional(row->count(0)) : std::nullopt;
}

Answer<std::vector<std::string>> StorageReceipts::of_vault(const Device& device,
                                                           const VaultId& vault,
                                                           std::string_view after_day) {
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<std::vector<std::string>> {
    TRY(vault_anywhere(session, vault, device));
    ASSIGN_OR_RETURN(const Customer customer, find_customer(session, device.customer));
    ASSIGN_OR_RETURN(const billing::BillingCalendar calendar,
                     calendar_of(session, customer.partner));
    Instant start{};
    if (!after_day.empty()) {
      const std::optional<Instant> day = calendar.start_of_day(after_day);
      if (!day) return refuse(422, "invalid-day", "a day reads as 2026-03-05");
      start = calendar.plus_days(*day, 1);
    }
    ASSIGN_OR_RETURN(const Levels levels, levels_since(session, vault, start));
    Instant first = Instant::max();
    for (const auto& [location, list] : levels) first = std::min(first, list.front().at);
    if (levels.empty()) return std::vector<std::string>{};
    if (first > start) start = *calendar.start_of_day(calendar.day_of(first));
    std::vector<std::string> receipts;
    while (receipts.size() < kPage) {
      const Instant end = calendar.plus_days(start, 1);
      if (end > now) break;
      for (const auto& [location, list] : levels) {
        const Level* level = highest(list, start, end);
        if (level == nullptr) continue;
        trust::Receipt receipt;
        receipt.kind = trust::ReceiptKind::kStorage;
        receipt.device = device.id;
        receipt.received_at = now;
        receipt.subject = level->subject;
        receipt.customer = customer.number;
        receipt.vault = vault;
        receipt.location = location;
        receipt.day = calendar.day_of(start);
        receipt.bytes = level->bytes;
        ASSIGN_OR_RETURN(std::string text, receipt_for(session, receipt, cluster_key_));
        receipts.push_back(std::move(text));
      }
      start = end;
    }
    return receipts;
  });
}

}  // namespace obhut::cluster
