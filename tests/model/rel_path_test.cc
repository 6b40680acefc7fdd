#include "agent/model/rel_path.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace obhut::model {
namespace {

using namespace std::string_view_literals;

RelPath path(std::string_view text) {
  Result<RelPath> parsed = RelPath::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(RelPath());
}

TEST(RelPath, RefusesWhatCouldLeaveTheTarget) {
  for (const std::string_view text : {"/"sv, "/etc"sv, "a/"sv, "a//b"sv, ".."sv, "../a"sv,
                                      "a/../b"sv, "a/.."sv, "."sv, "a/./b"sv, "a\0b"sv, "\0"sv}) {
    EXPECT_FALSE(RelPath::parse(text)) << text;
  }
  EXPECT_FALSE(RelPath::parse(std::string(1021, 'x')));
}

TEST(RelPath, TakesWhatFileSystemsHold) {
  for (const std::string_view text :
       {""sv, "a"sv, "a/b"sv, "..."sv, "..a"sv, "a.."sv, "\xff\xfe"sv, "a b/\n"sv}) {
    EXPECT_EQ(path(text).bytes(), text);
  }
}

TEST(RelPath, ReadsWhatAPersonTypes) {
  EXPECT_EQ(RelPath::parse_typed("/etc//ssh/")->bytes(), "etc/ssh");
  EXPECT_EQ(RelPath::parse_typed("///")->bytes(), "");
  EXPECT_FALSE(RelPath::parse_typed("/etc/../shadow"));
}

TEST(RelPath, IsOrderedAsAWalkMeetsIt) {
  std::vector<RelPath> paths = {path("a-b"),   path("b"),   path("a/c"),   path("a"),
                                path("a/b/x"), path("a/b"), path("a/b-c"), RelPath(),
                                path("\xff"),  path("a!")};

  std::ranges::sort(paths);

  std::vector<std::string> texts;
  for (const RelPath& p : paths) texts.push_back(p.bytes());
  EXPECT_EQ(texts, (std::vector<std::string>{"", "a", "a/b", "a/b/x", "a/b-c", "a/c", "a!", "a-b",
                                             "b", "\xff"}));
}

TEST(RelPath, KnowsItsAncestors) {
  EXPECT_TRUE(path("a/b").is_within(path("a")));
  EXPECT_TRUE(path("a").is_within(path("a")));
  EXPECT_TRUE(path("a").is_within(RelPath()));
  EXPECT_FALSE(path("ab").is_within(path("a")));
  EXPECT_FALSE(path("a").is_within(path("a/b")));
  EXPECT_EQ(path("a/b/c").parent(), path("a/b"));
  EXPECT_TRUE(path("a").parent().is_root());
  EXPECT_EQ(path("a/b").last_name(), "b");
  EXPECT_EQ(path("a/b/c").names(), (std::vector<std::string_view>{"a", "b", "c"}));
  EXPECT_TRUE(RelPath().names().empty());
}

TEST(RelPath, GrowsByNamesOnly) {
  EXPECT_EQ(path("a").child("b")->bytes(), "a/b");
  EXPECT_EQ(RelPath().child("b")->bytes(), "b");
  EXPECT_FALSE(path("a").child(".."));
  EXPECT_FALSE(path("a").child("b/c"));
  EXPECT_FALSE(path("a").child(""));
}

TEST(RelPath, KnowsTheFolderThatSeveralLieIn) {
  const auto common = [](std::vector<RelPath> paths) { return common_folder(paths).bytes(); };
  EXPECT_EQ(common({}), "");
  EXPECT_EQ(common({RelPath()}), "");
  EXPECT_EQ(common({path("a")}), "");
  EXPECT_EQ(common({path("a/b/c")}), "a/b");
  EXPECT_EQ(common({path("a/b/c"), path("a/b/d/e")}), "a/b");
  EXPECT_EQ(common({path("a/b/c"), path("a/b")}), "a");
  EXPECT_EQ(common({path("a/bc/d"), path("a/b/d")}), "a");
  EXPECT_EQ(common({path("a/b"), path("c/d")}), "");
}

TEST(RelPath, IsPrintedWithoutControlCharacters) {
  EXPECT_EQ(path("a\x1b[2J\xff").printable(), "a\\x1b[2J\\xff");
}

}  // namespace
}  // namespace obhut::model
