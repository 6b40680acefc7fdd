// A store that removes by reference alone, as a cluster does: what the agent leaves there.

#include "agent/maintain/leave_packs.h"

#include <set>

#include <gtest/gtest.h>

#include "agent/vault/head_chain.h"
#include "agent/vault/sparse_blobs.h"
#include "tests/support/vault_bench.h"

namespace obhut::tests {
namespace {

using model::ObjectKind;

class LeavePacks : public ::testing::Test {
 protected:
  void write_big(int number, std::uint64_t seed) {
    write_file(bench.source() + "/big" + std::to_string(number), content_of(seed, 300'000, false));
  }
  void write_small(int number, std::uint64_t seed) {
    write_file(bench.source() + "/small" + std::to_string(number), content_of(seed, 9'000, false));
  }
  pipeline::BackupReport backup() {
    pipeline::BackupOptions with = bench.options();
    with.cache_directory = bench.folder / "cache";
    with.workers = 1;  // two part the files among their packs by chance
    auto report = bench.backup(std::move(with));
    EXPECT_TRUE(report) << report.error().message;
    return report ? std::move(*report) : pipeline::BackupReport{};
  }
  Result<maintain::LeaveReport> choose() {
    maintain::LeaveOptions with = options;
    with.now = bench.clock.now();
    with.cache_directory = bench.folder / "cache";
    return maintain::leave_mostly_dead_packs(*bench.vault, with, {});
  }
  /// What the newest point names.
  std::set<Sha256> packs_needed() {
    const auto chain = bench.vault->heads({});
    vault::ReferenceWalk walk(*chain);
    std::set<Sha256> packs;
    for (const auto& [name, size] : **walk.at(*chain->latest())) {
      if (name.kind == ObjectKind::kPack) packs.insert(name.hash);
    }
    return packs;
  }
  /// As retention of a cluster does: all points but the newest, and what they alone needed.
  void drop_old_points() {
    const auto chain = bench.vault->heads({});
    const std::set<Sha256> needed = packs_needed();
    std::vector<Sha256> dropped;
    for (const vault::Point* point : chain->kept()) {
      if (point != chain->latest()) dropped.push_back(point->id);
    }
    ASSERT_TRUE(bench.vault->mark_dropped(dropped, {}));
    for (const auto& [name, body] : bench.memory.snapshot()) {
      if (name.kind == ObjectKind::kPack && !needed.contains(name.hash)) {
        ASSERT_TRUE(bench.memory.remove(name, {}));
      }
    }
  }
  void expect_whole(const model::Summary& point) {
    remove_path(bench.target());
    const auto restored = bench.restore(point, bench.target());
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_EQ(restored->missing, 0U);
    EXPECT_EQ(manifest_difference(bench.source(), bench.landed(bench.target())), "");
  }
  void lose_packs() {
    for (const auto& [name, body] : bench.memory.snapshot()) {
      if (name.kind != ObjectKind::kPack) continue;
      ASSERT_TRUE(bench.memory.remove(name, {}));
    }
  }
  /// A point on packs of which it needs a tenth: a large file and four small ones of forty each.
  void make_mostly_dead_packs() {
    for (int i = 0; i < 10; ++i) write_big(i, static_cast<std::uint64_t>(i));
    for (int i = 0; i < 40; ++i) write_small(i, 100 + static_cast<std::uint64_t>(i));
    backup();
    for (int i = 1; i < 10; ++i) write_big(i, 1000 + static_cast<std::uint64_t>(i));
    for (int i = 4; i < 40; ++i) write_small(i, 2000 + static_cast<std::uint64_t>(i));
    backup();
    drop_old_points();
  }

  VaultBench bench;
  maintain::LeaveOptions options;
};

TEST_F(LeavePacks, TheNextBackupNeedsNoneOfThem) {
  make_mostly_dead_packs();
  const std::set<Sha256> before = packs_needed();

  const auto chosen = choose();
  const pipeline::BackupReport moved = backup();

  ASSERT_TRUE(chosen) << chosen.error().message;
  EXPECT_GT(chosen->packs, 0U);
  EXPECT_LT(chosen->live_bytes, 900'000U);
  const vault::LeftPacks left = vault::read_left_packs(bench.folder / "cache");
  EXPECT_EQ(left.size(), chosen->packs);
  for (const Sha256& pack : left) {
    EXPECT_TRUE(before.contains(pack));
    EXPECT_FALSE(packs_needed().contains(pack));
  }
  EXPECT_EQ(moved.summary.new_files + moved.summary.changed_files, 0U) << "nothing changed";
  EXPECT_EQ(moved.summary.unchanged_files, 50U);
  EXPECT_LT(moved.summary.stored_bytes, 1'000'000U) << "only what lives there";
  expect_whole(moved.summary);
  const std::uint64_t stored = bench.memory.bytes();
  drop_old_points();
  EXPECT_LT(bench.memory.bytes() + 2'000'000, stored) << "they go with the last point on them";
  expect_whole(moved.summary);
  EXPECT_TRUE(bench.check()->ok());
}

// The index still tells of the old packs, and each blob has two places.
TEST_F(LeavePacks, TheyStayLeft) {
  make_mostly_dead_packs();
  ASSERT_TRUE(choose());
  backup();
  const vault::LeftPacks left = vault::read_left_packs(bench.folder / "cache");
  ASSERT_FALSE(left.empty());
  for (int round = 0; round < 3; ++round) {
    bench.clock.advance(std::chrono::days(8));
    ASSERT_TRUE(choose());
    write_small(39, 3000 + static_cast<std::uint64_t>(round));

    const pipeline::BackupReport next = backup();

    EXPECT_LT(next.summary.stored_bytes, 60'000U) << "nothing moves twice";
    for (const Sha256& pack : packs_needed()) EXPECT_FALSE(left.contains(pack)) << "nor back";
  }
}

TEST_F(LeavePacks, WhatOldPointsNeedIsNotDead) {
  for (int i = 0; i < 10; ++i) write_big(i, static_cast<std::uint64_t>(i));
  backup();
  for (int i = 1; i < 10; ++i) write_big(i, 1000 + static_cast<std::uint64_t>(i));
  backup();

  const auto chosen = choose();

  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->packs, 0U);
}

TEST_F(LeavePacks, StoresLittleARunAndGoesOn) {
  make_mostly_dead_packs();
  options.limits.free_bytes = 1;
  options.limits.most_copied = 0;
  ASSERT_EQ(choose()->packs, 0U) << "nothing fits";

  options.limits.free_bytes = 10'000'000;
  EXPECT_EQ(choose()->packs, 0U) << "trees are walked once a week";
  bench.clock.advance(std::chrono::days(8));
  EXPECT_GT(choose()->packs, 0U);
}

TEST_F(LeavePacks, ReadsNothingWhileAllPointsAreKept) {
  make_mostly_dead_packs();
  ASSERT_TRUE(choose());
  backup();
  bench.clock.advance(std::chrono::days(8));
  ASSERT_TRUE(choose());
  bench.clock.advance(std::chrono::days(8));
  lose_packs();

  const auto again = choose();

  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->packs, 0U);
}

TEST_F(LeavePacks, ChoosesNothingWhereAPointCannotBeRead) {
  make_mostly_dead_packs();
  lose_packs();

  EXPECT_FALSE(choose());
  EXPECT_TRUE(vault::read_left_packs(bench.folder / "cache").empty());
}

TEST_F(LeavePacks, AreLeftThoughTheirFilesCannotBeRead) {
  make_mostly_dead_packs();
  ASSERT_TRUE(choose());
  remove_path(bench.source() + "/big0");

  expect_whole(backup().summary);
}

}  // namespace
}  // namespace obhut::tests
