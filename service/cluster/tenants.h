#pragma once
// Partners, their trust lists and prices, and their customers.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/trust/trust_chain.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

struct Partner {
  PartnerId id;
  std::string name;
  std::string currency;
  SigningKeyId root;  ///< in force now: a successor may have taken over
  std::uint64_t trust_serial = 0;
  Instant created{};
};

struct Customer {
  CustomerId id;
  PartnerId partner;
  std::string number;  ///< names the customer in events and bills
  std::string name;    ///< optional
  std::string mode;    ///< "per_gb" or "per_workload"
  Instant created{};
  std::optional<Instant> deleted;
};

struct PriceVersion {
  Sha256 hash;  ///< of the document's bytes, as closings name it
  Instant set_at{};
  bool in_force = false;
};

/// Errors: 404. Deleted customers are found too.
Answer<Customer> find_customer(sql::Session& session, const CustomerId& id);
/// Errors: 404 also for a deleted one.
Answer<Customer> live_customer(sql::Session& session, const CustomerId& id);
/// The newest. Errors: 404, no-prices where none was set yet.
Answer<std::string> price_list_text(sql::Session& session, const PartnerId& partner);
Answer<trust::TrustChain> load_trust(sql::Session& session, const PartnerId& partner);

/// Thread: any.
class Tenants {
 public:
  Tenants(sql::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// `id` is zero unless the partner's keys were made for one already.
  Answer<Partner> add_partner(const PartnerId& id, std::string_view name, const SigningKeyId& root,
                              std::string_view currency);
  Answer<std::vector<Partner>> partners();
  Answer<Partner> partner(const PartnerId& id);
  /// The newest trust list; empty before the first.
  Answer<std::string> trust_list(const PartnerId& id);
  Answer<Partner> put_trust_list(const PartnerId& id, std::string_view document);
  Answer<std::string> prices(const PartnerId& id);
  Answer<void> put_prices(const PartnerId& id, std::string_view json);
  /// Every list that was ever set, by when it first was. What closed months were rated with is
  /// among them.
  Answer<std::vector<PriceVersion>> price_versions(const PartnerId& id);
  /// Errors: 404.
  Answer<std::string> price_version(const PartnerId& id, const Sha256& hash);
  /// Changes no charge; the ledger keeps it, once (BILLING.md rule 7). Again it changes nothing.
  Answer<void> cancel_partner(const PartnerId& id);

  Answer<Customer> add_customer(const PartnerId& partner, const CustomerId& id,
                                std::string_view number, std::string_view name,
                                std::string_view mode);
  Answer<std::vector<Customer>> customers(const PartnerId& partner, const CustomerId& after,
                                          std::size_t limit);
  Answer<Customer> customer(const CustomerId& id);
  /// In force from the next billing month on (rule 8).
  Answer<Customer> set_mode(const CustomerId& id, std::string_view mode);
  Answer<void> start_trial(const CustomerId& id);

 private:
  sql::Database& database_;
  const Clock& clock_;
};

}  // namespace obhut::cluster
