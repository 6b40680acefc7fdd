#include "service/billing/calculator.h"

#include <algorithm>

#include "service/billing/event_text.h"
#include "service/billing/json_members.h"
#include "service/billing/rate.h"

namespace obhut::billing {
namespace {

constexpr std::string_view kCustomer = "planned";

std::uint64_t bounded(Members& members, const char* name, std::uint64_t most) {
  const auto number = members.integer<std::uint64_t>(name);
  if (number > most) members.reject(name, "must be at most " + std::to_string(most));
  return number;
}

PlannedCustomer::Devices devices_of(Members& members) {
  members.only({"kind", "count", "more_each_month"});
  PlannedCustomer::Devices devices;
  devices.kind = members.text("kind");
  if (devices.kind.empty()) members.reject("kind", "must not be empty");
  devices.count = bounded(members, "count", PlannedCustomer::kMostDevices);
  if (members.has("more_each_month")) {
    devices.more_each_month = bounded(members, "more_each_month", 1000);
  }
  return devices;
}

PlannedCustomer::Storage storage_of(Members& members) {
  members.only({"location", "gb", "more_gb_each_month"});
  PlannedCustomer::Storage storage;
  const auto location = parse_location(members.text("location"));
  if (!location) members.reject("location", "must be one of local provider vendor");
  storage.location = location.value_or(Location::kProvider);
  storage.gb = bounded(members, "gb", PlannedCustomer::kMostGb);
  if (members.has("more_gb_each_month")) {
    storage.more_gb_each_month = members.integer<std::int64_t>("more_gb_each_month");
    const auto most = static_cast<std::int64_t>(PlannedCustomer::kMostGb);
    if (storage.more_gb_each_month > most || storage.more_gb_each_month < -most) {
      members.reject("more_gb_each_month", "must be within " + std::to_string(most));
    }
  }
  return storage;
}

/// What the customer would do, as the ledger would tell it.
class PlannedEvents {
 public:
  PlannedEvents(const PlannedCustomer& plan, const PriceList& prices)
      : plan_(plan), prices_(prices) {}

  Result<std::string> in(Mode mode) {
    text_.clear();
    number_ = 0;
    Month month = plan_.start;
    add(customer_created(head(month), mode));
    if (plan_.trial) add(trial_started(head(month)));
    for (int i = 0; i < plan_.months; ++i, month = month.next()) {
      for (const PlannedCustomer::Devices& devices : plan_.devices) {
        add_devices(devices, month, i == 0 ? devices.count : devices.more_each_month);
      }
      TRY(add_levels(month, i));
    }
    return std::move(text_);
  }

 private:
  EventHead head(Month month) {
    // Their own order at one instant.
    id_ = "e" + std::to_string(1'000'000'000 + number_++);
    return {id_, prices_.calendar().start_of(month), kCustomer};
  }
  void add(const std::string& event) { text_ += event + "\n"; }
  void add_devices(const PlannedCustomer::Devices& devices, Month month, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string workload = "w" + std::to_string(number_);
      add(workload_activated(head(month), workload, devices.kind, ActivationClock::kEndpoint));
    }
  }
  Result<void> add_levels(Month month, int months) {
    ASSIGN_OR_RETURN(const Policy* policy, prices_.policy_of(month, "which is planned"));
    std::size_t vault = 0;
    for (const PlannedCustomer::Storage& storage : plan_.storage) {
      const std::int64_t gb = std::max<std::int64_t>(
          0, static_cast<std::int64_t>(storage.gb) + storage.more_gb_each_month * months);
      std::uint64_t bytes = 0;
      if (__builtin_mul_overflow(static_cast<std::uint64_t>(gb), policy->gb_bytes, &bytes)) {
        return fail(ErrorKind::kInvalidInput, "planned storage: more than can be counted");
      }
      add(storage_level(head(month), "v" + std::to_string(vault++), storage.location, bytes));
    }
    return {};
  }

