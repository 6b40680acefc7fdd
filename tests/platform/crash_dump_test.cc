#include "platform/crash_dump.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include <signal.h>

#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using test::TempFolder;

class CrashDump : public testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> names() const {
    return list_directory(crashes).value_or(std::vector<std::string>{});
  }
  /// In a process of its own: the handlers are for good.
  void crash(int signal) const {
    EXPECT_EXIT(
        {
          if (!keep_crash_dumps(crashes)) std::_Exit(1);
          ::raise(signal);
        },
        testing::KilledBySignal(signal), "");
  }
  TempFolder folder;
  std::string crashes = folder.path() + "/crashes";
};

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(CrashDump, SaysWhereItWas) {
  crash(SIGSEGV);
  ASSERT_EQ(names().size(), 1U);
  EXPECT_TRUE(names()[0].starts_with("crash-2") && names()[0].ends_with(".txt")) << names()[0];
  const Bytes text = read_file(join(crashes, names()[0]), 1U << 16U).value();
  const std::string_view report = as_text(text);
  EXPECT_TRUE(report.starts_with("SIGSEGV at address 0x")) << report;
  EXPECT_NE(report.find("platform_test(+0x"), report.npos) << report;
}

TEST_F(CrashDump, IsWrittenWhereTheProgramEndsItself) {
  crash(SIGABRT);
  ASSERT_EQ(names().size(), 1U);
}
#endif

TEST_F(CrashDump, LeavesRoomForOneMore) {
  ASSERT_TRUE(make_directories(crashes, 0755));
  ASSERT_TRUE(write_file(crashes + "/notes", as_bytes("an administrator's")));
  for (int i = 0; i < 7; ++i) {
    ASSERT_TRUE(write_file(crashes + "/crash-2026010" + std::to_string(i) + ".txt", {}));
  }
  EXPECT_EXIT(std::_Exit(keep_crash_dumps(crashes) ? 0 : 1), testing::ExitedWithCode(0), "");
  const std::vector<std::string> left = names();
  EXPECT_EQ(left, (std::vector<std::string>{"crash-20260103.txt", "crash-20260104.txt",
                                            "crash-20260105.txt", "crash-20260106.txt", "notes"}));
}

TEST_F(CrashDump, IsRefusedWhereThereIsNoFolder) {
  ASSERT_TRUE(write_file(crashes, as_bytes("a file")));
  EXPECT_FALSE(keep_crash_dumps(crashes));
}

}  // namespace
}  // namespace obhut::platform
