// What prune copies together, what it leaves for damaged heads, and who may be at work meanwhile.

#include <atomic>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "agent/maintain/repack.h"
#include "tests/support/vault_bench.h"

namespace obhut::tests {
namespace {

using model::ObjectKind;
using model::ObjectName;

vault::KeySource bench_key() {
  return vault::MachineSecret{crypto::SecretBytes(Bytes(32, 7))};
}

// Hands calls on, and lets a test step in before any of them.
class WatchedStore final : public store::Store, public store::Reaper {
 public:
  explicit WatchedStore(MemStore& inner) : inner_(inner) {}

  /// Called with the number of the call, from 0; an error is the call's answer.
  std::function<Result<void>(std::uint64_t)> before;
  /// Where set, somebody else is at work.
  bool busy = false;
  [[nodiscard]] bool is_quiet() const { return *quiet_; }

  Result<void> put(const ObjectName& name, ByteView body, std::stop_token stop) override {
    TRY(step());
    return inner_.put(name, body, std::move(stop));
  }
  Result<Bytes> get(const ObjectName& name, ByteRange range, std::stop_token stop) override {
    TRY(step());
    return inner_.get(name, range, std::move(stop));
  }
  Result<std::optional<std::uint64_t>> size_of(const ObjectName& name,
                                               std::stop_token stop) override {
    TRY(step());
    return inner_.size_of(name, std::move(stop));
  }
  Result<std::vector<store::ObjectInfo>> list(ObjectKind kind, std::stop_token stop) override {
    TRY(step());
    return inner_.list(kind, std::move(stop));
  }
  Result<std::unique_ptr<store::Quiet>> quiet(std::stop_token) override {
    TRY(step());
    if (busy) return fail(ErrorKind::kConflict, "a backup is at work");
    return std::make_unique<Silence>(quiet_);
  }
  Result<void> remove(const ObjectName& name, std::stop_token stop) override {
    TRY(step());
    EXPECT_TRUE(*quiet_) << "nothing is removed while others may be at work";
    return inner_.remove(name, std::move(stop));
  }
  Result<void> remove_all(std::span<const ObjectName> names, std::stop_token stop) override {
    for (const ObjectName& name : names) TRY(remove(name, stop));
    return {};
  }
  [[nodiscard]] std::uint64_t calls() const { return calls_; }

