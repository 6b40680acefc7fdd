#include "tools/cli/support_bundle.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "platform/atomic_file.h"
#include "platform/local_files.h"

namespace obhut::cli {
namespace {

/// An endpoint whose daemon does not run.
class SupportBundleTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = platform::make_temporary_directory("obhut-bundle-").value();
    request_ = {.version = "1.2.3",
                .socket = path("socket"),
                .config = path("agent.toml"),
                .crashes = path("crashes")};
    ASSERT_TRUE(platform::make_directories(path("crashes")));
    ASSERT_TRUE(platform::make_directories(path("state/secrets")));
    write("agent.toml",
          "state = \"" + path("state") + "\"\nlog_file = \"" + path("a.log") + "\"\n");
    write("a.log", "");
  }
  void TearDown() override { ASSERT_TRUE(platform::remove_tree(folder_)); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(platform::write_file(path(name), as_bytes(text)));
  }

  void gather() {
    Result<SupportBundle> made = gather_support_bundle(context_, request_);
    ASSERT_TRUE(made) << made.error().message;
    bundle_ = std::move(*made);
  }
  /// "(none)" where there is no such member.
  std::string content(const std::string& name) const {
    const auto at = std::ranges::find(bundle_.members, name, &restore::ZipMember::name);
    return at == bundle_.members.end() ? "(none)" : at->content;
  }
  bool is_left_out(const std::string& what) const {
    return std::ranges::find(bundle_.left_out, what, &LeftOut::what) != bundle_.left_out.end();
  }

  SystemClock clock_;
  Context context_{.clock = clock_, .stop = {}};
  std::string folder_;
  BundleRequest request_;
  SupportBundle bundle_;
};

TEST_F(SupportBundleTest, TakesReportsOfCrashesThatAreTextAndNoMemory) {
  write("crashes/crash-20261130-140302.txt", "obhutd 1.2.3 ended by signal 11\ntoken=letmein\n");
  write("crashes/crash-20261130-140303.dmp", "MDMP");
  write("crashes/core.17", "ELF");
  write("crashes/crash-20261130-140304.txt", std::string("text\0key", 8));
  write("crashes/crash-20261130-140305.txt", "\xff\xfe\x80 key");

  gather();

  EXPECT_EQ(content("crashes/crash-20261130-140302.txt"),
            "obhutd 1.2.3 ended by signal 11\ntoken=<hidden>\n");
  for (const char* memory :
       {"crashes/crash-20261130-140303.dmp", "crashes/core.17", "crashes/crash-20261130-140304.txt",
        "crashes/crash-20261130-140305.txt"}) {
    EXPECT_EQ(content(memory), "(none)");
    EXPECT_TRUE(is_left_out(memory)) << memory;
  }
}

TEST_F(SupportBundleTest, TakesTheEndOfALongLogFromTheStartOfALine) {
  std::string line;
  while (line.size() < 1023) line += "a word ";
  line.resize(1023, '.');
  std::string log;
  for (int i = 0; i < 6 * 1024; ++i) log += line + "\n";
  write("a.log", log + "the end\n");

  gather();

  const std::string taken = content("obhutd.log");
  EXPECT_LE(taken.size(), std::size_t{5} << 20U);
  EXPECT_GT(taken.size(), (std::size_t{5} << 20U) - 2048);
  EXPECT_TRUE(taken.starts_with(line + "\n"));
  EXPECT_TRUE(taken.ends_with("the end\n"));
  EXPECT_TRUE(is_left_out("obhutd.log: all but its end"));
}

TEST_F(SupportBundleTest, TakesWhatWasLoggedBeforeTheLogTurnedOver) {
  write("a.1.log", "before\n");
  write("a.log", "after\n");

  gather();

  EXPECT_EQ(content("obhutd.log"), "before\nafter\n");
}

TEST_F(SupportBundleTest, ListsTheStateAndReadsNothingInIt) {
  write("state/secrets/device.key", "what nobody sees");

  gather();

  EXPECT_NE(content("state.txt").find(" 16 "), std::string::npos) << content("state.txt");
  EXPECT_NE(content("state.txt").find("secrets/device.key"), std::string::npos);
  for (const restore::ZipMember& member : bundle_.members) {
    EXPECT_EQ(member.content.find("what nobody sees"), std::string::npos) << member.name;
  }
}

TEST_F(SupportBundleTest, SaysWhyThereIsNoStatus) {
  gather();

  EXPECT_EQ(bundle_.members.front().name, "README.txt");
  EXPECT_EQ(content("status.json"), "(none)");
  EXPECT_TRUE(is_left_out("status.json"));
  EXPECT_NE(content("README.txt").find("obhutd does not answer on " + path("socket")),
            std::string::npos)
      << content("README.txt");
}

TEST_F(SupportBundleTest, GoesOnWithSettingsThatAreWrong) {
  write("agent.toml", "proxy = \"backup:hush-hush@proxy:3128\"\n");

  gather();

  EXPECT_EQ(content("agent.toml"), "proxy = \"<hidden>@proxy:3128\"\n");
  EXPECT_NE(content("system.json").find("want http://host:port or direct"), std::string::npos);
}

}  // namespace
}  // namespace obhut::cli
