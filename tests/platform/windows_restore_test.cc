// How the Windows half writes restored trees, hostile ones too.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/tree_writer.h"
#include "platform/windows_metadata.h"
#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using test::TempFolder;
using testing::HasSubstr;

constexpr std::int64_t kTime = 1'600'000'000'123'456'700;

EntryMetadata plain(std::uint32_t mode = 0644) {
  EntryMetadata metadata;
  metadata.mode = mode;
  metadata.mtime_ns = kTime;
  return metadata;
}

Result<Placed> put(TreeWriter& writer, std::string_view path, std::string_view content,
                   const EntryMetadata& metadata = plain()) {
  ASSIGN_OR_RETURN(std::optional<TargetFile> file, writer.create_file(path));
  if (!file) return Placed{PlaceOutcome::kKept, std::string(path), {}, {}};
  TRY(file->write_at(0, as_bytes(content)));
  return file->commit(content.size(), metadata);
}

std::vector<std::string> names_in(const std::string& folder) {
  return list_directory(folder).value_or(std::vector<std::string>{"(none)"});
}

TEST(WindowsTreeWriter, WritesFilesWithTheirTimes) {
  const TempFolder folder;
  auto writer = TreeWriter::open(folder.path(), {});
  ASSERT_TRUE(writer) << writer.error().message;
  ASSERT_TRUE(writer->make_directory("sub"));

  const auto placed = put(*writer, "sub/\xc3\xa4", "content");

  ASSERT_TRUE(placed) << placed.error().message;
  EXPECT_EQ(placed->outcome, PlaceOutcome::kCreated);
  EXPECT_TRUE(placed->problems.empty()) << placed->problems.front().message;
  EXPECT_EQ(folder.read("sub/\xc3\xa4"), "content");
  EXPECT_EQ(status_of_path(folder / "sub/\xc3\xa4")->mtime_ns, kTime);
  EXPECT_EQ(placed->identity, status_of_path(folder / "sub/\xc3\xa4")->identity());
  EXPECT_TRUE(writer->finish_directory("sub", plain(0755)));
  EXPECT_EQ(status_of_path(folder / "sub")->mtime_ns, kTime);
  EXPECT_TRUE(writer->sync());
}

TEST(WindowsTreeWriter, WritesToWhereThingsWere) {
  const TempFolder folder;
  auto writer = TreeWriter::open("/", {});
  ASSERT_TRUE(writer) << writer.error().message;

  const auto placed = put(*writer, (folder / "file").substr(1), "content");

  ASSERT_TRUE(placed) << placed.error().message;
  EXPECT_EQ(folder.read("file"), "content");
}

TEST(WindowsTreeWriter, LeavesNothingOfAFileThatWasNotFinished) {
  const TempFolder folder;
  auto writer = TreeWriter::open(folder.path(), {});
  {
    auto file = writer->create_file("half");
    ASSERT_TRUE(file && *file);
    ASSERT_TRUE((*file)->write_at(0, as_bytes(std::string_view("some"))));
  }
  EXPECT_TRUE(names_in(folder.path()).empty());
}

TEST(WindowsTreeWriter, KeepsReplacesOrPutsBesideWhatIsThere) {
  const TempFolder folder;
  folder.write("file.txt", "theirs");
  const auto with = [&](ExistingPolicy policy) {
    auto writer = TreeWriter::open(folder.path(), {.existing = policy});
    return put(*writer, "file.txt", "ours");
  };

  EXPECT_EQ(with(ExistingPolicy::kKeep)->outcome, PlaceOutcome::kKept);
  EXPECT_EQ(folder.read("file.txt"), "theirs");
  const auto beside = with(ExistingPolicy::kKeepBoth);
  EXPECT_EQ(beside->outcome, PlaceOutcome::kRenamed);
  EXPECT_EQ(beside->path, "file (restored).txt");
  EXPECT_EQ(folder.read("file (restored).txt"), "ours");
  EXPECT_EQ(with(ExistingPolicy::kOverwrite)->outcome, PlaceOutcome::kReplaced);
  EXPECT_EQ(folder.read("file.txt"), "ours");
}

