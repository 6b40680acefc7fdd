// What agents call.

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "service/cluster/api/body.h"
#include "service/cluster/api/route.h"
#include "service/cluster/api/views.h"
#include "service/cluster/trials.h"

namespace obhut::cluster::api {
namespace {

using http::Response;
using nlohmann::json;

constexpr std::size_t kObjectsAtOnce = 100;
constexpr std::size_t kPage = 1000;
constexpr std::uint64_t kLongestWait = 55;
constexpr std::string_view kAssertionGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer";

Answer<Response> enrol(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const json body, read_object(call));
  TRY(only_members(body, {"token", "device_key", "activation"}));
  ASSIGN_OR_RETURN(const std::string token, text_member(body, "token"));
  ASSIGN_OR_RETURN(const SigningKeyId key, id_member<SigningKeyId>(body, "device_key"));
  ASSIGN_OR_RETURN(const std::string activation, text_member(body, "activation"));
  ASSIGN_OR_RETURN(const Enrolment done, services.devices.enrol(token, key, activation));
  return reply(done.repeated ? 200 : 201, {{"device", done.device.id.text()},
                                           {"customer", done.device.customer.text()},
                                           {"partner", done.device.partner.text()},
                                           {"workload", done.device.workload.text()},
                                           {"cluster_key", services.cluster_key.text()},
                                           {"trust", done.trust},
                                           {"receipt", done.receipt}});
}

Answer<Response> give_token(const Services& services, Call& call) {
  const auto type = http::find(call.request.headers, "content-type");
  if (!type || !type->starts_with("application/x-www-form-urlencoded")) {
    return refuse(415, "unsupported-media-type", "send application/x-www-form-urlencoded");
  }
  const auto form = http::parse_form(as_text(call.request.body));
  if (!form) return refuse(400, "invalid_request", form.error().message);
  const auto grant = http::find(*form, "grant_type");
  const auto assertion = http::find(*form, "assertion");
  if (grant != kAssertionGrant) {
    return refuse(400, "unsupported_grant_type",
                  "grant_type must be " + std::string(kAssertionGrant));
  }
  if (!assertion) return refuse(400, "invalid_request", "the assertion is missing");
  ASSIGN_OR_RETURN(std::optional<AccessToken> token, services.recovery.exchange(*assertion));
  if (!token) {
    ASSIGN_OR_RETURN(token, services.devices.exchange(*assertion));
  }
  return reply(200, {{"access_token", token->token},
                     {"token_type", "Bearer"},
                     {"expires_in", token->life.count()}});
}

Answer<Response> poll_plan(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const std::uint64_t after, query_count(call, "after", 0, UINT64_MAX >> 1U));
  ASSIGN_OR_RETURN(const std::uint64_t wait, query_count(call, "wait", 0, kLongestWait));
  std::optional<std::uint64_t> trust;
  if (http::find(call.query, "trust_serial")) {
    ASSIGN_OR_RETURN(trust, query_count(call, "trust_serial", 0, UINT64_MAX >> 1U));
  }
  const auto subscription = services.notifier.subscribe(
      {plan_topic(call.device->customer), trust_topic(call.device->partner)});
  // Removed meanwhile? A poll may be an hour old token's last word.
  ASSIGN_OR_RETURN(const Device device, services.devices.device(call.device->id));
  if (device.removed) return refuse(410, "removed", "the partner has removed this device");
  services.devices.saw(*call.device);
  ASSIGN_OR_RETURN(const std::optional<PlanDelivery> plan,
                   services.plans.newer(device, after, trust));
  if (plan) {
    return reply(
        200, {{"version", plan->version}, {"envelope", plan->envelope}, {"trust", plan->trust}});
  }
  Response nothing = http::empty(204);
  if (wait > 0 && !call.last) {
    nothing.wait = subscription;
    nothing.wait_for = std::chrono::seconds(wait);
  }
  return nothing;
}

Answer<Response> create_vault(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const json body, read_object(call));
  TRY(only_members(body, {"vault"}));
  ASSIGN_OR_RETURN(const VaultId id, id_member<VaultId>(body, "vault"));
  ASSIGN_OR_RETURN(const bool created, services.vaults.create(*call.device, id));
  return reply(created ? 201 : 200, {{"vault", id.text()}, {"location", "provider"}});
}

