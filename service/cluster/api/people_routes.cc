// What the provider's and the partners' people call: accounts, partners, customers, tokens.

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"
#include "service/cluster/api/access.h"
#include "service/cluster/api/body.h"
#include "service/cluster/api/idempotency.h"
#include "service/cluster/api/route.h"
#include "service/cluster/api/views.h"
#include "service/cluster/retention.h"

namespace obhut::cluster::api {
namespace {

using http::Response;
using nlohmann::json;

constexpr std::size_t kPage = 200;

Answer<Response> login(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const json body, read_object(call));
  TRY(only_members(body, {"email", "password"}));
  ASSIGN_OR_RETURN(const std::string email, text_member(body, "email"));
  ASSIGN_OR_RETURN(const std::string password, text_member(body, "password"));
  ASSIGN_OR_RETURN(const SessionToken session,
                   services.accounts.login(email, password, call.request.peer));
  json answer = {{"token", session.token},
                 {"expires", format_time(session.expires)},
                 {"role", to_string(session.person.role)}};
  if (session.person.partner) answer["partner"] = session.person.partner->text();
  return reply(200, answer);
}

Answer<Response> add_partner(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const json body, read_object(call));
  TRY(only_members(body, {"id", "name", "root", "currency"}));
  ASSIGN_OR_RETURN(const PartnerId id, optional_id<PartnerId>(body, "id"));
  ASSIGN_OR_RETURN(const std::string name, text_member(body, "name"));
  ASSIGN_OR_RETURN(const SigningKeyId root, id_member<SigningKeyId>(body, "root"));
  ASSIGN_OR_RETURN(std::string currency, optional_text(body, "currency"));
  if (currency.empty()) currency = "EUR";
  ASSIGN_OR_RETURN(const Partner partner, services.tenants.add_partner(id, name, root, currency));
  return reply(201, partner_json(partner));
}

Answer<Response> list_partners(const Services& services, Call& call) {
  json list = json::array();
  if (call.person->partner) {
    ASSIGN_OR_RETURN(const Partner own, services.tenants.partner(*call.person->partner));
    list.push_back(partner_json(own));
  } else {
    ASSIGN_OR_RETURN(const std::vector<Partner> partners, services.tenants.partners());
    for (const Partner& partner : partners) list.push_back(partner_json(partner));
  }
  return reply(200, {{"partners", std::move(list)}});
}

Answer<Response> add_person(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
  ASSIGN_OR_RETURN(const json body, read_object(call));
  TRY(only_members(body, {"email", "password", "role"}));
  ASSIGN_OR_RETURN(const std::string email, text_member(body, "email"));
  ASSIGN_OR_RETURN(const std::string password, text_member(body, "password"));
  ASSIGN_OR_RETURN(const std::string role_text, text_member(body, "role"));
  const std::optional<Role> role = parse_role(role_text);
  if (!role || *role == Role::kProvider) return bad_member("role", "admin or viewer");
  ASSIGN_OR_RETURN(const NewPerson made,
                   services.accounts.prepare(partner, email, password, *role));
  return answer_once(services, call, [&]() -> Answer<Response> {
    ASSIGN_OR_RETURN(const Person person, services.accounts.add(made));
    return reply(201, person_json(person));
  });
}

Answer<Response> add_customer(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
  ASSIGN_OR_RETURN(const json body, read_object(call));
  TRY(only_members(body, {"id", "number", "name", "mode"}));
  ASSIGN_OR_RETURN(const CustomerId id, optional_id<CustomerId>(body, "id"));
  ASSIGN_OR_RETURN(const std::string number, text_member(body, "number"));
  ASSIGN_OR_RETURN(const std::string name, optional_text(body, "name"));
  ASSIGN_OR_RETURN(const std::string mode, text_member(body, "mode"));
  ASSIGN_OR_RETURN(const Customer customer,
                   services.tenants.add_customer(partner, id, number, name, mode));
  return reply(201, customer_json(customer));
}

Answer<Response> list_customers(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
  ASSIGN_OR_RETURN(const CustomerId after, query_id<CustomerId>(call, "cursor"));
  ASSIGN_OR_RETURN(const std::vector<Customer> customers,
                   services.tenants.customers(partner, after, kPage));
  json list = json::array();
  for (const Customer& customer : customers) list.push_back(customer_json(customer));
  json answer = {{"customers", std::move(list)}};
  if (customers.size() == kPage) answer["next"] = customers.back().id.text();
  return reply(200, answer);
}

Answer<Response> put_trust(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
  ASSIGN_OR_RETURN(const Partner changed,
                   services.tenants.put_trust_list(partner, body_text(call)));
  TRY(services.changes.announce(trust_topic(partner)));
  return reply(200, partner_json(changed));
}

