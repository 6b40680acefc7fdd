// A walk with a second thread that looks ahead of it.

#include "agent/scan/look_ahead.h"

#include <atomic>
#include <chrono>
#include <random>
#include <set>
#include <thread>

#include "tests/scan/walk_log.h"

namespace obhut::scan {
namespace {

using test::shell;
using test::TempFolder;
using test::walk;

WalkOptions ahead() {
  WalkOptions options;
  options.look_ahead = true;
  return options;
}

/// `left` entries below `path`, which is counted; about every fourth a directory.
void grow(const TempFolder& folder, std::mt19937& random, const std::string& path, int& left,
          int depth) {
  folder.make(path);
  const auto entries = random() % 40;
  for (unsigned i = 0; i < entries && left > 0; ++i) {
    const std::string name = path + "/" + std::to_string(random() % 1000);
    if (random() % 4 == 0 && depth < 12) {
      grow(folder, random, name + "d", --left, depth + 1);
    } else {
      folder.write(name, std::string(random() % 5, 'x'));
      --left;
    }
  }
}

// walk() compares.
TEST(LookAhead, ChangesNothingInTreesOfAnyShape) {
  for (unsigned seed = 0; seed < 15; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const TempFolder folder;
    int left = 400;
    grow(folder, random, "s", left, 0);
    for (int part = 0; left > 200; ++part) {
      grow(folder, random, "s/more" + std::to_string(part), left, 1);
    }
    walk({folder / "s"}, folder.path());
  }
}

TEST(LookAhead, ChangesNothingInALargeDirectory) {
  const TempFolder folder;
  folder.make("s/d");
  ASSERT_TRUE(shell(folder.path(),
                    "cd s && seq 1 9000 | xargs touch && cd d && "
                    "seq 1 3000 | xargs mkdir && touch 1/x 77/x 3000/x"));

  EXPECT_EQ(walk({folder / "s"}, folder.path()).lines.size(), 2U + 9000 + 2 + 2 * 3000 + 3);
}

TEST(LookAhead, TellsTheStatusOfEachEntry) {
  const TempFolder folder;
  for (int i = 0; i < 700; ++i) {
    folder.write("s/" + std::to_string(i / 300) + "/" + std::to_string(i),
                 std::string(static_cast<std::size_t>(i), 'x'));
  }
  Walker walker = std::move(*Walker::create({folder / "s"}, ahead()));
  int files = 0;
  while (const auto event = walker.next()) {
    if (event->kind != WalkKind::kEntry) continue;
    ++files;
    EXPECT_EQ(std::to_string(event->status.size), event->name);
    EXPECT_EQ(event->status.identity(), event->folder->status_of(event->name)->identity());
  }

  EXPECT_EQ(files, 700);
}

// What is known of the directory's names is asked of the filter at once, on either thread.
class Counting final : public EntryFilter {
 public:
  [[nodiscard]] bool wants(std::string_view, bool is_directory) const override {
    if (!is_directory) ++files;
    return true;
  }
  mutable std::atomic<std::size_t> files = 0;
};

TEST(LookAhead, StaysNearTheWalk) {
  constexpr std::size_t kEach = 300;
  constexpr std::size_t kFolders = 200;
  const TempFolder folder;
  folder.make("s");
  ASSERT_TRUE(shell(folder.path(), "cd s && for i in $(seq " + std::to_string(kFolders) +
                                       "); do mkdir $i && cd $i && seq " + std::to_string(kEach) +
                                       " | xargs touch && cd ..; done"));
  const Counting filter;
  WalkOptions options = ahead();
  options.filter = &filter;
  Walker walker = std::move(*Walker::create({folder / "s"}, options));
  while (walker.next()->kind != WalkKind::kEntry) {
  }
  for (int i = 0; i < 2000 && filter.files <= LookAhead::kLevelLimit.entries / 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::size_t before = 0;
  do {
    before = filter.files;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  } while (before != filter.files);

  // Of each thread a piece more than fits.
  EXPECT_LT(filter.files, LookAhead::kLevelLimit.entries + 8 * kEach);
  EXPECT_GT(filter.files, LookAhead::kLevelLimit.entries / 2) << "but it does look ahead";
}

TEST(LookAhead, EndsWithTheWalkWhereverThatIs) {
  const TempFolder folder;
  std::mt19937 random(1);
  int left = 600;
  for (int part = 0; left > 0; ++part) {
    grow(folder, random, "s/" + std::to_string(part), left, 0);
  }
  for (int steps = 0; steps < 600; steps += 7) {
    Walker walker = std::move(*Walker::create({folder / "s"}, ahead()));
    for (int step = 0; step < steps && walker.next(); ++step) {
    }
  }
}

// Whatever others do to the tree meanwhile: what they leave alone is found once, in order.
TEST(LookAhead, FindsAllThatStaysWhileTheRestComesAndGoes) {
  const TempFolder folder;
  std::set<std::string> stays;
  for (int i = 0; i < 300; ++i) {
    const std::string path =
        "s/" + std::to_string(i % 17) + "/" + std::to_string(i % 5) + "/stay-" + std::to_string(i);
    folder.write(path, "x");
    stays.insert(folder / path);
  }
  std::jthread others([&](const std::stop_token& stop) {
    std::mt19937 random(7);
    while (!stop.stop_requested()) {
      const std::string at = "s/" + std::to_string(random() % 17);
      shell(folder.path(), "rm -rf " + at + "/moved " + at + "/0/new && mkdir -p " + at +
                               "/0/new/deep && touch " + at + "/0/new/deep/file " + at +
                               "/gone && mv " + at + "/0/new " + at + "/moved; rm -f " + at +
                               "/gone");
    }
  });
  for (int round = 0; round < 60; ++round) {
    Walker walker = std::move(*Walker::create({folder / "s"}, ahead()));
    std::vector<std::string> found;
    int depth = 0;
    while (const auto event = walker.next()) {
      if (event->kind == WalkKind::kEnterDirectory) ++depth;
      if (event->kind == WalkKind::kLeaveDirectory) --depth;
      if (event->kind == WalkKind::kEntry && event->name.starts_with("stay-")) {
        found.emplace_back(event->path);
      }
    }
    EXPECT_EQ(depth, 0);
    EXPECT_EQ(std::set(found.begin(), found.end()), stays);
    EXPECT_EQ(found.size(), stays.size());
  }
}

}  // namespace
}  // namespace obhut::scan
