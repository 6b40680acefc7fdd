// Properties of what bills come to: over closings, and with a device more or less.

#include <algorithm>
#include <map>

#include "tests/billing/facts.h"

namespace obhut::billing::test {
namespace {

/// By month, customer and product; amounts of 0 left out.
using Amounts = std::map<std::array<std::string, 3>, std::int64_t>;

std::vector<Fact> facts_of_customers() {
  auto made = *rc::gen::container<std::vector<Fact>>(facts());
  for (Fact& fact : made) fact.customer = *rc::gen::element<std::string>("c1", "c2", "c3");
  return numbered(std::move(made));
}

Amounts billed_by(const std::vector<ClosedBill>& bills) {
  Amounts amounts;
  for (const ClosedBill& bill : bills) {
    for (const ClosedBill::Amount& amount : bill.amounts) {
      amounts[{amount.month.text(), amount.customer, amount.product}] += amount.cents;
    }
  }
  std::erase_if(amounts, [](const auto& entry) { return entry.second == 0; });
  return amounts;
}

// Whatever arrives late or again, and whenever the months are closed: all bills together charge
// what one look at all the events would.
TEST(Sums, OfBillsAndCorrectionsAreWhatOneRatingGives) {
  EXPECT_TRUE(rc::check("same sums", [] {
    const std::vector<Fact> made = facts_of_customers();
    std::size_t next = 0;
    std::string known;
    const auto deliver = [&] {
      known += made[next++].json();
      if (*rc::gen::arbitrary<bool>()) {
        known += made[*rc::gen::inRange<std::size_t>(0, next)].json();
      }
    };
    while (next < made.size() && made[next].type == 0) deliver();
    std::vector<ClosedBill> bills;
    std::size_t late = 0;
    const std::vector<std::string> months = {"2026-01", "2026-02", "2026-03", "2026-04"};
    for (const std::string& month : months) {
      const std::size_t until = month == months.back()
                                    ? made.size()
                                    : *rc::gen::inRange<std::size_t>(next, made.size() + 1);
      while (next < until) deliver();
      bills.push_back(closed(known, month, bills));
      late += bill_of(known, month, kPrices, {bills.begin(), bills.end() - 1}).corrections.size();
    }
    RC_CLASSIFY(late > 0, "with corrections");

    Amounts right;
    for (const std::string& month : months) {
      for (const BillLine& line : bill_of(known, month).lines) {
        if (line.amount_cents != 0) right[{month, line.customer, line.product}] = line.amount_cents;
      }
    }
    RC_ASSERT(billed_by(bills) == right);
  }));
}

/// What a bill says of storage, in full; and how many workloads of each kind it counts.
struct Parts {
  Lines storage;
  std::map<std::string, std::int64_t> workloads;  // by customer and product
  std::int64_t cents = 0;
  std::size_t notices = 0;

  explicit Parts(const Bill& bill) : notices(bill.notices.size()) {
    const Lines lines = lines_of(bill);
    for (std::size_t i = 0; i < bill.lines.size(); ++i) {
      const BillLine& line = bill.lines[i];
      cents += line.amount_cents;
      if (line.unit == "GB") storage.push_back(lines[i]);
      if (line.unit != "GB") workloads[line.customer + line.product] = std::stoll(line.quantity);
    }
  }
  [[nodiscard]] std::int64_t devices() const {
    std::int64_t count = 0;
    for (const auto& [product, quantity] : workloads) count += quantity;
    return count;
  }
};

const std::array<const char*, 4> kMonths = {"2026-01", "2026-02", "2026-03", "2026-04"};

TEST(Sums, AreNeverLoweredByADeviceMore) {
  EXPECT_TRUE(rc::check("not lower", [] {
    const std::vector<Fact> made = facts_of_customers();
    Fact device;
    device.id = *rc::gen::element<std::string>("00", "55", "zz");
    device.type = 4;
    device.at = *instants();
    device.customer = *rc::gen::element<std::string>("c1", made.back().customer);
    device.object = "new";
    device.word = *rc::gen::element<std::string>("server", "workstation");
    const std::string more = text_of(made) + device.json();
    bool charged = false;
    for (const char* month : kMonths) {
      const Parts before(bill_of(text_of(made), month));
      const Parts after(bill_of(more, month));
      RC_ASSERT(after.storage == before.storage);
      auto expected = before.workloads;
      if (after.cents != before.cents) {
        ++expected[device.customer + "workload/" + device.word];
        charged = true;
      }
      RC_ASSERT(after.workloads == expected);
      RC_ASSERT(after.cents - before.cents == (after.workloads == before.workloads ? 0
                                               : device.word == "server"           ? 1250
                                                                                   : 450));
    }
    RC_CLASSIFY(charged, "charged");
  }));
}

// A workload that comes back may do so as another kind: the sum may rise by that.
TEST(Sums, LoseOneLicenceAtMostByARemoval) {
  EXPECT_TRUE(rc::check("one at most", [] {
    const std::vector<Fact> made = facts_of_customers();
    std::vector<Fact> activations;
    std::ranges::copy_if(made, std::back_inserter(activations),
                         [](const Fact& fact) { return fact.type == 4; });
    RC_PRE(!activations.empty());
    Fact removal = *rc::gen::elementOf(activations);
    removal.id = *rc::gen::element<std::string>("00", "55", "zz");
    removal.type = 5;
    removal.at = *rc::gen::element(removal.at + std::chrono::microseconds{1}, *instants());
    const std::string less = text_of(made) + removal.json();
    bool ended = false;
    for (const char* month : kMonths) {
      const Parts before(bill_of(text_of(made), month));
      const Parts after(bill_of(less, month));
      RC_ASSERT(after.storage == before.storage);
      RC_ASSERT(std::abs(before.devices() - after.devices()) <= 1);
      RC_ASSERT(after.notices - before.notices <= 1);
      ended = ended || after.devices() < before.devices();
    }
    RC_CLASSIFY(ended, "ended one");
  }));
}

}  // namespace
}  // namespace obhut::billing::test
