#include "tests/wire/fake_cluster.h"

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/crypto/digest.h"
#include "agent/trust/assertion.h"
#include "agent/trust/receipt.h"

namespace obhut::wire {

namespace {

using nlohmann::json;

std::string value_of(const Request& request, const std::string& name) {
  for (const Header& header : request.headers) {
    if (header.name == name) return header.value;
  }
  return {};
}

}  // namespace

Response json_answer(int status, const std::string& body) {
  return {status, {{"Content-Type", "application/json"}}, to_bytes(as_bytes(body))};
}

Response problem(int status, const std::string& code) {
  return json_answer(status,
                     json{{"status", status}, {"code", code}, {"detail", "no: " + code}}.dump());
}

Result<Response> FakeCluster::send(const Request& request, std::stop_token stop) {
  if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "asked to stop");
  const std::scoped_lock lock(mutex_);
  seen.push_back(request);
  seen.back().body = {};
  bodies.emplace_back(as_text(request.body));
  if (before) {
    if (auto instead = before(request)) return std::move(*instead);
  }
  Response response = answer(request);
  if (after) after(request, response);
  if (response.body.size() > request.max_response) return fail(ErrorKind::kCorrupt, "too long");
  return response;
}

Response FakeCluster::answer(const Request& request) {
  const std::string path = request.url.substr(std::string(kUrl).size());
  if (path.starts_with("/store/")) return store_route(request, path.substr(7));
  if (path == "/api/v1/nonce") {
    return json_answer(200, json{{"nonce", "n-" + std::to_string(seen.size())},
                                 {"expires", format_time(now + std::chrono::minutes(5))},
                                 {"time", format_time_micro(now)}}
                                .dump());
  }
  if (path == "/api/v1/token") return sign_in(request);
  if (value_of(request, "Authorization") != "Bearer " + token) return problem(401, "unauthorized");
  const std::string prefix = "/api/v1/device/vaults/";
  if (path.starts_with(prefix)) return vault_route(request, path.substr(prefix.size() + 32));
  return problem(404, "no-route");
}

Response FakeCluster::sign_in(const Request& request) {
  const std::string body(as_text(request.body));
  const std::string assertion = body.substr(body.find("assertion=") + 10);
  const auto read = trust::read_assertion(assertion, device_key_, kUrl, now);
  if (!read || read->device != device_) return problem(401, "invalid_grant");
  ++sign_ins;
  return json_answer(
      200, json{{"access_token", token}, {"token_type", "Bearer"}, {"expires_in", 3600}}.dump());
}

Response FakeCluster::vault_route(const Request& request, const std::string& rest) {
  if (rest == "/tickets") return tickets(request.body);
  if (rest == "/downloads") return downloads(request.body);
  if (rest == "/commits") return commit(request.body);
  if (rest.starts_with("/objects?")) return list_objects(rest.substr(9));
  if (rest.starts_with("/heads?")) return list_heads();
  if (rest.starts_with("/heads/")) {
    for (const StoredHead& head : heads) {
      if (crypto::sha256(head.bytes).text() == rest.substr(7)) return {200, {}, head.bytes};
    }
    return problem(404, "not-found");
  }
  return problem(404, "no-route");
}

Response FakeCluster::tickets(ByteView body) const {
  json list = json::array();
  const json asked = json::parse(as_text(body));
  for (const json& object : asked["objects"]) {
    const std::string hash = object["sha256"];
    const std::string name = object["kind"].get<std::string>() + "/" + hash;
    json ticket = {{"sha256", hash}, {"state", objects.contains(name) ? "stored" : "upload"}};
    if (!objects.contains(name)) {
      ticket["url"] = "/store/" + name;  // without a host: the cluster's own
      ticket["headers"] = {{"X-Signed", "yes"}};
    }
    list.push_back(ticket);
  }
  return json_answer(200, json::object({{"tickets", list}}).dump());
}

Response FakeCluster::downloads(ByteView body) const {
  json list = json::array();
  const json asked = json::parse(as_text(body));
  for (const json& object : asked["objects"]) {
    const std::string hash = object["sha256"];
    const auto at = objects.find(object["kind"].get<std::string>() + "/" + hash);
    if (at == objects.end()) return problem(404, "unknown-object");
    list.push_back({{"sha256", hash},
                    {"url", std::string(kUrl) + "/store/" + at->first},
                    {"size", at->second.size()},
                    {"expires", format_time(now + std::chrono::hours(1))}});
  }
  return json_answer(200, json::object({{"downloads", list}}).dump());
}

Response FakeCluster::list_objects(const std::string& query) const {
  const std::string kind = query.substr(5, query.find('&') - 5);
  json list = json::array();
  for (const auto& [name, bytes] : objects) {
    if (!name.starts_with(kind + "/")) continue;
    list.push_back(
        {{"kind", kind}, {"sha256", name.substr(kind.size() + 1)}, {"size", bytes.size()}});
  }
  return json_answer(200, json::object({{"objects", list}}).dump());
}

Response FakeCluster::list_heads() const {
  json list = json::array();
  for (const StoredHead& head : heads) {
    list.push_back({{"sequence", head.head.sequence},
                    {"sha256", crypto::sha256(head.bytes).text()},
                    {"size", head.bytes.size()},
                    {"receipt", ""},
                    {"state", "kept"}});
  }
  return json_answer(200, json::object({{"heads", list}}).dump());
}

Response FakeCluster::commit(ByteView body) {
  const Result<model::Head> head = model::parse_head(body);
  if (!head) return problem(422, "invalid-head");
  const Sha256 hash = crypto::sha256(body);
  heads.push_back({*head, to_bytes(body)});
  trust::Receipt receipt;
  receipt.kind = trust::ReceiptKind::kCommit;
  receipt.device = head->device;
  receipt.received_at = now;
  receipt.subject = hash;
  receipt.vault = head->vault;
  receipt.head = hash;
  receipt.sequence = head->sequence;
  return json_answer(201, json::object({{"receipt", trust::make_receipt(receipt, key)}}).dump());
}

Response FakeCluster::store_route(const Request& request, const std::string& name) {
  // Signed addresses carry their right with them; a credential has no business here.
  if (!value_of(request, "Authorization").empty()) return problem(400, "leaked-credential");
  if (request.method == Method::kPut) {
    if (value_of(request, "X-Signed") != "yes") return problem(403, "not-signed");
    if (objects.contains(name)) return problem(409, "exists");
    objects[name] = to_bytes(request.body);
    return {201, {}, {}};
  }
  const auto at = objects.find(name);
  if (at == objects.end()) return problem(404, "not-found");
  const std::string range = value_of(request, "Range");
  const std::size_t from = std::stoul(range.substr(6));
  const std::size_t to =
      std::min<std::size_t>(std::stoul(range.substr(range.find('-') + 1)) + 1, at->second.size());
  if (from >= at->second.size()) return problem(416, "range");
  const auto begin = at->second.begin();
  return {
      206,
      {},
      Bytes(begin + static_cast<std::ptrdiff_t>(from), begin + static_cast<std::ptrdiff_t>(to))};
}

}  // namespace obhut::wire
