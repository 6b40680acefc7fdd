#include "agent/scan/change_detector.h"

#include <functional>

#include <gtest/gtest.h>

namespace obhut::scan {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr Instant kScan{std::chrono::seconds(2'000'000)};

platform::FileStatus status() {
  platform::FileStatus status;
  status.type = platform::FileType::kRegular;
  status.size = 100;
  status.mtime_ns = 1'000'000 * kSecond + 5;
  status.ctime_ns = 1'500'000 * kSecond + 7;
  status.inode = 11;
  status.device = 22;
  return status;
}

model::Entry entry_of(const platform::FileStatus& status) {
  model::Entry entry;
  entry.type = *entry_type_of(status.type);
  entry.size = status.size;
  entry.modified = file_time_of(status.mtime_ns);
  entry.changed = file_time_of(status.ctime_ns);
  entry.inode = status.inode;
  entry.device = status.device;
  return entry;
}

TEST(ChangeDetector, TakesAnOldFileWithTheSameStatusAsUnchanged) {
  EXPECT_TRUE(ChangeDetector(kScan).is_unchanged(status(), entry_of(status())));
}

TEST(ChangeDetector, SeesEveryDifference) {
  const std::vector<std::function<void(platform::FileStatus&)>> differences{
      [](auto& s) { s.type = platform::FileType::kFifo; },
      [](auto& s) { s.type = platform::FileType::kUnknown; },
      [](auto& s) { ++s.size; },
      [](auto& s) { ++s.mtime_ns; },
      [](auto& s) { --s.ctime_ns; },
      [](auto& s) { ++s.inode; },
      [](auto& s) { ++s.device; },
  };
  for (std::size_t i = 0; i < differences.size(); ++i) {
    platform::FileStatus now = status();
    differences[i](now);

    EXPECT_FALSE(ChangeDetector(kScan).is_unchanged(now, entry_of(status()))) << i;
  }
}

// Written twice within one tick of the file system's clock, and read in between.
TEST(ChangeDetector, ReadsAgainWhatWasWrittenAsTheEarlierScanBegan) {
  for (const std::int64_t offset : {-2 * kSecond, -kSecond, std::int64_t{0}, kSecond}) {
    platform::FileStatus late = status();
    late.ctime_ns = 2'000'000 * kSecond + offset;
    EXPECT_FALSE(ChangeDetector(kScan).is_unchanged(late, entry_of(late))) << offset;
    late = status();
    late.mtime_ns = 2'000'000 * kSecond + offset;
    EXPECT_FALSE(ChangeDetector(kScan).is_unchanged(late, entry_of(late))) << offset;
  }
  platform::FileStatus early = status();
  early.mtime_ns = early.ctime_ns = 2'000'000 * kSecond - 2 * kSecond - 1;
  EXPECT_TRUE(ChangeDetector(kScan).is_unchanged(early, entry_of(early)));
}

TEST(ChangeDetector, ReadsAgainWhatChangedWhileItWasRead) {
  model::Entry entry = entry_of(status());
  entry.marks = model::kChangedWhileRead;

  EXPECT_FALSE(ChangeDetector(kScan).is_unchanged(status(), entry));
}

TEST(FileTimeOf, CountsBackwardsBefore1970) {
  EXPECT_EQ(file_time_of(-1), (model::FileTime{-1, 999'999'999}));
  EXPECT_EQ(file_time_of(-kSecond), (model::FileTime{-1, 0}));
  EXPECT_EQ(file_time_of(kSecond + 1), (model::FileTime{1, 1}));
}

}  // namespace
}  // namespace obhut::scan
