#include "service/cluster/levels.h"

#include <algorithm>
#include <map>

#include "agent/crypto/digest.h"
#include "agent/trust/receipt.h"
#include "service/billing/event_text.h"
#include "service/billing/price_list.h"
#include "service/cluster/ledger_store.h"
#include "service/cluster/vaults.h"

namespace obhut::cluster {
namespace {

/// Where a partner has no price list yet.
constexpr std::string_view kUsualZone = "Europe/Berlin";

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

Answer<billing::BillingCalendar> calendar_of(sql::Session& session, const PartnerId& partner) {
  const Answer<std::string> text = price_list_text(session, partner);
  if (text) {
    ASSIGN_OR_RETURN(const billing::PriceList prices,
                     billing::PriceList::parse("price list", *text));
    return prices.calendar();
  }
  if (text.error().code != "no-prices") return std::unexpected(text.error());
  ASSIGN_OR_RETURN(billing::BillingCalendar usual, billing::BillingCalendar::open(kUsualZone));
  return usual;
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

Result<void> record_level(sql::Session& session, const Customer& customer, const VaultId& vault,
                          billing::Location location, std::uint64_t bytes,
                          std::string_view event_id, Instant now) {
  const std::string event =
      billing::storage_level({event_id, now, customer.number}, vault.text(), location, bytes);
  TRY(append_event(session, customer.partner, event, now));
  TRY(
      session.exec("INSERT INTO levels (vault, location, at, event_id, bytes, subject)"
                   " VALUES (:vault, :location, :at, :event_id, :bytes, :subject)"
                   " ON CONFLICT (vault, location, at, event_id) DO NOTHING",
                   {{"vault", vault},
                    {"location", billing::to_string(location)},
                    {"at", now},
                    {"event_id", event_id},
                    {"bytes", bytes},
                    {"subject", crypto::sha256(as_bytes(event))}}));
  return {};
}

Answer<std::vector<std::string>> StorageReceipts::of_vault(const Device& device,
                                                           const VaultId& vault,
                                                           std::string_view after_day) {
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<std::vector<std::string>> {
    TRY(vault_of(session, vault, device));
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
