#include "service/cluster/api/body.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/model/strict_json.h"

namespace obhut::cluster::api {
namespace {

using nlohmann::json;

Answer<json> read_json(const Call& call) {
  if (call.request.body.empty()) return refuse(400, "malformed-json", "the request needs a body");
  auto parsed = model::parse_strict_json(as_text(call.request.body), "body",
                                         {static_cast<std::size_t>(kDocumentBodyLimit), 16});
  if (!parsed) return refuse(400, "malformed-json", parsed.error().message);
  return std::move(*parsed);
}

}  // namespace

std::unexpected<Refusal> bad_member(std::string_view name, std::string_view want) {
  return refuse(422, "invalid-request",
                "\"" + std::string(name) + "\" must be " + std::string(want));
}

Answer<json> read_object(const Call& call) {
  ASSIGN_OR_RETURN(json body, read_json(call));
  if (!body.is_object()) return refuse(422, "invalid-request", "the body must be a JSON object");
  return body;
}

Answer<json> read_array(const Call& call, std::size_t longest) {
  ASSIGN_OR_RETURN(json body, read_json(call));
  if (!body.is_array() || body.size() > longest ||
      !std::ranges::all_of(body, [](const json& item) { return item.is_object(); })) {
    return refuse(
        422, "invalid-request",
        "the body must be a JSON array of at most " + std::to_string(longest) + " objects");
  }
  return body;
}

Answer<std::string> text_member(const json& object, std::string_view name) {
  const auto member = object.find(name);
  if (member == object.end() || !member->is_string()) return bad_member(name, "a string");
  return member->get<std::string>();
}

Answer<std::string> optional_text(const json& object, std::string_view name) {
  if (!object.contains(name)) return std::string{};
  return text_member(object, name);
}

Answer<std::uint64_t> count_member(const json& object, std::string_view name) {
  const auto member = object.find(name);
  if (member == object.end() || !member->is_number_unsigned()) {
    return bad_member(name, "an integer of at least 0");
  }
  const auto value = member->get<std::uint64_t>();
  if (value > std::uint64_t{1} << 62U) return bad_member(name, "an integer below 2^62");
  return value;
}

Answer<Instant> time_member(const json& object, std::string_view name) {
  ASSIGN_OR_RETURN(const std::string text, text_member(object, name));
  const std::optional<Instant> at = parse_time(text);
  if (!at) return bad_member(name, "an instant as 2026-03-31T21:59:59Z");
  return *at;
}

Answer<std::optional<Instant>> optional_time(const json& object, std::string_view name) {
  if (!object.contains(name) || object.at(std::string(name)).is_null()) {
    return std::optional<Instant>{};
  }
  ASSIGN_OR_RETURN(const Instant at, time_member(object, name));
  return std::optional(at);
}

Answer<void> only_members(const json& object, std::initializer_list<std::string_view> names) {
  for (const auto& [name, value] : object.items()) {
    if (std::ranges::find(names, name) == names.end()) {
      return refuse(422, "invalid-request", "\"" + printable(name) + "\" is not known here");
    }
  }
  return {};
}

Answer<std::uint64_t> query_count(const Call& call, std::string_view name, std::uint64_t otherwise,
                                  std::uint64_t most) {
  const auto text = http::find(call.query, name);
  if (!text) return otherwise;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (text->empty() || error != std::errc{} || end != text->data() + text->size() || value > most) {
    return bad_member(name, "an integer from 0 to " + std::to_string(most));
  }
  return value;
}

Answer<Instant> query_before(const Call& call, std::string_view name) {
  const auto text = http::find(call.query, name);
  if (!text) return Instant::max();
  const std::optional<Instant> at = parse_time(*text);
  if (!at) return bad_member(name, "a cursor that a list gave");
  return *at;
}

std::string body_text(const Call& call) {
  return std::string(as_text(call.request.body));
}

http::Response reply(int status, const json& body) {
  return http::json(status, body.dump(-1, ' ', false, json::error_handler_t::replace));
}

http::Response reply(const Refusal& refusal) {
  http::Response response = http::problem(refusal.status, refusal.code, refusal.detail);
  if (!refusal.members.empty()) {
    response.body.pop_back();
    response.body += "," + refusal.members + "}";
  }
  if (refusal.retry_after > 0) {
    const std::string seconds = std::to_string(refusal.retry_after);
    response.headers.emplace_back("Retry-After", seconds);
    response.body.pop_back();
    response.body += ",\"retry_after\":" + seconds + "}";
  }
  if (refusal.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

std::string base_url(const Call& call, const Services& services) {
  const auto host = http::find(call.request.headers, "host");
  if (host) {
    const std::string url = "https://" + std::string(*host);
    if (std::ranges::find(services.urls, url) != services.urls.end()) return url;
  }
  return services.urls.front();
}

}  // namespace obhut::cluster::api
