// What a backup and a restore say of themselves.

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "agent/pipeline/source_count.h"
#include "tests/support/vault_bench.h"

namespace obhut::tests {
namespace {

using model::JobProgress;
using model::TotalsKind;

void make_files(const std::string& folder, int count, std::size_t bytes) {
  make_folder(folder);
  for (int i = 1; i <= count; ++i) {
    write_file(folder + "/f" + std::to_string(i), std::string(bytes, static_cast<char>(i)));
  }
}

TEST(BackupProgress, EndsWithWhatThePointHolds) {
  if (kWindows) GTEST_SKIP() << "needs a shell, and links";
  VaultBench bench;
  make_files(bench.source() + "/small", 50, 1000);
  make_files(bench.source() + "/large", 2, 3'000'000);
  run_shell("cd " + shell_quoted(bench.source()) + " && ln small/f1 linked && ln -s f1 link");
  pipeline::BackupJob job(*bench.vault, bench.clock, bench.log, bench.options());
  EXPECT_EQ(job.job_progress().phase, "preparing");

  const auto report = job.run({});

  ASSERT_TRUE(report) << report.error().message;
  const JobProgress at = job.job_progress();
  EXPECT_EQ(at.phase, model::kDonePhase);
  EXPECT_EQ(at.totals, TotalsKind::kExact);
  EXPECT_EQ(at.files_done, report->summary.totals.files);
  EXPECT_EQ(at.files_total, at.files_done);
  EXPECT_EQ(at.bytes_done, report->summary.totals.bytes);
  EXPECT_EQ(at.bytes_total, at.bytes_done);
  EXPECT_EQ(at.read_bytes, report->summary.read_bytes);
  EXPECT_EQ(job.progress().open_bytes, 0u);
  EXPECT_EQ(job.progress().found_files, report->summary.totals.files);
  EXPECT_EQ(job.progress().kept_files + job.progress().read_files, report->summary.totals.files);
  EXPECT_EQ(job.progress().kept_bytes + job.progress().read_bytes, report->summary.totals.bytes);
}

TEST(BackupProgress, ExpectsWhatThePointBeforeOfTheSameSourcesHeld) {
  VaultBench bench;
  make_files(bench.source(), 20, 100);
  ASSERT_TRUE(bench.backup());
  pipeline::BackupJob again(*bench.vault, bench.clock, bench.log, bench.options());
  ASSERT_TRUE(again.run({}));
  EXPECT_EQ(again.progress().expected_files, 20u);
  EXPECT_EQ(again.progress().kept_bytes, 2000u) << "nothing of it was read";

  pipeline::BackupOptions others = bench.options();
  make_files(bench.folder / "other", 3, 100);
  others.sources = {bench.folder / "other"};
  pipeline::BackupJob other(*bench.vault, bench.clock, bench.log, std::move(others));
  ASSERT_TRUE(other.run({}));
  EXPECT_EQ(other.progress().expected_files, 0u);
}

TEST(BackupProgress, IsHonestAboutTotals) {
  pipeline::Progress at;
  at.phase = pipeline::Phase::kReading;
  EXPECT_EQ(job_progress(at, false).totals, TotalsKind::kUnknown);
  at.found_files = 10;
  at.found_bytes = 1000;
  EXPECT_EQ(job_progress(at, false).totals, TotalsKind::kAtLeast);
  at.counted_files = 30;
  at.counted_bytes = 9000;
  EXPECT_EQ(job_progress(at, false).files_total, 30u);
  EXPECT_EQ(job_progress(at, false).totals, TotalsKind::kAtLeast) << "it still counts";
  at.counted = true;
  EXPECT_EQ(job_progress(at, false).totals, TotalsKind::kExpected);
  at.found_files = 31;
  EXPECT_EQ(job_progress(at, false).totals, TotalsKind::kAtLeast) << "there is more than counted";
  at.walked = true;
  EXPECT_EQ(job_progress(at, false).totals, TotalsKind::kExact);
  EXPECT_EQ(job_progress(at, false).files_total, 31u);
  EXPECT_FALSE(job_progress(at, false).paused);
  EXPECT_TRUE(job_progress(at, true).paused);
}

TEST(BackupProgress, NamesTheLargeFileThatIsReadAndElseWhereTheWalkIs) {
  pipeline::ProgressBoard board;
  board.path.tell("/a");
  EXPECT_EQ(board.snapshot().path, "") << "nobody had asked";
  board.path.tell("/b");
  board.path.tell("/c");
  EXPECT_EQ(board.snapshot().path, "/b");
  board.enter_large("/large\x1b");
  EXPECT_EQ(board.snapshot().path, "/large\x1b");
  EXPECT_EQ(job_progress(board.snapshot(), false).path, "/large\\x1b");
  board.leave_large("/large\x1b");
  EXPECT_EQ(board.snapshot().path, "/b");
}

TEST(SourceCount, FindsWhatTheBackupFinds) {
  if (kWindows) GTEST_SKIP() << "needs a shell, and links";
  VaultBench bench;
  make_files(bench.source() + "/a", 700, 10);
  run_shell("ln -s x " + shell_quoted(bench.source() + "/link"));
  pipeline::ProgressBoard board;
  auto walker = scan::Walker::create({bench.source()}, {});
  ASSERT_TRUE(walker);

  pipeline::count_sources(std::move(*walker), {.begin_after = std::chrono::milliseconds(0)},
                          bench.clock, board, {});

  EXPECT_TRUE(board.counted);
  EXPECT_EQ(board.counted_files, 701u);
  EXPECT_EQ(board.counted_bytes, 7000u);
}

// A clock on which every burst takes a millisecond.
class SlowClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return {}; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    at_ += std::chrono::microseconds(500);
    return at_;
  }
  bool sleep_for(std::chrono::steady_clock::duration time, std::stop_token) override {
    at_ += time;
    slept += time;
    return true;
  }
  std::chrono::steady_clock::duration slept{0};

