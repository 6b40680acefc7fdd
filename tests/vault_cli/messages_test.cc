#include "tools/cli/messages.h"

#include <gtest/gtest.h>

#include "tools/cli/format.h"

namespace obhut::cli {
namespace {

TEST(Messages, FollowTheLocale) {
  for (const char* german : {"de", "de_DE", "de_AT.UTF-8", "de@euro"}) {
    EXPECT_EQ(language_of_locale(german), Language::kGerman) << german;
  }
  for (const char* english : {"", "C", "en_GB.UTF-8", "C.UTF-8", "den_XX", "fr_FR"}) {
    EXPECT_EQ(language_of_locale(english), Language::kEnglish) << english;
  }
}

TEST(Messages, FillInTheirValuesInOrder) {
  constexpr Message kMessage{"{} of {}", "{} von {}"};
  EXPECT_EQ(say(Language::kGerman, kMessage, {"1", "{}"}), "1 von {}");
  EXPECT_EQ(say(Language::kEnglish, kMessage, {"1"}), "1 of {}");
}

TEST(Messages, KnowOneFromMany) {
  constexpr Message kMessage{"{} {entry is|entries are} here, {} {file|files}",
                             "{} {Eintrag ist|Einträge sind} da, {} {Datei|Dateien}"};
  EXPECT_EQ(say(Language::kEnglish, kMessage, {"1", "2"}), "1 entry is here, 2 files");
  EXPECT_EQ(say(Language::kGerman, kMessage, {"11", "1"}), "11 Einträge sind da, 1 Datei");
  EXPECT_EQ(say(Language::kEnglish, kMessage, {"0", "0 of 1"}), "0 entries are here, 0 of 1 file");
  EXPECT_EQ(say(Language::kEnglish, {"{x} {} {", ""}, {"{a|b}"}), "{x} {a|b} {") << "verbatim";
}

TEST(Format, SaysSizesInThreeDigits) {
  EXPECT_EQ(human_bytes(0, Language::kEnglish), "0 B");
  EXPECT_EQ(human_bytes(999, Language::kEnglish), "999 B");
  EXPECT_EQ(human_bytes(1000, Language::kEnglish), "1.00 kB");
  EXPECT_EQ(human_bytes(999'499, Language::kEnglish), "999 kB");
  EXPECT_EQ(human_bytes(999'500, Language::kEnglish), "1.00 MB");
  EXPECT_EQ(human_bytes(12'345'678, Language::kGerman), "12,3 MB");
  EXPECT_EQ(human_bytes(~std::uint64_t{0}, Language::kEnglish), "18.4 EB");
}

TEST(Format, GroupsDigits) {
  EXPECT_EQ(human_count(0, Language::kEnglish), "0");
  EXPECT_EQ(human_count(999, Language::kEnglish), "999");
  EXPECT_EQ(human_count(1'234'567, Language::kEnglish), "1,234,567");
  EXPECT_EQ(human_count(123'456, Language::kGerman), "123.456");
}

TEST(Format, SaysDurations) {
  using namespace std::chrono_literals;
  EXPECT_EQ(human_duration(840ms, Language::kGerman), "0,8 s");
  EXPECT_EQ(human_duration(42s, Language::kEnglish), "42 s");
  EXPECT_EQ(human_duration(192s, Language::kEnglish), "3 min 12 s");
  EXPECT_EQ(human_duration(7500s, Language::kEnglish), "2 h 5 min");
}

TEST(Format, SetsColumnsUnderOneAnother) {
  Table table({Table::Align::kLeft, Table::Align::kRight});
  table.row({"ü", "1"});
  table.row({"long", "100"});
  EXPECT_EQ(table.text(), "ü       1\nlong  100\n");
}

}  // namespace
}  // namespace obhut::cli
