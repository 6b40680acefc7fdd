#include "service/billing/rate.h"

#include <algorithm>
#include <map>
#include <set>

#include "agent/base/text.h"
#include "service/billing/rated_month.h"

namespace obhut::billing {
namespace {

using Sorted = std::vector<const ClosedBill*>;

/// By month, and sound: consecutive, each once, all in the currency of the prices.
Result<Sorted> in_order(std::span<const ClosedBill> closed, const PriceList& prices) {
  Sorted sorted;
  for (const ClosedBill& bill : closed) sorted.push_back(&bill);
  std::ranges::sort(sorted, [](const ClosedBill* a, const ClosedBill* b) {
    return std::tie(a->month, a->name) < std::tie(b->month, b->name);
  });
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const ClosedBill& bill = *sorted[i];
    if (bill.currency != prices.currency()) {
      return fail(ErrorKind::kInvalidInput,
                  bill.name + ": field \"currency\": is \"" + printable(bill.currency) +
                      "\", the price list's \"" + printable(prices.currency()) + "\"");
    }
    if (i == 0) continue;
    const ClosedBill& previous = *sorted[i - 1];
    if (bill.month == previous.month) {
      return fail(ErrorKind::kInvalidInput, bill.name + ": field \"month\": " + bill.month.text() +
                                                " is closed by " + previous.name + " already");
    }
    if (bill.month != previous.month.next()) {
      return fail(ErrorKind::kInvalidInput,
                  bill.name + ": field \"month\": the bill of " + previous.month.next().text() +
                      " is missing between " + previous.month.text() + " and " + bill.month.text());
    }
  }
  return sorted;
}

bool add(std::int64_t& sum, std::int64_t cents) {
  return !__builtin_add_overflow(sum, cents, &sum);
}

std::unexpected<Error> sum_too_large(std::string_view customer, Month month) {
  return fail(ErrorKind::kInvalidInput, "customer \"" + printable(customer) + "\", " +
                                            month.text() + ": the sum is too large to be billed");
}

/// One customer and product in one closed month: what was billed for it, and what it is now.
struct Change {
  std::int64_t was = 0;
  const RatedLine* now = nullptr;
};

class BillMaker {
 public:
  BillMaker(const EventSet& events, const PriceList& prices, Month month)
      : events_(events), prices_(prices) {
    bill_.month = month;
    bill_.currency = prices.currency();
  }

  Result<void> add_month() {
    ASSIGN_OR_RETURN(const RatedMonth rated, rate_month(events_, prices_, bill_.month));
    for (const RatedLine& line : rated.lines) TRY(add_line(line));
    for (const RatedNotice& notice : rated.notices) {
      ASSIGN_OR_RETURN(std::string id, events_.id_of(*notice.event));
      bill_.notices.push_back(
          {std::move(id), notice.code == NoticeCode::kTrialUsed ? "trial_used" : "not_alive"});
    }
    std::ranges::sort(bill_.notices, {}, &Notice::event);
    return {};
  }

  Result<void> add_corrections(const Sorted& closed) {
    for (const ClosedBill* bill : closed) TRY(correct(bill->month, closed));
    std::ranges::sort(bill_.corrections, [](const Correction& a, const Correction& b) {
      return std::tie(a.customer, a.product, a.corrects) <
             std::tie(b.customer, b.product, b.corrects);
    });
    return {};
  }

  Result<Bill> finish() && {
    std::map<std::string_view, std::int64_t> totals;
    for (const BillLine& line : bill_.lines) {
      if (!add(totals[line.customer], line.amount_cents)) {
        return sum_too_large(line.customer, bill_.month);
      }
    }
    for (const Correction& correction : bill_.corrections) {
      if (!add(totals[correction.customer], correction.amount_cents)) {
        return sum_too_large(correction.customer, bill_.month);
      }
    }
    for (const auto& [customer, cents] : totals) {
      bill_.totals.push_back({std::string(customer), cents});
    }
    return std::move(bill_);
  }

 private:
  Result<void> add_line(const RatedLine& rated) {
    BillLine line;
    line.customer = rated.customer->name;
    line.product = rated.product;
    line.quantity = rated.quantity.text();
    line.unit = rated.is_storage ? "GB" : "workload";
    line.unit_micro = rated.unit_micro;
    line.amount_cents = rated.amount_cents;
    line.first_use = rated.first_use;
    ASSIGN_OR_RETURN(line.evidence, evidence_of(events_, rated));
    if (rated.receipt_clock) line.note = "receipt clock";
    bill_.lines.push_back(std::move(line));
    return {};
  }

  Result<void> correct(Month month, const Sorted& closed) {
    ASSIGN_OR_RETURN(const RatedMonth today, rate_month(events_, prices_, month));
    std::map<std::pair<std::string_view, std::string_view>, Change> changes;
    for (const RatedLine& line : today.lines) {
      changes[{line.customer->name, line.product}].now = &line;
    }
    for (const ClosedBill* bill : closed) {
      for (const ClosedBill::Amount& amount : bill->amounts) {
        if (amount.month != month) continue;
        if (!add(changes[{amount.customer, amount.product}].was, amount.cents)) {
          return sum_too_large(amount.customer, month);
        }
      }
    }
    for (const auto& [key, change] : changes) {
      TRY(add_correction(key.first, key.second, month, change));
    }
    return {};
  }

  Result<void> add_correction(std::string_view customer, std::string_view product, Month month,
                              const Change& change) {
    Correction correction{std::string(customer), std::string(product), month, 0, change.was, 0, {}};
    if (change.now != nullptr) correction.now_cents = change.now->amount_cents;
    if (__builtin_sub_overflow(correction.now_cents, correction.was_cents,
                               &correction.amount_cents)) {
      return sum_too_large(customer, month);
    }
    if (correction.amount_cents == 0) return {};
    if (change.now != nullptr) {
      ASSIGN_OR_RETURN(correction.evidence, evidence_of(events_, *change.now));
    }
    bill_.corrections.push_back(std::move(correction));
    return {};
  }

  const EventSet& events_;
  const PriceList& prices_;
  Bill bill_;
};

}  // namespace

Result<Bill> rate(const EventSet& events, const PriceList& prices, Month month,
                  std::span<const ClosedBill> closed) {
  ASSIGN_OR_RETURN(const Sorted sorted, in_order(closed, prices));
  BillMaker maker(events, prices, month);
  TRY(maker.add_month());
  if (!sorted.empty() && sorted.back()->month.next() == month) TRY(maker.add_corrections(sorted));
  return std::move(maker).finish();
}

std::string bill_to_text(const Bill& bill, BillFormat format) {
  return format == BillFormat::kCsv ? bill_to_csv(bill) : bill_to_json(bill);
}

}  // namespace obhut::billing
