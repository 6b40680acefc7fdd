#include "service/cluster/usage.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"
#include "service/billing/daily_usage.h"
#include "service/billing/event_text.h"
#include "service/billing/rate.h"
#include "service/billing/table.h"
#include "service/cluster/devices.h"
#include "service/cluster/rating_inputs.h"

namespace obhut::cluster {
namespace {

using nlohmann::ordered_json;

struct Days {
  RatingInputs inputs;
  billing::Month month;
  std::vector<billing::DailyUsage> days;
};

/// The vaults and workloads of one device, as events name them.
Answer<std::set<std::string>> objects_of(sql::Session& session, const PartnerId& partner,
                                         const DeviceId& id) {
  ASSIGN_OR_RETURN(const Device device, find_device(session, id));
  if (device.partner != partner) return not_found("device");
  std::set<std::string> objects{device.workload.text()};
  if (device.clone) objects.insert(device.clone->text());
  ASSIGN_OR_RETURN(const sql::Rows vaults,
                   session.query("SELECT id FROM vaults WHERE device = :device", {{"device", id}}));
  for (const sql::Row& row : vaults) objects.insert(row.text(0));
  return objects;
}

/// Whether the event is about one of these, or about no vault and no workload at all.
bool is_about(std::string_view event, const std::set<std::string>& objects) {
  const nlohmann::json read = nlohmann::json::parse(event, nullptr, false);
  for (const char* name : {"vault", "workload"}) {
    const auto at = read.find(name);
    if (at != read.end()) return at->is_string() && objects.contains(at->get<std::string>());
  }
  return true;
}

void leave_product(billing::DailyUsage& day, const std::string& product) {
  std::erase_if(day.storage, [&](const billing::DailyStorage& storage) {
    return billing::storage_product(storage.location) != product;
  });
  std::erase_if(day.workloads, [&](const auto& workload) {
    return billing::workload_product(workload.first) != product;
  });
}

Answer<Days> days_of(sql::Database& database, const PartnerId& partner, const UsageQuery& query,
                     Instant now) {
  ASSIGN_OR_RETURN(const billing::Month month, month_in(query.month));
  ASSIGN_OR_RETURN(RatingInputs inputs, rating_inputs(database, partner));
  if (query.device) {
    ASSIGN_OR_RETURN(const std::set<std::string> objects, database.read([&](sql::Session& session) {
      return objects_of(session, partner, *query.device);
    }));
    const auto keep = [&](std::string_view event) { return is_about(event, objects); };
    ASSIGN_OR_RETURN(inputs.events,
                     ledger_events(database, partner, inputs.head.sequence, {}, keep));
  }
  ASSIGN_OR_RETURN(std::vector<billing::DailyUsage> days,
                   billing::daily_usage(inputs.events, inputs.prices, month, query.customer, now));
  if (!query.product.empty()) {
    for (billing::DailyUsage& day : days) leave_product(day, query.product);
    std::erase_if(days,
                  [](const auto& day) { return day.storage.empty() && day.workloads.empty(); });
  }
  return Days{std::move(inputs), month, std::move(days)};
}

/// The month's maximum and the newest level of each customer and location that has any.
ordered_json months_json(const Days& read) {
  struct Sum {
    std::uint64_t most = 0;
    std::uint64_t level = 0;
  };
  std::map<std::pair<std::string, billing::Location>, Sum> sums;
  for (const billing::DailyUsage& day : read.days) {
    for (const billing::DailyStorage& storage : day.storage) {
      Sum& sum = sums[{day.customer, storage.location}];
      sum.most = std::max(sum.most, storage.max_bytes);
      sum.level = storage.end_bytes;
    }
  }
  ordered_json list = ordered_json::array();
  const auto policy = read.inputs.prices.policy_of(read.month, "which is shown");
  for (const auto& [key, sum] : sums) {
    list.push_back({{"customer", key.first},
                    {"location", billing::to_string(key.second)},
                    {"max_bytes", sum.most},
                    {"level_bytes", sum.level},
                    {"room_bytes", billing::room_in_quantity(sum.most, sum.level, **policy)}});
  }
  return list;
}

ordered_json day_json(const billing::DailyUsage& day) {
  ordered_json storage = ordered_json::array();
  for (const billing::DailyStorage& each : day.storage) {
    storage.push_back({{"location", billing::to_string(each.location)},
                       {"max_bytes", each.max_bytes},
                       {"max_since", format_time_micro(each.max_since)},
                       {"event", each.event},
                       {"vault", each.vault},
                       {"end_bytes", each.end_bytes}});
  }
  return {{"customer", day.customer},
          {"day", day.day},
          {"storage", std::move(storage)},
          {"workloads", day.workloads}};
}

/// One event for each customer and location that grew: what it will have grown by when the month
/// ends, if it goes on so.
Result<std::string> growth_events(const RatingInputs& inputs, Instant now, Instant end) {
  std::string lines;
  for (const billing::CustomerEvents& customer : inputs.events.customers()) {
    ASSIGN_OR_RETURN(const auto levels,
                     billing::levels_at(customer, inputs.events, inputs.prices, now));
    ASSIGN_OR_RETURN(const auto before, billing::levels_at(customer, inputs.events, inputs.prices,
                                                           now - Usage::kBasis));
    for (std::size_t i = 0; i < levels.size(); ++i) {
      if (levels[i] <= before[i]) continue;
      const auto left = static_cast<billing::Wide>((end - now).count());
      const auto basis =
          static_cast<billing::Wide>(std::chrono::microseconds(Usage::kBasis).count());
      const auto more =
          static_cast<std::uint64_t>(billing::Wide{levels[i] - before[i]} * left / basis);
      const auto location = static_cast<billing::Location>(i);
      const std::string id = "forecast-" + std::string(billing::to_string(location)) + "-" +
                             std::string(customer.name);
      lines += billing::storage_level({id, end - std::chrono::microseconds(1), customer.name},
                                      "forecast", location, more) +
               "\n";
    }
  }
  return lines;
}

}  // namespace

Answer<std::string> Usage::by_day(const PartnerId& partner, const UsageQuery& query) {
  ASSIGN_OR_RETURN(const Days read, days_of(database_, partner, query, clock_.now()));
  ordered_json days = ordered_json::array();
  for (const billing::DailyUsage& day : read.days) days.push_back(day_json(day));
  const ordered_json answer = {
      {"month", read.month.text()},
      {"storage", query.device ? ordered_json::array() : months_json(read)},
      {"days", std::move(days)}};
  return answer.dump();
}

Answer<std::string> Usage::table_by_day(const PartnerId& partner, const UsageQuery& query) {
  ASSIGN_OR_RETURN(const Days read, days_of(database_, partner, query, clock_.now()));
  std::string out;
  billing::append_row(out, {"day", "customer", "product", "workloads", "max_bytes", "max_since",
                            "event", "vault", "end_bytes"});
  for (const billing::DailyUsage& day : read.days) {
    const std::string who = billing::cell(day.customer);
    for (const billing::DailyStorage& each : day.storage) {
      billing::append_row(out, {day.day, who, billing::storage_product(each.location), "",
                                std::to_string(each.max_bytes), format_time_micro(each.max_since),
                                billing::cell(each.event), billing::cell(each.vault),
                                std::to_string(each.end_bytes)});
    }
    for (const auto& [kind, count] : day.workloads) {
      billing::append_row(out, {day.day, who, billing::cell(billing::workload_product(kind)),
                                std::to_string(count), "", "", "", "", ""});
    }
  }
  return out;
}

Answer<std::string> Usage::forecast(const PartnerId& partner, std::string_view text) {
  ASSIGN_OR_RETURN(const billing::Month month, month_in(text));
  ASSIGN_OR_RETURN(const RatingInputs inputs, rating_inputs(database_, partner));
  const billing::BillingCalendar& calendar = inputs.prices.calendar();
  const Instant now = clock_.now();
  if (calendar.month_of(now) != month) {
    return refuse(409, "month-not-running",
                  "a forecast is of the running month, " + calendar.month_of(now).text());
  }
  ASSIGN_OR_RETURN(const billing::Bill to_date,
                   billing::rate(inputs.events, inputs.prices, month, inputs.closed));
  ASSIGN_OR_RETURN(const std::string growth,
                   growth_events(inputs, now, calendar.start_of(month.next())));
  ASSIGN_OR_RETURN(const billing::EventSet grown,
                   ledger_events(database_, partner, inputs.head.sequence, growth));
  ASSIGN_OR_RETURN(const billing::Bill forecast,
                   billing::rate(grown, inputs.prices, month, inputs.closed));
  return "{\"month\":\"" + month.text() + "\",\"basis_days\":" + std::to_string(kBasis.count()) +
         ",\"to_date\":" + billing::bill_to_json(to_date) +
         ",\"forecast\":" + billing::bill_to_json(forecast) + "}";
}

}  // namespace obhut::cluster
