#include "platform/atomic_file.h"

#include <csignal>
#include <thread>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/file_lock.h"
#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using test::shell;
using test::TempFolder;

TEST(AtomicFile, ReplacesTheWholeContentWithTheModeAskedFor) {
  const TempFolder folder;
  folder.write("file", "a longer content than the next");
  const mode_t before = ::umask(077);

  EXPECT_TRUE(write_file(folder / "file", as_bytes("new"), 0644));

  ::umask(before);
  EXPECT_EQ(folder.read("file"), "new");
  EXPECT_EQ(status_of_path(folder / "file")->mode, 0644U) << "whatever the umask";
  EXPECT_EQ(list_directory(folder.path()), (std::vector<std::string>{"file"}));
}

// A folder on tmpfs has no direct writing on many kernels, the other one mostly does.
TEST(AtomicFile, WritesPastTheCacheWhatItWritesThroughIt) {
  const TempFolder folder;
  const Bytes pages = test::counted_bytes(6 * 4096);
  const std::size_t to_page = (4096 - reinterpret_cast<std::uintptr_t>(pages.data()) % 4096) % 4096;
  const ByteView at_page = ByteView(pages).subspan(to_page);
  for (const ByteView bytes : {at_page.first(4 * 4096), at_page.first(4 * 4096 + 77),
                               at_page.subspan(1, 2 * 4096), at_page.first(100), ByteView{}}) {
    Result<AtomicFile> file = AtomicFile::create(folder / "file");
    ASSERT_TRUE(file);
    EXPECT_TRUE(file->write_past_cache(bytes));
    EXPECT_TRUE(file->write(as_bytes("tail"))) << "goes on where that ended";
    EXPECT_TRUE(file->commit());

    EXPECT_EQ(folder.read("file"), std::string(as_text(bytes)) + "tail");
  }
}

TEST(AtomicFile, LeavesTheOldFileWhereItIsDroppedBeforeTheCommit) {
  const TempFolder folder;
  folder.write("file", "old");
  {
    Result<AtomicFile> file = AtomicFile::create(folder / "file");
    ASSERT_TRUE(file->write(as_bytes("half of the n")));
  }

  EXPECT_EQ(folder.read("file"), "old");
  EXPECT_EQ(list_directory(folder.path())->size(), 1U) << "nothing temporary stays";
}

// A process killed over and over while it replaces a file: the reader never sees a mixture.
TEST(AtomicFile, HoldsTheOldOrTheNewContentAfterAKill) {
  const TempFolder folder;
  const std::string path = folder / "file";
  const Bytes a(200'000, 'a');
  const Bytes b(100'000, 'b');
  ASSERT_TRUE(write_file(path, a));
  for (int round = 0; round < 15; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      while (true) {
        static_cast<void>(write_file(path, b).has_value());
        static_cast<void>(write_file(path, a).has_value());
      }
    }
    ::usleep(static_cast<useconds_t>(3000 + round * 1777));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);

    const Result<Bytes> content = read_file(path, 1 << 20);

    ASSERT_TRUE(content);
    EXPECT_TRUE(*content == a || *content == b) << "round " << round;
  }
}

