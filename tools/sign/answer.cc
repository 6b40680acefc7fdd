#include "tools/sign/answer.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "platform/atomic_file.h"

namespace obhut::sign {

using nlohmann::ordered_json;

Answer answer(const ordered_json& json, std::string text) {
  return {json.dump(-1, ' ', false, ordered_json::error_handler_t::replace), std::move(text)};
}

std::string roles_text(const trust::Operator& entry) {
  std::string out;
  for (const trust::OperatorRole role :
       {trust::OperatorRole::kPlan, trust::OperatorRole::kEnroll, trust::OperatorRole::kRestore}) {
    if (!entry.has(role)) continue;
    if (!out.empty()) out += ",";
    out += trust::to_string(role);
  }
  return out;
}

ordered_json operator_json(const trust::Operator& entry) {
  return {{"key", entry.key.text()},
          {"name", entry.name},
          {"roles", roles_text(entry)},
          {"expires", format_time(entry.expires)}};
}

Result<std::string> read_input(const std::string& path, std::size_t cap) {
  ASSIGN_OR_RETURN(const Bytes bytes, platform::read_file(path, cap));
  return std::string(as_text(bytes));
}

Result<void> write_output(const std::string& path, std::string_view text, bool secret) {
  return platform::write_file(path, as_bytes(text), secret ? 0600 : 0644);
}

Instant to_second(Instant at) {
  return std::chrono::floor<std::chrono::seconds>(at);
}

Instant days_later(Instant at, std::uint32_t days) {
  return to_second(at) + std::chrono::days{days};
}

Result<void> check_name(std::string_view what, std::string_view text) {
  const bool control = std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7F'; });
  if (!text.empty() && text.size() <= 128 && !control && is_utf8(text)) return {};
  return fail(ErrorKind::kInvalidInput,
              std::string(what) + ": must be 1 to 128 bytes of UTF-8 without control characters");
}

}  // namespace obhut::sign
