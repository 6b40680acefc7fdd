#include "platform/machine.h"

#include <csignal>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "platform/signals.h"
#include "platform/terminal.h"
#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

TEST(Machine, TellsAboutItself) {
  EXPECT_FALSE(host_name().empty());
  EXPECT_FALSE(system_name().empty());
  EXPECT_EQ(system_name().find('"'), std::string::npos);
  EXPECT_GE(processor_count(), 1U);
  EXPECT_EQ(is_administrator(), ::geteuid() == 0);
  EXPECT_EQ(process_id(), ::getpid());
  EXPECT_TRUE(program_path()->ends_with("platform_test"));
  EXPECT_EQ(*program_beside("platform_test"), *program_path());
}

TEST(Machine, IdentityStaysTheSame) {
  const Result<Bytes> identity = machine_identity();
  if (!identity) GTEST_SKIP() << identity.error().message;

  EXPECT_GE(identity->size(), 32U);
  EXPECT_EQ(machine_identity().value(), *identity);
}

TEST(Machine, KnowsTheDiskSpace) {
  const Result<DiskSpace> space = disk_space("/tmp");

  ASSERT_TRUE(space);
  EXPECT_GT(space->total, 0U);
  EXPECT_LE(space->free, space->total);
  EXPECT_EQ(disk_space("/does/not/exist").error().kind, ErrorKind::kNotFound);
}

TEST(Machine, RaisesTheLimitOfOpenFilesAndNeverLowersIt) {
  const std::size_t first = raise_open_file_limit();

  EXPECT_GE(first, 256U);
  EXPECT_EQ(raise_open_file_limit(), first);
}

TEST(Machine, MeasuresItsOwnUse) {
  const ResourceUsage before = resource_usage();
  Bytes memory(64 << 20, 1);
  const volatile std::uint8_t touched = memory[memory.size() / 2];

  const ResourceUsage after = resource_usage();

  EXPECT_EQ(touched, 1);
  EXPECT_GT(after.peak_memory_bytes, std::uint64_t{64} << 20);
  EXPECT_LT(after.peak_memory_bytes, std::uint64_t{64} << 30) << "bytes, not kilobytes times more";
  EXPECT_GE(after.user_cpu, before.user_cpu);
}

TEST(Terminal, AsksNobodyWhereNobodySits) {
  EXPECT_GE(terminal_width(), 1U);
  if (is_terminal(Stream::kInput)) GTEST_SKIP() << "run by hand";

  EXPECT_EQ(ask_secret("passphrase: ").error().kind, ErrorKind::kInvalidInput);
}

/// The exit code of a child that runs `body` and is sent `signals`, each once it is ready.
template <class Body>
int run_with_signals(Body body, std::initializer_list<int> signals) {
  int ready[2];
  if (::pipe(ready) != 0) return -1;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body(ready[1]));
  char byte = 0;
  for (const int signal : signals) {
    if (::read(ready[0], &byte, 1) == 1) ::kill(child, signal);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

void tell(int fd) {
  static_cast<void>(::write(fd, "r", 1) == 1);
}

TEST(StopOnSignal, TurnsATermSignalIntoAStop) {
  const int code = run_with_signals(
      [](int ready) {
        const StopOnSignal signals;
        tell(ready);
        for (int i = 0; i < 5000 && !signals.token().stop_requested(); ++i) ::usleep(1000);
        return signals.token().stop_requested() ? 7 : 8;
      },
      {SIGTERM});

  EXPECT_EQ(code, 7);
}

TEST(StopOnSignal, EndsAtOnceOnTheSecond) {
  const int code = run_with_signals(
      [](int ready) {
        const StopOnSignal signals;
        tell(ready);
        while (!signals.token().stop_requested()) ::usleep(1000);
        tell(ready);
        ::sleep(20);
        return 8;
      },
      {SIGINT, SIGINT});

  EXPECT_EQ(code, 128 + SIGINT);
}

TEST(StopOnSignal, ReloadsOnHangupAndSurvivesAClosedPipe) {
  const int code = run_with_signals(
      [](int ready) {
        std::atomic<int> reloads = 0;
        const StopOnSignal signals([&] { ++reloads; });
        int closed[2];
        if (::pipe(closed) != 0) return 1;
        ::close(closed[0]);
        if (::write(closed[1], "x", 1) >= 0) return 2;
        tell(ready);
        for (int i = 0; i < 5000 && reloads == 0; ++i) ::usleep(1000);
        return reloads == 1 && !signals.token().stop_requested() ? 7 : 8;
      },
      {SIGHUP});

  EXPECT_EQ(code, 7);
}

}  // namespace
}  // namespace obhut::platform
