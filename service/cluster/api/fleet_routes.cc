// What people see and do about devices, plans, vaults and recovery points.

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"
#include "service/cluster/api/access.h"
#include "service/cluster/api/body.h"
#include "service/cluster/api/route.h"
#include "service/cluster/api/views.h"
#include "service/cluster/retention.h"

namespace obhut::cluster::api {
namespace {

using http::Response;
using nlohmann::json;

constexpr std::size_t kPage = 200;

Answer<Response> list_devices(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const Customer customer, visible_customer(services, call));
  ASSIGN_OR_RETURN(const DeviceId after, query_id<DeviceId>(call, "cursor"));
  ASSIGN_OR_RETURN(const std::vector<Device> devices,
                   services.devices.devices(customer.id, after, kPage));
  json list = json::array();
  for (const Device& device : devices) list.push_back(device_json(device));
  json answer = {{"devices", std::move(list)}};
  if (devices.size() == kPage) answer["next"] = devices.back().id.text();
  return reply(200, answer);
}

Answer<json> points_of(const Services& services, const Vault& vault, std::uint64_t after) {
  ASSIGN_OR_RETURN(const std::vector<Point> points,
                   services.commits.points(vault.id, after, kPage));
  json list = json::array();
  for (const Point& point : points) {
    if (point.state != "kept") continue;
    list.push_back(point_json(point));
    list.back()["vault"] = vault.id.text();
  }
  json answer = {{"points", std::move(list)}};
  if (points.size() == kPage) answer["next"] = std::to_string(points.back().sequence);
  return answer;
}

Answer<Response> vault_points(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const Vault vault, visible_vault(services, call));
  ASSIGN_OR_RETURN(const std::uint64_t after, query_count(call, "cursor", 0, UINT64_MAX >> 1U));
  ASSIGN_OR_RETURN(const json answer, points_of(services, vault, after));
  return reply(200, answer);
}

/// Of all vaults of the device, each vault's newest page in its own order.
Answer<Response> device_points(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const Device device, visible_device(services, call));
  ASSIGN_OR_RETURN(const std::vector<Vault> vaults, services.vaults.vaults_of_device(device.id));
  json all = json::array();
  for (const Vault& vault : vaults) {
    std::uint64_t after = 0;
    while (true) {
      ASSIGN_OR_RETURN(const json page, points_of(services, vault, after));
      for (const json& point : page["points"]) all.push_back(point);
      if (!page.contains("next")) break;
      after = std::stoull(page["next"].get<std::string>());
    }
  }
  return reply(200, {{"points", std::move(all)}});
}

Answer<Response> publish(const Services& services, const trust::PlanTarget& target, Call& call) {
  ASSIGN_OR_RETURN(const PublishedPlan plan, services.plans.publish(target, body_text(call)));
  return reply(plan.repeated ? 200 : 201, plan_json(plan));
}

Answer<Response> activities(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const Device device, visible_device(services, call));
  ASSIGN_OR_RETURN(const Instant before, query_before(call, "cursor"));
  ASSIGN_OR_RETURN(const std::vector<Activity> found,
                   services.reports.activities(device.id, before, kPage));
  json list = json::array();
  for (const Activity& activity : found) list.push_back(activity_json(activity));
  json answer = {{"activities", std::move(list)}};
  if (found.size() == kPage) answer["next"] = format_time_micro(found.back().started);
  return reply(200, answer);
}

