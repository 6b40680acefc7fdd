// What only POSIX has: other types of entries, links, mounts, modes, trees deeper than any path.

#include <algorithm>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/scan/look_ahead.h"
#include "agent/scan/walker.h"
#include "tests/scan/walk_log.h"

namespace obhut::scan {
namespace {

using test::shell;
using test::TempFolder;
using test::walk;
using test::WalkLog;
using Lines = std::vector<std::string>;

TEST(Walker, TakesNamesThatAreNoText) {
  const TempFolder folder;
  for (const char* name : {"s/a", "s/\xff", "s/Z\n"}) folder.write(name, "x");

  EXPECT_EQ(walk({folder / "s"}, folder.path()).lines,
            (Lines{"+ s", "  s/Z\n", "  s/a", "  s/\xff", "- s"}));
}

TEST(Walker, TellsSocketsAsSkippedAndEveryOtherTypeAsEntry) {
  const TempFolder folder;
  folder.make("s");
  ASSERT_TRUE(shell(folder.path(), "cd s && mkfifo fifo && ln -s nowhere link && touch file"));
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (folder / "s/socket").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);

  const WalkLog log = walk({folder / "s"}, folder.path());
  ::close(fd);

  EXPECT_EQ(log.lines, (Lines{"+ s", "  s/fifo", "  s/file", "  s/link", "s s/socket", "- s"}));
}

TEST(Walker, TakesFilesAndLinksAsSources) {
  const TempFolder folder;
  folder.write("real/file", "x");
  ASSERT_TRUE(shell(folder.path(), "ln -s real link"));

  const WalkLog log = walk({folder / "link", folder / "real/file"}, folder.path());

  EXPECT_EQ(log.lines, (Lines{"  link", "+ real (way)", "  real/file", "- real"}));
}

TEST(Walker, GoesThroughALinkOnTheWayToASource) {
  const TempFolder folder;
  folder.write("real/inner/file", "x");
  folder.write("real/other", "x");
  ASSERT_TRUE(shell(folder.path(), "ln -s real link"));

  const WalkLog log = walk({folder / "link/inner"}, folder.path());

  EXPECT_EQ(log.lines,
            (Lines{"+ link (way)", "+ link/inner", "  link/inner/file", "- link/inner", "- link"}));
}

TEST(Walker, NamesANestedSourceBehindALinkInsteadOfLosingIt) {
  const TempFolder folder;
  folder.write("outside/data/file", "x");
  folder.make("s");
  ASSERT_TRUE(shell(folder.path(), "ln -s ../outside s/link"));

  const WalkLog log = walk({folder / "s", folder / "s/link/data"}, folder.path());

  EXPECT_EQ(log.lines, (Lines{"+ s", "  s/link", "! s/link", "- s"}));
  EXPECT_NE(log.errors.at(0).find("s/link/data"), std::string::npos);
}

class Mounted {
 public:
  Mounted(std::string path, const char* type) : path_(std::move(path)) {
    works_ = ::mount(type, path_.c_str(), type, 0, nullptr) == 0;
  }
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;
  ~Mounted() {
    if (works_) ::umount(path_.c_str());
  }
  [[nodiscard]] bool works() const { return works_; }

