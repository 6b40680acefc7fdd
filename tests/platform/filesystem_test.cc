#include "platform/filesystem.h"

#include <algorithm>
#include <map>
#include <thread>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using test::shell;
using test::TempFolder;

std::map<std::string, FileType> names_in(const Directory& directory) {
  std::map<std::string, FileType> names;
  EXPECT_TRUE(directory.list([&](std::string_view name, FileType type) {
    names.emplace(name, type);
    return true;
  }));
  return names;
}

TEST(Directory, ListsEveryTypeOfEntry) {
  const TempFolder folder;
  folder.write("file", "x");
  folder.make("directory");
  ASSERT_TRUE(shell(folder.path(), "ln -s nowhere link && mkfifo fifo"));
  const bool devices = shell(folder.path(), "mknod null c 1 3 && mknod disk b 7 200");
  const Result<Directory> directory = Directory::open(folder.path());
  ASSERT_TRUE(directory);

  const auto names = names_in(*directory);

  EXPECT_EQ(names.at("file"), FileType::kRegular);
  EXPECT_EQ(names.at("directory"), FileType::kDirectory);
  EXPECT_EQ(names.at("link"), FileType::kSymlink);
  EXPECT_EQ(names.at("fifo"), FileType::kFifo);
  EXPECT_EQ(names.size(), devices ? 6U : 4U);
  if (devices) {
    EXPECT_EQ(names.at("null"), FileType::kCharDevice);
    EXPECT_EQ(directory->status_of("null")->rdev, (std::uint64_t{1} << 32) | 3);
    EXPECT_EQ(directory->status_of("disk")->type, FileType::kBlockDevice);
    EXPECT_EQ(directory->status_of("disk")->rdev, (std::uint64_t{7} << 32) | 200);
  }
}

TEST(Directory, ListsTheSameTwiceAndMoreNamesThanOneBufferHolds) {
  const TempFolder folder;
  ASSERT_TRUE(
      shell(folder.path(),
            "seq -f 'a rather long name to fill the buffer %g' 3000 | xargs -d '\\n' touch"));
  const Result<Directory> directory = Directory::open(folder.path());
  ASSERT_TRUE(directory);

  EXPECT_EQ(names_in(*directory).size(), 3000U);
  EXPECT_EQ(names_in(*directory).size(), 3000U);
}

TEST(Directory, StopsListingWhenToldSo) {
  const TempFolder folder;
  folder.write("a", "");
  folder.write("b", "");
  int seen = 0;

  EXPECT_TRUE(Directory::open(folder.path())->list([&](std::string_view, FileType) {
    ++seen;
    return false;
  }));

  EXPECT_EQ(seen, 1);
}

TEST(Directory, TellsTheStatusToTheNanosecond) {
  const TempFolder folder;
  folder.write("file", "12345");
  ASSERT_TRUE(
      shell(folder.path(),
            "chmod 4751 file && touch -d '1969-12-31T23:59:58.123456789Z' file && ln file other"));

  const Result<FileStatus> status = Directory::open(folder.path())->status_of("file");

  ASSERT_TRUE(status);
  EXPECT_EQ(status->type, FileType::kRegular);
  EXPECT_EQ(status->mode, 04751U);
  EXPECT_EQ(status->size, 5U);
  EXPECT_EQ(status->mtime_ns, -2'000'000'000 + 123'456'789);
  EXPECT_EQ(status->links, 2U);
  EXPECT_EQ(status->identity(), Directory::open(folder.path())->status_of("other")->identity());
}

TEST(Directory, CopesWithNamesThatAreNotUtf8AndWith255Bytes) {
  const TempFolder folder;
  const std::string odd = "caf\xe9 \x01\xff";
  const std::string longest(255, '\xfe');
  folder.write(odd, "odd");
  folder.write(longest, "long");
  const Result<Directory> directory = Directory::open(folder.path());
  ASSERT_TRUE(directory);

  EXPECT_TRUE(names_in(*directory).contains(odd));
  Bytes content(8);
  EXPECT_EQ(directory->open_file(longest)->read_at(0, content), 4U);
  EXPECT_EQ(directory->open_file(odd)->read_at(0, content), 3U);
}

TEST(Directory, NamesTheMissingEntryPrintably) {
  const TempFolder folder;
  const Result<FileStatus> status = Directory::open(folder.path())->status_of("gone\n");

  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::kSourceGone);
  EXPECT_EQ(status.error().message,
            "stat " + folder.path() + "/gone\\x0a: no such file or directory");
}

