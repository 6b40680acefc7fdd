#include "service/cluster/tenants.h"

#include <algorithm>

#include "agent/base/text.h"
#include "agent/crypto/digest.h"
#include "agent/crypto/random.h"
#include "service/billing/event_text.h"
#include "service/billing/price_list.h"
#include "service/cluster/bills.h"
#include "service/cluster/ledger_store.h"
#include "service/cluster/trials.h"

namespace obhut::cluster {
namespace {

constexpr std::string_view kCustomerColumns =
    "SELECT id, partner, number, name, mode, created, deleted FROM customers ";

Customer customer_of(const sql::Row& row) {
  return {row.id<CustomerId>(0), row.id<PartnerId>(1), row.text(2),         row.text(3),
          row.text(4),           row.instant(5),       row.maybe_instant(6)};
}

Answer<Partner> partner_of(const sql::Row& row) {
  ASSIGN_OR_RETURN(const trust::TrustChain chain, trust::TrustChain::from_state(row.text(3)));
  return Partner{row.id<PartnerId>(0), row.text(1),    row.text(2),
                 chain.root(),         chain.serial(), row.instant(4)};
}

bool is_label(std::string_view text, std::size_t longest) {
  return !text.empty() && text.size() <= longest && is_utf8(text) &&
         std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

Answer<Partner> partner_in(sql::Session& session, const PartnerId& id) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                   session.query_one("SELECT id, name, currency, trust, created FROM partners"
                                     " WHERE id = :id",
                                     {{"id", id}}));
  if (!row) return not_found("partner");
  return partner_of(*row);
}

}  // namespace

Answer<Customer> find_customer(sql::Session& session, const CustomerId& id) {
  ASSIGN_OR_RETURN(
      const std::optional<sql::Row> row,
      session.query_one(std::string(kCustomerColumns) + "WHERE id = :id", {{"id", id}}));
  if (!row) return not_found("customer");
  return customer_of(*row);
}

Answer<Customer> live_customer(sql::Session& session, const CustomerId& id) {
  ASSIGN_OR_RETURN(Customer customer, find_customer(session, id));
  if (customer.deleted) return not_found("customer");
  return customer;
}

Answer<std::string> price_list_text(sql::Session& session, const PartnerId& partner) {
  ASSIGN_OR_RETURN(
      const std::optional<sql::Row> row,
      session.query_one("SELECT prices FROM partners WHERE id = :id", {{"id", partner}}));
  if (!row) return not_found("partner");
  if (row->text(0).empty()) return refuse(404, "no-prices", "no price list was set yet");
  return row->text(0);
}

Answer<trust::TrustChain> load_trust(sql::Session& session, const PartnerId& partner) {
  ASSIGN_OR_RETURN(
      const std::optional<sql::Row> row,
      session.query_one("SELECT trust FROM partners WHERE id = :id", {{"id", partner}}));
  if (!row) return not_found("partner");
  ASSIGN_OR_RETURN(trust::TrustChain chain, trust::TrustChain::from_state(row->text(0)));
  return chain;
}

Answer<Partner> Tenants::add_partner(const PartnerId& wanted, std::string_view name,
                                     const SigningKeyId& root, std::string_view currency) {
  if (!is_label(name, 200)) return refuse(422, "invalid-name", "a partner needs a name");
  if (currency.size() != 3 ||
      !std::ranges::all_of(currency, [](char c) { return c >= 'A' && c <= 'Z'; })) {
    return refuse(422, "invalid-currency", "a currency is three capital letters, as EUR");
  }
  if (root.is_zero()) return refuse(422, "invalid-root", "a partner needs a root key");
  const PartnerId id = wanted.is_zero() ? crypto::random_id<PartnerId>() : wanted;
  const Instant now = clock_.now();
  const trust::TrustChain chain = trust::TrustChain::pinned_to(id, root);
  return database_.write([&](sql::Session& session) -> Answer<Partner> {
    const auto added = session.exec(
        "INSERT INTO partners (id, name, currency, trust, created)"
        " VALUES (:id, :name, :currency, :trust, :created)",
        {{"id", id},
         {"name", name},
         {"currency", currency},
         {"trust", chain.state()},
         {"created", now}});
    if (!added && added.error().kind == ErrorKind::kConflict) {
      return refuse(409, "partner-exists", "a partner of this name or id exists");
    }
    if (!added) return std::unexpected(Refusal(added.error()));
    return partner_in(session, id);
  });
}

