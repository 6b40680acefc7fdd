#include "platform/tree_writer.h"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "platform/filesystem.h"
#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using test::shell;
using test::TempFolder;

EntryMetadata mine(std::uint32_t mode = 0644) {
  EntryMetadata metadata;
  metadata.mode = mode;
  metadata.uid = ::geteuid();
  metadata.gid = ::getegid();
  metadata.mtime_ns = 1'234'567'890'123'456'789;
  return metadata;
}

TreeWriter writer_at(const std::string& target, ExistingPolicy existing = ExistingPolicy::kKeep,
                     bool plain = false) {
  TreeWriterOptions options;
  options.existing = existing;
  options.plain_calls = plain;
  return std::move(*TreeWriter::open(target, options));
}

Result<Placed> put(TreeWriter& writer, const std::string& path, std::string_view content,
                   const EntryMetadata& metadata = mine()) {
  ASSIGN_OR_RETURN(std::optional<TargetFile> file,
                   writer.create_file(path, {metadata.mode, false}));
  if (!file) return Placed{PlaceOutcome::kKept, path, {}, {}};
  TRY(file->write_at(0, as_bytes(content)));
  return file->commit(content.size(), metadata);
}

std::string first_problem(const std::vector<Error>& problems) {
  return problems.empty() ? "" : problems.front().message;
}

/// Not every file system does.
bool takes_unnamed_files(const std::string& folder) {
  const int file = ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (file >= 0) ::close(file);
  return file >= 0;
}

class BothWays : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(TreeWriter, BothWays, testing::Bool());

TEST_P(BothWays, PutsFilesWithContentModeAndTimes) {
  const TempFolder folder;
  TreeWriter writer = writer_at(folder / "new/target", ExistingPolicy::kKeep, GetParam());
  ASSERT_TRUE(writer.make_directory("a"));
  ASSERT_TRUE(writer.make_directory("a/b"));

  const Result<Placed> placed = put(writer, "a/b/file", "content", mine(0640));

  ASSERT_TRUE(placed) << placed.error().message;
  EXPECT_EQ(placed->outcome, PlaceOutcome::kCreated);
  EXPECT_EQ(first_problem(placed->problems), "");
  EXPECT_EQ(folder.read("new/target/a/b/file"), "content");
  const FileStatus status = *status_of_path(folder / "new/target/a/b/file");
  EXPECT_EQ(status.mode, 0640U);
  EXPECT_EQ(status.mtime_ns, 1'234'567'890'123'456'789);
  EXPECT_EQ(status.identity(), placed->identity);
  EXPECT_TRUE(writer.sync());
}

TEST_P(BothWays, KeepsHolesAndTheSizeBehindThem) {
  const TempFolder folder;
  TreeWriter writer = writer_at(folder.path(), ExistingPolicy::kKeep, GetParam());
  std::optional<TargetFile> file = *writer.create_file("sparse");
  ASSERT_TRUE(file->write_at(4 << 20, as_bytes("data")));

  ASSERT_TRUE(file->commit(64 << 20, mine()));

  const FileStatus status = *status_of_path(folder / "sparse");
  EXPECT_EQ(status.size, 64U << 20);
  EXPECT_LT(status.blocks * 512, 1U << 20);
}

TEST_P(BothWays, LeavesNothingOfAFileThatIsNotCommitted) {
  const TempFolder folder;
  TreeWriter writer = writer_at(folder / "target", ExistingPolicy::kKeep, GetParam());
  {
    std::optional<TargetFile> file = *writer.create_file("file");
    ASSERT_TRUE(file->write_at(0, as_bytes("half")));
    EXPECT_FALSE(exists(folder / "target/file")) << "no half file under the real name";
    const bool unnamed = !GetParam() && takes_unnamed_files(folder / "target");
    EXPECT_EQ(list_directory(folder / "target")->size(), unnamed ? 0U : 1U)
        << "where it has no name, a kill -9 leaves nothing either";
  }

  EXPECT_TRUE(list_directory(folder / "target")->empty());
}

