// What is metered beside commits, and what limits it: local vaults, quotas, clones, the store's
// reality.

#include <nlohmann/json.hpp>

#include "service/cluster/api/access.h"
#include "service/cluster/api/body.h"
#include "service/cluster/api/route.h"
#include "service/cluster/local_vaults.h"
#include "service/cluster/quotas.h"
#include "service/cluster/reconciler.h"

namespace obhut::cluster::api {
namespace {

using http::Response;
using nlohmann::json;

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 62U;

json maybe(const std::optional<std::uint64_t>& bytes) {
  return bytes ? json(*bytes) : json(nullptr);
}

Answer<Response> take_measurement(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const json body, read_object(call));
  TRY(only_members(body, {"measurement"}));
  ASSIGN_OR_RETURN(const std::string document, text_member(body, "measurement"));
  TRY(services.local_vaults.take(*call.device, document));
  return http::empty(204);
}

Answer<Response> allowance(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const VaultId vault, path_id<VaultId>(call, 0, "vault"));
  ASSIGN_OR_RETURN(const Allowance allowance, services.quotas.allowance(*call.device, vault));
  return reply(
      200, {{"level_bytes", allowance.level},
            {"waiting_bytes", allowance.waiting},
            {"left_bytes", maybe(allowance.left)},
            {"limit_bytes", allowance.left ? json(allowance.limit) : json(nullptr)},
            {"limit_is", allowance.left ? json(allowance.shared ? "the customer's" : "the vault's")
                                        : json(nullptr)},
            {"room_bytes", maybe(allowance.room)}});
}

json quota_json(const Quota& quota) {
  return {{"soft_bytes", maybe(quota.soft)}, {"hard_bytes", maybe(quota.hard)}};
}

/// A member that is missing or null is no limit.
Answer<std::optional<std::uint64_t>> limit_member(const json& body, std::string_view name) {
  const auto at = body.find(name);
  if (at == body.end() || at->is_null()) return std::optional<std::uint64_t>{};
  ASSIGN_OR_RETURN(const std::uint64_t bytes, count_member(body, name));
  if (bytes > kMostBytes) return bad_member(name, "at most 4 EiB");
  return std::optional(bytes);
}

Answer<Quota> read_quota(const Call& call) {
  ASSIGN_OR_RETURN(const json body, read_object(call));
  TRY(only_members(body, {"soft_bytes", "hard_bytes"}));
  Quota quota;
  ASSIGN_OR_RETURN(quota.soft, limit_member(body, "soft_bytes"));
  ASSIGN_OR_RETURN(quota.hard, limit_member(body, "hard_bytes"));
  return quota;
}

Answer<Response> reconcile(const Services& services) {
  ASSIGN_OR_RETURN(const ReconcileReport report, services.reconciler.run({}));
  json corrected = json::array();
  for (const CorrectedLevel& level : report.corrected) {
    corrected.push_back({{"vault", level.vault.text()},
                         {"from_bytes", level.from_bytes},
                         {"to_bytes", level.to_bytes},
                         {"reason", level.reason}});
  }
  return reply(200, {{"vaults", report.vaults},
                     {"objects", report.objects},
                     {"missing", report.missing},
                     {"unknown", report.unknown},
                     {"unknown_bytes", report.unknown_bytes},
                     {"corrected", std::move(corrected)}});
}

void add_quota_routes(Table& table, const Services& services) {
  table.get("/api/v1/customers/{customer}/quota", Auth::kPerson,
            [&services](Call& call) -> Answer<Response> {
              ASSIGN_OR_RETURN(const Customer customer, visible_customer(services, call));
              ASSIGN_OR_RETURN(const Quota quota, services.quotas.of_customer(customer.id));
              return reply(200, quota_json(quota));
            });
  table.put("/api/v1/customers/{customer}/quota", Auth::kPerson, kJsonLimit,
            [&services](Call& call) -> Answer<Response> {
              ASSIGN_OR_RETURN(const Customer customer, visible_customer(services, call));
              ASSIGN_OR_RETURN(const Quota quota, read_quota(call));
              TRY(services.quotas.set_for_customer(customer.id, quota));
              return http::empty(204);
            });
  table.get("/api/v1/vaults/{vault}/quota", Auth::kPerson,
            [&services](Call& call) -> Answer<Response> {
              ASSIGN_OR_RETURN(const Vault vault, visible_vault(services, call));
              ASSIGN_OR_RETURN(const Quota quota, services.quotas.of_vault(vault.id));
              return reply(200, quota_json(quota));
            });
  table.put("/api/v1/vaults/{vault}/quota", Auth::kPerson, kJsonLimit,
            [&services](Call& call) -> Answer<Response> {
              ASSIGN_OR_RETURN(const Vault vault, visible_vault(services, call));
              ASSIGN_OR_RETURN(const Quota quota, read_quota(call));
              TRY(services.quotas.set_for_vault(vault.id, quota));
              return http::empty(204);
            });
}

}  // namespace

void add_metering_routes(std::vector<Route>& routes, const Services& services) {
  Table table(routes);
  const auto with = [&services](auto function) {
    return [&services, function](Call& call) { return function(services, call); };
  };
  // Harmless: a measurement is taken once, by its number.
  table.post("/api/v1/device/measurements", Auth::kDevice, kJsonLimit, with(take_measurement),
             Repeat::kHarmless);
  table.get("/api/v1/device/vaults/{vault}/allowance", Auth::kDevice, with(allowance));
  add_quota_routes(table, services);
  table.remove("/api/v1/vaults/{vault}", Auth::kPerson,
               [&services](Call& call) -> Answer<Response> {
                 ASSIGN_OR_RETURN(const Vault vault, visible_vault(services, call));
                 TRY(services.local_vaults.forget(vault.id));
                 return http::empty(204);
               });
  table.remove("/api/v1/devices/{device}/clone", Auth::kPerson,
               [&services](Call& call) -> Answer<Response> {
                 ASSIGN_OR_RETURN(const Device device, visible_device(services, call));
                 TRY(services.devices.resolve_clone(device.id));
                 return http::empty(204);
               });
  // No transaction around it: it reads the whole store.
  table.post(
      "/api/v1/reconciliation", Auth::kProvider, 0,
      [&services](Call&) { return reconcile(services); }, Repeat::kHarmless);
}

}  // namespace obhut::cluster::api
