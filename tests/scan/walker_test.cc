#include "agent/scan/walker.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "agent/scan/look_ahead.h"
#include "tests/scan/walk_log.h"

namespace obhut::scan {
namespace {

using test::shell;
using test::TempFolder;
using test::walk;
using test::WalkLog;
using Lines = std::vector<std::string>;

TEST(Walker, WalksInTheOrderOfNameBytesAndDepthFirst) {
  const TempFolder folder;
  for (const char* name : {"s/b/x", "s/b.txt", "s/a", "s/b/a", "s/\xC3\xBF", "s/Z", "s/b-c"}) {
    folder.write(name, "x");
  }

  const WalkLog log = walk({folder / "s"}, folder.path());

  EXPECT_EQ(log.lines, (Lines{"+ s", "  s/Z", "  s/a", "+ s/b", "  s/b/a", "  s/b/x", "- s/b",
                              "  s/b-c", "  s/b.txt", "  s/\xC3\xBF", "- s"}));
}

TEST(Walker, LeadsFromTheRootToTheSource) {
  const TempFolder folder;
  folder.write("s/file", "x");
  folder.write("other", "x");

  const WalkLog log = walk({folder / "s"}, "/nowhere", {}, true);

  Lines expected{"+ " + folder / "s", "  " + folder / "s/file", "- " + folder / "s"};
  for (std::string above = folder.path();; above = platform::parent_of(above)) {
    expected.insert(expected.begin(), "+ " + above + " (way)");
    expected.push_back("- " + above);
    if (above == "/") break;
  }
  EXPECT_EQ(log.lines, expected);
}

TEST(Walker, HandsOutStatusAndFolderOfEachEntry) {
  const TempFolder folder;
  folder.write("s/file", "12345");
  Walker walker = std::move(*Walker::create({folder / "s"}, {}));
  std::shared_ptr<const platform::Directory> kept;
  std::string kept_name;
  while (const auto event = walker.next()) {
    if (event->kind != WalkKind::kEntry) continue;
    EXPECT_EQ(event->status.size, 5U);
    kept = event->folder;
    kept_name = event->name;
  }

  Bytes content(5);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->open_file(kept_name)->read_at(0, content), 5U) << "after the walk's end";
}

TEST(Walker, MergesSourcesThatRepeatAndNest) {
  const TempFolder folder;
  folder.write("s/a/x", "x");
  folder.write("s/b", "x");
  folder.write("t/y", "x");
  folder.write("t/z", "x");

  const WalkLog log =
      walk({folder / "s", folder / "t/y", folder / "s/a/", folder / "s//./a/x", folder / "s"},
           folder.path());

  EXPECT_EQ(log.lines, (Lines{"+ s", "+ s/a", "  s/a/x", "- s/a", "  s/b", "- s", "+ t (way)",
                              "  t/y", "- t"}));
  EXPECT_TRUE(log.errors.empty());
}

TEST(Walker, ListsAMissingSourceAndGoesOn) {
  const TempFolder folder;
  folder.write("s/file", "x");

  const WalkLog log =
      walk({folder / "gone", folder / "no/way/at/all", folder / "s"}, folder.path());

  EXPECT_EQ(log.lines, (Lines{"! gone", "! no", "+ s", "  s/file", "- s"}));
  ASSERT_EQ(log.errors.size(), 2U);
  const std::string gone = platform::shown(folder / "gone");
  EXPECT_TRUE(log.errors[0].starts_with("source " + gone + ": stat " + gone + ": "))
      << log.errors[0];
  EXPECT_TRUE(
      log.errors[1].starts_with("source " + platform::shown(folder / "no/way/at/all") + ": "))
      << log.errors[1];
}

TEST(Walker, RefusesSourcesThatMeanNothing) {
  for (const std::vector<std::string>& sources : std::vector<std::vector<std::string>>{
           {}, {"relative"}, {""}, {"/a/../b"}, {std::string("/a\0b", 4)}}) {
    const Result<Walker> walker = Walker::create(sources, {});
    ASSERT_FALSE(walker);
    EXPECT_EQ(walker.error().kind, ErrorKind::kInvalidInput);
  }
}

struct NoLogs final : EntryFilter {
  bool wants(std::string_view path, bool is_directory) const override {
    const std::scoped_lock lock(mutex);
    asked.emplace(path);
    return !path.ends_with(".log") && !(is_directory && path.ends_with("/skip"));
  }
  mutable std::mutex mutex;
  mutable std::set<std::string> asked;
};

TEST(Walker, AsksTheFilterAboutWhatIsBelowSources) {
  const TempFolder folder;
  folder.write("s/a.log", "x");
  folder.write("s/keep", "x");
  folder.write("s/skip/inner", "x");
  folder.write("s/deep/skip", "a file, not a directory");
  NoLogs filter;
  WalkOptions options;
  options.filter = &filter;

  const WalkLog log = walk({folder / "s"}, folder.path(), options);

  EXPECT_EQ(log.lines, (Lines{"+ s", "+ s/deep", "  s/deep/skip", "- s/deep", "  s/keep", "- s"}));
  EXPECT_EQ(filter.asked,
            (std::set<std::string>{folder / "s/a.log", folder / "s/deep", folder / "s/deep/skip",
                                   folder / "s/keep", folder / "s/skip"}))
      << "nothing else was looked at";
}

TEST(Walker, WalksANestedSourceThatTheFilterLeavesOutOfTheOuterOne) {
  const TempFolder folder;
  folder.write("s/skip/inner/file", "x");
  folder.write("s/skip/other", "x");
  folder.write("s/source.log", "x");
  NoLogs filter;
  WalkOptions options;
  options.filter = &filter;

  const WalkLog log = walk({folder / "s", folder / "s/skip/inner", folder / "s/source.log"},
                           folder.path(), options);

  EXPECT_EQ(log.lines, (Lines{"+ s", "+ s/skip (way)", "+ s/skip/inner", "  s/skip/inner/file",
                              "- s/skip/inner", "- s/skip", "  s/source.log", "- s"}));
}

TEST(Walker, LeavesOutWhatIsInCaches) {
  const TempFolder folder;
  folder.write("s/cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55");
  folder.write("s/cache/content", "x");
  folder.write("s/cache/inner/x", "x");
  folder.write("s/fake/CACHEDIR.TAG", "no signature");
  WalkOptions options;
  options.rules.skip_caches = true;

  EXPECT_EQ(walk({folder / "s"}, folder.path(), options).lines,
            (Lines{"+ s", "+ s/cache (cache)", "  s/cache/CACHEDIR.TAG", "- s/cache", "+ s/fake",
                   "  s/fake/CACHEDIR.TAG", "- s/fake", "- s"}));
  EXPECT_EQ(walk({folder / "s"}, folder.path()).lines.size(), 12U) << "only where asked for";
}

TEST(Walker, GoesBelowEachSourceAsTheFilterSays) {
  class OnlySecond final : public EntryFilter {
   public:
    explicit OnlySecond(std::string source) : source_(std::move(source)) {}
    [[nodiscard]] bool wants(std::string_view, bool) const override { return true; }
    [[nodiscard]] std::optional<SourceRules> rules_of(std::string_view source) const override {
      return SourceRules{.skip_caches = source == source_};
    }

   private:
    std::string source_;
  };
  const TempFolder folder;
  for (const char* source : {"s/one", "s/two"}) {
    folder.write(std::string(source) + "/cache/CACHEDIR.TAG",
                 "Signature: 8a477f597d28d172789f06886806bc55");
    folder.write(std::string(source) + "/cache/x", "x");
  }
  const OnlySecond filter(folder / "s/two");
  WalkOptions options;
  options.filter = &filter;

  EXPECT_EQ(
      walk({folder / "s/one", folder / "s/two"}, folder.path(), options).lines,
      (Lines{"+ s (way)", "+ s/one", "+ s/one/cache", "  s/one/cache/CACHEDIR.TAG",
             "  s/one/cache/x", "- s/one/cache", "- s/one", "+ s/two", "+ s/two/cache (cache)",
             "  s/two/cache/CACHEDIR.TAG", "- s/two/cache", "- s/two", "- s"}));
}

/// A file system mounted for one test, where we may.
}  // namespace
}  // namespace obhut::scan
