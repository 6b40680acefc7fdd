#include "agent/plan/system_exclusions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace obhut::plan {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const platform::BackupExclusions kList{.whole = {"/C/Windows/Temp/**"},
                                       .files = {"/?/pagefile.sys", "/C/data/**/*.ost"}};

TEST(SystemExclusions, CoverFilesAndFoldersInAnyCase) {
  const SystemExclusions system(kList);

  EXPECT_TRUE(system.covers("/C/PAGEFILE.SYS", false));
  EXPECT_TRUE(system.covers("/D/pagefile.sys", false));
  EXPECT_TRUE(system.covers("/C/windows/temp/x", true));
  EXPECT_TRUE(system.covers("/C/data/mail/a.ost", false));
  EXPECT_FALSE(system.covers("/C/Windows/Temp", true)) << "the folder itself stays";
  EXPECT_FALSE(system.covers("/C/data/a.ost", true)) << "of files alone";
  EXPECT_FALSE(system.covers("/C/data/pagefile.sys", false));
  EXPECT_THAT(system.covered(), ElementsAre("/C/PAGEFILE.SYS", "/C/data/mail/a.ost",
                                            "/C/windows/temp/x", "/D/pagefile.sys"));
}

TEST(SystemExclusions, ExemptWhatSomebodyNames) {
  const SystemExclusions system(kList);

  EXPECT_TRUE(system.exempt("/C/Windows/Temp"));
  EXPECT_TRUE(system.exempt("/C/Windows/Temp/logs"));
  EXPECT_TRUE(system.exempt("/C/pagefile.sys"));
  EXPECT_FALSE(system.exempt("/C/Windows"));
  EXPECT_FALSE(system.exempt("/C"));
  EXPECT_FALSE(system.exempt("/"));
}

TEST(SystemExclusions, OfNoListCoverNothing) {
  const SystemExclusions none({});

  EXPECT_FALSE(none.covers("/C/pagefile.sys", false));
  EXPECT_FALSE(none.exempt("/C/pagefile.sys"));
  EXPECT_THAT(none.covered(), IsEmpty());
}

TEST(SystemExclusions, PassOverAPatternThatIsNone) {
  const SystemExclusions system({.whole = {}, .files = {"", "/C/x\\", "/C/b"}});

  EXPECT_TRUE(system.covers("/C/b", false));
}

TEST(SystemExclusions, RememberTheFirstOnly) {
  const SystemExclusions system(kList);
  for (std::size_t i = 0; i < 2 * SystemExclusions::kRemembered; ++i) {
    EXPECT_TRUE(system.covers("/C/Windows/Temp/" + std::to_string(i), false));
  }

  EXPECT_EQ(system.covered().size(), SystemExclusions::kRemembered);
}

}  // namespace
}  // namespace obhut::plan
