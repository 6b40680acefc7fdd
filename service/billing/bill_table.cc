// A bill as a table for spreadsheets.

#include <string>

#include "agent/base/time_text.h"
#include "service/billing/bill.h"
#include "service/billing/table.h"

namespace obhut::billing {
namespace {

std::string joined(const std::vector<std::string>& ids) {
  std::string text;
  for (const std::string& id : ids) {
    if (!text.empty()) text.push_back(' ');
    text += id;
  }
  return cell(text);
}

/// 12.50; cents may be below 0.
std::string money(std::int64_t cents) {
  const bool negative = cents < 0;
  // Of the smallest number too.
  const std::uint64_t size = negative ? std::uint64_t{0} - static_cast<std::uint64_t>(cents)
                                      : static_cast<std::uint64_t>(cents);
  const std::string rest = std::to_string(size % 100);
  return (negative ? "-" : "") + std::to_string(size / 100) + (rest.size() < 2 ? ".0" : ".") + rest;
}

/// 12500000 micro-units are 12.5.
std::string unit_price(std::uint64_t micro) {
  std::string fraction = std::to_string(micro % 1'000'000);
  fraction.insert(0, 6 - fraction.size(), '0');
  while (fraction.ends_with('0')) fraction.pop_back();
  const std::string whole = std::to_string(micro / 1'000'000);
  return fraction.empty() ? whole : whole + "." + fraction;
}

}  // namespace

std::string bill_to_csv(const Bill& bill) {
  std::string out;
  append_row(out, {"customer", "product", "quantity", "unit", "unit_micro", "amount_cents",
                   "first_use", "evidence", "note", "corrects", "was_cents", "now_cents"});
  for (const BillLine& line : bill.lines) {
    append_row(out, {cell(line.customer), cell(line.product), line.quantity, line.unit,
                     std::to_string(line.unit_micro), std::to_string(line.amount_cents),
                     format_time(line.first_use), joined(line.evidence), line.note, "", "", ""});
  }
  for (const Correction& correction : bill.corrections) {
    append_row(out, {cell(correction.customer), cell(correction.product), "", "", "",
                     std::to_string(correction.amount_cents), "", joined(correction.evidence), "",
                     correction.corrects.text(), std::to_string(correction.was_cents),
                     std::to_string(correction.now_cents)});
  }
  return out;
}

std::string bill_to_focus(const Bill& bill, const BillingCalendar& calendar) {
  const auto start_of = [&](Month month) { return format_time(calendar.start_of(month)); };
  const std::string start = start_of(bill.month);
  const std::string end = start_of(bill.month.next());
  const std::string currency = cell(bill.currency);
  std::string out;
  append_row(out, {"BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd",
                   "ChargeCategory", "ChargeClass", "ChargeDescription", "SubAccountId", "SkuId",
                   "ServiceCategory", "PricingQuantity", "PricingUnit", "ContractedUnitPrice",
                   "BilledCost", "BillingCurrency", "x_Evidence"});
  for (const BillLine& line : bill.lines) {
    append_row(
        out, {start, end, start, end, "Usage", "", cell(line.note), cell(line.customer),
              cell(line.product), "Storage", line.quantity, line.unit, unit_price(line.unit_micro),
              money(line.amount_cents), currency, joined(line.evidence)});
  }
  for (const Correction& correction : bill.corrections) {
    append_row(out, {start, end, start_of(correction.corrects),
                     start_of(correction.corrects.next()), "Usage", "Correction", "",
                     cell(correction.customer), cell(correction.product), "Storage", "", "", "",
                     money(correction.amount_cents), currency, joined(correction.evidence)});
  }
  return out;
}

}  // namespace obhut::billing
