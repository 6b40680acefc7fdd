// Choosing what to restore, as somebody would who types.

#include "tools/cli/restore_picker.h"

#include <deque>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/time_text.h"
#include "tests/vault_cli/fake_browser.h"

namespace obhut::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Script final : public PickerTerminal {
 public:
  void show(std::string_view text) override { screen += text; }
  Result<std::optional<std::string>> ask(std::string_view prompt) override {
    screen += prompt;
    if (lines.empty()) return std::nullopt;
    std::string line = std::move(lines.front());
    lines.pop_front();
    screen += line + "\n";
    return line;
  }
  [[nodiscard]] std::size_t width() const override { return 80; }

  std::deque<std::string> lines;
  std::string screen;
};

class Orders final : public PickerActions {
 public:
  Result<std::vector<FoundByName>> search(const std::string& point, const std::string& text,
                                          std::size_t /*most*/) override {
    searched = point.substr(0, 4) + " " + text;
    return found;
  }
  Result<std::string> would(const RestoreOrder& order) override {
    tried = order;
    if (refusal) return std::unexpected(*refusal);
    return "would do it\n";
  }
  Result<void> restore(const RestoreOrder& order) override {
    done = order;
    return {};
  }

  std::string searched;
  std::vector<FoundByName> found;
  std::optional<Error> refusal;
  std::optional<RestoreOrder> tried;
  std::optional<RestoreOrder> done;
};

class RestorePickerTest : public testing::Test {
 protected:
  RestorePickerTest() {
    browser_.add_point(kOld, *parse_time("2026-11-29T08:00:00Z"));
    browser_.add_point(kNew, *parse_time("2026-11-30T13:45:00Z"));
    browser_.file(kNew, "docs/a.txt", "aaa");
    browser_.file(kNew, "docs/b.txt", "bbb");
    browser_.file(kNew, "docs/deep/c.txt", "ccc");
    browser_.file(kNew, "readme", "read me");
    browser_.file(kOld, "old file", "old");
  }
  /// What was typed; "" is Enter.
  bool run(std::deque<std::string> lines) {
    terminal_.lines = std::move(lines);
    RestorePicker picker(context_, browser_, orders_, terminal_);
    const Result<bool> ran = picker.run();
    EXPECT_TRUE(ran);
    return ran && *ran;
  }

  const std::string kOld = std::string(64, 'a');
  const std::string kNew = std::string(64, 'b');
  SystemClock clock_;
  Context context_{.clock = clock_, .stop = {}};
  FakeBrowser browser_;
  Orders orders_;
  Script terminal_;
};

TEST_F(RestorePickerTest, RestoresAMarkedFileOfTheNewestPointToItsPlace) {
  EXPECT_TRUE(run({"", "1", "1", "g", "1", "1", "y"}));

  ASSERT_TRUE(orders_.done);
  EXPECT_EQ(orders_.done->point, kNew);
  EXPECT_THAT(orders_.done->paths, ElementsAre("docs/a.txt"));
  EXPECT_EQ(orders_.done->to, "/");
  EXPECT_EQ(orders_.done->existing, "keep");
  EXPECT_THAT(terminal_.screen, HasSubstr("would do it\n"));
}

TEST_F(RestorePickerTest, ListsPointsTheNewestFirstAndTakesAnother) {
  EXPECT_TRUE(run({"2", "1", "g", "2", "/tmp/back", "2", "y"}));

  EXPECT_LT(terminal_.screen.find("2026-11-30"), terminal_.screen.find("2026-11-29"));
  EXPECT_EQ(orders_.done->point, kOld);
  EXPECT_THAT(orders_.done->paths, ElementsAre("old file"));
  EXPECT_EQ(orders_.done->to, "/tmp/back");
  EXPECT_EQ(orders_.done->existing, "overwrite");
}

TEST_F(RestorePickerTest, WritesNothingUnlessItIsConfirmed) {
  EXPECT_FALSE(run({"", "2", "g", "1", "3", "n", "q"}));

  EXPECT_TRUE(orders_.tried);
  EXPECT_EQ(orders_.tried->existing, "both");
  EXPECT_FALSE(orders_.done);
}

TEST_F(RestorePickerTest, LeavesWhereverInputEnds) {
  const std::deque<std::string> all = {"", "2", "g", "1", "1"};
  for (std::size_t count = 0; count <= all.size(); ++count) {
    EXPECT_FALSE(run({all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count)})) << count;
    EXPECT_FALSE(orders_.done) << count;
  }
}

TEST_F(RestorePickerTest, MarksFoldersRangesAndTakesMarksBack) {
  EXPECT_TRUE(run({"", "1", "m 1-3", "m 2", "u", "m 2", "l", "g", "1", "1", "y"}));

  EXPECT_THAT(orders_.done->paths, ElementsAre("docs/a.txt", "docs/deep", "readme"));
}

