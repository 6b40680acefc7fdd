#pragma once
// Reads the members of a signed payload: exactly those expected, each of its type. Remembers the
// first thing that is wrong, so that a reader asks once, at its end.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/bytes.h"
#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"

namespace obhut::trust {

class Fields {
 public:
  using Names = std::initializer_list<std::string_view>;

  /// Borrows `value` for its own life. `what` stands in front of every message.
  Fields(const nlohmann::json& value, std::string_view what, Names required, Names optional = {});

  [[nodiscard]] bool has(std::string_view name) const;
  /// One to `longest` bytes without control characters.
  std::string text(std::string_view name, std::size_t longest = 256);
  std::uint64_t number(std::string_view name, std::uint64_t least, std::uint64_t most);
  Instant time(std::string_view name);
  Bytes base64url(std::string_view name, std::size_t size);
  template <class IdType>
  IdType id(std::string_view name) {
    const std::optional<IdType> parsed = IdType::parse(text(name, 2 * IdType::kSize));
    if (!parsed)
      reject(name, "must be lower-case hex of " + std::to_string(IdType::kSize) + " bytes");
    return parsed.value_or(IdType{});
  }
  /// The member itself, or JSON null after a failure.
  [[nodiscard]] const nlohmann::json& member(std::string_view name) const;

  /// Fails on behalf of the caller; only the first failure is kept.
  void reject(std::string_view name, std::string_view why);
  /// Errors: kInvalidInput.
  [[nodiscard]] Result<void> finish() const;

 private:
  const nlohmann::json& value_;
  std::string what_;
  std::string problem_;
};

/// Without the white space around it, which files and people add.
std::string_view trimmed(std::string_view text);

/// Parses a payload and checks that it is an object with this "schema".
/// Errors: kInvalidInput.
Result<nlohmann::json> parse_payload(std::string_view payload, std::string_view schema);

}  // namespace obhut::trust
