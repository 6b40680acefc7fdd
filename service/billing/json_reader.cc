#include "service/billing/json_reader.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "agent/base/text.h"

namespace obhut::billing {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

const char* skip_space(const char* at, const char* end) {
  while (at != end && is_space(*at)) ++at;
  return at;
}

/// Behind the number that starts at `at`, or null where none does (RFC 8259 section 6).
const char* skip_number(const char* at, const char* end) {
  if (at != end && *at == '-') ++at;
  if (at == end || !is_digit(*at)) return nullptr;
  if (*at == '0') {
    ++at;
  } else {
    while (at != end && is_digit(*at)) ++at;
  }
  if (at != end && *at == '.') {
    ++at;
    if (at == end || !is_digit(*at)) return nullptr;
    while (at != end && is_digit(*at)) ++at;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != end && (*at == '+' || *at == '-')) ++at;
    if (at == end || !is_digit(*at)) return nullptr;
    while (at != end && is_digit(*at)) ++at;
  }
  return at;
}

/// Strings of plain ASCII, without escapes, may be used where they lie.
const char* skip_plain_string(const char* at, const char* end) {
  while (at != end) {
    const auto byte = static_cast<unsigned char>(*at);
    if (byte == '"') return at;
    if (byte < 0x20 || byte >= 0x80 || byte == '\\') return nullptr;
    ++at;
  }
  return nullptr;
}

struct Literal {
  std::string_view text;
  JsonKind kind;
};
constexpr Literal kLiterals[] = {
    {"true", JsonKind::kTrue}, {"false", JsonKind::kFalse}, {"null", JsonKind::kNull}};

const Literal* literal_at(const char* at, const char* end) {
  const std::string_view rest(at, static_cast<std::size_t>(end - at));
  for (const Literal& literal : kLiterals) {
    if (rest.starts_with(literal.text)) return &literal;
  }
  return nullptr;
}

/// What may follow a backslash, besides u, and what it stands for.
constexpr std::string_view kLetters = "\"\\/bfnrt";
constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";