  const PlannedCustomer& plan_;
  const PriceList& prices_;
  std::string text_;
  std::string id_;
  std::uint64_t number_ = 0;
};

Result<std::vector<Bill>> bills_of(const std::string& events_text, const std::vector<Month>& months,
                                   const PriceList& prices) {
  ASSIGN_OR_RETURN(const EventSet events, EventSet::from_text("planned events", events_text));
  std::vector<Bill> bills;
  for (const Month month : months) {
    ASSIGN_OR_RETURN(Bill bill, rate(events, prices, month, {}));
    bills.push_back(std::move(bill));
  }
  return bills;
}

std::int64_t cents_of(const Bill& bill) {
  return bill.totals.empty() ? 0 : bill.totals.front().amount_cents;
}

std::optional<Mode> cheaper_of(std::int64_t per_gb, std::int64_t per_workload) {
  if (per_gb == per_workload) return std::nullopt;
  return per_gb < per_workload ? Mode::kPerGb : Mode::kPerWorkload;
}

void compare(Estimate& estimate) {
  const auto& [per_gb, per_workload] = estimate.modes;
  if (!per_gb.missing.empty() || !per_workload.missing.empty()) return;
  estimate.cheaper = cheaper_of(per_gb.cents, per_workload.cents);
  std::optional<Mode> last;
  for (std::size_t i = 0; i < estimate.months.size(); ++i) {
    const auto now = cheaper_of(cents_of(per_gb.bills[i]), cents_of(per_workload.bills[i]));
    if (!now || now == last) continue;
    estimate.turns.push_back({estimate.months[i], *now});
    last = now;
  }
}

std::string lines_json(const Bill& bill) {
  std::string out = "[";
  for (const BillLine& line : bill.lines) {
    if (out.size() > 1) out += ",";
    out += "{\"product\":" + json_string(line.product) +
           ",\"quantity\":" + json_string(line.quantity) + ",\"unit\":" + json_string(line.unit) +
           ",\"unit_micro\":" + std::to_string(line.unit_micro) +
           ",\"amount_cents\":" + std::to_string(line.amount_cents) + "}";
  }
  return out + "]";
}

std::string mode_json(const Estimate& estimate, const Estimate::InMode& mode) {
  if (!mode.missing.empty()) return "{\"missing\":" + json_string(mode.missing) + "}";
  std::string out = "{\"total_cents\":" + std::to_string(mode.cents) + ",\"months\":[";
  for (std::size_t i = 0; i < mode.bills.size(); ++i) {
    out += i == 0 ? "\n" : ",\n";
    out += "{\"month\":" + json_string(estimate.months[i].text()) +
           ",\"amount_cents\":" + std::to_string(cents_of(mode.bills[i])) +
           ",\"lines\":" + lines_json(mode.bills[i]) + "}";
  }
  return out + "\n]}";
}

}  // namespace

Result<PlannedCustomer> PlannedCustomer::parse(std::string_view name, std::string_view json) {
  auto parsed = parse_json(json);
  if (!parsed) return pass_on(std::move(parsed.error()), std::string(name));
  std::string fault;
  Members members(*parsed, "", fault);
  members.only({"start", "months", "trial", "devices", "storage"});
  PlannedCustomer plan;
  plan.start = members.month("start");
  if (members.has("months")) {
    const auto months = members.integer<std::int64_t>("months");
    if (months < 1 || months > kMostMonths) {
      members.reject("months", "must be 1 to " + std::to_string(kMostMonths));
    }
    plan.months = static_cast<int>(std::clamp<std::int64_t>(months, 1, kMostMonths));
  }
  plan.trial = members.flag("trial", false);
  if (members.has("devices")) {
    members.each("devices", [&](Members& each) { plan.devices.push_back(devices_of(each)); });
  }
  if (members.has("storage")) {
    members.each("storage", [&](Members& each) { plan.storage.push_back(storage_of(each)); });
  }
  if (plan.devices.empty() && plan.storage.empty()) {
    members.reject("devices", "is missing, and so is \"storage\": nothing is planned");
  }
  std::uint64_t devices = 0;
  for (const Devices& each : plan.devices) {
    devices += each.count + each.more_each_month * static_cast<std::uint64_t>(plan.months);
  }
  if (devices > kMostDevices) {
    members.reject("devices", "are more than " + std::to_string(kMostDevices) + " in the end");
  }
  if (fault.empty()) return plan;
  return fail(ErrorKind::kInvalidInput, std::string(name) + ": " + fault);
}

Result<Estimate> calculate(const PlannedCustomer& plan, const PriceList& prices) {
  Estimate estimate;
  estimate.currency = prices.currency();
  Month month = plan.start;
  for (int i = 0; i < plan.months; ++i, month = month.next()) estimate.months.push_back(month);
  PlannedEvents events(plan, prices);
  for (const Mode mode : {Mode::kPerGb, Mode::kPerWorkload}) {
    Estimate::InMode& in_mode = estimate.modes[static_cast<std::size_t>(mode)];
    ASSIGN_OR_RETURN(const std::string text, events.in(mode));
    Result<std::vector<Bill>> bills = bills_of(text, estimate.months, prices);
    if (!bills) {
      in_mode.missing = bills.error().message;
      continue;
    }
    in_mode.bills = std::move(*bills);
    for (const Bill& bill : in_mode.bills) in_mode.cents += cents_of(bill);
  }
  if (!estimate.modes[0].missing.empty() && !estimate.modes[1].missing.empty()) {
    return fail(ErrorKind::kInvalidInput, estimate.modes[0].missing);
  }
  compare(estimate);
  return estimate;
}

std::string estimate_to_json(const Estimate& estimate) {
  std::string out = "{\"currency\":" + json_string(estimate.currency);
  for (const Mode mode : {Mode::kPerGb, Mode::kPerWorkload}) {
    out += ",\n" + json_string(to_string(mode)) + ":" +
           mode_json(estimate, estimate.modes[static_cast<std::size_t>(mode)]);
  }
  out += ",\n\"cheaper\":" +
         (estimate.cheaper ? json_string(to_string(*estimate.cheaper)) : std::string("null"));
  out += ",\n\"cheaper_from\":[";
  for (const Estimate::Turn& turn : estimate.turns) {
    if (&turn != &estimate.turns.front()) out += ",";
    out += "{\"month\":" + json_string(turn.month.text()) +
           ",\"mode\":" + json_string(to_string(turn.cheaper)) + "}";
  }
  return out + "]}\n";
}

}  // namespace obhut::billing