TEST(WindowsTreeWriter, ReplacesAFileThatMayOnlyBeRead) {
  const TempFolder folder;
  folder.write("file", "theirs");
  const Result<std::wstring> path = win::native_path(folder / "file");
  ASSERT_NE(::SetFileAttributesW(path->c_str(), FILE_ATTRIBUTE_READONLY), 0);
  auto writer = TreeWriter::open(folder.path(), {.existing = ExistingPolicy::kOverwrite});

  const auto placed = put(*writer, "file", "ours");

  ASSERT_TRUE(placed) << placed.error().message;
  EXPECT_EQ(folder.read("file"), "ours");
}

TEST(WindowsTreeWriter, NeverReplacesAFolderThatHoldsSomething) {
  const TempFolder folder;
  folder.write("name/inside", "theirs");
  auto writer = TreeWriter::open(folder.path(), {.existing = ExistingPolicy::kOverwrite});

  const auto placed = put(*writer, "name", "ours");

  ASSERT_FALSE(placed);
  EXPECT_EQ(placed.error().kind, ErrorKind::kConflict) << placed.error().message;
  EXPECT_EQ(folder.read("name/inside"), "theirs");
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"name"}) << "nothing half stays";
}

TEST(WindowsTreeWriter, BringsBackWhatOnlyWindowsKnows) {
  const TempFolder folder;
  folder.write("from", "x");
  const Result<std::wstring> from = win::native_path(folder / "from");
  ASSERT_NE(::SetFileAttributesW(from->c_str(), FILE_ATTRIBUTE_READONLY), 0);
  EntryMetadata metadata = plain();
  metadata.xattrs = Directory::open(folder.path())->open_file("from")->xattrs().value();
  auto writer = TreeWriter::open(folder / "to", {});

  const auto placed = put(*writer, "copy", "x", metadata);

  ASSERT_TRUE(placed) << placed.error().message;
  EXPECT_TRUE(placed->problems.empty()) << placed->problems.front().message;
  const Result<std::wstring> copy = win::native_path(folder / "to/copy");
  EXPECT_NE(::GetFileAttributesW(copy->c_str()) & FILE_ATTRIBUTE_READONLY, 0U);
  ASSERT_NE(::SetFileAttributesW(copy->c_str(), FILE_ATTRIBUTE_NORMAL), 0);
  ASSERT_NE(::SetFileAttributesW(from->c_str(), FILE_ATTRIBUTE_NORMAL), 0);
}

TEST(WindowsTreeWriter, GivesAFileOfAnotherSystemWhatBothKnow) {
  const TempFolder folder;
  auto writer = TreeWriter::open(folder.path(), {});

  ASSERT_TRUE(put(*writer, "fixed", "x", plain(0444)));
  ASSERT_TRUE(put(*writer, "free", "x", plain(0600)));

  const Result<std::wstring> fixed = win::native_path(folder / "fixed");
  const Result<std::wstring> free = win::native_path(folder / "free");
  EXPECT_NE(::GetFileAttributesW(fixed->c_str()) & FILE_ATTRIBUTE_READONLY, 0U);
  EXPECT_EQ(::GetFileAttributesW(free->c_str()) & FILE_ATTRIBUTE_READONLY, 0U);
  EXPECT_FALSE(holds_attribute("user.note"));
  EXPECT_TRUE(holds_attribute("windows.security"));
}

TEST(WindowsTreeWriter, LinksNamesOfOneFile) {
  const TempFolder folder;
  auto writer = TreeWriter::open(folder.path(), {});
  const auto first = put(*writer, "first", "x");
  ASSERT_TRUE(first);

  const auto second = writer->make_hard_link("second", "first", first->identity);
  const auto other = writer->make_hard_link("third", "first", {1, 2});

  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(status_of_path(folder / "second")->identity(), first->identity);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(names_in(folder.path()), (std::vector<std::string>{"first", "second"}));
}