constexpr char kHex[] = "0123456789abcdef";

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text)
      : begin_(text.data()), at_(text.data()), end_(text.data() + text.size()) {}

  Result<JsonValue> document() {
    JsonValue value;
    TRY(this->value(value, 0));
    at_ = skip_space(at_, end_);
    if (at_ != end_) return here();
    return value;
  }

 private:
  std::unexpected<Error> here() const {
    return fail(ErrorKind::kInvalidInput,
                "not valid JSON at byte " + std::to_string(at_ - begin_ + 1));
  }

  Result<void> value(JsonValue& out, int depth) {
    at_ = skip_space(at_, end_);
    if (at_ == end_) return here();
    if (*at_ == '{' || *at_ == '[') {
      if (depth == kMaxJsonDepth) {
        return fail(ErrorKind::kInvalidInput,
                    "nested deeper than " + std::to_string(kMaxJsonDepth) + " levels");
      }
      return *at_ == '{' ? object(out, depth + 1) : array(out, depth + 1);
    }
    if (*at_ == '"') {
      out.kind = JsonKind::kString;
      return string(out.text);
    }
    if (const Literal* literal = literal_at(at_, end_)) {
      out.kind = literal->kind;
      at_ += literal->text.size();
      return {};
    }
    const char* after = skip_number(at_, end_);
    if (after == nullptr) return here();
    out.kind = JsonKind::kNumber;
    out.text.assign(at_, after);
    at_ = after;
    return {};
  }

  /// True where the next byte that matters is `c`, which is then taken.
  bool take(char c) {
    at_ = skip_space(at_, end_);
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  Result<void> array(JsonValue& out, int depth) {
    out.kind = JsonKind::kArray;
    ++at_;
    if (take(']')) return {};
    do {
      TRY(value(out.items.emplace_back(), depth));
    } while (take(','));
    if (!take(']')) return here();
    return {};
  }

  Result<void> object(JsonValue& out, int depth) {
    out.kind = JsonKind::kObject;
    ++at_;
    if (take('}')) return {};
    do {
      at_ = skip_space(at_, end_);
      if (at_ == end_ || *at_ != '"') return here();
      TRY(string(out.names.emplace_back()));
      if (!take(':')) return here();
      TRY(value(out.items.emplace_back(), depth));
    } while (take(','));
    if (!take('}')) return here();
    return names_differ(out.names);
  }

  static Result<void> names_differ(const std::vector<std::string>& names) {
    std::vector<std::string_view> sorted(names.begin(), names.end());
    std::ranges::sort(sorted);
    const auto twice = std::ranges::adjacent_find(sorted);
    if (twice == sorted.end()) return {};
    return fail(ErrorKind::kInvalidInput, "field \"" + printable(*twice) + "\": appears twice");
  }

  Result<void> string(std::string& out) {
    ++at_;
    while (true) {
      const char* plain = at_;
      while (at_ != end_ && *at_ != '"' && *at_ != '\\' && static_cast<unsigned char>(*at_) >= 0x20)
        ++at_;
      const std::string_view run(plain, static_cast<std::size_t>(at_ - plain));
      if (!is_utf8(run)) {
        at_ = plain;
        return here();
      }
      out += run;
      if (at_ == end_ || static_cast<unsigned char>(*at_) < 0x20) return here();
      if (*at_++ == '"') return {};
      TRY(escape(out));
    }
  }

  Result<void> escape(std::string& out) {
    if (at_ == end_) return here();
    if (const std::size_t which = kLetters.find(*at_); which != std::string_view::npos) {
      out.push_back(kMeant[which]);
      ++at_;
      return {};
    }
    ASSIGN_OR_RETURN(std::uint32_t code, hex_unit());
    if (code >= 0xDC00 && code < 0xE000) return here();
    if (code >= 0xD800 && code < 0xDC00) {
      if (at_ == end_ || *at_ != '\\') return here();
      ++at_;
      ASSIGN_OR_RETURN(const std::uint32_t low, hex_unit());
      if (low < 0xDC00 || low >= 0xE000) return here();
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(out, code);
    return {};
  }

  /// The four digits of \uXXXX, from the u on.
  Result<std::uint32_t> hex_unit() {
    if (end_ - at_ < 5 || *at_ != 'u') return here();
    std::uint32_t code = 0;
    for (int i = 1; i <= 4; ++i) {
      const char c = at_[i];
      const char lower = static_cast<char>(c | 0x20);
      const int digit = is_digit(c)                      ? c - '0'
                        : (lower >= 'a' && lower <= 'f') ? lower - 'a' + 10
                                                         : -1;
      if (digit < 0) return here();
      code = code * 16 + static_cast<std::uint32_t>(digit);
    }
    at_ += 5;
    return code;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
};

void append_canonical(std::string& out, const JsonValue& value);

void append_members(std::string& out, const JsonValue& object) {
  std::vector<std::size_t> order(object.names.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::string_view(object.names[i]); });
  out.push_back('{');
  for (std::size_t n = 0; n < order.size(); ++n) {
    if (n != 0) out.push_back(',');
    append_json_string(out, object.names[order[n]]);
    out.push_back(':');
    append_canonical(out, object.items[order[n]]);
  }
  out.push_back('}');
}

void append_canonical(std::string& out, const JsonValue& value) {
  switch (value.kind) {
    case JsonKind::kNull:
      out += "null";
      return;
    case JsonKind::kFalse:
      out += "false";
      return;
    case JsonKind::kTrue:
      out += "true";
      return;
    case JsonKind::kNumber:
      out += value.text;
      return;
    case JsonKind::kString:
      append_json_string(out, value.text);
      return;
    case JsonKind::kObject:
      append_members(out, value);
      return;
    case JsonKind::kArray:
      break;
  }
  out.push_back('[');
  for (std::size_t n = 0; n < value.items.size(); ++n) {
    if (n != 0) out.push_back(',');
    append_canonical(out, value.items[n]);
  }
  out.push_back(']');
}

bool names_differ(std::span<const JsonField> fields) {
  for (std::size_t i = 1; i < fields.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (fields[i].name == fields[j].name) return false;
    }
  }
  return true;
}

