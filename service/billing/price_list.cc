#include "service/billing/price_list.h"

#include <algorithm>

#include "agent/base/text.h"
#include "service/billing/json_reader.h"

namespace obhut::billing {
namespace {

constexpr std::string_view kWorkload = "workload/";
constexpr std::string_view kStorage = "storage/";
/// Far beyond any trial, and far from where dates would overflow.
constexpr std::uint64_t kMaxTrialDays = 36'500;

std::string quoted(std::string_view text) {
  return "\"" + printable(text) + "\"";
}

bool is_product(std::string_view text) {
  if (text.starts_with(kWorkload)) return true;
  return text.starts_with(kStorage) && parse_location(text.substr(kStorage.size()));
}

/// A product, or all of a kind: "workload/*".
bool is_pattern(std::string_view text) {
  if (!text.ends_with("/*")) return is_product(text);
  return text.starts_with(kWorkload) || text == "storage/*";
}

}  // namespace

std::string workload_product(std::string_view kind) {
  return std::string(kWorkload) + std::string(kind);
}
std::string storage_product(Location location) {
  return std::string(kStorage) + std::string(to_string(location));
}

bool Policy::frees(std::string_view product) const {
  return std::ranges::any_of(trial_free, [&](std::string_view entry) {
    if (!entry.ends_with("/*")) return entry == product;
    return product.starts_with(entry.substr(0, entry.size() - 1));
  });
}

class PriceListReader {
 public:
  explicit PriceListReader(std::string name) : name_(std::move(name)) {}

  Result<PriceList> read(std::string_view json) {
    auto parsed = parse_json(json);
    if (!parsed) return pass_on(std::move(parsed.error()), name_);
    if (parsed->kind != JsonKind::kObject) {
      return fail(ErrorKind::kInvalidInput, name_ + ": not a JSON object");
    }
    ASSIGN_OR_RETURN(const std::string currency, string(*parsed, "", "currency"));
    ASSIGN_OR_RETURN(const std::string zone, string(*parsed, "", "time_zone"));
    auto calendar = BillingCalendar::open(zone);
    if (!calendar) return fault("time_zone", calendar.error().message);
    PriceList list(std::move(*calendar));
    list.name_ = name_;
    list.currency_ = currency;
    ASSIGN_OR_RETURN(const JsonValue* policies, array(*parsed, "", "policies"));
    for (std::size_t i = 0; i < policies->items.size(); ++i) {
      TRY(policy(list, policies->items[i], "policies[" + std::to_string(i) + "]"));
    }
    ASSIGN_OR_RETURN(const JsonValue* prices, array(*parsed, "", "prices"));
    for (std::size_t i = 0; i < prices->items.size(); ++i) {
      TRY(price(list, prices->items[i], "prices[" + std::to_string(i) + "]"));
    }
    return list;
  }

 private:
  std::unexpected<Error> fault(std::string_view field, std::string_view what) const {
    return fail(ErrorKind::kInvalidInput,
                name_ + ": field \"" + std::string(field) + "\": " + std::string(what));
  }
  static std::string path(std::string_view parent, std::string_view name) {
    return parent.empty() ? std::string(name) : std::string(parent) + "." + std::string(name);
  }

  Result<const JsonValue*> member(const JsonValue& parent, const std::string& at,
                                  std::string_view name, JsonKind kind,
                                  std::string_view kind_name) const {
    const JsonValue* value = parent.find(name);
    if (value == nullptr) return fault(path(at, name), "is missing");
    if (value->kind != kind) return fault(path(at, name), "must be " + std::string(kind_name));
    return value;
  }
  Result<std::string> string(const JsonValue& parent, const std::string& at,
                             std::string_view name) const {
    ASSIGN_OR_RETURN(const JsonValue* value,
                     member(parent, at, name, JsonKind::kString, "a string"));
    return value->text;
  }
  Result<const JsonValue*> array(const JsonValue& parent, const std::string& at,
                                 std::string_view name) const {
    return member(parent, at, name, JsonKind::kArray, "an array");
  }
  Result<std::uint64_t> integer(const JsonValue& parent, const std::string& at,
                                std::string_view name, std::uint64_t least,
                                std::uint64_t most) const {
    const JsonValue* value = parent.find(name);
    if (value == nullptr) return fault(path(at, name), "is missing");
    const JsonInteger parsed = value->kind == JsonKind::kNumber
                                   ? json_integer(value->text)
                                   : JsonInteger{JsonInteger::Fault::kNotAnInteger, 0};
    if (parsed.fault == JsonInteger::Fault::kNotAnInteger || parsed.value < least) {
      const bool small = parsed.fault == JsonInteger::Fault::kNone;
      if (small || parsed.fault == JsonInteger::Fault::kNotAnInteger) {
        return fault(path(at, name), "must be an integer of at least " + std::to_string(least) +
                                         ", without fraction or exponent");
      }
    }
    if (parsed.fault == JsonInteger::Fault::kTooLarge || parsed.value > most) {
      return fault(path(at, name), "is larger than " + std::to_string(most));
    }
    return parsed.value;
  }
  Result<Month> month(const JsonValue& parent, const std::string& at) const {
    ASSIGN_OR_RETURN(const std::string text, string(parent, at, "from"));
    const std::optional<Month> from = Month::parse(text);
    if (!from) return fault(path(at, "from"), "must be a month as YYYY-MM, not " + quoted(text));
    return *from;
  }
  Result<void> must_be_object(const JsonValue& value, const std::string& at) const {
    if (value.kind != JsonKind::kObject) return fault(at, "must be an object");
    return {};
  }

