// Properties of every bill, on events made up at random around the edges that matter, and a second
// evaluator that works differently: for each instant asked about it plays all events again.

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <rapidcheck.h>

#include "tests/billing/rating.h"

namespace obhut::billing::test {
namespace {

struct Fact {
  std::string id;
  int type = 0;  // row of the table in BILLING.md
  Instant at{};
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
    return event(id, kTypes[type], format_time_micro(at), "c1", rest);
  }
};

// --- the second evaluator: March 2026 in Berlin ---

const Instant kStart = parse_time("2026-02-28T23:00:00Z").value();
const Instant kEnd = parse_time("2026-03-31T22:00:00Z").value();
const Instant kSummer = parse_time("2026-03-29T01:00:00Z").value();

/// 28 days of the wall clock, by hand: only the change of March 2026 lies near.
Instant after_trial(Instant start) {
  using std::chrono::hours;
  const Instant wall = start + (start < kSummer ? hours{1} : hours{2}) + std::chrono::days{28};
  // Wall times from 02:00 to 02:59:59 of the day do not exist and are read as winter time.
  return wall < kSummer + hours{2} ? wall - hours{1} : wall - hours{2};
}

struct World {
  bool alive = false;
  int life = 0;
  std::string mode;  // of the last change in this life
  std::optional<std::pair<Instant, Instant>> trial;
  std::map<std::string, const Fact*> active;
  std::map<std::pair<std::string, std::string>, std::uint64_t> levels;  // by location and vault
  std::map<std::string, const Fact*> last_level;
  std::vector<const Fact*> begun;          // every activation that began an activity
  std::map<const Fact*, bool> trial_over;  // begun while the trial of its life was running
  std::vector<std::pair<const Fact*, std::string>> notices;
  bool trial_used = false;
  std::vector<std::pair<Instant, std::string>> creations;

  std::uint64_t sum(const std::string& location) const {
    std::uint64_t total = 0;
    for (const auto& [key, bytes] : levels) total += key.first == location ? bytes : 0;
    return total;
  }
  bool runs_trial(Instant t) const { return trial && trial->first <= t && t < trial->second; }
};

void apply(World& world, const Fact& fact) {
  if (!world.alive && fact.type != 0) {
    world.notices.emplace_back(&fact, "not_alive");
    return;
  }
  switch (fact.type) {
    case 0:
      if (world.alive) return;
      world.alive = true;
      ++world.life;
      world.mode = fact.word;
      world.creations.emplace_back(fact.at, fact.word);
      return;
    case 1:
      world.mode = fact.word;
      return;
    case 2:
      world.alive = false;
      world.active.clear();
      world.levels.clear();
      world.last_level.clear();
      world.trial.reset();
      return;
    case 3:
      if (world.life > 1 || world.trial_used) {
        world.notices.emplace_back(&fact, "trial_used");
        return;
      }
      world.trial_used = true;
      world.trial = {fact.at, after_trial(fact.at)};
      return;
    case 4:
      if (!world.active.emplace(fact.object, &fact).second) return;
      world.begun.push_back(&fact);
      world.trial_over[&fact] = world.runs_trial(fact.at);
      return;
    case 5:
      world.active.erase(fact.object);
      return;
    default:
      world.levels[{fact.word, fact.object}] = fact.bytes;
      world.last_level[fact.word] = &fact;
  }
}

/// Everything up to `until`, that instant included or not.
World play(const std::vector<Fact>& sorted, Instant until, bool included) {
  World world;
  for (std::size_t i = 0; i < sorted.size();) {
    const Instant at = sorted[i].at;
    if (at > until || (at == until && !included)) break;
    std::vector<const Fact*> now;
    for (; i < sorted.size() && sorted[i].at == at; ++i) now.push_back(&sorted[i]);
    if (world.alive) {
      std::stable_partition(now.begin(), now.end(), [](const Fact* f) { return f->type == 2; });
    }
    for (const Fact* fact : now) apply(world, *fact);
  }
  return world;
}

class Reference {
 public:
  explicit Reference(std::vector<Fact> facts) : facts_(std::move(facts)) {
    std::ranges::sort(facts_, {}, [](const Fact& f) { return std::tuple(f.at, f.type, f.id); });
    std::set<Instant> instants = {kStart};
    for (const Fact& fact : facts_) {
      instants.insert(fact.at);
      if (fact.type == 3) instants.insert(after_trial(fact.at));
    }
    for (Instant t : instants) {
      if (t >= kEnd) continue;
      all_.emplace_back(t, play(facts_, t, true));
      if (t >= kStart) month_.push_back(all_.back());
    }
  }