Answer<std::vector<ObjectFacts>> read_objects(const Call& call, bool with_size) {
  ASSIGN_OR_RETURN(const json body, read_object(call));
  TRY(only_members(body, {"objects"}));
  const auto list = body.find("objects");
  if (list == body.end() || !list->is_array() || list->empty() || list->size() > kObjectsAtOnce) {
    return bad_member("objects", "an array of 1 to 100 objects");
  }
  std::vector<ObjectFacts> objects;
  for (const json& item : *list) {
    if (!item.is_object()) return bad_member("objects", "an array of objects");
    TRY(only_members(item, {"kind", "sha256", "size"}));
    ObjectFacts facts;
    ASSIGN_OR_RETURN(const std::string kind_text, text_member(item, "kind"));
    const auto kind = parse_object_kind(kind_text);
    if (!kind || *kind == model::ObjectKind::kHead) {
      return bad_member("kind", "pack, index or key");
    }
    facts.name.kind = *kind;
    ASSIGN_OR_RETURN(facts.name.hash, id_member<Sha256>(item, "sha256"));
    if (with_size) {
      ASSIGN_OR_RETURN(facts.size, count_member(item, "size"));
    }
    objects.push_back(facts);
  }
  return objects;
}

Answer<Response> give_tickets(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const VaultId vault, path_id<VaultId>(call, 0, "vault"));
  ASSIGN_OR_RETURN(const std::vector<ObjectFacts> objects, read_objects(call, true));
  ASSIGN_OR_RETURN(const std::vector<Ticket> tickets,
                   services.vaults.tickets(*call.device, vault, objects));
  json list = json::array();
  for (const Ticket& ticket : tickets) {
    json item = {{"sha256", ticket.hash.text()}, {"state", ticket.stored ? "stored" : "upload"}};
    if (!ticket.stored) {
      item["url"] = base_url(call, services) + ticket.url;
      item["method"] = "PUT";
      item["headers"] = {{"Content-Type", "application/octet-stream"}};
      item["expires"] = format_time(ticket.expires);
    }
    list.push_back(std::move(item));
  }
  return reply(200, {{"tickets", std::move(list)}});
}

Answer<Response> give_downloads(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const VaultId vault, path_id<VaultId>(call, 0, "vault"));
  ASSIGN_OR_RETURN(const std::vector<ObjectFacts> objects, read_objects(call, false));
  std::vector<model::ObjectName> names;
  names.reserve(objects.size());
  for (const ObjectFacts& object : objects) names.push_back(object.name);
  ASSIGN_OR_RETURN(const std::vector<Download> downloads,
                   services.vaults.downloads(*call.device, vault, names));
  json list = json::array();
  for (const Download& download : downloads) {
    list.push_back({{"sha256", download.hash.text()},
                    {"url", base_url(call, services) + download.url},
                    {"headers", json::object()},
                    {"size", download.size},
                    {"expires", format_time(download.expires)}});
  }
  return reply(200, {{"downloads", std::move(list)}});
}

Answer<Response> list_objects(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const VaultId vault, path_id<VaultId>(call, 0, "vault"));
  const auto kind = parse_object_kind(http::find(call.query, "kind").value_or(""));
  if (!kind || *kind == model::ObjectKind::kHead) return bad_member("kind", "pack, index or key");
  const std::string_view state = http::find(call.query, "state").value_or("all");
  if (state != "all" && state != "uncommitted") return bad_member("state", "all or uncommitted");
  ASSIGN_OR_RETURN(const Sha256 after, query_id<Sha256>(call, "cursor"));
  ASSIGN_OR_RETURN(
      const std::vector<ObjectFacts> objects,
      services.vaults.objects(*call.device, vault, *kind, state == "uncommitted", after, kPage));
  json list = json::array();
  for (const ObjectFacts& object : objects) {
    list.push_back({{"kind", model::to_string(object.name.kind)},
                    {"sha256", object.name.hash.text()},
                    {"size", object.size}});
  }
  json answer = {{"objects", std::move(list)}};
  if (objects.size() == kPage) answer["next"] = objects.back().name.hash.text();
  return reply(200, answer);
}

Answer<Response> commit(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const VaultId vault, path_id<VaultId>(call, 0, "vault"));
  ASSIGN_OR_RETURN(const Committed done,
                   services.commits.commit(*call.device, vault, call.request.body));
  return reply(done.repeated ? 200 : 201, {{"receipt", done.receipt}});
}

/// That the vault is the caller's; the lists below do not ask.
Answer<VaultId> own_vault(const Services& services, const Call& call) {
  ASSIGN_OR_RETURN(const VaultId id, path_id<VaultId>(call, 0, "vault"));
  TRY(services.vaults.own_vault(*call.device, id));
  return id;
}

Answer<Response> list_receipts(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const VaultId vault, path_id<VaultId>(call, 0, "vault"));
  const std::string_view after = http::find(call.query, "after").value_or("");
  ASSIGN_OR_RETURN(const std::vector<std::string> receipts,
                   services.receipts.of_vault(*call.device, vault, after));
  return reply(200, {{"receipts", receipts}});
}

