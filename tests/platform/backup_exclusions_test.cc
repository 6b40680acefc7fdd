#include "platform/backup_exclusions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace obhut::platform {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

BackupExclusions of(std::string_view line) {
  BackupExclusions exclusions;
  add_exclusion(line, "/C/Users", exclusions);
  return exclusions;
}

TEST(BackupExclusions, AreTheFilesOfAFolder) {
  EXPECT_THAT(of(R"(C:\Windows\memory.dmp)").files, ElementsAre("/C/Windows/memory.dmp"));
  EXPECT_THAT(of(R"(C:\Windows\RtBackup\*.*)").files, ElementsAre("/C/Windows/RtBackup/*"));
  EXPECT_THAT(of(R"(C:\Windows\RtBackup\*.*)").whole, IsEmpty());
}

TEST(BackupExclusions, GoBelowWhereTheLineSaysSo) {
  EXPECT_THAT(of(R"(C:\Windows\Temp\* /s)").whole, ElementsAre("/C/Windows/Temp/**"));
  EXPECT_THAT(of(R"(c:\Windows\Temp\*.* /S )").whole, ElementsAre("/c/Windows/Temp/**"));
  EXPECT_THAT(of(R"(C:\Windows\index.dat /s)").files, ElementsAre("/C/Windows/**/index.dat"));
}

TEST(BackupExclusions, AreOfEveryDriveOrProfileWhereNoneIsNamed) {
  EXPECT_THAT(of(R"(\Pagefile.sys)").files, ElementsAre("/?/Pagefile.sys"));
  EXPECT_THAT(of(R"($AllVolumes$\a\b)").files, ElementsAre("/?/a/b"));
  EXPECT_THAT(of(R"($UserProfile$\AppData\Temp\* /s)").whole,
              ElementsAre("/C/Users/*/AppData/Temp/**"));
}

TEST(BackupExclusions, KeepNamesThatAreNoPatterns) {
  EXPECT_THAT(of(R"(C:\a[1]\b.bin)").files, ElementsAre(R"(/C/a\[1\]/b.bin)"));
  EXPECT_THAT(of(R"(\System Volume Information\*{3808876b} /s)").files,
              ElementsAre("/?/System Volume Information/**/*{3808876b}"));
}

TEST(BackupExclusions, TakeNothingFromALineThatNamesNoPlace) {
  for (const char* line : {"", " ", "/s", "\\", "C:", "C:\\", R"(C:\*.* /s)", R"(\* /s)",
                           "pagefile.sys", R"(%NoSuchThing%\x)", R"(C:\a\..\Users\* /s)",
                           R"(\\server\share\x)", "C:/a/b", R"($Other$\x)", R"(C:\folder\)"}) {
    EXPECT_THAT(of(line).files, IsEmpty()) << line;
    EXPECT_THAT(of(line).whole, IsEmpty()) << line;
  }
}

}  // namespace
}  // namespace obhut::platform
