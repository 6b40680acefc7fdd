#pragma once
// Strict JSON (RFC 8259) that loses nothing a bill depends on: numbers keep their spelling, a name
// that appears twice is an error, and a flat object of an event costs no allocation.
//
// nlohmann's parser drops the spelling of integers and the earlier of two equal names before
// anyone can look; both decide here whether two events are the same fact.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace obhut::billing {

enum class JsonKind : std::uint8_t { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };

struct JsonValue {
  JsonKind kind = JsonKind::kNull;
  std::string text;                ///< a string decoded to UTF-8, or a number as written
  std::vector<std::string> names;  ///< of an object's members, in the order written
  std::vector<JsonValue> items;    ///< of an array, or the values of an object's members

  /// The member of that name, or null where there is none (or this is no object).
  [[nodiscard]] const JsonValue* find(std::string_view name) const;
};

/// Nesting beyond this is refused: no input of ours comes near, and recursion needs a bound.
inline constexpr int kMaxJsonDepth = 64;

/// One value with white space around it.
/// Errors: kInvalidInput, naming the byte (from 1) or the repeated name.
Result<JsonValue> parse_json(std::string_view text);

/// The value as text with members sorted by name, no white space and one spelling a string: two
/// values have the same canonical text exactly where they are equal as JSON values, numbers being
/// equal only if written alike.
std::string canonical_json(const JsonValue& value);

/// A JSON string literal, quotes included. In: UTF-8.
void append_json_string(std::string& out, std::string_view text);
std::string json_string(std::string_view text);

/// A non-negative integer written without sign, fraction or exponent ("-0" is 0 and passes).
/// Nothing where the number is something else or does not fit.
struct JsonInteger {
  enum class Fault : std::uint8_t { kNone, kNotAnInteger, kTooLarge } fault = Fault::kNone;
  std::uint64_t value = 0;
};
JsonInteger json_integer(std::string_view number);

/// One member of a flat object. For arrays and objects `text` is the canonical text.
struct JsonField {
  std::string_view name;
  JsonKind kind = JsonKind::kNull;
  std::string_view text;
  friend bool operator==(const JsonField&, const JsonField&) = default;
};

/// Reads one object after another, reusing its memory.
class ObjectReader {
 public:
  /// The members in the order written; views into `text` or into this reader, valid until the next
  /// call. Errors: kInvalidInput.
  Result<std::span<const JsonField>> read(std::string_view text);

 private:
  bool read_plain(std::string_view text);
  Result<void> read_any(std::string_view text);

  std::vector<JsonField> fields_;
  JsonValue slow_;
};

}  // namespace obhut::billing
