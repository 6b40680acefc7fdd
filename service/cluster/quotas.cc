#include "service/cluster/quotas.h"

#include <algorithm>

#include "service/billing/daily_usage.h"
#include "service/cluster/rating_inputs.h"

namespace obhut::cluster {
namespace {

constexpr std::string_view kAlert = "quota-soft";

Result<Quota> quota_of(sql::Session& session, std::string_view subject) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                   session.query_one("SELECT soft, hard FROM quotas WHERE subject = :subject",
                                     {{"subject", subject}}));
  Quota quota;
  if (row && !row->is_null(0)) quota.soft = row->count(0);
  if (row && !row->is_null(1)) quota.hard = row->count(1);
  return quota;
}

Answer<void> set_quota(sql::Session& session, std::string_view subject, const Quota& quota) {
  if (quota.soft && quota.hard && *quota.soft > *quota.hard) {
    return refuse(422, "invalid-quota", "the soft limit lies above the hard one");
  }
  TRY(
      session.exec("INSERT INTO quotas (subject, soft, hard) VALUES (:subject, :soft, :hard)"
                   " ON CONFLICT (subject) DO UPDATE SET soft = excluded.soft,"
                   " hard = excluded.hard",
                   {{"subject", subject}, {"soft", quota.soft}, {"hard", quota.hard}}));
  return {};
}

/// Whose bytes are counted: one vault's, or all of a customer's.
struct Subject {
  std::string_view condition;
  sql::Params params;
};
Subject one(const VaultId& vault) {
  return {"vaults.id = :subject", {{"subject", vault}}};
}
Subject all_of(const CustomerId& customer) {
  return {"vaults.customer = :subject", {{"subject", customer}}};
}

/// Levels in the cluster.
Result<std::uint64_t> stored(sql::Session& session, const Subject& subject) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                   session.query_one("SELECT COALESCE(SUM(level), 0) FROM vaults WHERE"
                                     " vaults.location = 'provider' AND " +
                                         std::string(subject.condition),
                                     subject.params));
  return row->count(0);
}

/// Uploads that no point names yet, done or under way; asked for twice they count once.
Result<std::uint64_t> waiting(sql::Session& session, const Subject& subject, Instant now) {
  const std::string of_subject =
      " IN (SELECT vaults.id FROM vaults WHERE " + std::string(subject.condition) + ")";
  sql::Params open = subject.params;
  open.emplace_back("now", now);
  ASSIGN_OR_RETURN(const std::optional<sql::Row> objects,
                   session.query_one("SELECT COALESCE(SUM(size), 0) FROM objects WHERE needed = 0"
                                     " AND state = 'stored' AND kind <> 'key' AND vault" +
                                         of_subject,
                                     subject.params));
  ASSIGN_OR_RETURN(const std::optional<sql::Row> uploads,
                   session.query_one("SELECT COALESCE(SUM(size), 0) FROM (SELECT DISTINCT vault,"
                                     " kind, hash, size FROM uploads WHERE expires > :now"
                                     " AND NOT EXISTS (SELECT 1 FROM objects WHERE"
                                     " objects.vault = uploads.vault AND objects.kind ="
                                     " uploads.kind AND objects.hash = uploads.hash"
                                     " AND objects.state <> 'deleted') AND uploads.vault" +
                                         of_subject + ") AS asked",
                                     open));
  return objects->count(0) + uploads->count(0);
}

/// The hard limit that is nearest, and what is used of it.
struct Limit {
  std::uint64_t bytes = 0;
  std::uint64_t used = 0;
  bool shared = false;
  [[nodiscard]] std::uint64_t left() const { return used < bytes ? bytes - used : 0; }
};

Result<std::optional<Limit>> nearest_limit(sql::Session& session, const Vault& vault, Instant now) {
  std::optional<Limit> nearest;
  const auto consider = [&](const Quota& quota, const Subject& subject,
                            bool shared) -> Result<void> {
    if (!quota.hard) return {};
    ASSIGN_OR_RETURN(const std::uint64_t levels, stored(session, subject));
    ASSIGN_OR_RETURN(const std::uint64_t on_the_way, waiting(session, subject, now));
    const Limit limit{*quota.hard, levels + on_the_way, shared};
    if (!nearest || limit.left() < nearest->left()) nearest = limit;
    return {};
  };
  ASSIGN_OR_RETURN(const Quota own, quota_of(session, vault.id.text()));
  TRY(consider(own, one(vault.id), false));
  ASSIGN_OR_RETURN(const Quota shared, quota_of(session, vault.customer.text()));
  TRY(consider(shared, all_of(vault.customer), true));
  return nearest;
}