Answer<std::vector<Partner>> Tenants::partners() {
  return database_.read([&](sql::Session& session) -> Answer<std::vector<Partner>> {
    ASSIGN_OR_RETURN(const sql::Rows rows,
                     session.query("SELECT id, name, currency, trust, created FROM partners"
                                   " ORDER BY name"));
    std::vector<Partner> partners;
    for (const sql::Row& row : rows) {
      ASSIGN_OR_RETURN(Partner partner, partner_of(row));
      partners.push_back(std::move(partner));
    }
    return partners;
  });
}

Answer<Partner> Tenants::partner(const PartnerId& id) {
  return database_.read([&](sql::Session& session) { return partner_in(session, id); });
}

Answer<std::string> Tenants::trust_list(const PartnerId& id) {
  return database_.read([&](sql::Session& session) -> Answer<std::string> {
    ASSIGN_OR_RETURN(const trust::TrustChain chain, load_trust(session, id));
    return chain.document();
  });
}

Answer<Partner> Tenants::put_trust_list(const PartnerId& id, std::string_view document) {
  return database_.write([&](sql::Session& session) -> Answer<Partner> {
    ASSIGN_OR_RETURN(trust::TrustChain chain, load_trust(session, id));
    const Result<bool> changed = chain.update(document);
    if (!changed) {
      const bool refused = changed.error().kind == ErrorKind::kRefused;
      return refuse(refused ? 409 : 422, refused ? "trust-list-refused" : "malformed-trust-list",
                    changed.error().message);
    }
    TRY(session.exec("UPDATE partners SET trust = :trust WHERE id = :id",
                     {{"trust", chain.state()}, {"id", id}}));
    return partner_in(session, id);
  });
}

Answer<std::string> Tenants::prices(const PartnerId& id) {
  return database_.read([&](sql::Session& session) { return price_list_text(session, id); });
}

Answer<void> Tenants::put_prices(const PartnerId& id, std::string_view json) {
  const auto parsed = billing::PriceList::parse("price list", json);
  if (!parsed) return refuse(422, "invalid-prices", parsed.error().message);
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<void> {
    ASSIGN_OR_RETURN(const Partner partner, partner_in(session, id));
    if (parsed->currency() != partner.currency) {
      return refuse(422, "invalid-prices", "the partner's currency is " + partner.currency);
    }
    TRY(session.exec("UPDATE partners SET prices = :prices WHERE id = :id",
                     {{"prices", json}, {"id", id}}));
    TRY(keep_price_list(session, id, std::string(json), now));
    return {};
  });
}

Answer<std::vector<PriceVersion>> Tenants::price_versions(const PartnerId& id) {
  return database_.read([&](sql::Session& session) -> Answer<std::vector<PriceVersion>> {
    ASSIGN_OR_RETURN(const sql::Rows rows,
                     session.query("SELECT hash, set_at FROM price_lists WHERE partner = :partner"
                                   " ORDER BY set_at, hash",
                                   {{"partner", id}}));
    const Answer<std::string> newest = price_list_text(session, id);
    const Sha256 in_force = newest ? crypto::sha256(as_bytes(*newest)) : Sha256{};
    std::vector<PriceVersion> versions;
    for (const sql::Row& row : rows) {
      const auto hash = row.id<Sha256>(0);
      versions.push_back({hash, row.instant(1), hash == in_force});
    }
    return versions;
  });
}

Answer<std::string> Tenants::price_version(const PartnerId& id, const Sha256& hash) {
  return database_.read([&](sql::Session& session) -> Answer<std::string> {
    ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                     session.query_one("SELECT document FROM price_lists WHERE partner = :partner"
                                       " AND hash = :hash",
                                       {{"partner", id}, {"hash", hash}}));
    if (!row) return not_found("price list");
    return row->text(0);
  });
}