  Lines lines() const {
    Lines lines;
    for (const char* location : {"local", "provider", "vendor"}) add_storage(lines, location);
    if (mode() == "per_workload") add_workloads(lines);
    std::map<std::string, std::string> notices;
    for (const auto& [fact, code] : play(facts_, kEnd, false).notices) {
      if (fact->at >= kStart) notices[fact->id] = code;
    }
    for (const auto& [id, code] : notices) lines.push_back(id + " " + code);
    return lines;
  }

 private:
  using Moment = std::pair<Instant, World>;

  std::string mode() const {
    const World before = play(facts_, kStart, false);
    const World first = play(facts_, kStart, true);
    if (first.alive && first.life == before.life) return before.mode;
    for (const auto& [at, word] : play(facts_, kEnd, false).creations) {
      if (at >= kStart) return word;
    }
    return "";
  }

  std::uint64_t micro(const std::string& product) const {
    if (mode() == "per_gb") {
      return product == "storage/local" ? 20'000 : product == "storage/provider" ? 90'000 : 110'000;
    }
    if (product == "workload/server") return 12'500'000;
    if (product == "workload/workstation") return 4'500'000;
    return product == "storage/local" ? 0 : product == "storage/provider" ? 50'000 : 70'000;
  }

  void add(Lines& lines, const std::string& product, std::uint64_t quantity, Instant first_use,
           const std::string& evidence, bool receipt = false) const {
    const std::uint64_t cents = (quantity * micro(product) + 5'000) / 10'000;
    lines.push_back("c1 " + product + " " + std::to_string(quantity) + " " + std::to_string(cents) +
                    " " + format_time(first_use) + " [" + evidence + "]" +
                    (receipt ? " receipt clock" : ""));
  }

  void add_storage(Lines& lines, const std::string& location) const {
    std::uint64_t most = 0;
    const Moment* first = nullptr;
    for (const Moment& moment : month_) {
      if (location == "vendor" && moment.second.runs_trial(moment.first)) continue;
      if (moment.second.sum(location) > most) {
        most = moment.second.sum(location);
        first = &moment;
      }
    }
    if (first == nullptr) return;
    for (const Moment& moment : all_) {
      if (moment.second.life != first->second.life || moment.second.sum(location) == 0) continue;
      add(lines, "storage/" + location, (most + 999'999'999) / 1'000'000'000, moment.first,
          first->second.last_level.at(location)->id);
      return;
    }
  }

  void add_workloads(Lines& lines) const {
    std::map<std::string, const Fact*> counted;  // by workload, the latest activation
    const auto count = [&](const Fact* activation) {
      const Fact*& known = counted[activation->object];
      if (known == nullptr ||
          std::pair(known->at, known->id) < std::pair(activation->at, activation->id)) {
        known = activation;
      }
    };
    for (const auto& [t, world] : month_) {
      if (world.runs_trial(t)) continue;
      for (const auto& [name, activation] : world.active) count(activation);
    }
    const World last = play(facts_, kEnd, false);
    for (const Fact* activation : last.begun) {
      if (activation->at >= kStart && !last.trial_over.at(activation)) count(activation);
    }
    std::map<std::string, std::vector<const Fact*>> by_kind;
    for (const auto& [name, activation] : counted) by_kind[activation->word].push_back(activation);
    for (auto& [kind, activations] : by_kind) {
      std::ranges::sort(activations, {}, &Fact::id);
      std::string ids;
      Instant first = activations[0]->at;
      bool receipt = false;
      for (const Fact* activation : activations) {
        ids += (ids.empty() ? "" : " ") + activation->id;
        first = std::min(first, activation->at);
        receipt = receipt || activation->receipt;
      }
      add(lines, "workload/" + kind, activations.size(), first, ids, receipt);
    }
  }

  std::vector<Fact> facts_;
  std::vector<Moment> all_;
  std::vector<Moment> month_;
};

// --- made-up events ---

rc::Gen<Instant> instants() {
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

rc::Gen<Fact> facts() {
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

/// Numbers the events so that ids neither follow nor contradict their order.
std::vector<Fact> numbered(std::vector<Fact> made) {
  Fact creation;
  creation.at = *instants();
  creation.word = *rc::gen::element<std::string>("per_gb", "per_workload");
  made.push_back(creation);
  const auto order = *rc::gen::arbitrary<std::uint64_t>();
  std::uint64_t value = order | 1;
  for (std::size_t i = 0; i < made.size(); ++i) {
    value = value * 6364136223846793005u + 1442695040888963407u;
    made[i].id = std::to_string((value >> 33) % 90 + 10) + "-" + std::to_string(i);
  }
  return made;
}

std::string text_of(const std::vector<Fact>& made) {
  std::string text;
  for (const Fact& fact : made) text += fact.json();
  return text;
}

TEST(Properties, ABillIsWhatAnIndependentReadingGives) {
  EXPECT_TRUE(rc::check("same lines", [] {
    const auto made = numbered(*rc::gen::container<std::vector<Fact>>(facts()));
    RC_LOG() << text_of(made);
    const Lines wanted = Reference(made).lines();
    RC_CLASSIFY(wanted.size() > 2);
    RC_ASSERT(rated(text_of(made), "2026-03") == wanted);
  }));
}

TEST(Properties, NeitherOrderNorRepetitionMatters) {
  EXPECT_TRUE(rc::check("same bytes", [] {
    const auto made = numbered(*rc::gen::container<std::vector<Fact>>(facts()));
    std::vector<Fact> again = made;
    for (const Fact& fact : made) {
      if (*rc::gen::arbitrary<bool>()) again.push_back(fact);
    }
    for (std::size_t i = again.size(); i > 1; --i) {
      std::swap(again[i - 1], again[*rc::gen::inRange<std::size_t>(0, i)]);
    }
    for (const char* month : {"2026-02", "2026-03"}) {
      RC_ASSERT(bill_to_json(bill_of(text_of(again), month)) ==
                bill_to_json(bill_of(text_of(made), month)));
    }
  }));
}

// Whatever arrives late, and whenever the months are closed: all bills together charge what one
// look at all the events would.
TEST(Properties, CorrectionsMakeUpForEverythingThatCameLate) {
  EXPECT_TRUE(rc::check("same sums", [] {
    const auto made = numbered(*rc::gen::container<std::vector<Fact>>(facts()));
    std::vector<ClosedBill> closed_bills;
    std::string known = made.back().json();
    std::size_t next = 0;
    const std::vector<std::string> months = {"2026-01", "2026-02", "2026-03", "2026-04"};
    for (const std::string& month : months) {
      const std::size_t until = month == months.back()
                                    ? made.size() - 1
                                    : *rc::gen::inRange<std::size_t>(next, made.size());
      for (; next < until; ++next) known += made[next].json();
      closed_bills.push_back(closed(known, month, closed_bills));
    }
    std::map<std::string, std::int64_t> billed;
    for (const ClosedBill& bill : closed_bills) {
      for (const ClosedBill::Amount& amount : bill.amounts) {
        billed[amount.month.text() + amount.product] += amount.cents;
      }
    }
    std::erase_if(billed, [](const auto& entry) { return entry.second == 0; });
    std::map<std::string, std::int64_t> right;
    for (const std::string& month : months) {
      for (const BillLine& line : bill_of(known, month).lines) {
        if (line.amount_cents != 0) right[month + line.product] = line.amount_cents;
      }
    }
    RC_ASSERT(billed == right);
  }));
}

}  // namespace
}  // namespace obhut::billing::test