TEST(TreeWriter, GivesDirectoriesTheirTimesAfterTheirContent) {
  const TempFolder folder;
  TreeWriter writer = writer_at(folder / "target");
  ASSERT_TRUE(writer.make_directory("d"));
  EXPECT_EQ(status_of_path(folder / "target/d")->mode, 0700U) << "private while it fills";
  ASSERT_TRUE(put(writer, "d/file", "x"));

  const Result<std::vector<Error>> problems = writer.finish_directory("d", mine(0555));

  ASSERT_TRUE(problems);
  EXPECT_EQ(first_problem(*problems), "");
  EXPECT_EQ(status_of_path(folder / "target/d")->mode, 0555U);
  EXPECT_EQ(status_of_path(folder / "target/d")->mtime_ns, 1'234'567'890'123'456'789);
  ASSERT_TRUE(writer.finish_directory("", mine(0750)));
  EXPECT_EQ(status_of_path(folder / "target")->mode, 0750U);
}

TEST(TreeWriter, MakesLinksFifosAndDevices) {
  const TempFolder folder;
  TreeWriter writer = writer_at(folder.path());

  const Result<Placed> link = writer.make_symlink("link", "/etc/../any where", mine(0777));
  const Result<Placed> fifo = writer.make_special("fifo", FileType::kFifo, 0, mine(0620));

  ASSERT_TRUE(link) << link.error().message;
  ASSERT_TRUE(fifo) << fifo.error().message;
  EXPECT_EQ(first_problem(link->problems), "");
  EXPECT_EQ(first_problem(fifo->problems), "");
  const Result<Directory> directory = Directory::open(folder.path());
  EXPECT_EQ(directory->read_link("link"), "/etc/../any where");
  EXPECT_EQ(directory->status_of("link")->mtime_ns, 1'234'567'890'123'456'789);
  EXPECT_EQ(directory->status_of("fifo")->type, FileType::kFifo);
  EXPECT_EQ(directory->status_of("fifo")->mode, 0620U);
  EXPECT_EQ(directory->status_of("fifo")->mtime_ns, 1'234'567'890'123'456'789);
  const Result<Placed> device =
      writer.make_special("null", FileType::kCharDevice, (std::uint64_t{1} << 32) | 3, mine(0600));
  if (device) {
    EXPECT_EQ(directory->status_of("null")->rdev, (std::uint64_t{1} << 32) | 3);
  } else {
    EXPECT_EQ(device.error().kind, ErrorKind::kRefused) << "only without the right to it";
  }
  EXPECT_FALSE(writer.make_special("odd", FileType::kRegular, 0, mine()));
}

TEST(TreeWriter, SetsAttributesOfFilesDirectoriesAndLinks) {
  const TempFolder folder;
  if (!shell(folder.path(),
             "touch probe && setfattr -n user.a -v b probe 2>/dev/null || python3 -c \"import os; "
             "os.setxattr('probe', b'user.a', b'b')\"")) {
    GTEST_SKIP() << "no user attributes on this file system";
  }
  TreeWriter writer = writer_at(folder / "target");
  EntryMetadata metadata = mine(0400);
  metadata.xattrs = {{"user.empty", {}}, {"user.note", to_bytes(as_bytes("hello"))}};

  ASSERT_TRUE(put(writer, "file", "x", metadata));
  ASSERT_TRUE(writer.make_directory("d"));
  ASSERT_EQ(first_problem(*writer.finish_directory("d", metadata)), "");
  const Result<Directory> directory = Directory::open(folder / "target");
  EXPECT_EQ(directory->open_file("file")->xattrs(), metadata.xattrs);
  EXPECT_EQ(directory->open_child("d")->xattrs(), metadata.xattrs);
  if (::geteuid() == 0) {
    EntryMetadata of_link = mine();
    of_link.xattrs = {{"trusted.l", to_bytes(as_bytes("v"))}};
    ASSERT_TRUE(writer.make_symlink("link", "file", of_link));
    EXPECT_EQ(directory->xattrs_of("link"), of_link.xattrs);
  }
}