 private:
  mutable std::chrono::steady_clock::time_point at_{};
};

TEST(SourceCount, TakesNoMoreThanItsShareOfTheTime) {
  if (kWindows) GTEST_SKIP() << "asks the time less often where a look at a file takes longer";
  VaultBench bench;
  make_files(bench.source(), 3000, 1);
  pipeline::ProgressBoard board;
  SlowClock clock;
  auto walker = scan::Walker::create({bench.source()}, {});
  ASSERT_TRUE(walker);

  pipeline::count_sources(std::move(*walker), {.begin_after = std::chrono::milliseconds(0)}, clock,
                          board, {});

  EXPECT_EQ(board.counted_files, 3000u);
  // Ten bursts of half a millisecond at least, of each 100 times as long, but for the last.
  EXPECT_GE(clock.slept, std::chrono::milliseconds(400));
}

TEST(SourceCount, EndsWithTheWalk) {
  VaultBench bench;
  make_files(bench.source(), 3000, 1);
  pipeline::ProgressBoard board;
  board.walked = true;
  auto walker = scan::Walker::create({bench.source()}, {});

  pipeline::count_sources(std::move(*walker), {}, bench.clock, board, {});

  EXPECT_FALSE(board.counted);
  EXPECT_EQ(board.counted_files, 0u);
}

TEST(RestoreProgress, EndsWithWhatThePointHolds) {
  if (kWindows) GTEST_SKIP() << "needs a shell, and links";
  VaultBench bench;
  make_files(bench.source(), 20, 1000);
  make_files(bench.source() + "/large", 1, 9'000'000);
  run_shell("cd " + shell_quoted(bench.source()) + " && ln f1 linked && ln -s f1 link");
  const auto point = bench.backup();
  ASSERT_TRUE(point);
  const auto index = bench.index();
  const auto restored = [&](restore::RestoreOptions options) {
    options.target = bench.target();
    options.point_totals = point->summary.totals;
    vault::BlobReader reader(bench.store, bench.vault->keyring(), *index);
    restore::RestoreJob job(reader, *index, std::move(options));
    const auto report = job.run(point->summary.root, {});
    EXPECT_TRUE(report) << report.error().message;
    EXPECT_EQ(job.progress().open_bytes, 0u);
    EXPECT_EQ(job.progress().totals, TotalsKind::kExact);
    EXPECT_EQ(job.progress().total_files,
              job.progress().files + job.progress().kept_files + job.progress().lost_files);
    return restore::job_progress(job.progress());
  };

  const JobProgress whole = restored({});
  EXPECT_EQ(whole.phase, model::kDonePhase);
  EXPECT_EQ(whole.files_done, point->summary.totals.files);
  EXPECT_EQ(whole.bytes_done, point->summary.totals.bytes);
  const JobProgress kept = restored({});
  EXPECT_EQ(kept.files_done, point->summary.totals.files) << "what was there is dealt with too";
  EXPECT_EQ(kept.written_bytes, 0u);

  restore::RestoreOptions part;
  part.selection.paths.push_back(*model::RelPath::parse_typed(bench.source() + "/large"));
  part.selection.paths.push_back(*model::RelPath::parse_typed(bench.source() + "/f2"));
  const JobProgress some = restored(part);
  EXPECT_EQ(some.files_total, 2u);
  EXPECT_EQ(some.bytes_done, 9'001'000u);
}

// Whoever follows waits for the phase "done", also where there was nothing to do.
TEST(PruneProgress, EndsAsDoneInAVaultWithoutPoints) {
  VaultBench bench;
  maintain::PruneProgress progress;
  maintain::PruneOptions options;
  options.rules.last = 1;
  options.progress = &progress;

  const auto report = maintain::prune_vault(*bench.vault, bench.memory, options, {});

  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(maintain::job_progress(progress).phase, model::kDonePhase);
}

}  // namespace
}  // namespace obhut::tests
