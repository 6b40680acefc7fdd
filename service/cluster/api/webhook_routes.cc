// A partner's webhooks and their deliveries.

#include <nlohmann/json.hpp>

#include "service/cluster/api/access.h"
#include "service/cluster/api/body.h"
#include "service/cluster/api/idempotency.h"
#include "service/cluster/api/route.h"
#include "service/cluster/api/views.h"

namespace obhut::cluster::api {
namespace {

using http::Response;
using nlohmann::json;

constexpr std::string_view kAll = "/api/v1/partners/{partner}/webhooks";
constexpr std::string_view kOne = "/api/v1/partners/{partner}/webhooks/{webhook}";

struct Named {
  PartnerId partner;
  WebhookId webhook;
};
Answer<Named> named(const Services& services, const Call& call) {
  ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
  ASSIGN_OR_RETURN(const WebhookId webhook, path_id<WebhookId>(call, 1, "webhook"));
  return Named{partner, webhook};
}

Answer<std::vector<std::string>> events_of(const json& body) {
  const auto member = body.find("events");
  if (member == body.end() || !member->is_array()) return bad_member("events", "an array");
  std::vector<std::string> events;
  for (const json& event : *member) {
    if (!event.is_string()) return bad_member("events", "an array of strings");
    events.push_back(event.get<std::string>());
  }
  return events;
}

/// To an answer that was kept, or is now, for a repetition: the database holds no secret.
Answer<void> add_secret(const Services& services, Response& response) {
  json answer = json::parse(response.body, nullptr, false);
  ASSIGN_OR_RETURN(const WebhookId id, id_member<WebhookId>(answer, "id"));
  answer["secret"] = services.webhooks.secret_of(id);
  response.body = answer.dump();
  return {};
}

/// The address is looked up before the transaction, which nobody should wait for.
Answer<Response> add(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
  ASSIGN_OR_RETURN(const json body, read_object(call));
  TRY(only_members(body, {"url", "events", "threshold_bytes"}));
  ASSIGN_OR_RETURN(const std::string wanted, text_member(body, "url"));
  ASSIGN_OR_RETURN(const std::vector<std::string> events, events_of(body));
  std::uint64_t threshold = 0;
  if (body.contains("threshold_bytes")) {
    ASSIGN_OR_RETURN(threshold, count_member(body, "threshold_bytes"));
  }
  ASSIGN_OR_RETURN(const std::string url, services.webhooks.check_url(wanted));
  ASSIGN_OR_RETURN(Response response, answer_once(services, call, [&]() -> Answer<Response> {
                     ASSIGN_OR_RETURN(const Webhook made,
                                      services.webhooks.add(partner, url, events, threshold));
                     return reply(201, webhook_json(made));
                   }));
  if (response.status == 201) TRY(add_secret(services, response));
  return response;
}

Answer<Response> list(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
  ASSIGN_OR_RETURN(const std::vector<Webhook> hooks, services.webhooks.all(partner));
  json all = json::array();
  for (const Webhook& hook : hooks) all.push_back(webhook_json(hook));
  return reply(200, {{"webhooks", std::move(all)}});
}

Answer<Response> show(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const Named name, named(services, call));
  ASSIGN_OR_RETURN(const Webhook hook, services.webhooks.webhook(name.partner, name.webhook));
  return reply(200, webhook_json(hook));
}

Answer<Response> remove(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const Named name, named(services, call));
  TRY(services.webhooks.remove(name.partner, name.webhook));
  return http::empty(204);
}

Answer<Response> test(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const Named name, named(services, call));
  ASSIGN_OR_RETURN(const Delivery delivery, services.webhooks.ping(name.partner, name.webhook));
  return reply(202, delivery_json(delivery));
}

Answer<Response> deliveries(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const Named name, named(services, call));
  ASSIGN_OR_RETURN(const std::vector<Delivery> newest,
                   services.webhooks.deliveries(name.partner, name.webhook));
  json all = json::array();
  for (const Delivery& delivery : newest) all.push_back(delivery_json(delivery));
  return reply(200, {{"deliveries", std::move(all)}});
}

Answer<Response> again(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const Named name, named(services, call));
  ASSIGN_OR_RETURN(const DeliveryId id, path_id<DeliveryId>(call, 2, "delivery"));
  ASSIGN_OR_RETURN(const Delivery delivery,
                   services.webhooks.again(name.partner, name.webhook, id));
  return reply(202, delivery_json(delivery));
}

}  // namespace

void add_webhook_routes(std::vector<Route>& routes, const Services& services) {
  Table table(routes);
  const std::string all(kAll);
  const std::string one(kOne);
  table.post(
      all, Auth::kPerson, kJsonLimit, [&services](Call& call) { return add(services, call); },
      Repeat::kAnsweredByHandler);
  table.get(all, Auth::kPerson, [&services](Call& call) { return list(services, call); });
  table.get(one, Auth::kPerson, [&services](Call& call) { return show(services, call); });
  table.remove(one, Auth::kPerson, [&services](Call& call) { return remove(services, call); });
  table.post(one + "/test", Auth::kPerson, kJsonLimit,
             [&services](Call& call) { return test(services, call); });
  table.get(one + "/deliveries", Auth::kPerson,
            [&services](Call& call) { return deliveries(services, call); });
  table.post(one + "/deliveries/{delivery}/again", Auth::kPerson, kJsonLimit,
             [&services](Call& call) { return again(services, call); });
}

}  // namespace obhut::cluster::api