  Result<void> policy(PriceList& list, const JsonValue& value, const std::string& at) const {
    TRY(must_be_object(value, at));
    Policy policy;
    ASSIGN_OR_RETURN(policy.from, month(value, at));
    ASSIGN_OR_RETURN(policy.gb_bytes, integer(value, at, "gb_bytes", 1, UINT64_MAX));
    ASSIGN_OR_RETURN(const std::string step, string(value, at, "gb_step"));
    const std::optional<Decimal> gb_step = Decimal::parse(step);
    if (!gb_step || gb_step->units == 0) {
      return fault(path(at, "gb_step"),
                   "must be a decimal above 0 of at most 18 digits, as \"1\" or \"0.1\", not " +
                       quoted(step));
    }
    policy.gb_step = *gb_step;
    ASSIGN_OR_RETURN(const std::uint64_t days, integer(value, at, "trial_days", 0, kMaxTrialDays));
    policy.trial_days = static_cast<int>(days);
    ASSIGN_OR_RETURN(policy.trial_free, patterns(value, at));
    if (list.policies_.contains(policy.from)) {
      return fault(path(at, "from"), "a second policy from " + policy.from.text());
    }
    list.policies_.emplace(policy.from, std::move(policy));
    return {};
  }

  Result<std::vector<std::string>> patterns(const JsonValue& value, const std::string& at) const {
    ASSIGN_OR_RETURN(const JsonValue* entries, array(value, at, "trial_free"));
    std::vector<std::string> patterns;
    for (std::size_t i = 0; i < entries->items.size(); ++i) {
      const JsonValue& entry = entries->items[i];
      const std::string field = path(at, "trial_free[" + std::to_string(i) + "]");
      if (entry.kind != JsonKind::kString) return fault(field, "must be a string");
      if (!is_pattern(entry.text)) {
        return fault(field, "must be a product or end in /*, not " + quoted(entry.text));
      }
      patterns.push_back(entry.text);
    }
    return patterns;
  }

  Result<void> price(PriceList& list, const JsonValue& value, const std::string& at) const {
    TRY(must_be_object(value, at));
    ASSIGN_OR_RETURN(const std::string mode_text, string(value, at, "mode"));
    const std::optional<Mode> mode = parse_mode(mode_text);
    if (!mode) {
      return fault(path(at, "mode"),
                   "must be one of per_gb per_workload, not " + quoted(mode_text));
    }
    ASSIGN_OR_RETURN(std::string product, string(value, at, "product"));
    if (!is_product(product)) {
      return fault(path(at, "product"),
                   "must be workload/<kind> or storage/<local, provider or "
                   "vendor>, not " +
                       quoted(product));
    }
    ASSIGN_OR_RETURN(const Month from, month(value, at));
    ASSIGN_OR_RETURN(const std::uint64_t micro, integer(value, at, "micro", 0, UINT64_MAX));
    auto& by_month = list.prices_[{*mode, product}];
    if (!by_month.emplace(from, micro).second) {
      return fault(path(at, "from"), "a second " + std::string(to_string(*mode)) + " price of " +
                                         quoted(product) + " from " + from.text());
    }
    return {};
  }

  std::string name_;
};

Result<PriceList> PriceList::parse(std::string name, std::string_view json) {
  return PriceListReader(std::move(name)).read(json);
}

Result<const Policy*> PriceList::policy_of(Month month, std::string_view use) const {
  auto after = policies_.upper_bound(month);
  if (after == policies_.begin()) {
    return fail(ErrorKind::kInvalidInput, name_ + ": field \"policies\": no policy for " +
                                              month.text() + ", " + std::string(use));
  }
  return &std::prev(after)->second;
}

Result<std::uint64_t> PriceList::micro_of(Mode mode, std::string_view product, Month month,
                                          std::string_view customer) const {
  const auto prices = prices_.find(std::pair(mode, std::string(product)));
  if (prices != prices_.end()) {
    const auto after = prices->second.upper_bound(month);
    if (after != prices->second.begin()) return std::prev(after)->second;
  }
  return fail(ErrorKind::kInvalidInput, name_ + ": field \"prices\": no " +
                                            std::string(to_string(mode)) + " price of " +
                                            quoted(product) + " for " + month.text() +
                                            ", used by customer " + quoted(customer));
}

}  // namespace obhut::billing
