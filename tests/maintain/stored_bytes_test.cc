// What a local vault is metered by.

#include "agent/maintain/stored_bytes.h"

#include <gtest/gtest.h>

#include "tests/support/vault_bench.h"

namespace obhut::tests {
namespace {

using model::ObjectKind;
using model::ObjectName;

std::uint64_t metered(VaultBench& bench) {
  const auto bytes = maintain::stored_bytes(*bench.vault, "", {});
  EXPECT_TRUE(bytes) << bytes.error().message;
  return bytes.value_or(0);
}

/// Of all packs, index objects and heads in the store.
std::uint64_t lying_there(const VaultBench& bench) {
  std::uint64_t bytes = 0;
  for (const auto& [name, body] : bench.memory.snapshot()) {
    if (name.kind != ObjectKind::kKey) bytes += body.size();
  }
  return bytes;
}

void write(const VaultBench& bench, int number, std::uint64_t seed) {
  write_file(bench.source() + "/file" + std::to_string(number), content_of(seed, 300'000, false));
}

TEST(StoredBytes, AreNoneBeforeTheFirstPoint) {
  VaultBench bench;
  EXPECT_EQ(metered(bench), 0U);
}

TEST(StoredBytes, AreAllThatThePointsNeedWithoutTheKeys) {
  VaultBench bench;
  for (int i = 0; i < 4; ++i) write(bench, i, static_cast<std::uint64_t>(i));
  ASSERT_TRUE(bench.backup());
  write(bench, 0, 99);
  ASSERT_TRUE(bench.backup());

  EXPECT_EQ(metered(bench), lying_there(bench));
  EXPECT_GT(metered(bench), 1'400'000U);
}

TEST(StoredBytes, LeaveOutWhatARunThatWasCutOffLeft) {
  VaultBench bench;
  write(bench, 0, 1);
  ASSERT_TRUE(bench.backup());
  const std::uint64_t before = metered(bench);
  const Bytes stray(50'000, 7);
  ASSERT_TRUE(store::put_named(bench.memory, ObjectKind::kPack, stray, {}));

  EXPECT_EQ(metered(bench), before);
}

TEST(StoredBytes, FallWithThePointsAndNeverGrowByMaintenance) {
  VaultBench bench;
  for (int i = 0; i < 10; ++i) write(bench, i, static_cast<std::uint64_t>(i));
  ASSERT_TRUE(bench.backup());
  for (int i = 0; i < 8; ++i) write(bench, i, 100 + static_cast<std::uint64_t>(i));
  ASSERT_TRUE(bench.backup());
  const std::uint64_t before = metered(bench);

  ASSERT_TRUE(bench.prune({.last = 1}));

  EXPECT_LT(metered(bench), before - 2'000'000);
  EXPECT_LE(metered(bench), lying_there(bench));
  EXPECT_GT(metered(bench), 3'000'000U) << "ten files of 300,000 bytes are live";
}

TEST(StoredBytes, LeaveOutWhatSomebodyRemovedByHand) {
  VaultBench bench;
  write(bench, 0, 1);
  ASSERT_TRUE(bench.backup());
  const std::uint64_t before = metered(bench);
  std::uint64_t removed = 0;
  for (const auto& [name, body] : bench.memory.snapshot()) {
    if (name.kind != ObjectKind::kPack || removed > 0) continue;
    removed = body.size();
    ASSERT_TRUE(bench.memory.remove(name, {}));
  }

  EXPECT_EQ(metered(bench), before - removed);
}

}  // namespace
}  // namespace obhut::tests