Answer<void> Tenants::cancel_partner(const PartnerId& id) {
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<void> {
    ASSIGN_OR_RETURN(const Partner partner, partner_in(session, id));
    // One a life: nothing takes a cancellation back, so that a second one would say nothing new.
    // Looked for by its beginning, since ledgers that stand carry the time of day in the id.
    ASSIGN_OR_RETURN(const sql::Rows known,
                     session.query("SELECT number FROM ledger WHERE partner = :partner"
                                   " AND event_id LIKE 'partner-cancelled%' LIMIT 1",
                                   {{"partner", partner.id}}));
    if (!known.empty()) return {};
    TRY(append_event(session, partner.id, billing::partner_cancelled("partner-cancelled", now),
                     now));
    return {};
  });
}

Answer<Customer> Tenants::add_customer(const PartnerId& partner, const CustomerId& wanted,
                                       std::string_view number, std::string_view name,
                                       std::string_view mode) {
  const std::optional<billing::Mode> parsed = billing::parse_mode(mode);
  if (!parsed) return refuse(422, "invalid-mode", "mode is per_gb or per_workload");
  if (!is_label(number, 64)) return refuse(422, "invalid-number", "a customer needs a number");
  if (!name.empty() && !is_label(name, 200)) return refuse(422, "invalid-name", "malformed name");
  const CustomerId id = wanted.is_zero() ? crypto::random_id<CustomerId>() : wanted;
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<Customer> {
    TRY(partner_in(session, partner));
    const auto added = session.exec(
        "INSERT INTO customers (id, partner, number, name, mode, created)"
        " VALUES (:id, :partner, :number, :name, :mode, :created)",
        {{"id", id},
         {"partner", partner},
         {"number", number},
         {"name", name},
         {"mode", mode},
         {"created", now}});
    if (!added && added.error().kind == ErrorKind::kConflict) {
      return refuse(409, "customer-exists", "a customer of this number or id exists");
    }
    if (!added) return std::unexpected(Refusal(added.error()));
    TRY(append_event(
        session, partner,
        billing::customer_created({"customer-created-" + id.text(), now, number}, *parsed), now));
    return find_customer(session, id);
  });
}

Answer<std::vector<Customer>> Tenants::customers(const PartnerId& partner, const CustomerId& after,
                                                 std::size_t limit) {
  return database_.read([&](sql::Session& session) -> Answer<std::vector<Customer>> {
    ASSIGN_OR_RETURN(
        const sql::Rows rows,
        session.query(std::string(kCustomerColumns) + "WHERE partner = :partner AND deleted IS NULL"
                                                      " AND id > :after ORDER BY id LIMIT :limit",
                      {{"partner", partner}, {"after", after}, {"limit", limit}}));
    std::vector<Customer> customers;
    for (const sql::Row& row : rows) customers.push_back(customer_of(row));
    return customers;
  });
}

Answer<Customer> Tenants::customer(const CustomerId& id) {
  return database_.read([&](sql::Session& session) { return live_customer(session, id); });
}

Answer<Customer> Tenants::set_mode(const CustomerId& id, std::string_view mode) {
  const std::optional<billing::Mode> parsed = billing::parse_mode(mode);
  if (!parsed) return refuse(422, "invalid-mode", "mode is per_gb or per_workload");
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<Customer> {
    ASSIGN_OR_RETURN(Customer customer, live_customer(session, id));
    if (customer.mode == mode) return customer;
    TRY(session.exec("UPDATE customers SET mode = :mode WHERE id = :id",
                     {{"mode", mode}, {"id", id}}));
    TRY(append_event(session, customer.partner,
                     billing::customer_mode(
                         {event_id_at("customer-mode", id, now), now, customer.number}, *parsed),
                     now));
    return find_customer(session, id);
  });
}

Answer<void> Tenants::start_trial(const CustomerId& id) {
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<void> {
    ASSIGN_OR_RETURN(const Customer customer, live_customer(session, id));
    // One a life at most: a later one under the same number is the billing's to ignore (rule 6).
    ASSIGN_OR_RETURN(const std::optional<sql::Row> known,
                     session.query_one("SELECT number FROM ledger WHERE partner = :partner"
                                       " AND event_id = :event_id",
                                       {{"partner", customer.partner},
                                        {"event_id", "trial-started-" + id.text()}}));
    if (known) return refuse(409, "trial-used", "this customer's trial has been used");
    TRY(append_event(session, customer.partner,
                     billing::trial_started({"trial-started-" + id.text(), now, customer.number}),
                     now));
    TRY(open_trial(session, customer, now));
    return {};
  });
}

}  // namespace obhut::cluster