void add_device_views(Table& table, const Services& services) {
  const auto with = [&services](auto function) {
    return [&services, function](Call& call) { return function(services, call); };
  };
  table.get("/api/v1/customers/{customer}/devices", Auth::kPerson, with(list_devices));
  table.get("/api/v1/devices/{device}", Auth::kPerson, [&services](Call& call) -> Answer<Response> {
    ASSIGN_OR_RETURN(const Device device, visible_device(services, call));
    return reply(200, device_json(device));
  });
  table.remove("/api/v1/devices/{device}", Auth::kPerson,
               [&services](Call& call) -> Answer<Response> {
                 ASSIGN_OR_RETURN(const Device device, visible_device(services, call));
                 TRY(services.devices.remove_workload(device.id));
                 TRY(services.changes.announce(plan_topic(device.customer)));
                 return http::empty(204);
               });
  table.get("/api/v1/devices/{device}/points", Auth::kPerson, with(device_points));
  table.get("/api/v1/devices/{device}/activities", Auth::kPerson, with(activities));
  table.get("/api/v1/devices/{device}/alerts", Auth::kPerson,
            [&services](Call& call) -> Answer<Response> {
              ASSIGN_OR_RETURN(const Device device, visible_device(services, call));
              ASSIGN_OR_RETURN(const std::vector<Alert> alerts,
                               services.reports.alerts(device.id, kPage));
              json list = json::array();
              for (const Alert& alert : alerts) list.push_back(alert_json(alert));
              return reply(200, {{"alerts", std::move(list)}});
            });
  table.get("/api/v1/devices/{device}/vaults", Auth::kPerson,
            [&services](Call& call) -> Answer<Response> {
              ASSIGN_OR_RETURN(const Device device, visible_device(services, call));
              ASSIGN_OR_RETURN(const std::vector<Vault> vaults,
                               services.vaults.vaults_of_device(device.id));
              json list = json::array();
              for (const Vault& vault : vaults) list.push_back(vault_json(vault));
              return reply(200, {{"vaults", std::move(list)}});
            });
}

void add_plan_routes(Table& table, const Services& services) {
  table.get("/api/v1/devices/{device}/plans", Auth::kPerson,
            [&services](Call& call) -> Answer<Response> {
              ASSIGN_OR_RETURN(const Device device, visible_device(services, call));
              ASSIGN_OR_RETURN(const PublishedPlan plan, services.plans.current(device.id));
              return reply(200, plan_json(plan));
            });
  table.post("/api/v1/devices/{device}/plans", Auth::kPerson, kDocumentBodyLimit,
             [&services](Call& call) -> Answer<Response> {
               ASSIGN_OR_RETURN(const Device device, visible_device(services, call));
               return publish(services, device.id, call);
             });
  table.get("/api/v1/customers/{customer}/plans", Auth::kPerson,
            [&services](Call& call) -> Answer<Response> {
              ASSIGN_OR_RETURN(const Customer customer, visible_customer(services, call));
              ASSIGN_OR_RETURN(const PublishedPlan plan, services.plans.current(customer.id));
              return reply(200, plan_json(plan));
            });
  table.post("/api/v1/customers/{customer}/plans", Auth::kPerson, kDocumentBodyLimit,
             [&services](Call& call) -> Answer<Response> {
               ASSIGN_OR_RETURN(const Customer customer, visible_customer(services, call));
               return publish(services, customer.id, call);
             });
}

void add_vault_routes(Table& table, const Services& services) {
  table.get("/api/v1/vaults/{vault}", Auth::kPerson, [&services](Call& call) -> Answer<Response> {
    ASSIGN_OR_RETURN(const Vault vault, visible_vault(services, call));
    return reply(200, vault_json(vault));
  });
  table.get("/api/v1/vaults/{vault}/points", Auth::kPerson,
            [&services](Call& call) { return vault_points(services, call); });
  table.remove("/api/v1/vaults/{vault}/points/{sha256}", Auth::kPerson,
               [&services](Call& call) -> Answer<Response> {
                 ASSIGN_OR_RETURN(const Vault vault, visible_vault(services, call));
                 ASSIGN_OR_RETURN(const Sha256 point, path_id<Sha256>(call, 1, "point"));
                 TRY(services.retention.delete_point(vault.id, point));
                 return http::empty(204);
               });
  table.remove("/api/v1/vaults/{vault}/hold", Auth::kPerson,
               [&services](Call& call) -> Answer<Response> {
                 ASSIGN_OR_RETURN(const Vault vault, visible_vault(services, call));
                 TRY(services.retention.release_hold(vault.id));
                 return http::empty(204);
               });
}

}  // namespace

void add_fleet_routes(std::vector<Route>& routes, const Services& services) {
  Table table(routes);
  add_device_views(table, services);
  add_plan_routes(table, services);
  add_vault_routes(table, services);
}

}  // namespace obhut::cluster::api