TEST(AtomicFile, KeepsTheOldContentOnAFullDisk) {
  const TempFolder folder;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // The limit of a file's size stands in for the end of the disk: write() stops short in the
    // middle, then fails.
    std::signal(SIGXFSZ, SIG_IGN);
    if (!write_file(folder / "file", as_bytes("old"))) ::_exit(1);
    const rlimit small{65536, 65536};
    ::setrlimit(RLIMIT_FSIZE, &small);
    const Result<void> written = write_file(folder / "file", Bytes(200'000, 'n'));
    ::_exit(written ? 2 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);

  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(folder.read("file"), "old");
  EXPECT_EQ(list_directory(folder.path())->size(), 1U);
}

TEST(AtomicFile, ReplacesASymbolicLinkInsteadOfFollowingIt) {
  const TempFolder folder;
  folder.write("precious", "precious");
  ASSERT_TRUE(shell(folder.path(), "ln -s precious file"));

  EXPECT_TRUE(write_file(folder / "file", as_bytes("new")));

  EXPECT_EQ(folder.read("precious"), "precious");
  EXPECT_EQ(folder.read("file"), "new");
}

TEST(AtomicFile, NamesAMissingFolder) {
  const TempFolder folder;

  const Result<void> written = write_file(folder / "no/file", as_bytes("x"));

  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(written.error().message.find("no/file"), std::string::npos);
}

TEST(AtomicFile, TakesItsTemporaryFolderFromTheCaller) {
  const TempFolder folder;
  folder.make("tmp");
  Result<AtomicFile> file = AtomicFile::create(folder / "name", 0600, folder / "tmp");
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->write(as_bytes("content")));

  EXPECT_EQ(list_directory(folder / "tmp")->size(), 1U);
  EXPECT_TRUE(file->commit());
  EXPECT_EQ(folder.read("name"), "content");
  EXPECT_EQ(list_directory(folder / "tmp")->size(), 0U);
}

TEST(ReadFile, RefusesMoreThanTheCapAndWhatIsNoFile) {
  const TempFolder folder;
  folder.write("ten", "0123456789");
  ASSERT_TRUE(shell(folder.path(), "mkfifo fifo"));

  EXPECT_EQ(read_file(folder / "ten", 10)->size(), 10U);
  EXPECT_EQ(read_file(folder / "ten", 9).error().kind, ErrorKind::kInvalidInput);
  EXPECT_EQ(read_file(folder / "fifo", 10).error().kind, ErrorKind::kInvalidInput);
  EXPECT_EQ(read_file(folder.path(), 10).error().kind, ErrorKind::kInvalidInput);
  EXPECT_EQ(read_file(folder / "none", 10).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(read_file("/dev/zero", 10).error().kind, ErrorKind::kInvalidInput);
}

TEST(ReadFile, ReadsFilesThatSayTheyAreEmpty) {
  const Result<Bytes> content = read_file("/proc/self/status", 1 << 20);

  ASSERT_TRUE(content);
  EXPECT_TRUE(as_text(*content).starts_with("Name:"));
}

TEST(FileLock, ExcludesOthersAndNamesTheHolder) {
  const TempFolder folder;
  Result<FileLock> held = FileLock::acquire(folder / "lock", LockMode::kExclusive, "backup");
  ASSERT_TRUE(held);

  const Result<FileLock> second = FileLock::acquire(folder / "lock", LockMode::kExclusive, "prune");
  const Result<FileLock> reader = FileLock::acquire(folder / "lock", LockMode::kShared, "check");

  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
  EXPECT_NE(second.error().message.find("backup, process " + std::to_string(::getpid())),
            std::string::npos)
      << second.error().message;
  EXPECT_FALSE(reader);
  { const FileLock gone = std::move(*held); }
  EXPECT_TRUE(FileLock::acquire(folder / "lock", LockMode::kExclusive, "prune"));
}

TEST(FileLock, LetsReadersShare) {
  const TempFolder folder;
  const Result<FileLock> first = FileLock::acquire(folder / "lock", LockMode::kShared, "restore");
  const Result<FileLock> second = FileLock::acquire(folder / "lock", LockMode::kShared, "check");

  EXPECT_TRUE(first);
  EXPECT_TRUE(second);
  EXPECT_FALSE(FileLock::acquire(folder / "lock", LockMode::kExclusive, "prune"));
}

TEST(FileLock, WaitsAsLongAsItIsToldAndStopsWhenAsked) {
  const TempFolder folder;
  Result<FileLock> held = FileLock::acquire(folder / "lock", LockMode::kExclusive, "backup");
  std::jthread other([&] {
    ::usleep(100'000);
    const FileLock gone = std::move(*held);
  });

  EXPECT_TRUE(
      FileLock::acquire(folder / "lock", LockMode::kExclusive, "prune", std::chrono::seconds(20)));

  const Result<FileLock> again = FileLock::acquire(folder / "lock", LockMode::kExclusive, "backup");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(FileLock::acquire(folder / "lock", LockMode::kExclusive, "prune",
                              std::chrono::seconds(20), stop.get_token())
                .error()
                .kind,
            ErrorKind::kCancelled);
}

TEST(FileLock, EndsWithTheProcessThatHoldsIt) {
  const TempFolder folder;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const Result<FileLock> held =
        FileLock::acquire(folder / "lock", LockMode::kExclusive, "backup");
    if (held) folder.write("held", "");
    ::pause();
    ::_exit(0);
  }
  while (!exists(folder / "held")) ::usleep(1000);
  EXPECT_FALSE(FileLock::acquire(folder / "lock", LockMode::kExclusive, "prune"));

  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);

  EXPECT_TRUE(FileLock::acquire(folder / "lock", LockMode::kExclusive, "prune"));
}

}  // namespace
}  // namespace obhut::platform