TEST(WindowsTreeWriter, LeavesHolesAlone) {
  const TempFolder folder;
  auto writer = TreeWriter::open(folder.path(), {});
  auto file = writer->create_file("sparse");
  ASSERT_TRUE(file && *file);
  ASSERT_TRUE((*file)->write_at(5'000'000, as_bytes(std::string_view("end"))));
  ASSERT_TRUE((*file)->commit(6'000'000, plain()));

  const Result<Bytes> content = read_file(folder / "sparse", 10'000'000);
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_EQ(content->size(), 6'000'000U);
  EXPECT_EQ(as_text(ByteView(*content).subspan(5'000'000, 3)), "end");
  EXPECT_EQ((*content)[4'999'999], 0);
}

TEST(WindowsTreeWriter, LetsNoNameLeadOutOfTheTarget) {
  const TempFolder folder;
  folder.make("target");
  folder.write("outside", "untouched");
  auto writer = TreeWriter::open(folder / "target", {.existing = ExistingPolicy::kOverwrite});

  for (const std::string_view path :
       {"../outside", "..\\outside", "a\\..\\..\\outside", "/C/x", "C:\\x", "C:x", "file:stream",
        "\\\\server\\share\\x", "con\\..", "a/../../outside", "..", "", "."}) {
    const auto file = writer->create_file(path);
    EXPECT_FALSE(file) << path;
    EXPECT_FALSE(writer->make_directory(path)) << path;
    EXPECT_FALSE(writer->make_hard_link("link", path, {1, 1})) << path;
  }

  EXPECT_EQ(folder.read("outside"), "untouched");
  EXPECT_TRUE(names_in(folder / "target").empty());
}

TEST(WindowsTreeWriter, TellsWhatWindowsCannotHold) {
  const TempFolder folder;
  auto writer = TreeWriter::open(folder.path(), {});

  const auto fifo = writer->make_special("fifo", FileType::kFifo, 0, plain());
  const auto name = put(*writer, "what?", "x");

  ASSERT_FALSE(fifo);
  EXPECT_EQ(fifo.error().kind, ErrorKind::kUnsupported);
  ASSERT_FALSE(name);
  EXPECT_THAT(name.error().message, HasSubstr("Windows takes no such name"));
}

TEST(WindowsTreeWriter, TakesNothingForALinkButALink) {
  const TempFolder folder;
  auto writer = TreeWriter::open(folder.path(), {});
  EntryMetadata metadata = plain();
  // A tag without the bit that says "another place": drivers trust what they find in such ones.
  metadata.xattrs = {{"windows.reparse", {0x17, 0, 0, 0x80, 4, 0, 0, 0, 1, 2, 3, 4}}};

  const auto link = writer->make_symlink("link", "target", metadata);

  ASSERT_FALSE(link);
  EXPECT_EQ(link.error().kind, ErrorKind::kRefused) << link.error().message;
  EXPECT_TRUE(names_in(folder.path()).empty());
}

TEST(WindowsTreeWriter, ListsRightsAndStreamsThatMakeNoSense) {
  const TempFolder folder;
  auto writer = TreeWriter::open(folder.path(), {});
  EntryMetadata metadata = plain();
  Bytes beyond(20, 0);  // a descriptor whose owner lies far behind its end
  beyond[0] = 1;
  beyond[3] = 0x80;
  beyond[4] = 0xf0;
  beyond[5] = 0xff;
  metadata.xattrs = {{"windows.security", beyond}, {"windows.streams", {255, 255, 255, 255, 1}}};

  const auto placed = put(*writer, "file", "x", metadata);

  ASSERT_TRUE(placed) << placed.error().message;
  ASSERT_EQ(placed->problems.size(), 2U);
  EXPECT_EQ(placed->problems[0].kind, ErrorKind::kCorrupt);
  EXPECT_EQ(placed->problems[1].kind, ErrorKind::kCorrupt);
  EXPECT_EQ(folder.read("file"), "x");
}

}  // namespace
}  // namespace obhut::platform