TEST_F(RestorePickerTest, AMarkedFolderStandsForWhatIsInIt) {
  EXPECT_TRUE(run({"", "1", "1", "m all", "2", "u", "g", "1", "1", "y"}));

  EXPECT_THAT(orders_.done->paths, ElementsAre("docs")) << "a.txt was marked before, b.txt after";
  EXPECT_THAT(terminal_.screen, HasSubstr("is marked with the folder above it"));
}

TEST_F(RestorePickerTest, MarksAllOfTheTop) {
  EXPECT_TRUE(run({"", "m all", "g", "1", "1", "y"}));

  EXPECT_THAT(orders_.done->paths, ElementsAre("docs", "readme"));
}

TEST_F(RestorePickerTest, FindsByNameAndMarksWhatWasFound) {
  orders_.found = {{.path = "docs/deep", .type = model::EntryType::kDirectory},
                   {.path = "docs/deep/c.txt"},
                   {.path = "docs/theirs", .denied = true}};

  EXPECT_TRUE(run({"", "s c txt", "2", "3", "u", "g", "1", "1", "y"}));

  EXPECT_EQ(orders_.searched, "bbbb c txt");
  EXPECT_THAT(orders_.done->paths, ElementsAre("docs/deep/c.txt"));
  EXPECT_THAT(terminal_.screen, HasSubstr("docs/theirs: you could not read it"));
}

TEST_F(RestorePickerTest, MarksAllThatWasFound) {
  orders_.found = {{.path = "docs/a.txt"}, {.path = "docs/b.txt"}};

  EXPECT_TRUE(run({"", "s txt", "m all", "g", "1", "1", "y"}));

  EXPECT_THAT(orders_.done->paths, ElementsAre("docs/a.txt", "docs/b.txt"));
}

TEST_F(RestorePickerTest, TurnsPagesOfAWideFolder) {
  browser_.batch_size = 30;
  for (int i = 100; i < 150; ++i) browser_.file(kNew, "wide/" + std::to_string(i));

  EXPECT_TRUE(run({"", "3", "n", "n", "n", "m 50", "p", "m 21", "g", "1", "1", "y"}));

  EXPECT_THAT(orders_.done->paths, ElementsAre("wide/120", "wide/149"));
  EXPECT_EQ(browser_.lists, 3) << "the top, and no more of the folder than was looked at";
}

TEST_F(RestorePickerTest, MarksWhatIsOnThePageAndNothingElse) {
  EXPECT_FALSE(run({"", "m 77", "m 1-9", "m x", "9", "g", "q"}));

  EXPECT_THAT(terminal_.screen, HasSubstr("there is no 77 in the list"));
  EXPECT_THAT(terminal_.screen, HasSubstr("nothing is marked yet"));
  EXPECT_FALSE(orders_.tried);
}

TEST_F(RestorePickerTest, ForgetsMarksOfAnotherPoint) {
  EXPECT_FALSE(run({"", "2", "b", "2", "g", "q"}));

  EXPECT_THAT(terminal_.screen, HasSubstr("nothing is marked yet"));
}

TEST_F(RestorePickerTest, ShowsHostileNamesHarmlessly) {
  browser_.file(kNew, "\x1b[2Jclear\xff", "x");

  EXPECT_TRUE(run({"", "1", "g", "1", "1", "y"}));

  EXPECT_THAT(orders_.done->paths, ElementsAre("\x1b[2Jclear\xff")) << "meant as it is";
  EXPECT_THAT(terminal_.screen, Not(HasSubstr("\x1b")));
  EXPECT_THAT(terminal_.screen, HasSubstr("\\x1b[2Jclear\\xff"));
}

TEST_F(RestorePickerTest, SaysWhatGoesWrongAndGoesOn) {
  orders_.refusal = Error{ErrorKind::kRefused, "not there"};

  EXPECT_FALSE(run({"", "2", "g", "1", "1", "c", "g", "q"}));

  EXPECT_THAT(terminal_.screen, HasSubstr("not there\n"));
}

TEST_F(RestorePickerTest, SpeaksGerman) {
  context_.language = Language::kGerman;

  EXPECT_TRUE(run({"", "?", "2", "g", "1", "1", "j"}));

  EXPECT_THAT(terminal_.screen, HasSubstr("Wiederherstellungspunkte, der neueste zuerst:"));
  EXPECT_THAT(terminal_.screen, HasSubstr("markiert: /readme"));
  EXPECT_THAT(terminal_.screen, HasSubstr("Jetzt wiederherstellen? (j/n)> "));
}

TEST_F(RestorePickerTest, SaysThatThereAreNoPoints) {
  browser_.drop_point(kOld);
  browser_.drop_point(kNew);

  EXPECT_FALSE(run({""}));

  EXPECT_THAT(terminal_.screen, HasSubstr("no recovery point yet"));
}

}  // namespace
}  // namespace obhut::cli