TEST(Directory, NeverLooksOutsideItself) {
  const TempFolder folder;
  folder.write("in/file", "x");
  folder.write("secret", "x");
  const Result<Directory> directory = Directory::open(folder / "in");
  ASSERT_TRUE(directory);

  for (const std::string_view name :
       {std::string_view(".."), std::string_view("../secret"), std::string_view("/etc/passwd"),
        std::string_view("file/"), std::string_view(""), std::string_view("a\0b", 3)}) {
    EXPECT_FALSE(directory->status_of(name)) << name;
    EXPECT_FALSE(directory->open_file(name)) << name;
    EXPECT_FALSE(directory->open_child(name)) << name;
    EXPECT_FALSE(directory->read_link(name)) << name;
  }
}

TEST(Directory, FollowsNoSymbolicLink) {
  const TempFolder folder;
  folder.write("real/file", "x");
  ASSERT_TRUE(shell(folder.path(), "ln -s real link && ln -s real/file flink"));
  const Result<Directory> directory = Directory::open(folder.path());
  ASSERT_TRUE(directory);

  EXPECT_EQ(directory->open_child("link").error().kind, ErrorKind::kSourceGone);
  EXPECT_EQ(directory->open_file("flink").error().kind, ErrorKind::kSourceGone);
  EXPECT_EQ(directory->read_link("flink"), "real/file");
  EXPECT_EQ(directory->status_of("link")->type, FileType::kSymlink);
}

TEST(Directory, DoesNotHangOnAFifoInPlaceOfAFile) {
  const TempFolder folder;
  ASSERT_TRUE(shell(folder.path(), "mkfifo file"));

  const Result<SourceFile> file = Directory::open(folder.path())->open_file("file");

  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, ErrorKind::kSourceGone);
}

TEST(Directory, RefusesAnotherFileUnderTheSameName) {
  const TempFolder folder;
  folder.write("file", "old");
  const Result<Directory> directory = Directory::open(folder.path());
  const FileIdentity before = directory->status_of("file")->identity();
  ASSERT_TRUE(shell(folder.path(), "cp file new && mv new file"));

  EXPECT_FALSE(directory->open_file("file", before));
  EXPECT_TRUE(directory->open_file("file", directory->status_of("file")->identity()));
}

