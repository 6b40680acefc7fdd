#pragma once
// The bill of one month, and its two spellings.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "service/billing/month.h"

namespace obhut::billing {

struct BillLine {
  std::string customer;
  std::string product;
  std::string quantity;  ///< decimal, without trailing zeros
  std::string unit;      ///< "workload" or "GB"
  std::uint64_t unit_micro = 0;
  std::int64_t amount_cents = 0;
  Instant first_use{};
  std::vector<std::string> evidence;  ///< event ids, sorted
  std::string note;                   ///< "receipt clock" or empty
};

/// Credit or debit for a month that was closed before.
struct Correction {
  std::string customer;
  std::string product;
  Month corrects;
  std::int64_t amount_cents = 0;  ///< now less was, never 0
  std::int64_t was_cents = 0;
  std::int64_t now_cents = 0;
  std::vector<std::string> evidence;
};

struct CustomerTotal {
  std::string customer;
  std::int64_t amount_cents = 0;
};

/// Something that was sent and charges nothing.
struct Notice {
  std::string event;
  std::string code;  ///< "not_alive" or "trial_used"
};

/// Every list is sorted by UTF-8 bytes: lines by customer and product, corrections by customer,
/// product and month, totals by customer, notices by event.
struct Bill {
  Month month;
  std::string currency;
  std::vector<BillLine> lines;
  std::vector<Correction> corrections;
  std::vector<CustomerTotal> totals;
  std::vector<Notice> notices;
};

/// One JSON object; equal bills give equal bytes.
std::string bill_to_json(const Bill& bill);
/// The inverse: what was written comes back as it was.
/// Errors: kInvalidInput naming `name` and the field.
Result<Bill> bill_of_json(std::string_view name, std::string_view json);
/// RFC 4180: one header, the lines, then the corrections; the columns of a correction that a line
/// does not have stand at the end, and each kind of row leaves the other's columns empty.
/// Text that a spreadsheet would run as a formula has an apostrophe in front.
std::string bill_to_csv(const Bill& bill);
/// The same charges in columns of the FOCUS specification (1.0), as far as they mean something
/// here: periods end where the next one begins, money is in units of the currency, a correction has
/// the period that it corrects.
std::string bill_to_focus(const Bill& bill, const BillingCalendar& calendar);

/// What a correction needs of a bill that was issued.
struct ClosedBill {
  struct Amount {
    std::string customer;
    std::string product;
    Month month;  ///< the month it is for: that of the bill, or the one corrected
    std::int64_t cents = 0;
  };
  std::string name;  ///< for error messages
  Month month;
  std::string currency;
  std::vector<Amount> amounts;

  /// Reads what bill_to_json wrote. Errors: kInvalidInput naming `name` and the field.
  static Result<ClosedBill> parse(std::string name, std::string_view json);
};

}  // namespace obhut::billing
