// Properties of every bill, on events made up at random around the edges that matter, and a second
// evaluator that works differently: for each instant asked about it plays all events again.

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "tests/billing/facts.h"

namespace obhut::billing::test {
namespace {

// --- the second evaluator: March 2026 in Berlin ---

const Instant kStart = parse_time("2026-02-28T23:00:00Z").value();
const Instant kEnd = parse_time("2026-03-31T22:00:00Z").value();

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

}  // namespace
}  // namespace obhut::billing::test