TEST(TreeWriter, ReportsAnAttributeThatCannotBeSetAndKeepsTheFile) {
  const TempFolder folder;
  TreeWriter writer = writer_at(folder.path());
  EntryMetadata metadata = mine();
  metadata.xattrs = {{"nonsense.name", to_bytes(as_bytes("v"))}};

  const Result<Placed> placed = put(writer, "file", "x", metadata);

  ASSERT_TRUE(placed);
  ASSERT_EQ(placed->problems.size(), 1U);
  EXPECT_TRUE(placed->problems[0].message.starts_with("set nonsense.name of file: "))
      << placed->problems[0].message;
  EXPECT_EQ(folder.read("file"), "x");
}

// A default ACL on the folder must not leak onto files that had none, and one that the backup has
// must come back with the mode that belongs to it.
TEST(TreeWriter, RestoresPosixAclsExactly) {
  const TempFolder folder;
  if (!shell(folder.path(),
             "mkdir source target && echo x > source/with && echo x > source/without && "
             "setfacl -m u:65534:rw source/with && setfacl -d -m u:12345:rwx target")) {
    GTEST_SKIP() << "no POSIX ACLs on this file system";
  }
  TreeWriter writer = writer_at(folder / "target", ExistingPolicy::kOverwrite);
  const Result<Directory> source = Directory::open(folder / "source");
  for (const char* name : {"with", "without"}) {
    const SourceFile file = std::move(*source->open_file(name));
    EntryMetadata metadata = mine(file.status()->mode);
    metadata.xattrs = *file.xattrs();
    ASSERT_EQ(first_problem(put(writer, name, "x", metadata)->problems), "");
  }

  EXPECT_TRUE(shell(folder.path(),
                    "cd source && getfacl -n with without > ../a && cd ../target && getfacl -n "
                    "with without > ../b && cmp ../a ../b"));
}

TEST(TreeWriter, SetsFlagsLast) {
  const TempFolder folder;
  if (!shell(folder.path(), "touch probe && chattr +d probe")) {
    GTEST_SKIP() << "no flags on this file system";
  }
  TreeWriter writer = writer_at(folder / "target");
  EntryMetadata metadata = mine();
  metadata.flags = 0x40;                         // nodump
  if (::geteuid() == 0) metadata.flags |= 0x10;  // immutable

  const Result<Placed> placed = put(writer, "file", "x", metadata);
  const std::uint32_t flags = Directory::open(folder / "target")->open_file("file")->flags();
  shell(folder.path(), "chattr -i target/file");

  EXPECT_EQ(first_problem(placed->problems), "");
  EXPECT_EQ(flags, metadata.flags);
}

TEST(TreeWriter, SetsOwnersByNameOrByNumber) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const TempFolder folder;
  AccountNames names;
  const std::uint32_t nobody = *names.user_id("nobody");
  EntryMetadata metadata = mine(06755);
  metadata.uid = 4242;
  metadata.gid = 4243;
  metadata.user = "nobody";
  metadata.group = "no such group";
  TreeWriter by_name = writer_at(folder / "by-name");
  TreeWriterOptions numeric;
  numeric.numeric_owner = true;
  TreeWriter by_number = std::move(*TreeWriter::open(folder / "by-number", numeric));

  ASSERT_TRUE(put(by_name, "file", "x", metadata));
  ASSERT_TRUE(by_name.make_symlink("link", "file", metadata));
  ASSERT_TRUE(put(by_number, "file", "x", metadata));

  const FileStatus named = *status_of_path(folder / "by-name/file");
  EXPECT_EQ(named.uid, nobody);
  EXPECT_EQ(named.gid, 4243U) << "a name unknown here leaves the number";
  EXPECT_EQ(named.mode, 06755U) << "changing the owner clears suid: it must come after";
  EXPECT_EQ(Directory::open(folder / "by-name")->status_of("link")->uid, nobody);
  EXPECT_EQ(status_of_path(folder / "by-number/file")->uid, 4242U);
}

