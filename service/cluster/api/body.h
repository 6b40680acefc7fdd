#pragma once
// Reading what came, and writing what goes: JSON, ids, cursors.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/clock.h"
#include "service/cluster/api/route.h"

namespace obhut::cluster::api {

/// The body as a JSON object. Errors: 400 for what is no JSON, 422 for no object.
Answer<nlohmann::json> read_object(const Call& call);
/// The body as a JSON array of objects, at most `longest`.
Answer<nlohmann::json> read_array(const Call& call, std::size_t longest);

/// Members. Errors: 422 invalid-request naming the member.
Answer<std::string> text_member(const nlohmann::json& object, std::string_view name);
Answer<std::string> optional_text(const nlohmann::json& object, std::string_view name);
Answer<std::uint64_t> count_member(const nlohmann::json& object, std::string_view name);
Answer<Instant> time_member(const nlohmann::json& object, std::string_view name);
Answer<std::optional<Instant>> optional_time(const nlohmann::json& object, std::string_view name);
/// Members that no request has are refused, so that a typo is not taken for consent.
Answer<void> only_members(const nlohmann::json& object,
                          std::initializer_list<std::string_view> names);

std::unexpected<Refusal> bad_member(std::string_view name, std::string_view want);

template <class IdType>
Answer<IdType> id_member(const nlohmann::json& object, std::string_view name) {
  ASSIGN_OR_RETURN(const std::string text, text_member(object, name));
  const std::optional<IdType> id = IdType::parse(text);
  if (!id) return bad_member(name, std::to_string(2 * IdType::kSize) + " lower-case hex digits");
  return *id;
}
/// Zero where the member is missing.
template <class IdType>
Answer<IdType> optional_id(const nlohmann::json& object, std::string_view name) {
  ASSIGN_OR_RETURN(const std::string text, optional_text(object, name));
  if (text.empty()) return IdType{};
  return id_member<IdType>(object, name);
}

/// A part of the path. What is no id names nothing.
template <class IdType>
Answer<IdType> path_id(const Call& call, std::size_t index, std::string_view what) {
  const std::optional<IdType> id = IdType::parse(call.values[index]);
  if (!id) return not_found(what);
  return *id;
}

/// A parameter of the query. Errors: 422.
Answer<std::uint64_t> query_count(const Call& call, std::string_view name, std::uint64_t otherwise,
                                  std::uint64_t most);
/// The cursor as an id; zero where it is missing.
template <class IdType>
Answer<IdType> query_id(const Call& call, std::string_view name) {
  const auto text = http::find(call.query, name);
  if (!text || text->empty()) return IdType{};
  const std::optional<IdType> id = IdType::parse(*text);
  if (!id) return bad_member(name, "a cursor that a list gave");
  return *id;
}

/// The cursor of a list that goes back in time; Instant::max() where it is missing.
Answer<Instant> query_before(const Call& call, std::string_view name);

std::string body_text(const Call& call);
http::Response reply(int status, const nlohmann::json& body);
http::Response reply(const Refusal& refusal);
/// "https://…", as the caller reached us.
std::string base_url(const Call& call, const Services& services);

}  // namespace obhut::cluster::api
