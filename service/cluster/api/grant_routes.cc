// Restore grants: what partners do with them, and what devices ask.

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"
#include "service/cluster/api/access.h"
#include "service/cluster/api/body.h"
#include "service/cluster/api/route.h"
#include "service/cluster/api/views.h"

namespace obhut::cluster::api {
namespace {

using http::Response;
using nlohmann::json;

constexpr std::size_t kPage = 200;
constexpr std::uint64_t kGrantBodyLimit = 4096;
constexpr std::string_view kGrantsPattern = "/api/v1/devices/{device}/grants";

Answer<Response> publish_grant(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const Device device, visible_device(services, call));
  std::string document = body_text(call);
  while (document.ends_with('\n') || document.ends_with('\r')) document.pop_back();
  ASSIGN_OR_RETURN(const PublishedGrant grant, services.grants.publish(device, document));
  json answer = grant_json(grant);
  if (!grant.code.empty()) answer["code"] = grant.code;
  return reply(grant.repeated ? 200 : 201, answer);
}

Answer<Response> list_grants(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const Device device, visible_device(services, call));
  ASSIGN_OR_RETURN(const Instant before, query_before(call, "cursor"));
  ASSIGN_OR_RETURN(const std::vector<PublishedGrant> grants,
                   services.grants.of_device(device.id, before, kPage));
  json list = json::array();
  for (const PublishedGrant& grant : grants) list.push_back(grant_json(grant));
  json answer = {{"grants", std::move(list)}};
  if (grants.size() == kPage) answer["next"] = format_time_micro(grants.back().received);
  return reply(200, answer);
}

Answer<Response> revoke_grant(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const Device device, visible_device(services, call));
  ASSIGN_OR_RETURN(const trust::GrantId id, path_id<trust::GrantId>(call, 1, "grant"));
  TRY(services.grants.revoke(device.id, id));
  return http::empty(204);
}

Answer<Response> fetch_grant(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const json body, read_object(call));
  TRY(only_members(body, {"code"}));
  ASSIGN_OR_RETURN(const std::string code, text_member(body, "code"));
  ASSIGN_OR_RETURN(const std::string document, services.grants.fetch(*call.device, code));
  return reply(200, {{"document", document}});
}

Answer<Response> list_revoked(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const std::vector<trust::GrantId> ids, services.grants.revoked(call.device->id));
  json list = json::array();
  for (const trust::GrantId& id : ids) list.push_back({{"id", id.text()}});
  return reply(200, {{"revoked", std::move(list)}});
}

}  // namespace

void add_grant_routes(std::vector<Route>& routes, const Services& services) {
  Table table(routes);
  const auto with = [&services](auto function) {
    return [&services, function](Call& call) { return function(services, call); };
  };
  // Harmless: a grant is one by its id. And so its code is kept with no answer.
  table.post(std::string(kGrantsPattern), Auth::kPerson, kGrantBodyLimit, with(publish_grant),
             Repeat::kHarmless);
  table.get(std::string(kGrantsPattern), Auth::kPerson, with(list_grants));
  table.remove(std::string(kGrantsPattern) + "/{grant}", Auth::kPerson, with(revoke_grant));
  // Harmless: a code is taken once. A wrong one must be counted.
  table.post("/api/v1/device/grants", Auth::kDevice, kGrantBodyLimit, with(fetch_grant),
             Repeat::kHarmless);
  table.get("/api/v1/device/grants/revoked", Auth::kDevice, with(list_revoked));
}

}  // namespace obhut::cluster::api