Answer<Response> list_heads(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const VaultId vault, own_vault(services, call));
  ASSIGN_OR_RETURN(const std::uint64_t after,
                   query_count(call, "after_sequence", 0, UINT64_MAX >> 1U));
  ASSIGN_OR_RETURN(const std::vector<Point> points, services.commits.points(vault, after, kPage));
  json list = json::array();
  for (const Point& point : points) {
    list.push_back({{"sequence", point.sequence},
                    {"sha256", point.hash.text()},
                    {"size", point.size},
                    {"receipt", point.receipt},
                    {"state", point.state}});
  }
  json answer = {{"heads", std::move(list)}};
  if (points.size() == kPage) answer["next_after_sequence"] = points.back().sequence;
  return reply(200, answer);
}

Answer<Response> give_head(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const VaultId vault, path_id<VaultId>(call, 0, "vault"));
  ASSIGN_OR_RETURN(const Sha256 hash, path_id<Sha256>(call, 1, "head"));
  ASSIGN_OR_RETURN(const Bytes head, services.commits.head(*call.device, vault, hash));
  Response response;
  response.content_type = "application/octet-stream";
  response.body = std::string(as_text(head));
  return response;
}

/// A flat object of integers: no string of the device's leaves it unsealed.
Answer<std::string> read_counts(const json& item) {
  const auto counts = item.find("counts");
  if (counts == item.end()) return std::string("{}");
  const bool good =
      counts->is_object() && counts->size() <= 32 &&
      std::ranges::all_of(*counts, [](const json& n) { return n.is_number_integer(); });
  if (!good) return bad_member("counts", "an object of at most 32 integers");
  for (const auto& [name, value] : counts->items()) {
    const bool word =
        !name.empty() && name.size() <= 32 &&
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
    if (!word) return bad_member("counts", "an object whose members are lower-case words");
  }
  return counts->dump();
}

Answer<std::string> read_grant_use(const Services& services, const Call& call, const json& item) {
  const auto grant = item.find("grant");
  if (grant == item.end()) return std::string();
  if (!grant->is_object()) return bad_member("grant", "an object");
  TRY(only_members(*grant, {"document", "account", "paths", "destination"}));
  GrantUseReport use;
  ASSIGN_OR_RETURN(use.document, text_member(*grant, "document"));
  ASSIGN_OR_RETURN(use.account, text_member(*grant, "account"));
  ASSIGN_OR_RETURN(use.destination, text_member(*grant, "destination"));
  const auto paths = grant->find("paths");
  if (paths == grant->end() || !paths->is_array() || paths->size() > trust::kMaxGrantPaths) {
    return bad_member("paths", "an array of at most 16 numbers");
  }
  for (const json& path : *paths) {
    if (!path.is_number_unsigned()) return bad_member("paths", "an array of numbers");
    use.paths.push_back(path.get<std::uint64_t>());
  }
  return services.grants.describe(*call.device, use);
}

Answer<Response> add_activities(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const json body, read_array(call, 100));
  std::vector<Activity> activities;
  for (const json& item : body) {
    TRY(only_members(item, {"id", "kind", "started", "finished", "outcome", "counts", "grant"}));
    Activity activity;
    ASSIGN_OR_RETURN(activity.id, text_member(item, "id"));
    ASSIGN_OR_RETURN(activity.kind, text_member(item, "kind"));
    ASSIGN_OR_RETURN(activity.started, time_member(item, "started"));
    ASSIGN_OR_RETURN(activity.finished, optional_time(item, "finished"));
    ASSIGN_OR_RETURN(activity.outcome, text_member(item, "outcome"));
    ASSIGN_OR_RETURN(activity.counts, read_counts(item));
    ASSIGN_OR_RETURN(activity.grant, read_grant_use(services, call, item));
    activities.push_back(std::move(activity));
  }
  TRY(services.reports.add_activities(*call.device, activities));
  return http::empty(204);
}

Answer<Response> add_alerts(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const json body, read_array(call, 100));
  std::vector<Alert> alerts;
  for (const json& item : body) {
    TRY(only_members(item, {"id", "code", "severity", "since", "cleared"}));
    Alert alert;
    ASSIGN_OR_RETURN(alert.id, text_member(item, "id"));
    ASSIGN_OR_RETURN(alert.code, text_member(item, "code"));
    ASSIGN_OR_RETURN(alert.severity, text_member(item, "severity"));
    ASSIGN_OR_RETURN(alert.since, time_member(item, "since"));
    ASSIGN_OR_RETURN(alert.cleared, optional_time(item, "cleared"));
    alerts.push_back(std::move(alert));
  }
  TRY(services.reports.add_alerts(*call.device, alerts));
  return http::empty(204);
}