/// What the month's storage line in the cluster takes before it grows. Nothing where there is no
/// price list, or none for this month.
Answer<std::optional<std::uint64_t>> room_of(sql::Session& session, const Vault& vault,
                                             Instant now) {
  const Answer<billing::PriceList> prices = price_list_of(session, vault.partner);
  if (!prices && prices.error().code == "no-prices") return std::optional<std::uint64_t>{};
  if (!prices) return std::unexpected(prices.error());
  const billing::Month month = prices->calendar().month_of(now);
  const auto policy = prices->policy_of(month, "which is running");
  if (!policy) return std::optional<std::uint64_t>{};
  ASSIGN_OR_RETURN(const std::uint64_t level, stored(session, all_of(vault.customer)));
  ASSIGN_OR_RETURN(const std::optional<sql::Row> peak,
                   session.query_one("SELECT bytes FROM month_peaks WHERE customer = :customer"
                                     " AND location = 'provider' AND month = :month",
                                     {{"customer", vault.customer}, {"month", month.text()}}));
  const std::uint64_t most = std::max(level, peak ? peak->count(0) : 0);
  return std::optional(billing::room_in_quantity(most, level, **policy));
}

}  // namespace

Answer<void> check_quota(sql::Session& session, const Vault& vault, std::uint64_t bytes,
                         Instant now) {
  if (bytes == 0) return {};
  ASSIGN_OR_RETURN(const std::optional<Limit> limit, nearest_limit(session, vault, now));
  if (!limit || bytes <= limit->left()) return {};
  Refusal refusal(507, "quota-exceeded",
                  std::string(limit->shared ? "the customer's" : "the vault's") +
                      " limit is reached; the partner can raise it or delete recovery points");
  refusal.members = "\"limit_bytes\":" + std::to_string(limit->bytes) +
                    ",\"used_bytes\":" + std::to_string(limit->used) +
                    ",\"needed_bytes\":" + std::to_string(bytes);
  return std::unexpected(std::move(refusal));
}

Answer<void> watch_soft_quota(sql::Session& session, const Vault& vault, Instant now) {
  ASSIGN_OR_RETURN(const Quota own, quota_of(session, vault.id.text()));
  ASSIGN_OR_RETURN(const Quota shared, quota_of(session, vault.customer.text()));
  if (!own.soft && !shared.soft) return {};
  bool beyond = false;
  if (own.soft) {
    ASSIGN_OR_RETURN(const std::uint64_t level, stored(session, one(vault.id)));
    beyond = level > *own.soft;
  }
  if (shared.soft && !beyond) {
    ASSIGN_OR_RETURN(const std::uint64_t level, stored(session, all_of(vault.customer)));
    beyond = level > *shared.soft;
  }
  if (beyond) {
    TRY(raise_alert(session, vault.device, kAlert, "warning", now));
    return {};
  }
  // Of the customer's other devices too: whichever of them crossed the limit, it is kept again.
  TRY(session.exec(
      "UPDATE alerts SET cleared = :now WHERE id = :id AND cleared IS NULL"
      " AND device IN (SELECT id FROM devices WHERE customer = :customer)",
      {{"now", now}, {"id", "cluster-" + std::string(kAlert)}, {"customer", vault.customer}}));
  return {};
}

Answer<Quota> Quotas::of_customer(const CustomerId& customer) {
  return database_.read([&](sql::Session& session) -> Answer<Quota> {
    ASSIGN_OR_RETURN(const Quota quota, quota_of(session, customer.text()));
    return quota;
  });
}

Answer<Quota> Quotas::of_vault(const VaultId& vault) {
  return database_.read([&](sql::Session& session) -> Answer<Quota> {
    ASSIGN_OR_RETURN(const Quota quota, quota_of(session, vault.text()));
    return quota;
  });
}

Answer<void> Quotas::set_for_customer(const CustomerId& customer, const Quota& quota) {
  return database_.write(
      [&](sql::Session& session) { return set_quota(session, customer.text(), quota); });
}

Answer<void> Quotas::set_for_vault(const VaultId& id, const Quota& quota) {
  return database_.write([&](sql::Session& session) -> Answer<void> {
    ASSIGN_OR_RETURN(const Vault vault, find_vault(session, id));
    if (vault.location != billing::Location::kProvider) {
      return refuse(409, "vault-elsewhere", "only a vault in the cluster can have a limit");
    }
    return set_quota(session, id.text(), quota);
  });
}

Answer<Allowance> Quotas::allowance(const Device& device, const VaultId& id) {
  const Instant now = clock_.now();
  return database_.read([&](sql::Session& session) -> Answer<Allowance> {
    ASSIGN_OR_RETURN(const Vault vault, vault_of(session, id, device));
    Allowance allowance;
    allowance.level = vault.level;
    ASSIGN_OR_RETURN(allowance.waiting, waiting(session, one(id), now));
    ASSIGN_OR_RETURN(const std::optional<Limit> limit, nearest_limit(session, vault, now));
    if (limit) {
      allowance.left = limit->left();
      allowance.limit = limit->bytes;
      allowance.shared = limit->shared;
    }
    ASSIGN_OR_RETURN(allowance.room, room_of(session, vault, now));
    return allowance;
  });
}

}  // namespace obhut::cluster
