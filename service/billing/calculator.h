#pragma once
// What a planned customer would cost, by the code that bills: made-up events, real rating.

#include <array>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "service/billing/bill.h"
#include "service/billing/event.h"
#include "service/billing/price_list.h"

namespace obhut::billing {

/// A customer as it is planned. What grows does so at the start of each month after the first.
struct PlannedCustomer {
  struct Devices {
    std::string kind;
    std::uint64_t count = 0;
    std::uint64_t more_each_month = 0;
  };
  struct Storage {
    Location location = Location::kProvider;
    std::uint64_t gb = 0;
    std::int64_t more_gb_each_month = 0;  ///< may be below 0; never ends below 0
  };
  static constexpr std::uint64_t kMostDevices = 100'000;
  static constexpr std::uint64_t kMostGb = 1'000'000'000;  ///< an exabyte
  static constexpr int kMostMonths = 120;

  Month start;
  int months = 12;
  bool trial = false;  ///< begins with the first month
  std::vector<Devices> devices;
  std::vector<Storage> storage;

  /// In: {"start":"2026-12","months":12,"trial":false,"devices":[{"kind":"server","count":3,
  /// "more_each_month":0}],"storage":[{"location":"provider","gb":500,"more_gb_each_month":20}]};
  /// `start` and one of the lists must be there.
  /// Errors: kInvalidInput naming `name` and the field.
  static Result<PlannedCustomer> parse(std::string_view name, std::string_view json);
};

struct Estimate {
  struct InMode {
    std::string missing;  ///< why it cannot be had: a price that is not on the list; "" otherwise
    std::vector<Bill> bills;  ///< one a month
    std::int64_t cents = 0;   ///< of all months
  };
  /// From `month` on the other mode is the cheaper one, month by month.
  struct Turn {
    Month month;
    Mode cheaper = Mode::kPerGb;
  };
  std::string currency;
  std::vector<Month> months;
  std::array<InMode, 2> modes;  ///< by Mode
  std::optional<Mode> cheaper;  ///< over all months; nothing where both are equal or one is missing
  std::vector<Turn> turns;      ///< the first month in which they differ, and each change after it
};

/// Errors: kInvalidInput where neither mode can be had, and for months without a policy.
Result<Estimate> calculate(const PlannedCustomer& plan, const PriceList& prices);
/// One JSON object; amounts in cents.
std::string estimate_to_json(const Estimate& estimate);

struct CalculateOptions {
  std::string prices;  ///< JSON file
  std::string plan;    ///< JSON file
};
/// `obhut-cluster calculate`: writes the estimate to `out`, or one line to `err` and nothing to
/// `out`. Returns the exit code: 0, or 2 for bad input.
int calculate_command(const CalculateOptions& options, std::ostream& out, std::ostream& err);

}  // namespace obhut::billing