 private:
  struct Silence final : store::Quiet {
    explicit Silence(std::shared_ptr<bool> the_flag) : flag(std::move(the_flag)) { *flag = true; }
    Silence(const Silence&) = delete;
    Silence& operator=(const Silence&) = delete;
    ~Silence() override { *flag = false; }
    std::shared_ptr<bool> flag;  // of the store, which may look after it went
  };
  Result<void> step() {
    const std::uint64_t number = calls_++;
    return before ? before(number) : Result<void>{};
  }
  MemStore& inner_;
  std::shared_ptr<bool> quiet_ = std::make_shared<bool>(false);
  std::atomic<std::uint64_t> calls_{0};
};

maintain::PruneOptions keep_last(std::uint32_t count) {
  maintain::PruneOptions options;
  options.rules.last = count;
  return options;
}

void write_big(VaultBench& bench, int number, std::uint64_t seed) {
  write_file(bench.source() + "/big" + std::to_string(number), content_of(seed, 300'000, false));
}

// Two points on one big pack of which the newer one needs a fifth, and what goes with it.
void make_mostly_dead_packs(VaultBench& bench) {
  const auto backup = [&] {
    pipeline::BackupOptions options = bench.options();
    options.workers = 1;  // two may part the files among their packs so that one is all dead
    return bench.backup(std::move(options));
  };
  for (int i = 0; i < 10; ++i) write_big(bench, i, static_cast<std::uint64_t>(i));
  ASSERT_TRUE(backup());
  for (int i = 0; i < 8; ++i) write_big(bench, i, 100 + static_cast<std::uint64_t>(i));
  ASSERT_TRUE(backup());
}

void expect_whole(VaultBench& bench, const std::string& when) {
  const auto vault = vault::Vault::open(bench.memory, bench_key(), {});
  ASSERT_TRUE(vault) << when << ": " << vault.error().message;
  maintain::ReadProgress progress;
  maintain::CheckOptions options;
  options.read_data = true;
  options.reader.alignment = 1;
  const auto check = maintain::check_vault(**vault, options, progress, {});
  ASSERT_TRUE(check) << when << ": " << check.error().message;
  EXPECT_TRUE(check->ok()) << when << ": " << check->findings[0].subject << " "
                           << check->findings[0].message;
  EXPECT_GT(check->points, 0U) << when;
}

std::map<ObjectName, Bytes> heads_of(const MemStore& memory) {
  std::map<ObjectName, Bytes> heads = memory.snapshot();
  std::erase_if(heads, [](const auto& object) { return object.first.kind != ObjectKind::kHead; });
  return heads;
}

TEST(Repack, FreesWhatIsDeadInPacksThatAreNeeded) {
  VaultBench bench;
  make_mostly_dead_packs(bench);
  const auto heads = heads_of(bench.memory);

  const auto pruned = bench.prune({.last = 1});

  ASSERT_TRUE(pruned) << pruned.error().message;
  EXPECT_GT(pruned->repacked_packs, 0U);
  EXPECT_LT(pruned->copied_bytes, 1'000'000U);
  EXPECT_LT(bench.memory.bytes(), 3'300'000U) << "ten files of 300,000 bytes are live";
  expect_whole(bench, "after the prune");
  for (const auto& [name, body] : heads_of(bench.memory)) EXPECT_EQ(heads.at(name), body);
  const auto next = bench.backup();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->summary.new_files, 0U) << "what was copied is known";
  EXPECT_LT(next->summary.stored_bytes, 20'000U);
  ASSERT_TRUE(bench.restore(next->summary, bench.target()));
  EXPECT_EQ(manifest_difference(bench.source(), bench.landed(bench.target())), "");
}

TEST(Repack, ServesHeadsThatNameWhatWasRepackedTwice) {
  VaultBench bench;
  make_mostly_dead_packs(bench);
  for (int round = 0; round < 4; ++round) {
    for (int i = round; i < round + 3; ++i) {
      write_big(bench, i, 1000 + static_cast<std::uint64_t>(round * 10 + i));
    }
    ASSERT_TRUE(bench.backup());
    ASSERT_TRUE(bench.prune({.last = 2}));
    expect_whole(bench, "round " + std::to_string(round));
  }
  EXPECT_LT(bench.memory.bytes(), 5'500'000U);
}

// The heads name packs that are gone then, and nothing names the copies.
TEST(Repack, KeepsTheCopiesWhereTheListOfWhatTheyReplaceIsLostOrDamaged) {
  for (const bool lost : {true, false}) {
    VaultBench bench;
    make_mostly_dead_packs(bench);
    const auto before = bench.memory.snapshot();
    ASSERT_TRUE(bench.prune({.last = 1}));
    for (auto& [name, body] : bench.memory.snapshot()) {
      if (name.kind != ObjectKind::kKey || before.contains(name)) continue;
      ASSERT_TRUE(bench.memory.remove(name, {}));
      if (lost) continue;
      Bytes damaged = body;
      damaged[damaged.size() / 2] ^= 1;
      bench.memory.plant(name, std::move(damaged));
    }
    const auto vault = vault::Vault::open(bench.memory, bench_key(), {});
    ASSERT_TRUE(vault);
    ASSERT_EQ((*vault)->key_faults().empty(), lost);

    ASSERT_TRUE(maintain::prune_vault(**vault, bench.memory, keep_last(1), {}));

    const auto chain = (*vault)->heads({});
    ASSERT_TRUE(chain);
    const auto summary = (*vault)->summary(*chain->tip());
    ASSERT_TRUE(summary);
    const auto restored = bench.restore(*summary, bench.target());
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_EQ(restored->missing, 0U) << lost;
    EXPECT_EQ(manifest_difference(bench.source(), bench.landed(bench.target())), "");
  }
}

TEST(Repack, CopiesNothingTwiceWhereNothingDied) {
  VaultBench bench;
  make_mostly_dead_packs(bench);
  maintain::PruneOptions options = keep_last(1);
  options.cache_directory = bench.folder / "cache";
  ASSERT_TRUE(maintain::prune_vault(*bench.vault, bench.memory, options, {}));
  const std::uint64_t bytes = bench.memory.bytes();

  const auto again = maintain::prune_vault(*bench.vault, bench.memory, options, {});

  ASSERT_TRUE(again);
  EXPECT_EQ(again->repacked_packs, 0U);
  EXPECT_EQ(bench.memory.bytes(), bytes);
}

// A segment is one blob: what dies in it is freed by storing the rest of it anew.
TEST(Repack, LetsTheNextBackupLeaveSegmentsThatAreMostlyDead) {
  VaultBench bench;
  const auto write_small = [&](bool each_fifth, std::uint64_t seed) {
    for (int i = 0; i < 300; ++i) {
      if (i % 5 == 0 && !each_fifth) continue;
      write_file(bench.source() + "/small" + std::to_string(1000 + i),
                 content_of(seed + static_cast<std::uint64_t>(i), 8'000, false));
    }
  };
  const auto backup = [&] {
    pipeline::BackupOptions options = bench.options();
    options.cache_directory = bench.folder / "cache";
    return bench.backup(std::move(options));
  };
  maintain::PruneOptions prune = keep_last(1);
  prune.cache_directory = bench.folder / "cache";
  write_small(true, 0);
  ASSERT_TRUE(backup());
  write_small(false, 5000);
  ASSERT_TRUE(backup());
  const auto pruned = maintain::prune_vault(*bench.vault, bench.memory, prune, {});
  ASSERT_TRUE(pruned) << pruned.error().message;
  const std::uint64_t before = bench.memory.bytes();

  const auto next = backup();

  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(next->summary.new_files + next->summary.changed_files, 0U) << "nothing changed";
  EXPECT_EQ(next->summary.unchanged_files, 300U);
  EXPECT_GT(next->summary.stored_bytes, 400'000U);
  EXPECT_LT(next->summary.stored_bytes, 700'000U) << "sixty files moved";
  ASSERT_TRUE(maintain::prune_vault(*bench.vault, bench.memory, prune, {}));
  EXPECT_LT(bench.memory.bytes() + 1'000'000, before);
  EXPECT_LT(bench.memory.bytes(), 2'600'000U);
  expect_whole(bench, "after the second prune");
  ASSERT_TRUE(bench.restore(next->summary, bench.target()));
  EXPECT_EQ(manifest_difference(bench.source(), bench.landed(bench.target())), "");
  const auto quiet = backup();
  ASSERT_TRUE(quiet);
  EXPECT_LT(quiet->summary.stored_bytes, 20'000U) << "nothing moves twice";
}

TEST(Repack, ChoosesWhatFreesTheMostForTheLeastCopying) {
  const std::vector<maintain::PackShare> packs = {
      {0, 1000, 1000}, {1, 1000, 100}, {2, 1000, 500}, {3, 1000, 850}, {4, 1000, 0}};
  const auto numbers = [](const maintain::RepackChoice& choice) {
    std::vector<std::uint32_t> chosen;
    for (const maintain::PackShare& pack : choice.packs) chosen.push_back(pack.pack);
    return chosen;
  };

  const auto all = maintain::choose_packs(packs, {});
  EXPECT_EQ(numbers(all), (std::vector<std::uint32_t>{4, 1, 2})) << "3 is not worth it";
  EXPECT_TRUE(all.complete);
  const auto bounded = maintain::choose_packs(packs, {.most_copied = 2, .free_bytes = 0});
  EXPECT_EQ(numbers(bounded), (std::vector<std::uint32_t>{4, 1}));
  EXPECT_FALSE(bounded.complete) << "the next run goes on";
  EXPECT_TRUE(maintain::choose_packs({{0, 1000, 960}, {1, 9000, 9000}}, {}).packs.empty())
      << "a few dead bytes in all are left alone";
}

// Power loss after each of the steps that prune takes.
TEST(Repack, MayBeCutOffAnywhere) {
  VaultBench bench;
  make_mostly_dead_packs(bench);
  const auto before = bench.memory.snapshot();
  bool finished = false;
  for (std::uint64_t number = 0; !finished; ++number) {
    ASSERT_LT(number, 1000U);
    bench.memory.restore(before);
    WatchedStore watched(bench.memory);
    watched.before = [&](std::uint64_t call) -> Result<void> {
      if (call >= number) return fail(ErrorKind::kUnavailable, "power is gone");
      return {};
    };
    if (auto vault = vault::Vault::open(watched, bench_key(), {})) {
      maintain::PruneOptions options = keep_last(1);
      options.limits.batch = 1;
      finished = maintain::prune_vault(**vault, watched, options, {}).has_value();
    }
    const std::string when = "cut off at call " + std::to_string(number);
    if (finished) break;
    expect_whole(bench, when);
    auto again = vault::Vault::open(bench.memory, bench_key(), {});
    ASSERT_TRUE(again);
    ASSERT_TRUE(maintain::prune_vault(**again, bench.memory, keep_last(1), {}));
    expect_whole(bench, when + ", and gone on with");
    EXPECT_LT(bench.memory.bytes(), 3'400'000U) << when;
  }
}

// ---- damaged heads

ObjectName head_number(VaultBench& bench, std::uint64_t sequence) {
  const auto chain = bench.vault->heads({});
  for (const vault::Point& point : chain->points) {
    if (point.head.sequence == sequence) return {ObjectKind::kHead, point.id};
  }
  return {};
}

// Points 1 to 5, each with a file of its own; one head is damaged. Out: the objects before.
std::map<ObjectName, Bytes> damage_head(VaultBench& bench, std::uint64_t sequence) {
  for (int i = 1; i <= 5; ++i) {
    remove_path(bench.source());
    make_folder(bench.source());
    write_big(bench, i, static_cast<std::uint64_t>(i));
    EXPECT_TRUE(bench.backup());
  }
  const auto whole = bench.memory.snapshot();
  auto objects = whole;
  objects[head_number(bench, sequence)][40] ^= 1;
  bench.memory.restore(objects);
  return whole;
}

// Where the head comes back from another copy of the vault, its point must be whole.
void expect_point_whole_again(VaultBench& bench, const std::map<ObjectName, Bytes>& before,
                              std::uint64_t sequence) {
  auto objects = bench.memory.snapshot();
  for (const auto& [name, body] : before) {
    if (name.kind == ObjectKind::kHead && objects.contains(name)) objects[name] = body;
  }
  bench.memory.restore(objects);
  EXPECT_FALSE(head_number(bench, sequence).hash.is_zero());
  expect_whole(bench, "with the head back");
}

TEST(PruneWithADamagedHead, KeepsWhatThatHeadMayNeed) {
  VaultBench bench;
  const auto before = damage_head(bench, 4);

  const auto pruned = bench.prune({.last = 2});

  ASSERT_TRUE(pruned) << pruned.error().message;
  ASSERT_EQ(pruned->faults.size(), 1U);
  EXPECT_FALSE(pruned->faults[0].dropped);
  EXPECT_EQ(pruned->kept_points, 2U) << "3 and 5: what cannot be read does not count";
  expect_point_whole_again(bench, before, 4);
}

TEST(PruneWithADamagedHead, RemovesWhatCameAfterItAndWentAgain) {
  VaultBench bench;
  damage_head(bench, 1);
  const std::size_t packs = bench.memory.count(ObjectKind::kPack);

  const auto pruned = bench.prune({.last = 1});

  ASSERT_TRUE(pruned);
  ASSERT_EQ(pruned->faults.size(), 1U);
  EXPECT_FALSE(pruned->faults[0].dropped) << "nothing before it tells that it is old";
  EXPECT_GT(pruned->removed_packs, 0U) << "packs of points 3 and 4";
  EXPECT_LT(bench.memory.count(ObjectKind::kPack), packs);
}

TEST(PruneWithADamagedHead, LetsItGoWhereTheRulesDropItInAnyCase) {
  VaultBench bench;
  damage_head(bench, 2);

  const auto pruned = bench.prune({.last = 2});

  ASSERT_TRUE(pruned);
  ASSERT_EQ(pruned->faults.size(), 1U);
  EXPECT_TRUE(pruned->faults[0].dropped);
  EXPECT_EQ(pruned->kept_points, 2U);
  expect_whole(bench, "without the damaged head");
  EXPECT_LT(bench.memory.bytes(), 800'000U);
  const auto again = bench.prune({.last = 2});
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->faults.empty());
}

TEST(PruneWithADamagedHead, RemovesNoPackWhereItIsTheNewest) {
  VaultBench bench;
  const auto before = damage_head(bench, 5);

  const auto pruned = bench.prune({.last = 1});

  ASSERT_TRUE(pruned);
  EXPECT_EQ(pruned->removed_packs, 0U);
  EXPECT_EQ(pruned->repacked_packs, 0U);
  expect_point_whole_again(bench, before, 5);
}

TEST(PruneWithADamagedHead, KeepsToTheLock) {
  VaultBench bench;
  damage_head(bench, 2);
  maintain::KeepRules rules{.last = 2};
  rules.all_since = bench.clock.now() - std::chrono::hours(24);

  const auto pruned = bench.prune(rules);

  ASSERT_TRUE(pruned);
  EXPECT_FALSE(pruned->faults[0].dropped);
  EXPECT_TRUE(pruned->dropped.empty());
}

// ---- beside a backup

// The next backup refers to content that only dropped points had.
void bring_back_what_died(VaultBench& bench) {
  for (int i = 0; i < 4; ++i) write_big(bench, i, static_cast<std::uint64_t>(i));
}

TEST(PruneBesideABackup, LeavesAloneWhatIsCommittedMeanwhile) {
  VaultBench bench;
  make_mostly_dead_packs(bench);
  bring_back_what_died(bench);
  const auto before = bench.memory.snapshot();
  bool reached = true;
  for (std::uint64_t number = 0; reached; ++number) {
    bench.memory.restore(before);
    WatchedStore watched(bench.memory);
    reached = false;
    std::uint64_t wanted = number;
    watched.before = [&](std::uint64_t call) -> Result<void> {
      if (reached || call < wanted) return {};
      if (watched.is_quiet()) {
        ++wanted;  // nobody gets in now; right after it
        return {};
      }
      reached = true;
      auto vault = vault::Vault::open(bench.memory, bench_key(), {});
      EXPECT_TRUE(vault);
      bench.clock.advance(std::chrono::hours(1));
      pipeline::BackupJob job(**vault, bench.clock, bench.log, bench.options());
      const auto report = job.run({});
      EXPECT_TRUE(report) << report.error().message;
      return {};
    };
    auto vault = vault::Vault::open(watched, bench_key(), {});
    ASSERT_TRUE(vault);
    const auto pruned = maintain::prune_vault(**vault, watched, keep_last(1), {});
    const std::string when = "backup at call " + std::to_string(number);
    ASSERT_TRUE(pruned) << when << ": " << pruned.error().message;
    expect_whole(bench, when);
    auto again = vault::Vault::open(bench.memory, bench_key(), {});
    ASSERT_TRUE(maintain::prune_vault(**again, bench.memory, keep_last(1), {}));
    expect_whole(bench, when + ", and pruned again");
  }
}

TEST(PruneBesideABackup, RemovesNothingThatARunningBackupMayReferTo) {
  VaultBench bench;
  make_mostly_dead_packs(bench);
  bring_back_what_died(bench);
  const auto before = bench.memory.snapshot();
  bool reached = true;
  for (std::uint64_t number = 0; reached; ++number) {
    bench.memory.restore(before);
    WatchedStore of_backup(bench.memory);
    std::atomic<bool> once{false};
    of_backup.before = [&](std::uint64_t call) -> Result<void> {
      if (call != number || once.exchange(true)) return {};
      WatchedStore of_prune(bench.memory);
      of_prune.busy = true;
      auto vault = vault::Vault::open(of_prune, bench_key(), {});
      EXPECT_TRUE(vault);
      const auto pruned = maintain::prune_vault(**vault, of_prune, keep_last(1), {});
      EXPECT_TRUE(pruned) << pruned.error().message;
      EXPECT_EQ(pruned->removed_packs, 0U);
      return {};
    };
    auto vault = vault::Vault::open(of_backup, bench_key(), {});
    ASSERT_TRUE(vault);
    bench.clock.advance(std::chrono::hours(1));
    pipeline::BackupJob job(**vault, bench.clock, bench.log, bench.options());
    const auto report = job.run({});
    reached = once;
    const std::string when = "prune at call " + std::to_string(number);
    ASSERT_TRUE(report) << when << ": " << report.error().message;
    expect_whole(bench, when);
    auto again = vault::Vault::open(bench.memory, bench_key(), {});
    const auto pruned = maintain::prune_vault(**again, bench.memory, keep_last(1), {});
    ASSERT_TRUE(pruned);
    EXPECT_EQ(pruned->waiting_packs, 0U);
    expect_whole(bench, when + ", and pruned again");
    EXPECT_LT(bench.memory.bytes(), 3'400'000U) << when;
  }
}

}  // namespace
}  // namespace obhut::tests