TEST(TreeWriter, DropsSuidWhereTheOwnerIsAnother) {
  const TempFolder folder;
  TreeWriterOptions options;
  options.set_owner = false;
  TreeWriter writer = std::move(*TreeWriter::open(folder.path(), options));
  EntryMetadata metadata = mine(06755);
  metadata.uid = 4242;
  metadata.gid = 4242;

  const Result<Placed> placed = put(writer, "file", "x", metadata);

  EXPECT_EQ(status_of_path(folder / "file")->mode, 0755U);
  EXPECT_EQ(placed->problems.size(), 1U);
}

TEST_P(BothWays, ReportsWhatAnUnprivilegedUserCannotSet) {
  if (::geteuid() != 0) GTEST_SKIP() << "root becomes nobody for this";
  const TempFolder folder;
  ASSERT_TRUE(shell(folder.path(), "chmod 755 . && mkdir target && chown 65534:65534 target"));
  ASSERT_EQ(::setegid(65534), 0);
  ASSERT_EQ(::seteuid(65534), 0);
  EntryMetadata metadata = mine(04755);
  metadata.uid = 0;
  metadata.gid = 0;
  TreeWriter writer = writer_at(folder / "target", ExistingPolicy::kKeep, GetParam());

  const Result<Placed> placed = put(writer, "file", "x", metadata);
  const Result<Placed> device = writer.make_special("null", FileType::kCharDevice, 259, metadata);

  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_EQ(::setegid(0), 0);
  ASSERT_TRUE(placed);
  EXPECT_FALSE(placed->problems.empty());
  EXPECT_EQ(status_of_path(folder / "target/file")->mode, 0755U);
  EXPECT_EQ(device.error().kind, ErrorKind::kRefused);
}

TEST_P(BothWays, LinksNamesOfOneFile) {
  const TempFolder folder;
  TreeWriter writer = writer_at(folder.path(), ExistingPolicy::kKeep, GetParam());
  ASSERT_TRUE(writer.make_directory("a"));
  ASSERT_TRUE(writer.make_directory("b"));
  const Placed first = *put(writer, "a/one", "x");

  const Result<Placed> second = writer.make_hard_link("b/two", "a/one", first.identity);

  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(status_of_path(folder / "b/two")->identity(), first.identity);
  EXPECT_EQ(status_of_path(folder / "a/one")->links, 2U);
  EXPECT_EQ(list_directory(folder / "b"), (std::vector<std::string>{"two"}));
}

TEST(TreeWriter, LinksOverAnExistingFileAndOntoItself) {
  const TempFolder folder;
  TreeWriter writer = writer_at(folder.path(), ExistingPolicy::kOverwrite);
  const Placed first = *put(writer, "one", "x");
  folder.write("two", "old");

  EXPECT_EQ(writer.make_hard_link("two", "one", first.identity)->outcome, PlaceOutcome::kReplaced);
  EXPECT_TRUE(writer.make_hard_link("two", "one", first.identity)) << "the same link again";

  EXPECT_EQ(folder.read("two"), "x");
  EXPECT_EQ(list_directory(folder.path()), (std::vector<std::string>{"one", "two"}));
}

TEST(TreeWriter, KeepsExistingEntries) {
  const TempFolder folder;
  folder.write("file", "mine");
  folder.make("dir");
  ASSERT_TRUE(shell(folder.path(), "ln -s file link && chmod 0711 dir"));
  TreeWriter writer = writer_at(folder.path(), ExistingPolicy::kKeep);

  const Result<std::optional<TargetFile>> file = writer.create_file("file");
  ASSERT_TRUE(file);
  EXPECT_FALSE(*file) << "its content need not be fetched";
  EXPECT_EQ(writer.make_symlink("link", "other", mine())->outcome, PlaceOutcome::kKept);
  EXPECT_EQ(writer.make_special("file", FileType::kFifo, 0, mine())->outcome, PlaceOutcome::kKept);
  EXPECT_EQ(writer.make_directory("dir")->outcome, PlaceOutcome::kMerged);
  ASSERT_TRUE(writer.finish_directory("dir", mine(0777)));
  EXPECT_EQ(writer.make_directory("file").error().kind, ErrorKind::kConflict);
  EXPECT_EQ(writer.create_file("file/below").error().kind, ErrorKind::kConflict);

  EXPECT_EQ(folder.read("file"), "mine");
  EXPECT_EQ(status_of_path(folder / "dir")->mode, 0711U) << "an existing directory stays as it is";
}

