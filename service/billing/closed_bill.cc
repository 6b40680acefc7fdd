#include <algorithm>
#include <charconv>
#include <tuple>

#include "agent/base/text.h"
#include "service/billing/bill.h"
#include "service/billing/json_reader.h"

namespace obhut::billing {
namespace {

class ClosedBillReader {
 public:
  explicit ClosedBillReader(std::string name) { bill_.name = std::move(name); }

  Result<ClosedBill> read(std::string_view json) {
    auto parsed = parse_json(json);
    if (!parsed) return pass_on(std::move(parsed.error()), bill_.name);
    if (parsed->kind != JsonKind::kObject) {
      return fail(ErrorKind::kInvalidInput, bill_.name + ": not a JSON object");
    }
    ASSIGN_OR_RETURN(bill_.month, month(*parsed, "", "month"));
    ASSIGN_OR_RETURN(bill_.currency, string(*parsed, "", "currency"));
    TRY(each(*parsed, "lines", [this](const JsonValue& line, const std::string& at) {
      return amount(line, at, bill_.month);
    }));
    TRY(each(*parsed, "corrections", [this](const JsonValue& line, const std::string& at) {
      return correction(line, at);
    }));
    TRY(no_amount_twice());
    return std::move(bill_);
  }

 private:
  std::unexpected<Error> fault(const std::string& field, const std::string& what) const {
    return fail(ErrorKind::kInvalidInput, bill_.name + ": field \"" + field + "\": " + what);
  }

  Result<const JsonValue*> member(const JsonValue& parent, const std::string& at,
                                  const std::string& name) const {
    const JsonValue* value = parent.find(name);
    if (value == nullptr) return fault(at + name, "is missing");
    return value;
  }
  Result<std::string> string(const JsonValue& parent, const std::string& at,
                             const std::string& name) const {
    ASSIGN_OR_RETURN(const JsonValue* value, member(parent, at, name));
    if (value->kind != JsonKind::kString) return fault(at + name, "must be a string");
    return value->text;
  }
  Result<Month> month(const JsonValue& parent, const std::string& at,
                      const std::string& name) const {
    ASSIGN_OR_RETURN(const std::string text, string(parent, at, name));
    const std::optional<Month> month = Month::parse(text);
    if (!month) {
      return fault(at + name, "must be a month as YYYY-MM, not \"" + printable(text) + "\"");
    }
    return *month;
  }
  Result<std::int64_t> cents(const JsonValue& parent, const std::string& at) const {
    ASSIGN_OR_RETURN(const JsonValue* value, member(parent, at, "amount_cents"));
    std::int64_t cents = 0;
    const char* end = value->text.data() + value->text.size();
    const auto read = std::from_chars(value->text.data(), end, cents);
    if (value->kind != JsonKind::kNumber || read.ec != std::errc{} || read.ptr != end) {
      return fault(at + "amount_cents", "must be an integer of 64 bits");
    }
    return cents;
  }

  template <class Read>
  Result<void> each(const JsonValue& parent, const std::string& name, Read read) {
    ASSIGN_OR_RETURN(const JsonValue* list, member(parent, "", name));
    if (list->kind != JsonKind::kArray) return fault(name, "must be an array");
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      const std::string at = name + "[" + std::to_string(i) + "]";
      if (list->items[i].kind != JsonKind::kObject) return fault(at, "must be an object");
      TRY(read(list->items[i], at + "."));
    }
    return {};
  }

  Result<void> amount(const JsonValue& line, const std::string& at, Month month) {
    ClosedBill::Amount amount;
    ASSIGN_OR_RETURN(amount.customer, string(line, at, "customer"));
    ASSIGN_OR_RETURN(amount.product, string(line, at, "product"));
    ASSIGN_OR_RETURN(amount.cents, cents(line, at));
    amount.month = month;
    bill_.amounts.push_back(std::move(amount));
    return {};
  }
  Result<void> correction(const JsonValue& line, const std::string& at) {
    ASSIGN_OR_RETURN(const Month corrects, month(line, at, "corrects"));
    if (corrects >= bill_.month) {
      return fault(at + "corrects", "must be a month before " + bill_.month.text());
    }
    return amount(line, at, corrects);
  }

  Result<void> no_amount_twice() const {
    std::vector<std::tuple<std::string_view, std::string_view, Month>> keys;
    keys.reserve(bill_.amounts.size());
    for (const ClosedBill::Amount& amount : bill_.amounts) {
      keys.emplace_back(amount.customer, amount.product, amount.month);
    }
    std::ranges::sort(keys);
    const auto twice = std::ranges::adjacent_find(keys);
    if (twice == keys.end()) return {};
    const auto& [customer, product, month] = *twice;
    const std::string list = month == bill_.month ? "lines" : "corrections";
    return fault(list, "customer \"" + printable(customer) + "\" and product \"" +
                           printable(product) + "\" appear twice for " + month.text());
  }

  ClosedBill bill_;
};

}  // namespace

Result<ClosedBill> ClosedBill::parse(std::string name, std::string_view json) {
  return ClosedBillReader(std::move(name)).read(json);
}

}  // namespace obhut::billing
