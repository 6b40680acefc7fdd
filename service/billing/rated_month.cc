#include "service/billing/rated_month.h"

#include <algorithm>
#include <map>

#include "agent/base/check.h"
#include "agent/base/text.h"

namespace obhut::billing {
namespace {

class MonthRater {
 public:
  MonthRater(const EventSet& events, const PriceList& prices, const MonthFrame& frame)
      : events_(events), prices_(prices), frame_(frame) {}

  Result<void> add(const CustomerEvents& customer) {
    ASSIGN_OR_RETURN(const CustomerUsage usage, usage_of(customer, frame_, prices_));
    for (const auto& [index, code] : usage.notices) {
      month_.notices.push_back({&customer.events[index], code});
    }
    const std::size_t first = month_.lines.size();
    TRY(add_storage(customer, usage));
    if (usage.mode == Mode::kPerWorkload) TRY(add_workloads(customer, usage));
    std::sort(month_.lines.begin() + static_cast<std::ptrdiff_t>(first), month_.lines.end(),
              [](const RatedLine& a, const RatedLine& b) { return a.product < b.product; });
    return {};
  }

  RatedMonth take() && { return std::move(month_); }

 private:
  Result<void> add_storage(const CustomerEvents& customer, const CustomerUsage& usage) {
    for (std::size_t i = 0; i < usage.storage.size(); ++i) {
      const StorageUse& use = usage.storage[i];
      if (use.max_bytes == 0) continue;
      RatedLine line;
      line.customer = &customer;
      line.product = storage_product(static_cast<Location>(i));
      line.is_storage = true;
      line.first_use = use.first_use;
      line.evidence = {use.evidence};
      const auto quantity =
          gigabytes(use.max_bytes, frame_.policy->gb_bytes, frame_.policy->gb_step);
      if (!quantity) return too_large(line, "quantity");
      line.quantity = *quantity;
      TRY(price(line, usage));
    }
    return {};
  }

  Result<void> add_workloads(const CustomerEvents& customer, const CustomerUsage& usage) {
    std::map<std::uint32_t, RatedLine> by_kind;
    for (const std::uint32_t index : usage.activations) {
      const Event& activation = customer.events[index];
      RatedLine& line = by_kind[activation.kind()];
      if (line.evidence.empty() || activation.at() < line.first_use) {
        line.first_use = activation.at();
      }
      line.evidence.push_back(index);
      line.receipt_clock = line.receipt_clock || activation.receipt_clock;
    }
    for (auto& [kind, line] : by_kind) {
      line.customer = &customer;
      line.product = workload_product(events_.kind_name(kind));
      line.quantity.units = line.evidence.size();
      TRY(price(line, usage));
    }
    return {};
  }

  Result<void> price(RatedLine& line, const CustomerUsage& usage) {
    CHECK(usage.mode);  // what was used was used in a life, and a life has a mode
    ASSIGN_OR_RETURN(line.unit_micro, prices_.micro_of(*usage.mode, line.product, frame_.month,
                                                       line.customer->name));
    const auto amount = amount_cents(line.quantity, line.unit_micro);
    if (!amount) return too_large(line, "amount");
    line.amount_cents = *amount;
    month_.lines.push_back(std::move(line));
    return {};
  }

  std::unexpected<Error> too_large(const RatedLine& line, std::string_view what) const {
    return fail(ErrorKind::kInvalidInput,
                events_.name() + ": customer \"" + printable(line.customer->name) +
                    "\", product \"" + printable(line.product) + "\", " + frame_.month.text() +
                    ": the " + std::string(what) + " is too large to be billed");
  }

  const EventSet& events_;
  const PriceList& prices_;
  const MonthFrame& frame_;
  RatedMonth month_;
};

/// Of all storage events of the location at the instant of `index`, the last by id.
Result<std::string> last_of_instant(const EventSet& events, const CustomerEvents& customer,
                                    std::uint32_t index) {
  const Event& found = customer.events[index];
  const auto same = [&](std::size_t i) {
    const Event& event = customer.events[i];
    return event.type == found.type && event.at_us == found.at_us;
  };
  std::size_t begin = index;
  while (begin > 0 && same(begin - 1)) --begin;
  std::string last;
  for (std::size_t i = begin; i < customer.events.size() && same(i); ++i) {
    if (customer.events[i].location != found.location) continue;
    ASSIGN_OR_RETURN(std::string id, events.id_of(customer.events[i]));
    if (last < id) last = std::move(id);
  }
  return last;
}

}  // namespace

Result<RatedMonth> rate_month(const EventSet& events, const PriceList& prices, Month month) {
  ASSIGN_OR_RETURN(const MonthFrame frame, MonthFrame::make(month, events, prices));
  MonthRater rater(events, prices, frame);
  for (const CustomerEvents& customer : events.customers()) TRY(rater.add(customer));
  return std::move(rater).take();
}

Result<std::vector<std::string>> evidence_of(const EventSet& events, const RatedLine& line) {
  std::vector<std::string> ids;
  for (const std::uint32_t index : line.evidence) {
    ASSIGN_OR_RETURN(std::string id, line.is_storage
                                         ? last_of_instant(events, *line.customer, index)
                                         : events.id_of(line.customer->events[index]));
    ids.push_back(std::move(id));
  }
  std::ranges::sort(ids);
  return ids;
}

}  // namespace obhut::billing