TEST(SourceFile, IsNotColdOnceItWasRead) {
  const TempFolder folder;
  folder.write("file", as_text(test::counted_bytes(300'000)));
  const Result<SourceFile> file = Directory::open(folder.path())->open_file("file");
  ASSERT_TRUE(file);
  Bytes room(300'000);
  ASSERT_TRUE(file->read_at(0, room));

  EXPECT_FALSE(file->is_cold({0, 300'000}));
  EXPECT_FALSE(file->is_cold({0, 0}));
  file->advise_dont_need({0, 300'000});
  file->advise_will_need({0, 300'000});
  EXPECT_EQ(*file->read_at(0, room), 300'000U);
  EXPECT_TRUE(room == test::counted_bytes(300'000)) << "advice changes nothing but speed";
}

TEST(Directory, LeavesAccessTimesAlone) {
  const TempFolder folder;
  folder.write("file", "content");
  ASSERT_TRUE(
      shell(folder.path(),
            "touch -a -d '2001-01-01T00:00:00Z' file && touch -d '2002-01-01T00:00:00Z' -m file"));
  const Result<SourceFile> file = Directory::open(folder.path())->open_file("file");
  Bytes content(7);
  ASSERT_EQ(file->read_at(0, content), 7U);

  struct stat found {};
  ASSERT_EQ(::stat((folder / "file").c_str(), &found), 0);

  EXPECT_EQ(found.st_atim.tv_sec, 978307200);
}

TEST(Directory, ReadsLongLinkTargets) {
  const TempFolder folder;
  const std::string target(4000, 't');
  ASSERT_EQ(::symlink(target.c_str(), (folder / "link").c_str()), 0);

  EXPECT_EQ(Directory::open(folder.path())->read_link("link"), target);
}

TEST(Directory, ReadsAttributesOfFilesDirectoriesLinksAndFifos) {
  const TempFolder folder;
  folder.write("file", "x");
  folder.make("inner");
  ASSERT_TRUE(shell(folder.path(), "ln -s nowhere link && mkfifo fifo"));
  const std::string big(3000, 'b');
  if (::setxattr((folder / "file").c_str(), "user.note", "hello", 5, 0) != 0) {
    GTEST_SKIP() << "no user attributes on this file system";
  }
  ASSERT_EQ(::setxattr((folder / "file").c_str(), "user.big", big.data(), big.size(), 0), 0);
  ASSERT_EQ(::setxattr((folder / "inner").c_str(), "user.dir", "d", 1, 0), 0);
  const bool root = ::geteuid() == 0;
  if (root) {
    ASSERT_EQ(::lsetxattr((folder / "link").c_str(), "trusted.of-link", "l", 1, 0), 0);
    ASSERT_EQ(::lsetxattr((folder / "fifo").c_str(), "trusted.of-fifo", "f", 1, 0), 0);
  }
  const Result<Directory> directory = Directory::open(folder.path());
  const auto without_labels = [](Result<Xattrs> found) {
    std::erase_if(*found, [](const Xattr& one) { return one.name.starts_with("security."); });
    return *found;
  };

  EXPECT_EQ(
      without_labels(directory->open_file("file")->xattrs()),
      (Xattrs{{"user.big", to_bytes(as_bytes(big))}, {"user.note", to_bytes(as_bytes("hello"))}}));
  EXPECT_EQ(without_labels(directory->open_child("inner")->xattrs()),
            (Xattrs{{"user.dir", to_bytes(as_bytes("d"))}}));
  if (root) {
    EXPECT_EQ(without_labels(directory->xattrs_of("link")),
              (Xattrs{{"trusted.of-link", to_bytes(as_bytes("l"))}}));
    EXPECT_EQ(without_labels(directory->xattrs_of("fifo")),
              (Xattrs{{"trusted.of-fifo", to_bytes(as_bytes("f"))}}));
  }
}

TEST(Directory, GoesUpAgainUnlessItWasMoved) {
  const TempFolder folder;
  folder.make("a/b");
  folder.make("elsewhere");
  const Result<Directory> top = Directory::open(folder.path());
  const Result<Directory> a = top->open_child("a");
  const Result<Directory> b = a->open_child("b");
  const FileIdentity identity = a->status()->identity();

  const Result<Directory> again = b->open_parent(identity);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->path(), folder / "a");

  ASSERT_TRUE(shell(folder.path(), "mv a/b elsewhere/"));
  EXPECT_EQ(b->open_parent(identity).error().kind, ErrorKind::kSourceGone);
  EXPECT_FALSE(top->open_parent(identity)) << "nothing is known about what is above";
}

TEST(Directory, OpensPathsLongerThanTheSystemTakesAtOnce) {
  const TempFolder folder;
  std::string path = folder.path();
  const std::string name(200, 'n');
  Result<Directory> at = Directory::open(path);
  for (int level = 0; level < 60; ++level) {
    ASSERT_EQ(::mkdirat(static_cast<int>(at->handle().native()), name.c_str(), 0755), 0);
    path += "/" + name;
    at = at->open_child(name);
    ASSERT_TRUE(at);
  }

  const Result<Directory> direct = Directory::open(path);

  ASSERT_TRUE(direct) << direct.error().message.substr(0, 200);
  EXPECT_EQ(direct->status()->identity(), at->status()->identity());
  EXPECT_EQ(at->path(), path);
}

TEST(Directory, KnowsCacheFoldersByTheirSignature) {
  const TempFolder folder;
  folder.write("cache/CACHEDIR.TAG",
               "Signature: 8a477f597d28d172789f06886806bc55\n# made by a test");
  folder.write("fake/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc54\n");
  folder.write("short/CACHEDIR.TAG", "Signature: 8a47");
  folder.make("none");

  EXPECT_TRUE(Directory::open(folder / "cache")->is_cache());
  EXPECT_FALSE(Directory::open(folder / "fake")->is_cache());
  EXPECT_FALSE(Directory::open(folder / "short")->is_cache());
  EXPECT_FALSE(Directory::open(folder / "none")->is_cache());
}

TEST(Directory, KnowsFileSystemsThatTheKernelMakesUp) {
  const TempFolder folder;

  EXPECT_EQ(Directory::open("/proc")->file_system_kind(), FileSystemKind::kPseudo);
  EXPECT_EQ(Directory::open(folder.path())->file_system_kind(), FileSystemKind::kLocal);
}

TEST(SourceFile, MapsDataAndHoles) {
  const TempFolder folder;
  ASSERT_TRUE(shell(folder.path(),
                    "truncate -s 10M sparse && printf data | dd of=sparse bs=1 seek=4194304 "
                    "conv=notrunc status=none && sync sparse"));
  const Result<SourceFile> file = Directory::open(folder.path())->open_file("sparse");
  const std::uint64_t size = file->status()->size;
  if (file->next_data(0, size)->value().length == size) GTEST_SKIP() << "no holes here";

  const std::optional<ByteRange> data = *file->next_data(0, size);
  ASSERT_TRUE(data);
  EXPECT_LE(data->offset, 4194304U);
  EXPECT_GE(data->offset + data->length, 4194308U);
  EXPECT_LT(data->length, 1U << 20);
  EXPECT_FALSE(*file->next_data(data->offset + data->length, size)) << "a hole up to the end";
  EXPECT_FALSE(*file->next_data(size, size));
}

TEST(SourceFile, ReadsLessOnlyAtTheEnd) {
  const TempFolder folder;
  folder.write("file", "0123456789");
  const Result<SourceFile> file = Directory::open(folder.path())->open_file("file");
  Bytes into(8);

  EXPECT_EQ(file->read_at(0, into), 8U);
  EXPECT_EQ(file->read_at(8, into), 2U);
  EXPECT_EQ(file->read_at(10, into), 0U);
  EXPECT_EQ(file->read_at(1ULL << 40, into), 0U);
}

TEST(SourceFile, TellsFlagsThatCanBeSetAgain) {
  const TempFolder folder;
  folder.write("file", "x");
  if (!shell(folder.path(), "chattr +d file")) GTEST_SKIP() << "no flags on this file system";

  EXPECT_EQ(Directory::open(folder.path())->open_file("file")->flags(), 0x40U)
      << "nodump, and not the extents flag";
}

TEST(AccountNames, KnowsBothWays) {
  AccountNames names;

  EXPECT_EQ(names.user(0), "root");
  EXPECT_EQ(names.user_id("root"), 0U);
  EXPECT_EQ(names.group(0), "root");
  EXPECT_EQ(names.group_id("root"), 0U);
  EXPECT_EQ(names.user(3'999'999'999), "");
  EXPECT_EQ(names.user_id("nobody by that name"), std::nullopt);
}

TEST(AccountNames, AnswersManyThreads) {
  AccountNames names;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&names] {
      for (std::uint32_t uid = 0; uid < 100; ++uid) EXPECT_EQ(names.user(uid), names.user(uid));
    });
  }
}

}  // namespace
}  // namespace obhut::platform
