#include "platform/local_files.h"

#include <fcntl.h>
#include <unistd.h>

#include "platform/os_error.h"
#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using test::shell;
using test::TempFolder;

TEST(Paths, JoinAndSplit) {
  EXPECT_EQ(join("a/b", "c"), "a/b/c");
  EXPECT_EQ(join("a/", "c"), "a/c");
  EXPECT_EQ(join("a", "/c"), "a/c");
  EXPECT_EQ(join("/", "c"), "/c");
  EXPECT_EQ(join("", "c"), "c");
  EXPECT_EQ(join("a", ""), "a");
  EXPECT_EQ(parent_of("a/b/c"), "a/b");
  EXPECT_EQ(parent_of("c"), ".");
  EXPECT_EQ(parent_of("/c"), "/");
  EXPECT_EQ(parent_of("/"), "/");
  EXPECT_EQ(parent_of("a//b/"), "a");
  EXPECT_EQ(file_name_of("a/b/c"), "c");
  EXPECT_EQ(file_name_of("a/b/"), "b");
  EXPECT_EQ(file_name_of("/"), "/");
  EXPECT_TRUE(is_absolute("/a"));
  EXPECT_FALSE(is_absolute("a"));
}

TEST(Paths, BecomeAbsoluteWithoutLookingAtTheDisk) {
  EXPECT_EQ(absolute_path("/a/./b/../c/"), "/a/c");
  EXPECT_EQ(absolute_path("/"), "/");
  EXPECT_EQ(absolute_path("/.."), "/");
  EXPECT_EQ(absolute_path("/a/."), "/a");
  EXPECT_EQ(absolute_path("/caf\xe9"), "/caf\xe9");
  const std::string here = *absolute_path(".");
  EXPECT_EQ(absolute_path("x"), join(here, "x"));
  EXPECT_FALSE(here.ends_with('/'));
  EXPECT_FALSE(absolute_path(""));
}

TEST(LocalFiles, MakesFoldersOnceAndSaysWhatIsInTheWay) {
  const TempFolder folder;

  EXPECT_TRUE(make_directories(folder / "a/b/c", 0700));
  EXPECT_TRUE(make_directories(folder / "a/b/c", 0700));
  EXPECT_TRUE(make_directories(folder / "a/b//c/", 0700));
  EXPECT_EQ(status_of_path(folder / "a/b/c")->mode, 0700U);
  folder.write("file", "");
  EXPECT_EQ(make_directories(folder / "file").error().kind, ErrorKind::kConflict);
  EXPECT_EQ(make_directories(folder / "file/x").error().kind, ErrorKind::kConflict);
}

TEST(LocalFiles, ListsSortedByBytes) {
  const TempFolder folder;
  for (const char* name : {"b", "a", "\xff", "B", ".hidden"}) folder.write(name, "");

  EXPECT_EQ(list_directory(folder.path()),
            (std::vector<std::string>{".hidden", "B", "a", "b", "\xff"}));
  EXPECT_EQ(list_directory(folder / "none").error().kind, ErrorKind::kNotFound);
}

TEST(LocalFiles, RemovesWhatIsThereAndIsContentWhereNothingIs) {
  const TempFolder folder;
  folder.write("tree/a/b", "x");
  folder.write("outside/kept", "x");
  ASSERT_TRUE(shell(folder.path(), "ln -s ../outside tree/link"));

  EXPECT_TRUE(remove_tree(folder / "tree"));
  EXPECT_TRUE(remove_tree(folder / "tree"));
  EXPECT_TRUE(remove_file(folder / "none"));

  EXPECT_FALSE(exists(folder / "tree"));
  EXPECT_EQ(folder.read("outside/kept"), "x");
}

TEST(LocalFile, AppendsReadsAndCuts) {
  const TempFolder folder;
  {
    Result<LocalFile> file = LocalFile::open_for_appending(folder / "journal");
    ASSERT_TRUE(file);
    EXPECT_TRUE(file->append(as_bytes("first ")));
    EXPECT_TRUE(file->sync());
  }
  Result<LocalFile> file = LocalFile::open_for_appending(folder / "journal");
  EXPECT_TRUE(file->append(as_bytes("second")));

  EXPECT_EQ(as_text(*file->read_range({0, 12})), "first second");
  EXPECT_EQ(as_text(*file->read_range({6, 6})), "second");
  EXPECT_EQ(file->read_range({6, 7}).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(file->read_range({13, 0}).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(file->read_range({1, 0xffffffffffffffff}).error().kind, ErrorKind::kCorrupt)
      << "no overflow, no huge allocation";
  EXPECT_TRUE(file->truncate(5));
  EXPECT_EQ(file->size(), 5U);
  EXPECT_EQ(LocalFile::open_for_reading(folder / "none").error().kind, ErrorKind::kNotFound);
}

// Out of the page cache, so that the range comes from the disk.
void drop_from_cache(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::fdatasync(fd), 0);
  ASSERT_EQ(::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
  ::close(fd);
}

TEST(LocalFile, ReadsALongRangeOnceFromTheDiskAsFromTheCache) {
  const TempFolder folder;
  constexpr std::uint64_t kSize = (3U << 20U) + 1234;
  folder.write("file", as_text(test::counted_bytes(kSize)));
  const Result<LocalFile> file = LocalFile::open_for_reading(folder / "file");
  for (const ByteRange range :
       {ByteRange{0, kSize}, ByteRange{4096, 1U << 20U}, ByteRange{5000, 700'000},
        ByteRange{kSize - 300'001, 300'001}, ByteRange{17, 100}, ByteRange{kSize, 0}}) {
    const Result<Bytes> expected = file->read_range(range);
    drop_from_cache(folder / "file");

    const Result<Bytes> read = file->read_range_once(range);

    ASSERT_TRUE(read) << read.error().message;
    EXPECT_TRUE(*read == *expected) << range.offset;
  }
  drop_from_cache(folder / "file");
  EXPECT_EQ(file->read_range_once({1, kSize}).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(file->read_range_once({1, 0xffffffffffffffff}).error().kind, ErrorKind::kCorrupt);
}

TEST(OsError, MeansSomethingElseForASourceThanForOurs) {
  EXPECT_EQ(os_error(ENOENT, Whose::kSource, "open", "x").kind, ErrorKind::kSourceGone);
  EXPECT_EQ(os_error(ENOENT, Whose::kOurs, "open", "x").kind, ErrorKind::kNotFound);
  EXPECT_EQ(os_error(EACCES, Whose::kSource, "open", "x").kind, ErrorKind::kSourceDenied);
  EXPECT_EQ(os_error(EACCES, Whose::kOurs, "open", "x").kind, ErrorKind::kRefused);
  EXPECT_EQ(os_error(EIO, Whose::kSource, "read", "x").kind, ErrorKind::kSourceDenied)
      << "one bad sector must not end the backup";
  EXPECT_EQ(os_error(EIO, Whose::kOurs, "read", "x").kind, ErrorKind::kUnavailable);
  EXPECT_EQ(os_error(ENOSPC, Whose::kOurs, "write", "x").kind, ErrorKind::kQuotaExceeded);
  EXPECT_EQ(os_error(EDQUOT, Whose::kOurs, "write", "x").kind, ErrorKind::kQuotaExceeded);
  EXPECT_EQ(os_error(ETXTBSY, Whose::kSource, "open", "x").kind, ErrorKind::kSourceBusy);
  EXPECT_EQ(os_error(EACCES, Whose::kOurs, "open", "a\x1b[b").message,
            "open a\\x1b[b: permission denied");
}

}  // namespace
}  // namespace obhut::platform
