// What a mount shows, without a mount.

#include "tools/cli/mount_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/time_text.h"
#include "tests/support/fake_clock.h"
#include "tests/vault_cli/fake_browser.h"

namespace obhut::cli {
namespace {

using model::EntryType;
using platform::FileType;
using platform::kRootNode;
using platform::NodeNumber;
using testing::ElementsAre;

constexpr std::uint32_t kMe = 54399;  // nobody's number
const std::string kFirst(64, 'a');
const std::string kSecond(64, 'b');

Instant at(const char* time) {
  return *parse_time(time);
}

class MountTreeTest : public testing::Test {
 protected:
  MountTreeTest() {
    browser_.add_point(kFirst, at("2026-11-29T08:00:00Z"));
    browser_.add_point(kSecond, at("2026-11-30T13:45:00Z"));
    browser_.file(kSecond, "home/letter", "dear reader");
    browser_.file(kFirst, "home/letter", "older");
  }
  MountTree& tree(const std::string& point = "", MountTree::Limits limits = {}) {
    tree_ = std::make_unique<MountTree>(browser_, clock_, point, kMe, kMe, limits);
    return *tree_;
  }
  /// By names from the root.
  Result<platform::NodeTree::Found> walk(const std::vector<std::string>& names) {
    platform::NodeTree::Found found{kRootNode, {}};
    for (const std::string& name : names) {
      ASSIGN_OR_RETURN(found, tree_->lookup(found.node, name));
    }
    return found;
  }
  std::vector<std::string> names(NodeNumber directory) {
    std::vector<std::string> all;
    const auto list = tree_->open_directory(directory);
    EXPECT_TRUE(list);
    if (!list) return all;
    const Result<void> listed = (*list)->list(0, [&](std::string_view name, const auto&) {
      all.emplace_back(name);
      return true;
    });
    listed_ = listed ? std::nullopt : std::optional(listed.error().kind);
    return all;
  }
  std::string read(NodeNumber node) {
    const Result<Bytes> bytes = tree_->read(node, {0, 1000});
    return bytes ? std::string(as_text(*bytes)) : bytes.error().message;
  }

