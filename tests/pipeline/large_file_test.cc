// One large file is the work of all workers.

#include <gtest/gtest.h>

#include "tests/support/vault_bench.h"

namespace obhut::tests {
namespace {

/// Packs of data, and of more than a name or two, that were not filled: each worker leaves its
/// last.
std::size_t unfilled_packs(VaultBench& bench) {
  constexpr std::uint64_t kOfData = 1U << 20U;
  constexpr std::uint64_t kFull = (16U << 20U) - (4U << 20U);  // less the largest chunk
  const auto packs = bench.memory.list(model::ObjectKind::kPack, {});
  return static_cast<std::size_t>(std::ranges::count_if(*packs, [](const store::ObjectInfo& pack) {
    return pack.size > kOfData && pack.size < kFull;
  }));
}

/// A vault with a point of one file that fills one pack and a part of the next.
std::size_t unfilled_after(unsigned workers) {
  VaultBench bench;
  write_file(bench.source() + "/large", content_of(7, 20 << 20, false));
  pipeline::BackupOptions options = bench.options();
  options.workers = workers;
  const auto report = bench.backup(std::move(options));
  EXPECT_TRUE(report) << report.error().message;
  EXPECT_TRUE(bench.restore(report->summary, bench.target()));
  EXPECT_EQ(manifest_difference(bench.source(), bench.landed(bench.target())), "");
  return unfilled_packs(bench);
}

TEST(LargeFile, IsStoredByOneWorkerWhereThereIsOne) {
  EXPECT_EQ(unfilled_after(1), 1U);
}

// The second may come late to a file that is soon read: until it came in time.
TEST(LargeFile, IsStoredByBothWorkers) {
  constexpr int kTries = 50;
  std::size_t unfilled = 0;
  for (int i = 0; i < kTries && unfilled < 2; ++i) unfilled = unfilled_after(2);
  EXPECT_EQ(unfilled, 2U);
}

}  // namespace
}  // namespace obhut::tests