TEST_P(BothWays, KeepsWhatIsThereThoughItsDirectoryWasCalledNew) {
  const TempFolder folder;
  folder.write("file", "theirs");
  TreeWriter writer = writer_at(folder.path(), ExistingPolicy::kKeep, GetParam());
  std::optional<TargetFile> file = *writer.create_file("file", {0644, true});
  ASSERT_TRUE(file->write_at(0, as_bytes("ours")));

  EXPECT_EQ(file->commit(4, mine())->outcome, PlaceOutcome::kKept);

  EXPECT_EQ(folder.read("file"), "theirs");
  EXPECT_EQ(list_directory(folder.path())->size(), 1U);
}

TEST_P(BothWays, GivesTheModeWhateverWasSaidAndMasked) {
  const TempFolder folder;
  TreeWriter writer = writer_at(folder.path(), ExistingPolicy::kKeep, GetParam());
  const mode_t before = ::umask(0077);
  for (const std::uint32_t said : {0600U, 0644U, 0777U, 0U}) {
    for (const std::uint32_t wanted : {0600U, 0644U, 0666U, 01755U, 0U}) {
      const std::string name = std::to_string(said) + " " + std::to_string(wanted);
      EXPECT_TRUE((*writer.create_file(name, {said, false}))->commit(0, mine(wanted)));
      EXPECT_EQ(status_of_path(folder / name)->mode, wanted) << name;
    }
  }
  ::umask(before);
}

TEST_P(BothWays, KeepsAFileThatAppearedWhileOursWasWritten) {
  const TempFolder folder;
  TreeWriter writer = writer_at(folder.path(), ExistingPolicy::kKeep, GetParam());
  std::optional<TargetFile> file = *writer.create_file("file");
  ASSERT_TRUE(file->write_at(0, as_bytes("ours")));
  folder.write("file", "theirs");

  EXPECT_EQ(file->commit(4, mine())->outcome, PlaceOutcome::kKept);

  EXPECT_EQ(folder.read("file"), "theirs");
  EXPECT_EQ(list_directory(folder.path())->size(), 1U);
}

TEST_P(BothWays, OverwritesWhateverCanBeReplacedInOneStep) {
  const TempFolder folder;
  folder.write("file", "old");
  folder.make("empty");
  folder.write("full/precious", "precious");
  folder.write("was-file", "x");
  ASSERT_TRUE(shell(folder.path(), "ln -s full link && chmod 0711 full"));
  TreeWriter writer = writer_at(folder.path(), ExistingPolicy::kOverwrite, GetParam());

  EXPECT_EQ(put(writer, "file", "new")->outcome, PlaceOutcome::kReplaced);
  EXPECT_EQ(put(writer, "empty", "new")->outcome, PlaceOutcome::kReplaced);
  EXPECT_EQ(put(writer, "link", "new")->outcome, PlaceOutcome::kReplaced);
  EXPECT_EQ(put(writer, "full", "new").error().kind, ErrorKind::kConflict);
  EXPECT_EQ(writer.make_directory("was-file")->outcome, PlaceOutcome::kReplaced);
  EXPECT_EQ(writer.make_directory("full")->outcome, PlaceOutcome::kMerged);
  ASSERT_TRUE(writer.finish_directory("full", mine(0755)));

  EXPECT_EQ(folder.read("file"), "new");
  EXPECT_EQ(folder.read("empty"), "new");
  EXPECT_EQ(folder.read("link"), "new");
  EXPECT_EQ(folder.read("full/precious"), "precious");
  EXPECT_EQ(status_of_path(folder / "full")->mode, 0755U);
  EXPECT_EQ(list_directory(folder.path())->size(), 5U) << "no temporary file stays";
}