 private:
  std::string path_;
  bool works_;
};

TEST(Walker, StaysOnOneFileSystemWhereAsked) {
  const TempFolder folder;
  folder.make("s/mnt");
  const Mounted mounted(folder / "s/mnt", "tmpfs");
  if (!mounted.works()) GTEST_SKIP() << "may not mount here";
  folder.write("s/mnt/inner/file", "x");
  folder.write("s/mnt/other", "x");
  WalkOptions options;
  options.rules.one_file_system = true;

  EXPECT_EQ(walk({folder / "s"}, folder.path(), options).lines,
            (Lines{"+ s", "+ s/mnt (other)", "- s/mnt", "- s"}));
  EXPECT_EQ(walk({folder / "s", folder / "s/mnt/inner"}, folder.path(), options).lines,
            (Lines{"+ s", "+ s/mnt (other)", "+ s/mnt/inner", "  s/mnt/inner/file", "- s/mnt/inner",
                   "- s/mnt", "- s"}))
      << "a nested source is walked wherever it lies";
  EXPECT_EQ(walk({folder / "s"}, folder.path()).lines.size(), 8U) << "only where asked for";
}

TEST(Walker, LeavesOutFileSystemsThatTheKernelMakesUp) {
  const TempFolder folder;
  folder.make("s/proc");
  const Mounted mounted(folder / "s/proc", "proc");
  if (!mounted.works()) GTEST_SKIP() << "may not mount here";

  EXPECT_EQ(walk({folder / "s"}, folder.path()).lines,
            (Lines{"+ s", "+ s/proc (pseudo)", "- s/proc", "- s"}));
}

TEST(Walker, ListsADirectoryThatMayNotBeReadAndKeepsItsMetadata) {
  if (::geteuid() != 0) GTEST_SKIP() << "root becomes nobody for this";
  const TempFolder folder;
  folder.write("s/closed/file", "x");
  folder.write("s/open/file", "x");
  ASSERT_TRUE(shell(folder.path(),
                    "chmod 711 . && chmod 755 s && chmod 0700 s/closed && chmod 0711 s/open"));
  ASSERT_EQ(::seteuid(65534), 0);

  const WalkLog log = walk({folder / "s"}, folder.path());
  const WalkLog inner = walk({folder / "s/open/file"}, folder.path());

  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_EQ(log.lines, (Lines{"+ s", "+ s/closed", "! s/closed", "- s/closed", "+ s/open",
                              "! s/open", "- s/open", "- s"}));
  EXPECT_EQ(log.errors.at(0), "list " + folder / "s/closed" + ": permission denied");
  EXPECT_EQ(inner.lines, (Lines{"+ s (way)", "+ s/open (way)", "  s/open/file", "- s/open", "- s"}))
      << "a way may be gone without being listed";
}

class DeepWalk : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Looks, DeepWalk, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "Ahead" : "Alone"; });

TEST_P(DeepWalk, WalksTreesDeeperThanAnyPathWithFewOpenDirectories) {
  const TempFolder folder;
  constexpr int kDepth = 4096;
  const std::string name(40, 'd');
  platform::Handle at(::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int level = 0; level < kDepth; ++level) {
    const int here = static_cast<int>(at.native());
    ASSERT_EQ(::mkdirat(here, name.c_str(), 0755), 0);
    for (const char* beside : {"e", "f", "g"}) ASSERT_EQ(::mkdirat(here, beside, 0755), 0);
    // Something after the deep one in each hundredth level, to be found on the way up again.
    const bool marked = level % 100 != 0 || ::mknodat(here, "later", S_IFIFO | 0644, 0) == 0;
    ASSERT_TRUE(marked);
    at = platform::Handle(::openat(here, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  const int above = static_cast<int>(std::ranges::count(folder.path(), '/')) + 1;
  WalkOptions options;
  options.open_directories = 8;
  options.look_ahead = GetParam();
  Walker walker = std::move(*Walker::create({folder.path()}, options));
  int depth = 0;
  int deepest = 0;
  int later = 0;
  std::size_t most_open = 0;
  while (const auto event = walker.next()) {
    ASSERT_NE(event->kind, WalkKind::kError) << event->error.message.substr(0, 300);
    if (event->kind == WalkKind::kEnterDirectory) deepest = std::max(deepest, ++depth);
    if (event->kind == WalkKind::kLeaveDirectory) --depth;
    if (event->kind == WalkKind::kEntry) {
      ++later;
      EXPECT_EQ(event->path.size(),
                folder.path().size() + static_cast<std::size_t>(depth - above) * 41 + 6);
    }
    if (depth % 512 == 0) {
      std::size_t open = 0;
      EXPECT_TRUE(platform::Directory::open("/proc/self/fd")
                      ->list([&](std::string_view, platform::FileType) {
                        ++open;
                        return true;
                      }));
      most_open = std::max(most_open, open);
    }
  }

  EXPECT_EQ(depth, 0);
  EXPECT_EQ(deepest, kDepth + above);
  EXPECT_EQ(later, (kDepth + 99) / 100);
  const std::size_t ready = GetParam() ? LookAhead::kLimit.directories + 64 : 0;
  EXPECT_LT(most_open, 30U + ready);
}

}  // namespace
}  // namespace obhut::scan
