#include "platform/trusted_program.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using test::shell;
using test::TempFolder;

class TrustedProgram : public testing::Test {
 protected:
  TrustedProgram() {
    EXPECT_TRUE(shell(folder_.path(),
                      "mkdir -m 755 hooks && printf '#!/bin/sh\\n' > hooks/dump && "
                      "chmod 755 hooks/dump"));
  }
  [[nodiscard]] std::string hooks() const { return folder_ / "hooks"; }
  /// What it is refused for once `line` was done to the folder.
  [[nodiscard]] Error refused_after(const std::string& line) const {
    EXPECT_TRUE(shell(folder_.path(), line)) << line;
    const Result<std::string> found = trusted_program(hooks(), "dump");
    if (!found) return found.error();
    ADD_FAILURE() << "trusted after: " << line;
    return {};
  }
  TempFolder folder_;
};

TEST_F(TrustedProgram, IsFoundWhereOnlyItsOwnerMayWrite) {
  const Result<std::string> found = trusted_program(hooks(), "dump");

  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(*found, hooks() + "/dump");
}

TEST_F(TrustedProgram, MayLieBehindALinkOnTheWayToTheFolder) {
  ASSERT_TRUE(shell(folder_.path(), "mkdir -m 755 etc && mv hooks etc/hooks && ln -s etc link"));

  const Result<std::string> found = trusted_program(folder_ / "link/hooks", "dump");

  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(*found, folder_ / "etc/hooks/dump") << "the way it was checked, not the link";
}

TEST_F(TrustedProgram, IsNeededForWhatIsOnlyReadToo) {
  ASSERT_TRUE(shell(folder_.path(), "printf x > hooks/root.json && chmod 644 hooks/root.json"));

  EXPECT_TRUE(trusted_file(hooks() + "/root.json"));
  EXPECT_EQ(trusted_file(hooks() + "/none.json").error().kind, ErrorKind::kNotFound);
  ASSERT_TRUE(shell(folder_.path(), "ln -s root.json hooks/link.json"));
  EXPECT_EQ(trusted_file(hooks() + "/link.json").error().kind, ErrorKind::kRefused);
  ASSERT_TRUE(shell(folder_.path(), "chmod 664 hooks/root.json"));
  EXPECT_EQ(trusted_file(hooks() + "/root.json").error().kind, ErrorKind::kRefused);
}

TEST_F(TrustedProgram, IsRefusedWhereSomebodyElseCouldHavePutIt) {
  struct {
    const char* change;
    const char* word;
  } const cases[] = {
      {"mv hooks/dump real && ln -s ../real hooks/dump", "link"},
      {"rm hooks/dump; mkfifo -m 755 hooks/dump", "want a file"},
      {"rm hooks/dump; mkdir -m 755 hooks/dump", "want a file"},
      {"rm -r hooks/dump; printf x > hooks/dump; chmod 757 hooks/dump", "others may write"},
      {"chmod 775 hooks/dump", "others may write"},
      {"chmod 644 hooks/dump", "not executable"},
      {"chmod 755 hooks/dump; chmod 777 hooks", "others may write"},
      {"chmod 1777 hooks", "others may write"},
      {"chmod 775 hooks", "others may write"},
      {"chmod 755 hooks; chmod 770 .", "others may write"},
      {"chmod 755 .; mv hooks real-hooks; ln -s real-hooks hooks", "want a folder"},
  };
  for (const auto& [change, word] : cases) {
    const Error error = refused_after(change);
    EXPECT_EQ(error.kind, ErrorKind::kRefused) << change;
    EXPECT_NE(error.message.find(word), std::string::npos) << change << ": " << error.message;
  }
}

TEST_F(TrustedProgram, IsRefusedWhereItIsAnotherUsers) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  for (const char* what : {"hooks/dump", "hooks", "."}) {
    const std::string path = folder_ / what;
    ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
    const Result<std::string> found = trusted_program(hooks(), "dump");
    ASSERT_FALSE(found) << what;
    EXPECT_EQ(found.error().kind, ErrorKind::kRefused);
    EXPECT_NE(found.error().message.find("another user"), std::string::npos);
    EXPECT_TRUE(trusted_program(hooks(), "dump", 65534)) << "the agent's own user may";
    ASSERT_EQ(::chown(path.c_str(), 0, 0), 0);
  }
}

TEST_F(TrustedProgram, IsNotFoundWhereNothingIs) {
  const Result<std::string> missing = trusted_program(hooks(), "thaw");
  const Result<std::string> nowhere = trusted_program(folder_ / "no/hooks", "dump");

  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(missing.error().message.find(hooks() + "/thaw"), std::string::npos);
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().kind, ErrorKind::kNotFound);
}

TEST_F(TrustedProgram, HasAPlainName) {
  for (const char* name : {"", ".", "..", "../dump", "a/b", "dump ", "Dump", "a\nb", "d\xc3\xbc"}) {
    const Result<std::string> found = trusted_program(hooks(), name);
    ASSERT_FALSE(found) << name;
    EXPECT_EQ(found.error().kind, ErrorKind::kInvalidInput) << name;
  }
}

}  // namespace
}  // namespace obhut::platform