/// For whoever sits at the device: agents say it before it happens.
Answer<Response> give_trial(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const std::optional<Instant> end,
                   trial_end(services.database, call.device->customer));
  return reply(200, {{"ends", end ? json(format_time(*end)) : json()}});
}

Answer<Response> confirm_recovery(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const VaultId vault, path_id<VaultId>(call, 0, "vault"));
  ASSIGN_OR_RETURN(const json body, read_object(call));
  TRY(only_members(body, {"confirmed", "access_key"}));
  if (body.value("confirmed", json()) != true) return bad_member("confirmed", "true");
  TRY(services.vaults.confirm_recovery(*call.device, vault));
  if (body.contains("access_key")) {
    ASSIGN_OR_RETURN(const SigningKeyId key, id_member<SigningKeyId>(body, "access_key"));
    TRY(services.recovery.allow(*call.device, vault, key));
  }
  return http::empty(204);
}

/// What a recovery key opens; how far it goes, the vault's points say.
Answer<Response> give_recovery(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const Vault vault, services.vaults.vault(*call.recovers));
  return reply(200, {{"vault", vault.id.text()},
                     {"device", vault.device.text()},
                     {"head_sequence", vault.head_sequence},
                     {"cluster_key", services.cluster_key.text()}});
}

}  // namespace

void add_device_routes(std::vector<Route>& routes, const Services& services) {
  Table table(routes);
  const auto with = [&services](auto function) {
    return [&services, function](Call& call) { return function(services, call); };
  };
  // Harmless: a device's key enrols once.
  table.post("/api/v1/enroll", Auth::kNobody, kJsonLimit, with(enrol), Repeat::kHarmless);
  table.get("/api/v1/nonce", Auth::kNobody, [&services](Call&) -> Answer<Response> {
    const auto [nonce, expires] = services.passes.nonce();
    return reply(200, {{"nonce", nonce},
                       {"expires", format_time(expires)},
                       {"time", format_time_micro(services.clock.now())}});
  });
  // Harmless: a nonce is taken once.
  table.post("/api/v1/token", Auth::kNobody, 16 * 1024, with(give_token), Repeat::kHarmless);
  table.get("/api/v1/device", Auth::kDevice,
            [](Call& call) -> Answer<Response> { return reply(200, device_json(*call.device)); });
  table.get("/api/v1/device/trial", Auth::kDevice, with(give_trial));
  table.get("/api/v1/device/plan", Auth::kDevice, with(poll_plan));
  table.post("/api/v1/device/vaults", Auth::kDevice, kJsonLimit, with(create_vault));
  table.get("/api/v1/device/vaults", Auth::kDevice, [&services](Call& call) -> Answer<Response> {
    ASSIGN_OR_RETURN(const std::vector<Vault> vaults,
                     services.vaults.vaults_of_device(call.device->id));
    json list = json::array();
    for (const Vault& vault : vaults) {
      if (vault.location == billing::Location::kProvider) list.push_back(vault_json(vault));
    }
    return reply(200, {{"vaults", std::move(list)}});
  });
  table.post("/api/v1/device/vaults/{vault}/tickets", Auth::kDevice, kJsonLimit,
             with(give_tickets));
  table.post("/api/v1/device/vaults/{vault}/downloads", Auth::kReader, kJsonLimit,
             with(give_downloads), Repeat::kHarmless);  // writes nothing
  table.get("/api/v1/device/vaults/{vault}/objects", Auth::kReader, with(list_objects));
  // Harmless: a head is committed once, by its hash; and its file must be durable before the
  // transaction that names it, which is more than one transaction can hold.
  table.post("/api/v1/device/vaults/{vault}/commits", Auth::kDevice, kHeadLimit, with(commit),
             Repeat::kHarmless);
  table.get("/api/v1/device/vaults/{vault}/heads", Auth::kReader, with(list_heads));
  table.get("/api/v1/device/vaults/{vault}/heads/{sha256}", Auth::kReader, with(give_head));
  table.get("/api/v1/device/vaults/{vault}/receipts", Auth::kDevice, with(list_receipts));
  table.post("/api/v1/device/vaults/{vault}/recovery", Auth::kDevice, kJsonLimit,
             with(confirm_recovery));
  table.get("/api/v1/recovery", Auth::kRecovery, with(give_recovery));
  table.post("/api/v1/device/activities", Auth::kDevice, kJsonLimit, with(add_activities));
  table.post("/api/v1/device/alerts", Auth::kDevice, kJsonLimit, with(add_alerts));
}

}  // namespace obhut::cluster::api
