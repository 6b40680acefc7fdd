#include "tests/cluster/storm/events.h"

#include <algorithm>
#include <random>

#include "agent/base/time_text.h"
#include "service/billing/event_text.h"

namespace obhut::cluster::storm {
namespace {

using billing::EventHead;
using std::chrono::microseconds;

Instant at(std::string_view text) {
  return parse_time(text).value();
}

const Instant kBegin = at("2024-12-31T23:00:00Z");
const Instant kEnd = at("2025-06-30T22:00:00Z");
/// First instants of months, and of summer time.
const Instant kEdges[] = {at("2025-01-31T23:00:00Z"), at("2025-02-28T23:00:00Z"),
                          at("2025-03-30T01:00:00Z"), at("2025-03-31T22:00:00Z"),
                          at("2025-04-30T22:00:00Z"), at("2025-05-31T22:00:00Z")};

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  std::string creation(std::size_t customer) {
    return created(customer, kBegin + microseconds(below(10 * kDay)));
  }

  std::string fact() {
    if (reborn_ < kCustomers) return created(std::exchange(reborn_, kCustomers), reborn_at_);
    const std::uint64_t customer = below(kCustomers);
    const std::string id = next_id();
    const std::string number = number_of(customer);
    const EventHead head{id, instant(), number};
    const std::string workload = "device-" + std::to_string(below(40));
    const std::uint64_t roll = below(2000);
    if (roll == 0) {
      reborn_ = customer;
      reborn_at_ = head.at + microseconds(below(4) == 0 ? 0 : below(5 * kDay));
      return billing::customer_deleted(head);
    }
    if (roll < 4) return billing::customer_mode(head, mode());
    if (roll < 7) return billing::trial_started(head);
    if (roll == 7) return billing::partner_cancelled(id, head.at);
    if (roll < 120) {
      return billing::workload_activated(
          head, workload, below(4) == 0 ? "server" : "workstation",
          below(8) == 0 ? billing::ActivationClock::kReceipt : billing::ActivationClock::kEndpoint);
    }
    if (roll < 200) return billing::workload_removed(head, workload);
    return billing::storage_level(head, workload, static_cast<billing::Location>(below(3)),
                                  below(10) == 0 ? 0 : below(3'000'000'000'000));
  }

 private:
  static constexpr std::uint64_t kDay = 86'400'000'000;

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  billing::Mode mode() {
    return below(3) == 0 ? billing::Mode::kPerGb : billing::Mode::kPerWorkload;
  }
  static std::string number_of(std::size_t customer) { return "K-" + std::to_string(customer); }

  /// Neither in the order of the events nor ever twice: multiplying by an odd number repeats none.
  std::string next_id() {
    std::uint64_t left = ++made_ * 0x9E3779B97F4A7C15u;
    std::string id(16, '0');
    for (char& digit : id) {
      digit = "0123456789abcdef"[left & 15];
      left >>= 4;
    }
    return id;
  }

  Instant instant() {
    if (below(50) == 0)
      return kEdges[below(std::size(kEdges))] + microseconds(below(3)) - microseconds(1);
    return kBegin + microseconds(below(static_cast<std::uint64_t>((kEnd - kBegin).count())));
  }

  std::string created(std::size_t customer, Instant when) {
    const std::string id = next_id();
    const std::string number = number_of(customer);
    return billing::customer_created({id, when, number}, mode());
  }

  std::mt19937_64 random_;
  std::uint64_t made_ = 0;
  std::size_t reborn_ = kCustomers;  ///< deleted by the event before
  Instant reborn_at_{};
};

}  // namespace

const std::string_view kPrices = R"({"currency":"EUR","time_zone":"Europe/Berlin",
"policies":[{"from":"2024-12","gb_bytes":1000000000,"gb_step":"0.1","trial_days":28,
"trial_free":["workload/*","storage/vendor"]}],
"prices":[
{"mode":"per_workload","product":"workload/server","from":"2024-12","micro":12500000},
{"mode":"per_workload","product":"workload/server","from":"2025-03","micro":13000000},
{"mode":"per_workload","product":"workload/workstation","from":"2024-12","micro":4500000},
{"mode":"per_workload","product":"storage/local","from":"2024-12","micro":0},
{"mode":"per_workload","product":"storage/provider","from":"2024-12","micro":50000},
{"mode":"per_workload","product":"storage/vendor","from":"2024-12","micro":70000},
{"mode":"per_gb","product":"storage/local","from":"2024-12","micro":10000},
{"mode":"per_gb","product":"storage/provider","from":"2024-12","micro":90000},
{"mode":"per_gb","product":"storage/vendor","from":"2024-12","micro":110000}]}
)";

std::vector<std::string> make_events(std::size_t count, std::uint64_t seed) {
  Maker maker(seed);
  std::vector<std::string> events;
  events.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    events.push_back(i < kCustomers ? maker.creation(i) : maker.fact());
  }
  return events;
}

std::vector<std::vector<std::uint32_t>> make_batches(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed + 1);
  std::vector<std::pair<std::uint64_t, std::uint32_t>> arrivals;  // when, which
  for (std::uint32_t event = 0; event < count; ++event) {
    std::uint64_t when = event + random() % (count / 10);
    if (random() % 10 == 0) when = random() % count;
    if (event < kCustomers) when = random() % (count / 3);
    arrivals.emplace_back(when, event);
    if (random() % 10 < 3) arrivals.emplace_back(when + random() % (count - count / 10), event);
  }
  std::ranges::sort(arrivals);
  std::vector<std::vector<std::uint32_t>> batches;
  for (std::size_t begin = 0; begin < arrivals.size();) {
    const std::size_t wanted = 1 + random() % (std::size_t{1} << random() % 7);
    const std::size_t size = std::min(wanted, arrivals.size() - begin);
    std::vector<std::uint32_t>& batch = batches.emplace_back();
    for (std::size_t i = begin; i < begin + size; ++i) batch.push_back(arrivals[i].second);
    begin += size;
  }
  return batches;
}

}  // namespace obhut::cluster::storm
