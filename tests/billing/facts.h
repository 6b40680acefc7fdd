#pragma once
// Events made up at random around the edges that matter: the months of February and March 2026 in
// Berlin, the change of clocks, a trial's conversion.

#include <set>

#include <rapidcheck.h>

#include "tests/billing/rating.h"

namespace obhut::billing::test {

struct Fact {
  std::string id;
  int type = 0;  // row of the table in BILLING.md
  Instant at{};
  std::string customer = "c1";
  std::string object;
  std::string word;  // mode, kind or location
  bool receipt = false;
  std::uint64_t bytes = 0;

  [[nodiscard]] std::string json() const {
    static const char* const kTypes[] = {
        "customer.created",   "customer.mode",    "customer.deleted", "trial.started",
        "workload.activated", "workload.removed", "storage.level"};
    std::string rest;
    if (type <= 1) rest = "\"mode\":\"" + word + "\"";
    if (type == 4) {
      rest = "\"workload\":\"" + object + "\",\"kind\":\"" + word + "\",\"clock\":\"" +
             (receipt ? "receipt" : "endpoint") + "\"";
    }
    if (type == 5) rest = "\"workload\":\"" + object + "\"";
    if (type == 6) {
      rest = "\"vault\":\"" + object + "\",\"location\":\"" + word +
             "\",\"bytes\":" + std::to_string(bytes);
    }
    return event(id, kTypes[type], format_time_micro(at), customer, rest);
  }
};

/// 28 days of the wall clock, by hand: only the change of March 2026 lies near.
inline Instant after_trial(Instant start) {
  using std::chrono::hours;
  const Instant summer = parse_time("2026-03-29T01:00:00Z").value();
  const Instant wall = start + (start < summer ? hours{1} : hours{2}) + std::chrono::days{28};
  // Wall times from 02:00 to 02:59:59 of the day do not exist and are read as winter time.
  return wall < summer + hours{2} ? wall - hours{1} : wall - hours{2};
}

inline rc::Gen<Instant> instants() {
  std::vector<Instant> near;
  for (const char* text :
       {"2026-01-20T12:00:00Z", "2026-02-10T08:00:00Z", "2026-02-28T22:59:59.999999Z",
        "2026-02-28T23:00:00Z", "2026-02-28T23:00:00.000001Z", "2026-03-01T01:30:00Z",
        "2026-03-10T08:00:00Z", "2026-03-10T08:00:00.5Z", "2026-03-15T11:00:00Z",
        "2026-03-29T01:30:00Z", "2026-03-31T21:59:59.999999Z", "2026-03-31T22:00:00Z",
        "2026-04-12T10:00:00Z"}) {
    near.push_back(parse_time(text).value());
  }
  // The conversion of a trial that starts on 10 February, and its two neighbours.
  const Instant conversion = after_trial(parse_time("2026-02-10T08:00:00Z").value());
  for (int micro : {-1, 0, 1}) near.push_back(conversion + std::chrono::microseconds{micro});
  return rc::gen::elementOf(near);
}

inline rc::Gen<Fact> facts() {
  return rc::gen::exec([] {
    Fact fact;
    fact.type = *rc::gen::element(0, 0, 1, 2, 3, 4, 4, 4, 5, 5, 6, 6, 6, 6);
    fact.at = *instants();
    fact.object = *rc::gen::element<std::string>("x", "y", "z");
    if (fact.type <= 1)
      fact.word = *rc::gen::element<std::string>("per_gb", "per_workload", "per_workload");
    if (fact.type == 4) fact.word = *rc::gen::element<std::string>("server", "workstation");
    if (fact.type == 6) fact.word = *rc::gen::element<std::string>("local", "provider", "vendor");
    fact.receipt = *rc::gen::element(false, false, true);
    fact.bytes =
        *rc::gen::element<std::uint64_t>(0, 1, 1'000'000'000, 1'500'000'000, 3'000'000'000);
    return fact;
  });
}

/// With a creation of each customer in front, and ids that neither follow nor contradict the order.
inline std::vector<Fact> numbered(std::vector<Fact> made) {
  std::set<std::string> customers = {"c1"};
  for (const Fact& fact : made) customers.insert(fact.customer);
  for (const std::string& customer : customers) {
    Fact creation;
    creation.at = *instants();
    creation.customer = customer;
    creation.word = *rc::gen::element<std::string>("per_gb", "per_workload");
    made.insert(made.begin(), creation);
  }
  const auto order = *rc::gen::arbitrary<std::uint64_t>();
  std::uint64_t value = order | 1;
  for (std::size_t i = 0; i < made.size(); ++i) {
    value = value * 6364136223846793005u + 1442695040888963407u;
    made[i].id = std::to_string((value >> 33) % 90 + 10) + "-" + std::to_string(i);
  }
  return made;
}

inline std::string text_of(const std::vector<Fact>& made) {
  std::string text;
  for (const Fact& fact : made) text += fact.json();
  return text;
}

}  // namespace obhut::billing::test
