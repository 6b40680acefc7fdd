#include <charconv>

#include "agent/base/time_text.h"
#include "service/billing/bill.h"
#include "service/billing/json_reader.h"

namespace obhut::billing {
namespace {

/// Members of one object; the first that is wrong is remembered.
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
  void reject(const std::string& name, const std::string& why) {
    if (fault_.empty()) fault_ = "field \"" + at_ + name + "\": " + why;
  }

  const JsonValue& object_;
  std::string at_;
  std::string& fault_;
};

BillLine line_of(Members& members) {
  BillLine line;
  line.customer = members.text("customer");
  line.product = members.text("product");
  line.quantity = members.text("quantity");
  line.unit = members.text("unit");
  line.unit_micro = members.integer<std::uint64_t>("unit_micro");
  line.amount_cents = members.integer<std::int64_t>("amount_cents");
  line.first_use = members.time("first_use");
  line.evidence = members.texts("evidence");
  line.note = members.text("note");
  return line;
}

Correction correction_of(Members& members) {
  Correction correction;
  correction.customer = members.text("customer");
  correction.product = members.text("product");
  correction.corrects = members.month("corrects");
  correction.amount_cents = members.integer<std::int64_t>("amount_cents");
  correction.was_cents = members.integer<std::int64_t>("was_cents");
  correction.now_cents = members.integer<std::int64_t>("now_cents");
  correction.evidence = members.texts("evidence");
  return correction;
}

}  // namespace

Result<Bill> bill_of_json(std::string_view name, std::string_view json) {
  auto parsed = parse_json(json);
  if (!parsed) return pass_on(std::move(parsed.error()), std::string(name));
  std::string fault;
  Members members(*parsed, "", fault);
  Bill bill;
  bill.month = members.month("month");
  bill.currency = members.text("currency");
  members.each("lines", [&](Members& line) { bill.lines.push_back(line_of(line)); });
  members.each("corrections",
               [&](Members& line) { bill.corrections.push_back(correction_of(line)); });
  members.each("totals", [&](Members& total) {
    std::string customer = total.text("customer");
    bill.totals.push_back({std::move(customer), total.integer<std::int64_t>("amount_cents")});
  });
  members.each("notices", [&](Members& notice) {
    std::string event = notice.text("event");
    bill.notices.push_back({std::move(event), notice.text("code")});
  });
  if (fault.empty()) return bill;
  return fail(ErrorKind::kInvalidInput, std::string(name) + ": " + fault);
}

}  // namespace obhut::billing
