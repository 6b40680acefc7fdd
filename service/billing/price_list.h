#pragma once
// What things cost, and the policy by which they are counted: data, by month (BILLING.md section
// 4).

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "service/billing/event.h"
#include "service/billing/money.h"
#include "service/billing/month.h"

namespace obhut::billing {

/// "workload/<kind>".
std::string workload_product(std::string_view kind);
/// "storage/<location>".
std::string storage_product(Location location);

/// How usage is counted from a month on.
struct Policy {
  Month from;
  std::uint64_t gb_bytes = 0;  ///< above 0
  Decimal gb_step;             ///< above 0
  int trial_days = 0;
  std::vector<std::string> trial_free;  ///< products, or "workload/*"

  /// True where a running trial makes the product free.
  [[nodiscard]] bool frees(std::string_view product) const;
};

/// Immutable, so that any thread may read it.
class PriceList {
 public:
  /// In: `name` is what error messages call the text.
  /// Errors: kInvalidInput naming the file and the field, as `prices.json: field
  /// "policies[0].gb_step": …`.
  static Result<PriceList> parse(std::string name, std::string_view json);

  [[nodiscard]] const std::string& currency() const { return currency_; }
  [[nodiscard]] const BillingCalendar& calendar() const { return calendar_; }

  /// The latest that is not after `month`.
  /// Errors: kInvalidInput naming the month, and `use` as the reason it is needed.
  Result<const Policy*> policy_of(Month month, std::string_view use) const;
  /// Micro-units of the latest price that is not after `month`.
  /// Errors: kInvalidInput naming mode, product, month and `customer`.
  Result<std::uint64_t> micro_of(Mode mode, std::string_view product, Month month,
                                 std::string_view customer) const;

 private:
  friend class PriceListReader;
  explicit PriceList(BillingCalendar calendar) : calendar_(std::move(calendar)) {}

  std::string name_;
  std::string currency_;
  BillingCalendar calendar_;
  std::map<Month, Policy> policies_;
  std::map<std::pair<Mode, std::string>, std::map<Month, std::uint64_t>, std::less<>> prices_;
};

}  // namespace obhut::billing
