#pragma once
// Reads JSON documents of more than one level: exactly the types wanted, faults by their place.

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/time_text.h"
#include "service/billing/json_reader.h"
#include "service/billing/month.h"

namespace obhut::billing {

/// Members of one object. The first that is wrong is remembered, and said once at the end.
class Members {
 public:
  Members(const JsonValue& object, std::string at, std::string& fault)
      : object_(object), at_(std::move(at)), fault_(fault) {
    if (object.kind != JsonKind::kObject) reject("", "must be an object");
  }

  std::string text(const char* name) {
    const JsonValue* value = member(name, JsonKind::kString, "must be a string");
    return value == nullptr ? std::string() : value->text;
  }
  template <class Integer>
  Integer integer(const char* name) {
    Integer number = 0;
    const JsonValue* value = member(name, JsonKind::kNumber, "must be a number");
    if (value == nullptr) return number;
    const char* end = value->text.data() + value->text.size();
    const auto read = std::from_chars(value->text.data(), end, number);
    if (read.ec != std::errc{} || read.ptr != end) reject(name, "must be an integer of 64 bits");
    return number;
  }
  Month month(const char* name) {
    const auto month = Month::parse(text(name));
    if (!month) reject(name, "must be a month as YYYY-MM");
    return month.value_or(Month{});
  }
  Instant time(const char* name) {
    const auto at = parse_time(text(name));
    if (!at) reject(name, "must be a time as 2026-03-01T00:00:00Z");
    return at.value_or(Instant{});
  }
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> texts;
    for (const JsonValue& item : list(name)) {
      if (item.kind != JsonKind::kString) reject(name, "must hold strings");
      texts.push_back(item.text);
    }
    return texts;
  }
  bool flag(const char* name, bool otherwise) {
    const JsonValue* value = object_.find(name);
    if (value == nullptr) return otherwise;
    if (value->kind != JsonKind::kTrue && value->kind != JsonKind::kFalse) {
      reject(name, "must be true or false");
    }
    return value->kind == JsonKind::kTrue;
  }
  [[nodiscard]] bool has(std::string_view name) const { return object_.find(name) != nullptr; }
  /// A typo must not be taken for nothing.
  void only(std::initializer_list<std::string_view> names) {
    for (const std::string& name : object_.names) {
      if (std::ranges::find(names, name) == names.end()) reject(name, "is unknown");
    }
  }
  void reject(const std::string& name, const std::string& why) {
    if (fault_.empty()) fault_ = "field \"" + at_ + name + "\": " + why;
  }
  /// Calls `read` with the members of each.
  template <class Read>
  void each(const char* name, Read read) {
    std::size_t number = 0;
    for (const JsonValue& item : list(name)) {
      Members members(item, at_ + name + "[" + std::to_string(number++) + "].", fault_);
      read(members);
    }
  }

 private:
  const JsonValue* member(const char* name, JsonKind kind, const char* wrong) {
    const JsonValue* value = object_.find(name);
    if (value == nullptr) {
      reject(name, "is missing");
    } else if (value->kind != kind) {
      reject(name, wrong);
      return nullptr;
    }
    return value;
  }
  const std::vector<JsonValue>& list(const char* name) {
    static const std::vector<JsonValue> kNone;
    const JsonValue* value = member(name, JsonKind::kArray, "must be an array");
    return value == nullptr ? kNone : value->items;
  }

  const JsonValue& object_;
  std::string at_;
  std::string& fault_;
};

}  // namespace obhut::billing
