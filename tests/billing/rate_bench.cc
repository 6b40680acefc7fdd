// Generates an event file of any size, and rates one with time and memory. No test: a yardstick.
//
//   obhut-rate-bench generate EVENTS CUSTOMERS SEED > events.jsonl
//   obhut-rate-bench prices > prices.json
//   obhut-rate-bench rate EVENTS.jsonl PRICES.json MONTH > bill.json

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "service/billing/event_text.h"
#include "service/billing/rate.h"

namespace obhut::billing {
namespace {

constexpr std::string_view kPrices =
    R"({"currency":"EUR","time_zone":"Europe/Berlin",
"policies":[{"from":"2025-01","gb_bytes":1000000000,"gb_step":"1","trial_days":28,
"trial_free":["workload/*","storage/vendor"]}],
"prices":[
{"mode":"per_workload","product":"workload/server","from":"2025-01","micro":12500000},
{"mode":"per_workload","product":"workload/workstation","from":"2025-01","micro":4500000},
{"mode":"per_workload","product":"storage/local","from":"2025-01","micro":0},
{"mode":"per_workload","product":"storage/provider","from":"2025-01","micro":50000},
{"mode":"per_workload","product":"storage/vendor","from":"2025-01","micro":70000},
{"mode":"per_gb","product":"storage/local","from":"2025-01","micro":10000},
{"mode":"per_gb","product":"storage/provider","from":"2025-01","micro":90000},
{"mode":"per_gb","product":"storage/vendor","from":"2025-01","micro":110000}]}
)";

/// A partner's year: customers created in the first days, then levels all the time, now and then a
/// device more or less, one line in a hundred delivered twice.
class Generator {
 public:
  Generator(std::uint64_t events, std::uint32_t customers, std::uint64_t seed)
      : events_(events), customers_(customers), random_(seed) {}

  void run() {
    const Instant start{std::chrono::sys_days{std::chrono::year{2025} / 5 / 1}};
    const auto year = std::chrono::microseconds{std::chrono::days{365}};
    for (std::uint64_t n = 0; n < events_; ++n) {
      const auto part = static_cast<std::uint64_t>(year.count()) / events_ * n;
      const Instant at = start + std::chrono::microseconds{part};
      const std::string line = n < customers_ ? created(n, at) : fact(n, at);
      std::fputs(line.c_str(), stdout);
      std::fputc('\n', stdout);
      if (below(100) == 0) std::fputs((line + "\n").c_str(), stdout);
    }
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  static std::string customer(std::uint64_t n) { return "customer-" + std::to_string(10'000 + n); }

  std::string id(std::uint64_t n) {
    char text[64];
    std::snprintf(text, sizeof text, "%08x-%04x-4%03x-a%03x-%012llx",
                  static_cast<unsigned>(random_()), static_cast<unsigned>(below(0x10000)),
                  static_cast<unsigned>(below(0x1000)), static_cast<unsigned>(below(0x1000)),
                  static_cast<unsigned long long>(n));
    return text;
  }
  std::string created(std::uint64_t n, Instant at) {
    const std::string event = id(n);
    const std::string name = customer(n);
    return customer_created({event, at, name}, n % 3 == 0 ? Mode::kPerGb : Mode::kPerWorkload);
  }
  std::string fact(std::uint64_t n, Instant at) {
    const std::string event = id(n);
    const std::string name = customer(below(customers_));
    const EventHead head{event, at, name};
    const std::string device = "device-" + std::to_string(below(12));
    switch (below(40)) {
      case 0:
        return workload_activated(
            head, device, below(4) == 0 ? "server" : "workstation",
            below(8) == 0 ? ActivationClock::kReceipt : ActivationClock::kEndpoint);
      case 1:
        return workload_removed(head, device);
      case 2:
        return trial_started(head);
      default:
        return storage_level(head, device, static_cast<Location>(below(3)),
                             below(4'000'000'000'000));
    }
  }

  std::uint64_t events_;
  std::uint32_t customers_;
  std::mt19937_64 random_;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The most memory ever held, as Linux tells it.
std::string peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return line.substr(6);
  }
  return "unknown";
}

int measure(const char* events, const char* prices, const char* month) {
  const auto start = std::chrono::steady_clock::now();
  const int code = rate_command({events, prices, month, "", "json"}, std::cout, std::cerr);
  std::cerr << "seconds " << seconds_since(start) << ", peak memory " << peak_memory() << "\n";
  return code;
}

}  // namespace
}  // namespace obhut::billing

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "generate" && argc == 5) {
    obhut::billing::Generator(std::strtoull(argv[2], nullptr, 10),
                              static_cast<std::uint32_t>(std::strtoul(argv[3], nullptr, 10)),
                              std::strtoull(argv[4], nullptr, 10))
        .run();
    return 0;
  }
  if (command == "prices") {
    std::cout << obhut::billing::kPrices;
    return 0;
  }
  if (command == "rate" && argc == 5) return obhut::billing::measure(argv[2], argv[3], argv[4]);
  std::cerr << "usage: obhut-rate-bench generate EVENTS CUSTOMERS SEED | prices | rate EVENTS "
               "PRICES MONTH\n";
  return 2;
}
