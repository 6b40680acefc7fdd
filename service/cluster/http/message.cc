#include "service/cluster/http/message.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "agent/base/percent.h"
#include "agent/base/text.h"

namespace obhut::cluster::http {
namespace {

constexpr std::size_t kMaxFormPairs = 64;

bool is_plain_segment(std::string_view segment) {
  return !segment.empty() && segment != "." && segment != ".." && is_utf8(segment) &&
         std::ranges::none_of(segment, [](char c) {
           return c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
         });
}

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string_view to_string(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kDelete:
      return "DELETE";
    case Method::kOther:
      break;
  }
  return "OTHER";
}

std::optional<std::string_view> find(const Pairs& pairs, std::string_view name) {
  for (const auto& [key, value] : pairs) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::size_t count(const Pairs& pairs, std::string_view name) {
  return static_cast<std::size_t>(
      std::ranges::count_if(pairs, [&](const auto& pair) { return pair.first == name; }));
}

std::string_view reason(int status) {
  static constexpr std::pair<int, std::string_view> kReasons[] = {
      {100, "Continue"},
      {200, "OK"},
      {201, "Created"},
      {204, "No Content"},
      {206, "Partial Content"},
      {304, "Not Modified"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {411, "Length Required"},
      {413, "Content Too Large"},
      {415, "Unsupported Media Type"},
      {416, "Range Not Satisfiable"},
      {417, "Expectation Failed"},
      {422, "Unprocessable Content"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {503, "Service Unavailable"},
      {507, "Insufficient Storage"},
  };
  for (const auto& [code, text] : kReasons) {
    if (code == status) return text;
  }
  return "Unknown";
}

Response problem(int status, std::string_view code, std::string_view detail) {
  const nlohmann::json body = {{"type", "about:blank"},
                               {"title", reason(status)},
                               {"status", status},
                               {"code", code},
                               {"detail", printable(detail)}};
  Response response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = body.dump();
  return response;
}

Response json(int status, std::string body) {
  Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(body);
  return response;
}

Response empty(int status) {
  Response response;
  response.status = status;
  return response;
}

Result<std::pair<std::string, std::string>> split_target(std::string_view target) {
  const auto bad = [] { return fail(ErrorKind::kInvalidInput, "malformed request target"); };
  if (target.empty() || target.front() != '/') return bad();
  const std::size_t mark = target.find('?');
  std::string_view raw_path = target.substr(0, mark);
  const std::string_view query =
      mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
  std::string path;
  raw_path.remove_prefix(1);
  while (true) {
    const std::size_t slash = raw_path.find('/');
    const std::optional<std::string> segment =
        percent_decode(raw_path.substr(0, slash), PlusSign::kItself);
    if (!segment || !is_plain_segment(*segment)) {
      if (path.empty() && raw_path.empty()) return std::pair{std::string("/"), std::string(query)};
      return bad();
    }
    path += '/';
    path += *segment;
    if (slash == std::string_view::npos) break;
    raw_path.remove_prefix(slash + 1);
  }
  return std::pair{std::move(path), std::string(query)};
}

Result<Pairs> parse_form(std::string_view text) {
  Pairs pairs;
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    const std::string_view item = text.substr(0, end);
    const std::size_t equals = item.find('=');
    std::optional<std::string> name = percent_decode(item.substr(0, equals), PlusSign::kSpace);
    std::optional<std::string> value =
        equals == std::string_view::npos
            ? std::string{}
            : percent_decode(item.substr(equals + 1), PlusSign::kSpace);
    if (!name || !value || !is_utf8(*name) || !is_utf8(*value) || pairs.size() >= kMaxFormPairs) {
      return fail(ErrorKind::kInvalidInput, "malformed query or form");
    }
    if (!item.empty()) pairs.emplace_back(std::move(*name), std::move(*value));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return pairs;
}

RangeAnswer parse_range(std::optional<std::string_view> header, std::uint64_t size) {
  const RangeAnswer whole{true, false, {0, size}};
  if (!header || !header->starts_with("bytes=")) return whole;
  const std::string_view spec = header->substr(6);
  const std::size_t dash = spec.find('-');
  if (dash == std::string_view::npos || spec.find(',') != std::string_view::npos) return whole;
  const auto first = parse_number<std::uint64_t>(spec.substr(0, dash));
  const auto last = parse_number<std::uint64_t>(spec.substr(dash + 1));
  const bool open = dash + 1 == spec.size();
  if (!first) {
    if (dash != 0 || !last) return whole;
    if (*last == 0 || size == 0) return {false, false, {}};
    const std::uint64_t length = std::min(*last, size);
    return {true, true, {size - length, length}};
  }
  if ((!last && !open) || (last && *last < *first)) return whole;
  if (*first >= size) return {false, false, {}};
  const std::uint64_t end = last ? std::min(*last, size - 1) : size - 1;
  return {true, true, {*first, end - *first + 1}};
}

}  // namespace obhut::cluster::http
