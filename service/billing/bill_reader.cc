#include "service/billing/bill.h"
#include "service/billing/json_members.h"

namespace obhut::billing {
namespace {

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
