#include "platform/process.h"

#include <thread>

#include <signal.h>
#include <unistd.h>

#include "platform/signals.h"
#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using std::chrono::milliseconds;
using test::TempFolder;

Command sh(const std::string& line) {
  return {"sh", {"-c", line}, {}, {}, {}};
}

/// Of a program that goes on until it is ended, which says a line once that is so: a machine that
/// did not let it come so far gives it longer.
Outcome run_over_time(Command command) {
  command.timeout = milliseconds(300);
  while (true) {
    Result<Outcome> outcome = run(command);
    EXPECT_TRUE(outcome && outcome->timed_out);
    if (!outcome || !outcome->timed_out) return {};
    if (outcome->output.find('\n') != std::string::npos) return *outcome;
    command.timeout *= 4;
  }
}

TEST(Process, GivesOutputAndExitCode) {
  const Result<Outcome> outcome = run(sh("echo out; echo err >&2; exit 3"));

  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->output, "out\n");
  EXPECT_EQ(outcome->error_output, "err\n");
  EXPECT_EQ(outcome->exit_code, 3);
  EXPECT_FALSE(outcome->timed_out);
}

TEST(Process, PassesInputLargerThanAPipeHolds) {
  Command command{"cat", {}, {}, {}, Bytes(3'000'000, 'x')};
  command.output_cap = 10'000'000;

  const Result<Outcome> outcome = run(command);

  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->output.size(), 3'000'000U);
}

TEST(Process, SurvivesAProgramThatDoesNotReadItsInput) {
  const Result<Outcome> outcome =
      run({"sh", {"-c", "exec 0<&-; sleep 0.1; echo done"}, {}, {}, Bytes(3'000'000, 'x')});

  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->output, "done\n");
}

TEST(Process, CutsOutputAtTheCap) {
  Command command = sh("head -c 5000000 /dev/zero");
  command.output_cap = 1000;

  const Result<Outcome> outcome = run(command);

  EXPECT_EQ(outcome->output.size(), 1000U);
  EXPECT_TRUE(outcome->truncated);
  EXPECT_EQ(outcome->exit_code, 0) << "it was read to its end, not choked";
}

TEST(Process, EndsAProgramThatTakesTooLongAndItsChildren) {
  const Outcome outcome = run_over_time(sh("sleep 600 & echo $!; wait"));

  EXPECT_EQ(outcome.exit_code, 128 + SIGTERM);
  const pid_t child = std::stoi(outcome.output);
  for (int i = 0; i < 2000 && ::kill(child, 0) == 0; ++i) {
    // Until whoever inherits orphans has buried it.
    if (test::shell("/", "grep -q '^State:.Z' /proc/" + std::to_string(child) + "/status")) break;
    ::usleep(1000);
  }
  EXPECT_FALSE(
      test::shell("/", "grep -q '^State:.[RSD]' /proc/" + std::to_string(child) + "/status"));
}

TEST(Process, KillsAProgramThatIgnoresBeingAsked) {
  EXPECT_EQ(run_over_time(sh("trap '' TERM; echo ready; while :; do sleep 0.05; done")).exit_code,
            128 + SIGKILL);
}

TEST(Process, DoesNotWaitForWhatWasLeftInTheBackground) {
  const auto began = std::chrono::steady_clock::now();

  const Result<Outcome> outcome = run(sh("sleep 60 & echo $!"));

  ::kill(std::stoi(outcome->output), SIGKILL);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(50));
}

TEST(Process, StopsWhenAsked) {
  std::stop_source stop;
  const std::jthread asker([&] {
    ::usleep(50'000);
    stop.request_stop();
  });

  EXPECT_EQ(run(sh("exec sleep 600"), stop.get_token()).error().kind, ErrorKind::kCancelled);
}

// Reading must not starve the clock: the program writes as fast as it can for ever.
TEST(Process, EndsAFloodAtItsDeadline) {
  Command command = sh("yes & yes");
  command.output_cap = 1000;

  const auto began = std::chrono::steady_clock::now();

  const Outcome outcome = run_over_time(command);

  EXPECT_TRUE(outcome.truncated);
  EXPECT_EQ(outcome.output.size(), 1000U);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(30));
}

TEST(Process, DoesNotListenToAFloodThatWasLeftBehind) {
  Command command = sh("yes & echo $! > child; exit 0");
  const TempFolder folder;
  command.working_directory = folder.path();

  const Result<Outcome> outcome = run(command);

  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->exit_code, 0);
  ::kill(std::stoi(folder.read("child")), SIGKILL);
}

TEST(Process, JoinsBothStreamsInTheOrderWritten) {
  Command command = sh("echo one; echo two >&2; echo three");
  command.join_streams = true;

  const Result<Outcome> outcome = run(command);

  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->output, "one\ntwo\nthree\n");
  EXPECT_EQ(outcome->error_output, "");
}

TEST(Process, IsLeftToItsOwnEndForAsLongAsItsPatienceAfterAStop) {
  std::stop_source stop;
  stop.request_stop();
  Command command = sh("echo thawed");
  command.stop_patience = std::chrono::minutes(1);
  const Result<Outcome> finished = run(command, stop.get_token());
  Command endless = sh("exec sleep 600");
  endless.stop_patience = milliseconds(50);

  const Result<Outcome> ended = run(endless, stop.get_token());

  ASSERT_TRUE(finished) << finished.error().message;
  EXPECT_EQ(finished->output, "thawed\n");
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().kind, ErrorKind::kCancelled);
}

TEST(Process, GivesExactlyTheEnvironmentAndNoOpenFiles) {
  Command command = sh("env | grep -c . ; echo $ONLY; ls /proc/self/fd | wc -l");
  command.environment = {{{"ONLY", "this"}, {"PATH", "/usr/bin:/bin"}}};

  const Result<Outcome> outcome = run(command);

  // PWD (and with some shells _) the shell adds itself; ls has one more descriptor for /proc.
  EXPECT_NE(outcome->output.find("this\n"), std::string::npos);
  EXPECT_TRUE(outcome->output.ends_with("\n4\n")) << outcome->output;
}

TEST(Process, NamesAProgramThatIsNotThere) {
  const Result<Outcome> outcome = run({"/no/such/program", {}, {}, {}, {}});

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(outcome.error().message.find("/no/such/program"), std::string::npos);
}

}  // namespace
}  // namespace obhut::platform
