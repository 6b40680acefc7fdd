#include "agent/pipeline/segmenter.h"

#include <algorithm>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace obhut::pipeline {
namespace {

FileWorkPtr file(const std::string& name, std::uint64_t size) {
  auto work = std::make_shared<FileWork>();
  work->entry.name = name;
  work->entry.size = size;
  return work;
}

using Segment = std::vector<std::string>;

std::vector<Segment> segments_of(const std::vector<std::string>& names, std::uint64_t size) {
  Segmenter segmenter({}, 42);
  std::vector<Segment> out;
  const auto take = [&](std::optional<ReadJob> job) {
    if (!job) return;
    out.emplace_back();
    for (const FileWorkPtr& work : job->works) out.back().push_back(work->entry.name);
  };
  for (const std::string& name : names) take(segmenter.add(file(name, size)));
  take(segmenter.rest());
  return out;
}

std::vector<std::string> some_names(std::size_t count) {
  std::mt19937 random(3);
  std::set<std::string> names;
  while (names.size() < count) names.insert("file" + std::to_string(random()));
  return {names.begin(), names.end()};
}

TEST(Segmenter, KeepsOrderAndLosesNothing) {
  const std::vector<std::string> names = some_names(3000);

  std::vector<std::string> all;
  for (const Segment& segment : segments_of(names, 7000)) {
    all.insert(all.end(), segment.begin(), segment.end());
  }

  EXPECT_EQ(all, names);
}

TEST(Segmenter, ChangesFewSegmentsWhenAFileIsAdded) {
  std::vector<std::string> names = some_names(20'000);
  const std::vector<Segment> before = segments_of(names, 7000);
  names.insert(names.begin() + 100, names[99] + "x");

  const std::vector<Segment> after = segments_of(names, 7000);

  const std::set<Segment> known(before.begin(), before.end());
  const auto fresh =
      std::ranges::count_if(after, [&](const Segment& s) { return !known.contains(s); });
  EXPECT_GT(after.size(), 100u);
  EXPECT_LE(fresh, 8) << "cuts did not fall into step again";
}

TEST(Segmenter, NeverGrowsBeyondWhatABufferHolds) {
  for (const std::uint64_t size : {std::uint64_t{1}, std::uint64_t{5000}, kSmallFile}) {
    for (const Segment& segment : segments_of(some_names(9000), size)) {
      EXPECT_LE(segment.size() * size, (1U << 20U) + kSmallFile);
      EXPECT_LE(segment.size(), 4096u);
    }
  }
}

// Else the builder would wait for a file of the open segment, and the walk for the builder.
TEST(Segmenter, EndsASegmentThatHasWaitedTooLong) {
  Segmenter segmenter({}, 1);
  ASSERT_FALSE(segmenter.add(file("a", 1)));

  std::size_t steps = 0;
  while (!segmenter.step()) ++steps;

  EXPECT_LT(steps, SegmentSizes{}.steps);
  EXPECT_FALSE(segmenter.rest());
}

}  // namespace
}  // namespace obhut::pipeline
