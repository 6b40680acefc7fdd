// Local programs around a run: which are run, with what, and what becomes of bad ones.

#include <thread>

#include <gtest/gtest.h>

#include <sys/stat.h>

#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "service/endpoint/hook_runner.h"

namespace obhut::endpoint {
namespace {

using namespace std::chrono_literals;

class HookTest : public testing::Test {
 protected:
  HookTest() : folder_(*platform::make_temporary_directory("obhut-hooks-")) {
    EXPECT_TRUE(platform::make_directories(hooks(), 0755));
  }
  ~HookTest() override { EXPECT_TRUE(platform::remove_tree(folder_)); }

  [[nodiscard]] std::string hooks() const { return folder_ + "/hooks"; }
  void hook(const std::string& name, const std::string& body, std::uint32_t mode = 0755) const {
    const std::string text = "#!/bin/sh\n" + body + "\n";
    ASSERT_TRUE(platform::write_file(hooks() + "/" + name, as_bytes(text), mode));
  }
  HookRunner runner(std::chrono::milliseconds limit = 1min) {
    return {{hooks(), limit}, clock_, log_};
  }
  static trust::AcceptedPlan plan(std::vector<std::string> before, std::vector<std::string> after) {
    trust::AcceptedPlan plan;
    plan.plan.name = "$(touch /tmp/owned)";
    plan.plan.hooks = {std::move(before), std::move(after)};
    return plan;
  }