/// Objects with more members than this leave the fast path, whose comparison is quadratic.
constexpr std::size_t kMaxPlainFields = 16;

}  // namespace

const JsonValue* JsonValue::find(std::string_view name) const {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return &items[i];
  }
  return nullptr;
}

Result<JsonValue> parse_json(std::string_view text) {
  return Parser(text).document();
}

std::string canonical_json(const JsonValue& value) {
  std::string out;
  append_canonical(out, value);
  return out;
}

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20) {
      out += "\\u00";
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

JsonInteger json_integer(std::string_view number) {
  if (number == "-0") return {};
  std::uint64_t value = 0;
  for (char c : number) {
    if (!is_digit(c)) return {JsonInteger::Fault::kNotAnInteger, 0};
  }
  for (char c : number) {
    if (__builtin_mul_overflow(value, std::uint64_t{10}, &value) ||
        __builtin_add_overflow(value, static_cast<std::uint64_t>(c - '0'), &value)) {
      return {JsonInteger::Fault::kTooLarge, 0};
    }
  }
  return {JsonInteger::Fault::kNone, value};
}

Result<std::span<const JsonField>> ObjectReader::read(std::string_view text) {
  if (!read_plain(text)) TRY(read_any(text));
  return std::span<const JsonField>(fields_);
}

/// The shape that nearly every event has. False means only "not so plain", never "wrong".
bool ObjectReader::read_plain(std::string_view text) {
  fields_.clear();
  const char* begin = text.data();
  const char* end = begin + text.size();
  const char* at = skip_space(begin, end);
  if (at == end || *at != '{') return false;
  do {
    at = skip_space(at + 1, end);
    if (at == end || *at != '"' || fields_.size() == kMaxPlainFields) return false;
    const char* name = at + 1;
    const char* name_end = skip_plain_string(name, end);
    if (name_end == nullptr) return false;
    at = skip_space(name_end + 1, end);
    if (at == end || *at != ':') return false;
    at = skip_space(at + 1, end);
    if (at == end) return false;
    JsonField& field = fields_.emplace_back();
    field.name = {name, static_cast<std::size_t>(name_end - name)};
    const char* value = at;
    if (*at == '"') {
      field.kind = JsonKind::kString;
      at = skip_plain_string(++value, end);
      if (at == nullptr) return false;
      field.text = {value, static_cast<std::size_t>(at - value)};
      ++at;
    } else if (is_digit(*at) || *at == '-') {
      field.kind = JsonKind::kNumber;
      at = skip_number(at, end);
      if (at == nullptr) return false;
      field.text = {value, static_cast<std::size_t>(at - value)};
    } else {
      return false;
    }
    at = skip_space(at, end);
  } while (at != end && *at == ',');
  return at != end && *at == '}' && skip_space(at + 1, end) == end && names_differ(fields_);
}

Result<void> ObjectReader::read_any(std::string_view text) {
  fields_.clear();
  ASSIGN_OR_RETURN(slow_, parse_json(text));
  if (slow_.kind != JsonKind::kObject) {
    return fail(ErrorKind::kInvalidInput, "not a JSON object");
  }
  for (std::size_t i = 0; i < slow_.names.size(); ++i) {
    JsonValue& item = slow_.items[i];
    // Only strings and numbers have a text of their own.
    if (item.kind == JsonKind::kArray || item.kind == JsonKind::kObject) {
      item.text = canonical_json(item);
    }
    fields_.push_back({slow_.names[i], item.kind, item.text});
  }
  return {};
}

}  // namespace obhut::billing
