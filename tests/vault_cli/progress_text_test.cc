// Progress as people read it, in whatever room there is.

#include "tools/cli/progress_text.h"

#include <gtest/gtest.h>

#include "tools/cli/columns.h"

namespace obhut::cli {
namespace {

using model::TotalsKind;

class ProgressText : public testing::Test {
 protected:
  ProgressText() {
    model::JobProgress& at = view_.progress;
    at.job = "backup";
    at.phase = "reading";
    at.files_done = 12'345;
    at.bytes_done = 1'230'000'000;
    at.totals = TotalsKind::kExpected;
    at.files_total = 27'000;
    at.bytes_total = 2'700'000'000;
    at.new_bytes = 340'000'000;
    view_.estimate = {.elapsed = std::chrono::milliseconds(12'400),
                      .bytes_per_second = 412'000'000,
                      .files_per_second = 900,
                      .percent = 45,
                      .left = std::chrono::seconds(15)};
  }
  [[nodiscard]] std::string line(std::size_t columns = 400) const {
    return line_of(english_, view_, columns);
  }

  SystemClock clock_;
  Context english_{.clock = clock_, .stop = {}};
  Context german_{.clock = clock_, .language = Language::kGerman, .stop = {}};
  model::ProgressView view_;
};

TEST_F(ProgressText, SaysAllThatIsKnown) {
  EXPECT_EQ(line(),
            "backing up 45% · 12,345 of about 27,000 files · 1.23 GB of about 2.70 GB · "
            "340 MB new · 412 MB/s · 0:12 · about 15 s left");
  EXPECT_EQ(line_of(german_, view_, 400),
            "Sicherung 45 % · 12.345 von etwa 27.000 Dateien · 1,23 GB von etwa 2,70 GB · "
            "340 MB neu · 412 MB/s · 0:12 · noch etwa 15 s");
}

TEST_F(ProgressText, SaysWhatTheTotalsAreWorth) {
  view_.estimate.percent.reset();
  view_.estimate.left.reset();
  view_.progress.totals = TotalsKind::kAtLeast;
  EXPECT_TRUE(
      line().starts_with("backing up · 12,345 of at least 27,000 files · 1.23 GB of at "
                         "least 2.70 GB · "))
      << line();
  EXPECT_NE(line_of(german_, view_, 400).find("12.345 von mindestens 27.000 Dateien"),
            std::string::npos);
  view_.progress.totals = TotalsKind::kUnknown;
  EXPECT_TRUE(line().starts_with("backing up · 12,345 files · 1.23 GB · ")) << line();
  view_.progress.totals = TotalsKind::kExact;
  EXPECT_TRUE(line().starts_with("backing up · 12,345 of 27,000 files · 1.23 GB of 2.70 GB"))
      << line();
}

TEST_F(ProgressText, CountsErrors) {
  view_.progress.errors = 1;
  EXPECT_TRUE(line().ends_with(" · 1 error"));
  view_.progress.errors = 1200;
  EXPECT_TRUE(line().ends_with(" · 1,200 errors"));
  EXPECT_TRUE(line_of(german_, view_, 400).ends_with(" · 1.200 Fehler"));
}

TEST_F(ProgressText, TellsTheRateInFilesWhereTheyAreSmall) {
  view_.estimate.files_per_second = 40'000;
  view_.estimate.bytes_per_second = 80'000;

  EXPECT_NE(line().find(" · 40,000 files/s · "), std::string::npos) << line();
  EXPECT_NE(line_of(german_, view_, 400).find(" · 40.000 Dateien/s · "), std::string::npos);
}

TEST_F(ProgressText, GivesTheTimeLeftAsExactlyAsItCanBeBelieved) {
  const auto left = [&](std::int64_t seconds) {
    view_.estimate.left = std::chrono::seconds(seconds);
    const std::string text = line();
    return text.substr(text.find("about", text.find("0:12")));
  };

  EXPECT_EQ(left(59), "about 59 s left");
  EXPECT_EQ(left(60), "about 1 min left");
  EXPECT_EQ(left(93), "about 1 min 30 s left");
  EXPECT_EQ(left(899), "about 15 min left");
  EXPECT_EQ(left(2 * 3600 + 125), "about 2 h 2 min left");
  EXPECT_EQ(left(30 * 3600), "about 30 h left");
}

TEST_F(ProgressText, LeavesOutTheLeastImportantInANarrowWindow) {
  view_.progress.errors = 2;

  EXPECT_EQ(line(82),
            "backing up 45% · 1.23 GB of about 2.70 GB · 412 MB/s · about 15 s left · 2 errors");
  EXPECT_EQ(line(45), "backing up 45% · about 15 s left · 2 errors");
  EXPECT_EQ(line(14), "backing up 45%");
  EXPECT_EQ(line(7), "backin…");
}

TEST_F(ProgressText, IsNeverWiderThanTheWindow) {
  view_.progress.errors = 2;
  view_.progress.path = "/home/花子/写真/\U0001F600 été/" + std::string(300, 'x');
  for (std::size_t columns = 0; columns < 300; ++columns) {
    ASSERT_LE(width_of(line(columns)), columns) << line(columns);
    ASSERT_LE(width_of(line_of(german_, view_, columns)), columns);
  }
}

TEST_F(ProgressText, ShowsTheEndOfAPathWhereThereIsRoom) {
  view_.progress.path = "/home/anna/projects/customers/example/letters/2026/november/letter.txt";
  const std::size_t without = width_of(line(120));

  EXPECT_TRUE(line(400).ends_with(" · " + view_.progress.path));
  EXPECT_TRUE(line(without + 40).ends_with("/letter.txt")) << line(without + 40);
  EXPECT_NE(line(without + 40).find(" · …"), std::string::npos);
}

// A name could use them to look like another.
TEST_F(ProgressText, DropsMarksThatTurnTheDirectionOfWriting) {
  view_.progress.path = "/tmp/\u202Egpj.exe";

  EXPECT_TRUE(line().ends_with(" · /tmp/gpj.exe")) << line();
}

TEST_F(ProgressText, SaysThatItStandsStill) {
  view_.progress.paused = true;

  EXPECT_TRUE(line().starts_with("paused, backing up 45%"));
  EXPECT_EQ(line().find("/s"), std::string::npos) << "nothing moves";
  model::ProgressView nothing_yet;
  nothing_yet.progress.paused = true;
  EXPECT_EQ(line_of(german_, nothing_yet, 80), "angehalten");
}

TEST_F(ProgressText, NamesPacksPointsAndTargets) {
  model::ProgressView check;
  check.progress.job = "check";
  check.progress.phase = "reading";
  check.progress.packs_done = 3;
  check.progress.packs_total = 120;
  check.progress.totals = TotalsKind::kExact;
  check.progress.bytes_done = 48'000'000;
  check.progress.bytes_total = 1'920'000'000;
  EXPECT_EQ(line_of(english_, check, 200),
            "reading packs · 3 of 120 packs · 48.0 MB of 1.92 GB · 0:00");
  check.progress = {};
  check.progress.job = "check";
  check.progress.phase = "points";
  check.progress.points_done = 1;
  check.progress.points_total = 30;
  EXPECT_EQ(line_of(german_, check, 200), "Punkte prüfen · 1 von 30 Punkten · 0 Dateien · 0:00");
  view_.progress.target = "/mnt/nas";
  EXPECT_TRUE(line().starts_with("backing up to /mnt/nas 45%"));
}

TEST(Columns, CountsWideCharactersTwiceAndMarksNotAtAll) {
  EXPECT_EQ(width_of("abc"), 3u);
  EXPECT_EQ(width_of("äöü"), 3u);
  EXPECT_EQ(width_of("花子"), 4u);
  EXPECT_EQ(width_of("e\u0301"), 1u);
  EXPECT_EQ(width_of("\U0001F600"), 2u);
  EXPECT_EQ(width_of("한글"), 4u);
}

TEST(Columns, ShortensAtTheBordersOfCharacters) {
  EXPECT_EQ(shorten("花子さん", 8), "花子さん");
  EXPECT_EQ(shorten("花子さん", 6), "花子…") << "half a character would be one too many";
  EXPECT_EQ(shorten("花子さん", 5), "花子…");
  EXPECT_EQ(shorten("abc", 1), "…");
  EXPECT_EQ(shorten("abc", 0), "");
  EXPECT_EQ(shorten_path("/a/very/long/path/to/file", 12), "…/to/file");
  EXPECT_EQ(shorten_path("e\u0301e\u0301e\u0301", 2), "…e\u0301");
  EXPECT_LE(width_of(shorten_path("/写真/写真/写真", 8)), 8u);
}

// Bytes that are no UTF-8 do not come here; if they did, nothing may be read behind the end.
TEST(Columns, StandsBrokenText) {
  EXPECT_GT(width_of("\xF0\x9F"), 0u);
  EXPECT_EQ(shorten("\xC3", 5), "\xC3");
}

}  // namespace
}  // namespace obhut::cli
