#include "agent/plan/selection.h"

#include <chrono>

#include <gtest/gtest.h>

namespace obhut::plan {
namespace {

Selection make(const SelectionRules& rules) {
  Result<Selection> made = Selection::make(rules);
  EXPECT_TRUE(made) << made.error().message;
  return *made;
}

bool excluded(const std::vector<std::string>& patterns, std::string_view path,
              bool directory = false) {
  return make({{}, patterns, false}).of(path, directory) == Verdict::kExclude;
}

struct Case {
  std::vector<std::string> patterns;
  const char* path;
  bool directory;
  bool excluded;
};

TEST(Selection, FollowsGitignore) {
  const Case cases[] = {
      {{"foo"}, "foo", false, true},
      {{"foo"}, "a/b/foo", false, true},
      {{"foo"}, "foo/bar", false, true},
      {{"foo"}, "food", false, false},
      {{"/foo"}, "foo", false, true},
      {{"/foo"}, "a/foo", false, false},
      {{"a/foo"}, "a/foo", false, true},
      {{"a/foo"}, "b/a/foo", false, false},
      {{"foo/"}, "foo", false, false},
      {{"foo/"}, "foo", true, true},
      {{"foo/"}, "x/foo", true, true},
      {{"*.tmp"}, "a/x.tmp", false, true},
      {{"*.tmp"}, ".tmp", false, true},
      {{"*.tmp"}, "x.tmp.gz", false, false},
      {{"a*b"}, "ab", false, true},
      {{"a*b"}, "axxb", false, true},
      {{"d/*"}, "d/x", false, true},
      {{"d/*.c"}, "d/e/x.c", false, false},
      {{"**/x"}, "x", false, true},
      {{"**/x"}, "a/b/x", false, true},
      {{"**/x"}, "ax", false, false},
      {{"**/x/y"}, "a/x/y", false, true},
      {{"a/**"}, "a", true, false},
      {{"a/**"}, "a/b/c", false, true},
      {{"a/**/b"}, "a/b", false, true},
      {{"a/**/b"}, "a/x/y/b", false, true},
      {{"a/**/b"}, "a/xb", false, false},
      {{"a/**/**/b"}, "a/b", false, true},
      {{"**/a/**/b"}, "a/x/a/b", false, true},
      {{"a**b"}, "axxb", false, true},
      {{"x/a**b"}, "x/a/b", false, false},
      {{"?"}, "a", false, true},
      {{"?"}, "ab", false, false},
      {{"a?b/c"}, "a/b/c", false, false},
      {{"[abc]"}, "b", false, true},
      {{"[!abc]"}, "b", false, false},
      {{"[^abc]"}, "d", false, true},
      {{"[a-c]x"}, "bx", false, true},
      {{"[]]"}, "]", false, true},
      {{"[!]]"}, "]", false, false},
      {{"[a-]"}, "-", false, true},
      {{"[\\]]"}, "]", false, true},
      {{"[[:digit:]]"}, "7", false, true},
      {{"[[:digit:]]"}, "x", false, false},
      {{"[[:alpha:]_]"}, "_", false, true},
      {{"a[/]b/c"}, "a/b/c", false, false},
      {{"\\!x"}, "!x", false, true},
      {{"\\#x"}, "#x", false, true},
      {{"x\\ "}, "x ", false, true},
      {{"x  "}, "x", false, true},
      {{"\\*"}, "*", false, true},
      {{"\\*"}, "a", false, false},
      {{"*", "!keep"}, "keep", false, false},
      {{"!keep", "*"}, "keep", false, true},
      {{"d/", "!d/keep"}, "d/keep", false, true},
      {{"d/*", "!d/keep"}, "d/keep", false, false},
      {{"*.log", "!important.log", "important.log"}, "important.log", false, true},
      {{"/"}, "a", false, false},
      {{"/*"}, "a", false, true},
      {{"/*"}, "a/b", false, true},
      {{"\xff\xfe"}, "a/\xff\xfe", false, true},
      {{"?"}, "\xff", false, true},
  };

  for (const Case& one : cases) {
    EXPECT_EQ(excluded(one.patterns, one.path, one.directory), one.excluded)
        << one.patterns.front() << " on " << one.path;
  }
}

TEST(Selection, IgnoresCaseOfAsciiLettersWhereAsked) {
  const Selection selection = make({{}, {"Thumbs.DB", "*.TMP", "[A-C]x", "/Win*/Temp"}, true});

  for (const char* path : {"thumbs.db", "a/THUMBS.db", "x.tmp", "Bx", "bX", "WINDOWS/temp"}) {
    EXPECT_EQ(selection.of(path, false), Verdict::kExclude) << path;
  }
  EXPECT_EQ(selection.of("dx", false), Verdict::kInclude);
}

TEST(Selection, TakesOnlyWhatIsIncludedAndTheWayThere) {
  const Selection selection = make({{"/home/*/Documents", "*.sql"}, {"*.bak"}, false});

  EXPECT_EQ(selection.of("home/anna/Documents/a.odt", false), Verdict::kInclude);
  EXPECT_EQ(selection.of("home/anna/Documents/a.bak", false), Verdict::kExclude);
  EXPECT_EQ(selection.of("home/anna/Music/a.ogg", false), Verdict::kExclude);
  EXPECT_EQ(selection.of("var/dump.sql", false), Verdict::kInclude);
  const Selection::Answer home = selection.of_entry("home", true, {});
  EXPECT_EQ(home.verdict, Verdict::kInclude);
  EXPECT_TRUE(home.passage);
}

TEST(Selection, DoesNotDescendWhereNoAnchoredIncludeCouldMatch) {
  const Selection selection = make({{"/srv/*/data", "/etc"}, {}, false});

  EXPECT_EQ(selection.of("usr", true), Verdict::kExclude);
  EXPECT_EQ(selection.of("srv", true), Verdict::kInclude);
  EXPECT_EQ(selection.of("srv/x", true), Verdict::kInclude);
  EXPECT_EQ(selection.of("srv/x/y", true), Verdict::kExclude);
  EXPECT_EQ(selection.of("srv/x/data/y", true), Verdict::kInclude);
  EXPECT_EQ(selection.of("etc", false), Verdict::kInclude);
}

TEST(Selection, LetsAnIncludeListTakeSomethingOutAgain) {
  const Selection selection = make({{"/docs", "!*.iso"}, {}, false});

  EXPECT_EQ(selection.of("docs/a.txt", false), Verdict::kInclude);
  EXPECT_EQ(selection.of("docs/a.iso", false), Verdict::kExclude);
}

TEST(Selection, AnswersAWalkerAsItAnswersForWholePaths) {
  const Selection selection = make({{"/a/**/keep", "*.c"}, {"tmp/", "!x.c", "/a/b/*.o"}, false});
  const char* paths[] = {"a",   "a/b",  "a/b/x.o", "a/b/keep", "a/b/keep/tmp", "a/b/keep/tmp/x.c",
                         "x.c", "q/x.c"};

  for (const std::string path : paths) {
    Selection::Scope scope;
    Verdict walked = Verdict::kInclude;
    for (std::size_t end = 0; end != path.size() && walked == Verdict::kInclude;) {
      end = std::min(path.find('/', end + 1), path.size());
      const Selection::Answer answer =
          selection.of_entry(path.substr(0, end), end != path.size(), scope);
      walked = answer.verdict;
      scope = answer.scope;
    }
    EXPECT_EQ(walked, selection.of(path, false)) << path;
  }
}

TEST(Selection, RefusesPatternsThatCannotMeanAnything) {
  for (const std::string& pattern :
       {std::string(), std::string("!"), std::string("   "), std::string("#comment"),
        std::string("a\\"), std::string("[abc"), std::string("[[:nope:]]"), std::string("a\0b", 3),
        std::string(5000, 'a')}) {
    const Result<Selection> made = Selection::make({{}, {pattern}, false});
    ASSERT_FALSE(made) << pattern;
    EXPECT_EQ(made.error().kind, ErrorKind::kInvalidInput);
  }
  EXPECT_FALSE(Selection::make({{}, std::vector<std::string>(10'001, "x"), false}));
}

// What makes a backtracking matcher take longer than the universe lasts.
TEST(Selection, MatchesHostilePatternsInLinearTime) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  pattern += "*b";
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "**/a*/";
  deep += "b";
  const Selection selection = make({{}, {pattern, deep}, false});
  const std::string name(255, 'a');
  std::string path;
  for (int i = 0; i < 15; ++i) path += name + "/";
  path += "c";

  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(selection.of(path, false), Verdict::kInclude);

  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{60});
}

TEST(Selection, LooksUpLiteralNamesWithoutWalkingThroughAllPatterns) {
  std::vector<std::string> patterns;
  for (int i = 0; i < 5000; ++i) patterns.push_back("name-" + std::to_string(i));
  const Selection selection = make({{}, patterns, false});

  const auto begin = std::chrono::steady_clock::now();
  int excluded_entries = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::string path = "dir/name-" + std::to_string(i);
    if (selection.of_entry(path, false, {}).verdict == Verdict::kExclude) ++excluded_entries;
  }

  EXPECT_EQ(excluded_entries, 5000);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{60});
}

}  // namespace
}  // namespace obhut::plan