  tests::FakeClock clock_;
  FakeBrowser browser_;
  std::unique_ptr<MountTree> tree_;
  std::optional<ErrorKind> listed_;
};

TEST_F(MountTreeTest, ShowsPointsByDateByIdAndTheLatest) {
  tree();

  EXPECT_THAT(names(kRootNode), ElementsAre("by-date", "by-id", "latest"));
  EXPECT_THAT(names(walk({"by-date"})->node),
              ElementsAre("2026-11-29T08-00-00Z", "2026-11-30T13-45-00Z"));
  EXPECT_THAT(names(walk({"by-id"})->node), ElementsAre(kFirst, kSecond));
  const auto latest = walk({"latest"});
  EXPECT_EQ(latest->status.status.type, FileType::kSymlink);
  EXPECT_EQ(*tree_->link_target(latest->node), "by-date/2026-11-30T13-45-00Z");
  EXPECT_EQ(read(walk({"by-id", kFirst, "home", "letter"})->node), "older");
  EXPECT_EQ(read(walk({"by-date", "2026-11-30T13-45-00Z", "home", "letter"})->node), "dear reader");
}

TEST_F(MountTreeTest, TellsPointsOfOneSecondApart) {
  browser_.add_point(std::string(64, 'c'), at("2026-11-30T13:45:00Z"));
  tree();

  EXPECT_THAT(
      names(walk({"by-date"})->node),
      ElementsAre("2026-11-29T08-00-00Z", "2026-11-30T13-45-00Z", "2026-11-30T13-45-00Z-cccccccc"));
}

TEST_F(MountTreeTest, HasNoLatestWithoutPoints) {
  browser_.drop_point(kFirst);
  browser_.drop_point(kSecond);
  tree();

  EXPECT_THAT(names(kRootNode), ElementsAre("by-date", "by-id"));
  EXPECT_EQ(walk({"latest"}).error().kind, ErrorKind::kNotFound);
}

TEST_F(MountTreeTest, ShowsOnePointAloneAsTheRoot) {
  tree(kFirst);

  EXPECT_THAT(names(kRootNode), ElementsAre("home"));
  EXPECT_EQ(read(walk({"home", "letter"})->node), "older");
}

TEST_F(MountTreeTest, SeesNewPointsAfterAWhileAndMissedOnesSoon) {
  tree();
  EXPECT_TRUE(walk({"latest"}));
  const NodeNumber latest = walk({"latest"})->node;
  browser_.add_point(std::string(64, 'c'), at("2026-12-01T00:00:00Z"));

  EXPECT_EQ(walk({"by-id", std::string(64, 'c')}).error().kind, ErrorKind::kNotFound)
      << "just looked";
  clock_.advance(std::chrono::seconds(3));
  EXPECT_TRUE(walk({"by-id", std::string(64, 'c')}));
  EXPECT_NE(walk({"latest"})->node, latest) << "the system keeps what it read of the old link";
}

TEST_F(MountTreeTest, MountsAndLooksAroundWithoutReadingWhatIsBelow) {
  for (int i = 0; i < 50; ++i) browser_.file(kSecond, "wide/" + std::to_string(i) + "/x");
  tree();

  EXPECT_EQ(names(walk({"by-id", kSecond})->node).size(), 2U);
  EXPECT_EQ(browser_.lists, 1);
  EXPECT_EQ(browser_.entries_asked, 0);
  EXPECT_TRUE(walk({"by-id", kSecond, "wide", "7"}));
  EXPECT_EQ(browser_.lists, 1) << "of `wide` one entry was asked for, and no list";
  EXPECT_EQ(browser_.entries_asked, 1);
}

TEST_F(MountTreeTest, ListsAWideDirectoryInPiecesFromAnyPosition) {
  for (int i = 0; i < 2500; ++i) browser_.file(kSecond, "wide/" + std::to_string(10'000 + i));
  tree();
  const NodeNumber wide = walk({"by-id", kSecond, "wide"})->node;
  const auto list = *tree_->open_directory(wide);
  browser_.lists = 0;

  std::vector<std::string> seen;
  std::size_t room = 300;
  const auto take = [&](std::string_view name, const auto&) {
    if (room == 0) return false;
    --room;
    seen.emplace_back(name);
    return true;
  };
  EXPECT_TRUE(list->list(0, take));
  EXPECT_EQ(browser_.lists, 1) << "no more than somebody looks at";
  while (seen.size() < 2500) {
    room = 300;
    ASSERT_TRUE(list->list(seen.size(), take));
  }

  for (int i = 0; i < 2500; ++i)
    EXPECT_EQ(seen[static_cast<std::size_t>(i)], std::to_string(10'000 + i));
  EXPECT_EQ(browser_.lists, 3);
  browser_.entries_asked = 0;
  EXPECT_TRUE(tree_->lookup(wide, "11234"));
  EXPECT_EQ(tree_->lookup(wide, "nothing").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(browser_.entries_asked, 0) << "the list is known";
}

TEST_F(MountTreeTest, LooksUpWhileItLists) {
  tree();
  const NodeNumber home = walk({"by-id", kSecond, "home"})->node;

  // As the system does, which wants the attributes of what it lists.
  const auto list = *tree_->open_directory(home);
  EXPECT_TRUE(list->list(0, [&](std::string_view name, const auto&) {
    EXPECT_TRUE(tree_->lookup(home, name));
    return true;
  }));
}

TEST_F(MountTreeTest, TellsOfADamagedDirectoryBehindWhatIsLeftOfIt) {
  browser_.damaged.insert("home");
  tree();

  EXPECT_THAT(names(walk({"by-id", kSecond, "home"})->node), ElementsAre("letter"));
  EXPECT_EQ(listed_, ErrorKind::kCorrupt);
}

TEST_F(MountTreeTest, KeepsNoMoreListingsThanItMay) {
  for (int folder = 0; folder < 20; ++folder) {
    for (int i = 0; i < 50; ++i) {
      browser_.file(kSecond, std::to_string(folder) + "/" + std::to_string(i));
    }
  }
  tree("", {.listed = 200, .blocks = {}});

  for (int folder = 0; folder < 20; ++folder) {
    EXPECT_EQ(names(walk({"by-id", kSecond, std::to_string(folder)})->node).size(), 50U);
  }

  EXPECT_LE(tree_->kept_entries(), 300U);
}

TEST_F(MountTreeTest, HoldsWhatIsHeldAndNoMore) {
  tree();
  const auto letter = walk({"by-id", kSecond, "home", "letter"});
  const auto again = walk({"by-id", kSecond, "home", "letter"});
  EXPECT_EQ(letter->node, again->node);
  EXPECT_EQ(tree_->held_nodes(), 5U);

  tree_->forget(letter->node, 1);
  EXPECT_TRUE(tree_->status(letter->node));
  tree_->forget(letter->node, 1);

  EXPECT_EQ(tree_->status(letter->node).error().kind, ErrorKind::kSourceGone);
  EXPECT_EQ(tree_->held_nodes(), 4U);
  tree_->forget(kRootNode, 100);
  EXPECT_TRUE(tree_->status(kRootNode)) << "the root is always held";
}

TEST_F(MountTreeTest, ShowsAttributesAsTheyWere) {
  BrowsedEntry& entry = browser_.file(kSecond, "tool", "1234");
  entry.mode = 04750;
  entry.uid = 61'234;  // without a name, then and here
  entry.gid = 61'235;
  entry.modified = {-5, 250};
  BrowsedEntry& link = browser_.add(kSecond, "link", EntryType::kSymlink);
  link.target = "somewhere/\xff";
  browser_.add(kSecond, "tty", EntryType::kCharDevice).rdev = (5ULL << 32U) | 1U;
  tree();

  const platform::FileStatus tool = walk({"by-id", kSecond, "tool"})->status.status;
  EXPECT_EQ(tool.mode, 04750U);
  EXPECT_EQ(tool.size, 4U);
  EXPECT_EQ(tool.uid, 61'234U);
  EXPECT_EQ(tool.gid, 61'235U);
  EXPECT_EQ(tool.mtime_ns, -5'000'000'000 + 250);
  const auto shown = walk({"by-id", kSecond, "link"});
  EXPECT_EQ(shown->status.status.size, 11U);
  EXPECT_EQ(*tree_->link_target(shown->node), "somewhere/\xff");
  EXPECT_EQ(walk({"by-id", kSecond, "tty"})->status.status.rdev, (5ULL << 32U) | 1U);
}

TEST_F(MountTreeTest, ShowsOwnersThatNobodyKnowsHereAsWhoeverMounts) {
  BrowsedEntry& stranger = browser_.file(kSecond, "stranger's");
  stranger.uid = 61'234;
  stranger.user = "nobody-of-this-name";
  stranger.gid = 0;  // a number that is somebody else's here
  BrowsedEntry& roots = browser_.file(kSecond, "root's");
  roots.uid = 61'234;
  roots.user = "root";
  tree();

  const platform::FileStatus strange = walk({"by-id", kSecond, "stranger's"})->status.status;
  EXPECT_EQ(strange.uid, kMe);
  EXPECT_EQ(strange.gid, kMe);
  EXPECT_EQ(walk({"by-id", kSecond, "root's"})->status.status.uid, 0U) << "by the name";
}

TEST_F(MountTreeTest, KnowsNamesOfOneFileAndNoOthersForTheSame) {
  for (const char* name : {"one", "two"}) {
    BrowsedEntry& entry = browser_.file(kSecond, name, "x");
    entry.links = 2;
    entry.inode = 77;
    entry.device = 3;
  }
  BrowsedEntry& older = browser_.file(kFirst, "one", "y");
  older.links = 2;
  older.inode = 77;
  older.device = 3;
  tree();
  const auto inode = [&](const std::string& point, const std::string& name) {
    return walk({"by-id", point, name})->status.status.inode;
  };

  EXPECT_EQ(inode(kSecond, "one"), inode(kSecond, "two"));
  EXPECT_NE(inode(kSecond, "one"), inode(kFirst, "one"))
      << "programs that compare would not read them";
  EXPECT_NE(inode(kSecond, "home"), inode(kFirst, "home"));
}

TEST_F(MountTreeTest, OpensNothingThatIsDenied) {
  browser_.file(kSecond, "secret", "x").denied = true;
  browser_.add(kSecond, "private", EntryType::kDirectory).denied = true;
  tree();

  EXPECT_EQ(tree_->open_file(walk({"by-id", kSecond, "secret"})->node).error().kind,
            ErrorKind::kRefused);
  EXPECT_EQ(tree_->open_directory(walk({"by-id", kSecond, "private"})->node).error().kind,
            ErrorKind::kRefused);
}

TEST_F(MountTreeTest, PassesErrorsOnAndRecovers) {
  tree();
  const NodeNumber home = walk({"by-id", kSecond, "home"})->node;
  browser_.error = Error{ErrorKind::kUnavailable, "away"};
  const auto list = *tree_->open_directory(home);
  const auto all = [](std::string_view, const auto&) { return true; };

  EXPECT_EQ(list->list(0, all).error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(tree_->lookup(home, "letter").error().kind, ErrorKind::kUnavailable);
  browser_.error.reset();

  EXPECT_TRUE(list->list(0, all));
  EXPECT_TRUE(tree_->lookup(home, "letter"));
}

TEST_F(MountTreeTest, SaysOfAPrunedPointThatItIsGone) {
  tree();
  const NodeNumber point = walk({"by-id", kFirst})->node;
  browser_.drop_point(kFirst);
  clock_.advance(std::chrono::minutes(1));

  EXPECT_EQ(tree_->lookup(point, "home").error().kind, ErrorKind::kSourceGone);
  EXPECT_EQ(walk({"by-id", kFirst}).error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace obhut::cli