  std::string folder_;
  SystemClock clock_;
  Log log_ = Log::silent();
};

TEST_F(HookTest, GetsItsPhaseAndNothingElseOfOurs) {
  ::setenv("OBHUT_SECRET_OF_THE_DAEMON", "x", 1);
  // SHLVL and _ are what some shells add themselves, as all do with PWD.
  hook("show", "env | grep -v -e ^SHLVL= -e ^_= | sort; pwd; cat");
  const auto run = runner().run_before(plan({"show"}, {}), {});

  ASSERT_EQ(run.size(), 1U);
  EXPECT_FALSE(run[0].error) << run[0].error->message;
  EXPECT_EQ(run[0].exit_code, 0);
  EXPECT_EQ(run[0].output,
            "LANG=C.UTF-8\nOBHUT_PHASE=before\nOBHUT_PLAN=" + Sha256{}.text() +
                "\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nPWD=/\n/\n");
}

TEST_F(HookTest, AfterTheRunKnowsItsOutcome) {
  hook("thaw", "echo $OBHUT_PHASE $OBHUT_OUTCOME");

  const auto run = runner().run_after(plan({}, {"thaw"}), "failed", {});

  EXPECT_EQ(run.at(0).output, "after failed\n");
  EXPECT_EQ(run.at(0).phase, HookPhase::kAfter);
}

TEST_F(HookTest, ThatFailsBeforeIsTheLast) {
  hook("one", "exit 0");
  hook("two", "echo broken >&2; exit 7");
  hook("three", "touch " + folder_ + "/three");

  const auto runs = runner().run_before(plan({"one", "two", "three"}, {}), {});

  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[1].exit_code, 7);
  EXPECT_EQ(runs[1].output, "broken\n");
  ASSERT_TRUE(runs[1].error);
  EXPECT_EQ(runs[1].error->message, "hook two: exit code 7");
  EXPECT_FALSE(platform::exists(folder_ + "/three"));
}

TEST_F(HookTest, ThatFailsAfterwardsKeepsNoOtherFromItsTurn) {
  hook("one", "exit 1");
  hook("two", "echo two");

  const auto runs = runner().run_after(plan({}, {"one", "missing", "two"}), "done", {});

  ASSERT_EQ(runs.size(), 3U);
  EXPECT_TRUE(runs[0].error);
  ASSERT_TRUE(runs[1].error);
  EXPECT_EQ(runs[1].error->kind, ErrorKind::kNotFound);
  EXPECT_FALSE(runs[1].exit_code);
  EXPECT_EQ(runs[2].output, "two\n");
}

TEST_F(HookTest, IsNotStartedWhereOthersCouldHaveMadeIt) {
  const std::string trace = folder_ + "/ran";
  hook("open", "touch " + trace, 0777);
  hook("real", "touch " + trace);
  ASSERT_EQ(::chmod((hooks() + "/open").c_str(), 0777), 0);
  ASSERT_EQ(::symlink("real", (hooks() + "/link").c_str()), 0);

  for (const char* name : {"open", "link"}) {
    const auto runs = runner().run_before(plan({name}, {}), {});
    ASSERT_TRUE(runs.at(0).error) << name;
    EXPECT_EQ(runs[0].error->kind, ErrorKind::kRefused) << name;
    EXPECT_NE(runs[0].error->message.find(name), std::string::npos);
    EXPECT_FALSE(runs[0].exit_code);
  }
  ASSERT_EQ(::chmod(hooks().c_str(), 0777), 0);
  EXPECT_EQ(runner().run_before(plan({"real"}, {}), {}).at(0).error->kind, ErrorKind::kRefused);
  EXPECT_FALSE(platform::exists(trace));
}

// It starts another process, which ignores being asked to end, and waits for it for ever.
TEST_F(HookTest, IsEndedAtItsLimitWithAllItStarted) {
  hook("hang", "(trap '' TERM; echo child; while :; do sleep 0.05; done) & echo $! > " + folder_ +
                   "/child; wait");
  std::vector<HookRun> runs;
  // A machine that did not let it come so far gives it longer.
  const auto has_begun = [&] {
    const auto id = platform::read_file(folder_ + "/child", 100);
    return !runs.empty() && !runs[0].output.empty() && id && !id->empty();
  };
  for (auto limit = 300ms; !has_begun() && limit < 60s; limit *= 4) {
    const auto began = std::chrono::steady_clock::now();
    runs = runner(limit).run_before(plan({"hang"}, {}), {});
    EXPECT_LT(std::chrono::steady_clock::now() - began, limit + 60s);
    ASSERT_EQ(runs.size(), 1U);
  }

  ASSERT_TRUE(runs[0].error);
  EXPECT_NE(runs[0].error->message.find("took longer"), std::string::npos)
      << runs[0].error->message;
  EXPECT_FALSE(runs[0].exit_code);
  EXPECT_EQ(runs[0].output, "child\n");
  const Bytes id = *platform::read_file(folder_ + "/child", 100);
  const pid_t child = std::stoi(std::string(as_text(id)));
  // Dead, perhaps not yet buried.
  const auto state = [&] {
    const auto text = platform::read_file("/proc/" + std::to_string(child) + "/stat", 4096);
    if (!text) return 'X';
    const std::string_view line = as_text(*text);
    return line.at(line.rfind(')') + 2);
  };
  for (int i = 0; i < 2000 && state() != 'X' && state() != 'Z'; ++i)
    std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(state() == 'X' || state() == 'Z') << state();
}

TEST_F(HookTest, MayFloodWithoutHarm) {
  hook("flood", "head -c 50000000 /dev/zero; exit 0");

  const auto runs = runner().run_before(plan({"flood"}, {}), {});

  EXPECT_FALSE(runs.at(0).error);
  EXPECT_EQ(runs[0].output.size(), HookRunner::kMostOutput);
  EXPECT_TRUE(runs[0].output_truncated);
}

TEST_F(HookTest, BeforeTheRunEndsWithTheDaemonAndAfterItComesToItsOwnEnd) {
  std::stop_source stop;
  stop.request_stop();
  hook("slow", "exec sleep 600");
  hook("thaw", "echo thawed");

  const auto before = runner().run_before(plan({"slow"}, {}), stop.get_token());
  const auto after = runner().run_after(plan({}, {"thaw"}), "cancelled", stop.get_token());

  ASSERT_TRUE(before.at(0).error);
  EXPECT_EQ(before[0].error->kind, ErrorKind::kCancelled);
  EXPECT_EQ(after.at(0).output, "thawed\n");
  EXPECT_FALSE(after[0].error);
}

}  // namespace
}  // namespace obhut::endpoint