TEST_P(BothWays, KeepsBothByName) {
  const TempFolder folder;
  folder.write("notes.txt", "mine");
  folder.write("notes (restored).txt", "mine too");
  folder.write("dir", "a file");
  folder.write(".bashrc", "mine");
  TreeWriter writer = writer_at(folder.path(), ExistingPolicy::kKeepBoth, GetParam());

  EXPECT_EQ(put(writer, "notes.txt", "theirs")->path, "notes (restored 2).txt");
  EXPECT_EQ(put(writer, ".bashrc", "theirs")->path, ".bashrc (restored)");
  EXPECT_EQ(put(writer, "new.txt", "theirs")->outcome, PlaceOutcome::kCreated);
  EXPECT_EQ(writer.make_directory("dir")->path, "dir (restored)");
  EXPECT_EQ(writer.make_directory("dir/inner")->path, "dir (restored)/inner");
  const Placed below = *put(writer, "dir/inner/file", "theirs");
  EXPECT_EQ(below.path, "dir (restored)/inner/file");
  EXPECT_EQ(writer.make_hard_link("dir/again", "dir/inner/file", below.identity)->path,
            "dir (restored)/again");
  EXPECT_TRUE(writer.finish_directory("dir", mine(0700)));

  EXPECT_EQ(folder.read("notes.txt"), "mine");
  EXPECT_EQ(folder.read("notes (restored 2).txt"), "theirs");
  EXPECT_EQ(folder.read("dir"), "a file");
}

TEST(TreeWriter, CutsOtherNamesToWhatFitsAtACharacter) {
  const TempFolder folder;
  std::string name(247, 'n');
  name += "\u00e4\u00e4.md";  // 254 bytes
  folder.write(name, "mine");
  TreeWriter writer = writer_at(folder.path(), ExistingPolicy::kKeepBoth);

  const Result<Placed> placed = put(writer, name, "theirs");

  ASSERT_TRUE(placed) << placed.error().message;
  EXPECT_LE(placed->path.size(), 255U);
  EXPECT_TRUE(placed->path.ends_with("n (restored).md"));
}

TEST(TreeWriter, RestoresTreesDeeperThanAnyPath) {
  const TempFolder folder;
  for (const bool plain : {false, true}) {
    TreeWriter writer =
        writer_at(folder / (plain ? "plain" : "beneath"), ExistingPolicy::kKeep, plain);
    std::string path = "d";
    ASSERT_TRUE(writer.make_directory(path));
    for (int level = 1; level < (plain ? 500 : 4096); ++level) {
      path += "/d";
      ASSERT_TRUE(writer.make_directory(path)) << level;
    }
    ASSERT_TRUE(put(writer, path + "/file", "deep"));
    for (std::string up = path; up.size() > 1; up.resize(up.size() - 2)) {
      ASSERT_EQ(first_problem(*writer.finish_directory(up, mine(0755))), "");
    }

    const Result<Directory> bottom =
        Directory::open(folder / (plain ? "plain/" : "beneath/") + path);
    ASSERT_TRUE(bottom);
    Bytes content(4);
    EXPECT_EQ(bottom->open_file("file")->read_at(0, content), 4U);
  }
}

TEST(TreeWriter, CopesWithNamesThatAreNotUtf8AndWith255Bytes) {
  const TempFolder folder;
  TreeWriter writer = writer_at(folder.path());
  const std::string longest(255, '\xfe');

  ASSERT_TRUE(put(writer, longest, "long"));
  ASSERT_TRUE(put(writer, "caf\xe9\n", "odd"));

  EXPECT_EQ(folder.read(longest), "long");
  EXPECT_EQ(folder.read("caf\xe9\n"), "odd");
  EXPECT_EQ(put(writer, std::string(256, 'n'), "x").error().kind, ErrorKind::kInvalidInput);
}

}  // namespace
}  // namespace obhut::platform