void add_partner_routes(Table& table, const Services& services) {
  const auto with = [&services](auto function) {
    return [&services, function](Call& call) { return function(services, call); };
  };
  table.get("/api/v1/partners", Auth::kPerson, with(list_partners));
  table.post("/api/v1/partners", Auth::kProvider, kJsonLimit, with(add_partner));
  table.get("/api/v1/partners/{partner}", Auth::kPerson,
            [&services](Call& call) -> Answer<Response> {
              ASSIGN_OR_RETURN(const PartnerId id, visible_partner(services, call));
              ASSIGN_OR_RETURN(const Partner partner, services.tenants.partner(id));
              return reply(200, partner_json(partner));
            });
  table.get("/api/v1/partners/{partner}/trust", Auth::kPerson,
            [&services](Call& call) -> Answer<Response> {
              ASSIGN_OR_RETURN(const PartnerId id, visible_partner(services, call));
              ASSIGN_OR_RETURN(std::string list, services.tenants.trust_list(id));
              if (list.empty()) return refuse(404, "no-trust-list", "no trust list was sent yet");
              return http::json(200, std::move(list));
            });
  table.put("/api/v1/partners/{partner}/trust", Auth::kPerson, kDocumentBodyLimit, with(put_trust));
  table.get("/api/v1/partners/{partner}/people", Auth::kPerson,
            [&services](Call& call) -> Answer<Response> {
              ASSIGN_OR_RETURN(const PartnerId id, visible_partner(services, call));
              ASSIGN_OR_RETURN(const std::vector<Person> people, services.accounts.list(id));
              json list = json::array();
              for (const Person& person : people) list.push_back(person_json(person));
              return reply(200, {{"people", std::move(list)}});
            });
  table.post("/api/v1/partners/{partner}/people", Auth::kPerson, kJsonLimit, with(add_person),
             Repeat::kAnsweredByHandler);  // passwords are hashed slowly
  table.post("/api/v1/partners/{partner}/cancellation", Auth::kPerson, 0,
             [&services](Call& call) -> Answer<Response> {
               ASSIGN_OR_RETURN(const PartnerId id, visible_partner(services, call));
               TRY(services.tenants.cancel_partner(id));
               return http::empty(204);
             });
}

void add_customer_routes(Table& table, const Services& services) {
  const auto with = [&services](auto function) {
    return [&services, function](Call& call) { return function(services, call); };
  };
  table.get("/api/v1/partners/{partner}/customers", Auth::kPerson, with(list_customers));
  table.post("/api/v1/partners/{partner}/customers", Auth::kPerson, kJsonLimit, with(add_customer));
  table.get("/api/v1/customers/{customer}", Auth::kPerson,
            [&services](Call& call) -> Answer<Response> {
              ASSIGN_OR_RETURN(const Customer customer, visible_customer(services, call));
              return reply(200, customer_json(customer));
            });
  table.put("/api/v1/customers/{customer}/mode", Auth::kPerson, kJsonLimit,
            [&services](Call& call) -> Answer<Response> {
              ASSIGN_OR_RETURN(const Customer customer, visible_customer(services, call));
              ASSIGN_OR_RETURN(const json body, read_object(call));
              TRY(only_members(body, {"mode"}));
              ASSIGN_OR_RETURN(const std::string mode, text_member(body, "mode"));
              ASSIGN_OR_RETURN(const Customer changed,
                               services.tenants.set_mode(customer.id, mode));
              return reply(200, customer_json(changed));
            });
  table.post("/api/v1/customers/{customer}/trial", Auth::kPerson, 0,
             [&services](Call& call) -> Answer<Response> {
               ASSIGN_OR_RETURN(const Customer customer, visible_customer(services, call));
               TRY(services.tenants.start_trial(customer.id));
               return http::empty(204);
             });
  table.remove("/api/v1/customers/{customer}", Auth::kPerson,
               [&services](Call& call) -> Answer<Response> {
                 ASSIGN_OR_RETURN(const Customer customer, visible_customer(services, call));
                 TRY(services.retention.delete_customer(customer.id));
                 TRY(services.changes.announce(plan_topic(customer.id)));
                 return http::empty(204);
               });
}

void add_token_routes(Table& table, const Services& services) {
  table.get("/api/v1/customers/{customer}/tokens", Auth::kPerson,
            [&services](Call& call) -> Answer<Response> {
              ASSIGN_OR_RETURN(const Customer customer, visible_customer(services, call));
              ASSIGN_OR_RETURN(const std::vector<Registration> tokens,
                               services.devices.tokens(customer.id));
              json list = json::array();
              for (const Registration& token : tokens) list.push_back(registration_json(token));
              return reply(200, {{"tokens", std::move(list)}});
            });
  table.post("/api/v1/customers/{customer}/tokens", Auth::kPerson, kDocumentBodyLimit,
             [&services](Call& call) -> Answer<Response> {
               ASSIGN_OR_RETURN(const Customer customer, visible_customer(services, call));
               ASSIGN_OR_RETURN(const Registration token,
                                services.devices.register_token(customer.id, body_text(call)));
               return reply(201, registration_json(token));
             });
  table.remove("/api/v1/customers/{customer}/tokens/{hash}", Auth::kPerson,
               [&services](Call& call) -> Answer<Response> {
                 ASSIGN_OR_RETURN(const Customer customer, visible_customer(services, call));
                 ASSIGN_OR_RETURN(const Sha256 hash, path_id<Sha256>(call, 1, "token"));
                 TRY(services.devices.revoke_token(customer.id, hash));
                 return http::empty(204);
               });
}

}  // namespace

void add_people_routes(std::vector<Route>& routes, const Services& services) {
  Table table(routes);
  table.post(
      "/api/v1/sessions", Auth::kNobody, 16 * 1024,
      [&services](Call& call) { return login(services, call); },
      Repeat::kHarmless);  // sessions end by themselves, failures count though refused
  table.get("/api/v1/sessions/current", Auth::kPerson,
            [](Call& call) -> Answer<Response> { return reply(200, person_json(*call.person)); });
  table.remove("/api/v1/sessions/current", Auth::kPerson,
               [&services](Call& call) -> Answer<Response> {
                 TRY(services.accounts.logout(call.bearer));
                 return http::empty(204);
               });
  add_partner_routes(table, services);
  add_customer_routes(table, services);
  add_token_routes(table, services);
}

}  // namespace obhut::cluster::api
