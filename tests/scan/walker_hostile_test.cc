// A local user changes the tree while it is walked, to have the agent read what is not his.

#include <atomic>
#include <stdio.h>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "tests/scan/walk_log.h"

namespace obhut::scan {
namespace {

using test::shell;
using test::TempFolder;

// A folder of the source is a link to the outside every other instant.
TEST(WalkerUnderAttack, ReadsNothingOutsideWhileFoldersAreSwappedForLinks) {
  const TempFolder folder;
  folder.write("outside/inner/secret", "secret");
  folder.write("outside/secret", "secret");
  folder.write("s/victim/inner/mine", "mine");
  folder.write("s/victim/mine", "mine");
  ASSERT_TRUE(shell(folder.path(), "ln -s ../outside s/decoy"));
  std::atomic<int> swaps = 0;
  std::jthread attacker([&](const std::stop_token& stop) {
    const std::string victim = folder / "s/victim";
    const std::string decoy = folder / "s/decoy";
    while (!stop.stop_requested()) {
      if (::renameat2(AT_FDCWD, victim.c_str(), AT_FDCWD, decoy.c_str(), RENAME_EXCHANGE) == 0) {
        ++swaps;
      }
    }
  });
  int read_well = 0;  // some of it must be, else nothing is tried
  WalkOptions options;
  options.open_directories = 2;
  for (int round = 0; round < 200 || swaps < 1000 || read_well == 0; ++round) {
    ASSERT_LT(round, 1'000'000);
    options.look_ahead = round % 2 == 1;
    Walker walker = std::move(*Walker::create({folder / "s"}, options));
    int depth = 0;
    while (const auto event = walker.next()) {
      if (event->kind == WalkKind::kEnterDirectory) ++depth;
      if (event->kind == WalkKind::kLeaveDirectory) --depth;
      EXPECT_NE(event->name, "secret");
      if (event->kind != WalkKind::kEntry || event->name != "mine") continue;
      Bytes content(10);
      const auto file = event->folder->open_file(event->name);
      if (!file) continue;
      EXPECT_EQ(file->read_at(0, content), 4U);
      ++read_well;
    }
    EXPECT_EQ(depth, 0) << "every enter has its leave";
  }
}

// A subtree is moved away while we are in it: ".." leads elsewhere then.
TEST(WalkerUnderAttack, FindsItsWayBackAfterAMoveOrSaysWhatIsLost) {
  const TempFolder folder;
  folder.write("s/a/b/c/d/file", "x");
  folder.write("s/a/b/zz", "x");
  folder.write("s/a/zz", "x");
  folder.write("s/zz", "x");
  folder.make("elsewhere/with/secrets");
  WalkOptions options;
  options.open_directories = 2;
  Walker walker = std::move(*Walker::create({folder / "s"}, options));
  std::vector<std::string> seen;
  std::vector<std::string> errors;
  while (const auto event = walker.next()) {
    if (event->kind == WalkKind::kEntry)
      seen.push_back(std::string(event->path).substr(folder.path().size() + 1));
    if (event->kind == WalkKind::kError) errors.push_back(event->error.message);
    if (event->kind == WalkKind::kEntry && event->name == "file") {
      ASSERT_TRUE(shell(folder.path(), "mv s/a/b/c elsewhere/ && mv s/a/b s/a-b"));
    }
  }

  EXPECT_EQ(seen, (std::vector<std::string>{"s/a/b/c/d/file", "s/a/zz", "s/zz"}))
      << "what is above the moved directory is found again by its path";
  ASSERT_EQ(errors.size(), 1U) << "s/a/b is lost, and that is told";
  EXPECT_NE(errors[0].find("go on with " + folder / "s/a/b"), std::string::npos) << errors[0];
}

TEST(WalkerUnderAttack, ListsEntriesThatVanish) {
  const TempFolder folder;
  folder.write("s/a", "x");
  folder.write("s/b", "x");
  folder.write("s/c/file", "x");
  Walker walker = std::move(*Walker::create({folder / "s"}, {}));
  std::vector<std::string> errors;
  while (const auto event = walker.next()) {
    if (event->kind == WalkKind::kEntry && event->name == "a") {
      ASSERT_TRUE(shell(folder.path(), "rm -r s/b s/c"));
    }
    if (event->kind != WalkKind::kError) continue;
    errors.push_back(event->error.message);
    EXPECT_EQ(event->error.kind, ErrorKind::kSourceGone);
  }

  EXPECT_EQ(errors,
            (std::vector<std::string>{"stat " + folder / "s/b" + ": no such file or directory",
                                      "open " + folder / "s/c" + ": no such file or directory"}));
}

}  // namespace
}  // namespace obhut::scan
