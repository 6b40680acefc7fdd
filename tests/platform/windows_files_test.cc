// How the Windows half reads: paths, names and what a file system tells.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/filesystem.h"
#include "platform/win.h"
#include "platform/windows_metadata.h"
#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using test::counted_bytes;
using test::TempFolder;
using testing::HasSubstr;

std::string native(std::string_view path) {
  const Result<std::wstring> wide = win::native_path(path);
  return wide ? win::to_wtf8(*wide) : wide.error().message;
}

TEST(WindowsPaths, ReachTheSystemWithoutItsLimitsAndOldRules) {
  EXPECT_EQ(native("/C/Users/x"), R"(\\?\C:\Users\x)");
  EXPECT_EQ(native("C:/Users/x"), R"(\\?\C:\Users\x)");
  EXPECT_EQ(native(R"(C:\Users\\x\)"), R"(\\?\C:\Users\x)");
  EXPECT_EQ(native("/C"), R"(\\?\C:\)");
  EXPECT_EQ(native("/UNC/server/share/x"), R"(\\?\UNC\server\share\x)");
  EXPECT_EQ(native(R"(\\server\share\x)"), R"(\\?\UNC\server\share\x)");
  EXPECT_EQ(native("/C/a/nul"), R"(\\?\C:\a\nul)");
  EXPECT_EQ(native("/C/a/dots..."), R"(\\?\C:\a\dots...)");
  EXPECT_EQ(native("//?/Volume{1}/x"), R"(\\?\Volume{1}\x)");
}

TEST(WindowsPaths, HangFromOneRoot) {
  EXPECT_EQ(*absolute_path(R"(c:\Users\.\x\..\y)"), "/C/Users/y");
  EXPECT_EQ(*absolute_path("/C/../../x"), "/C/x");
  EXPECT_EQ(*absolute_path(R"(\\server\share\a\..\..\b)"), "/UNC/server/share/b");
  EXPECT_EQ(*absolute_path("C:\\"), "/C");
  EXPECT_EQ(*absolute_path("/"), "/");
  EXPECT_EQ(system_text("/C/Users/x"), R"(C:\Users\x)");
  EXPECT_EQ(system_text("/UNC/server/share/x"), R"(\\server\share\x)");
  EXPECT_EQ(shown("/C"), "C:/");
  EXPECT_EQ(shown("/C/Users/x"), "C:/Users/x");
  EXPECT_EQ(shown("/UNC/server/share/x"), "//server/share/x");
  for (const char* same : {"", "/", "/UNC", "/srv/data", "a/b"}) EXPECT_EQ(shown(same), same);
}

TEST(WindowsPaths, AreRefusedWhereTheyNameNothing) {
  EXPECT_THAT(native(""), HasSubstr("empty"));
  EXPECT_THAT(native(std::string_view("/C/a\0b", 6)), HasSubstr("zero"));
  EXPECT_THAT(native("/C/\xff"), HasSubstr("not UTF-8"));
  EXPECT_THAT(native("/UNC/server"), HasSubstr("no drive"));
  EXPECT_THAT(native("/srv/data"), HasSubstr("no drive"));
  EXPECT_EQ(*absolute_path("/srv/data"), "/srv/data") << "another system's: stays what it is";
  EXPECT_EQ(Directory::open("/srv/data").error().kind, ErrorKind::kSourceGone);
}

TEST(WindowsPaths, KnowWhichNamesLeadElsewhere) {
  for (const std::string_view bad :
       {"", ".", "..", "a\\b", "a/b", "a:b", "C:", "a?", "a*", "a\"", "a<", "a>", "a|", "a\x1f"}) {
    EXPECT_FALSE(win::entry_name(bad)) << bad;
  }
  for (const std::string_view good :
       {"a", "nul", "trailing.", "trailing ", "...", "\xed\xa0\x80"}) {
    EXPECT_TRUE(win::entry_name(good)) << good;
  }
}

TEST(WindowsDirectory, ListsAndReadsByHandle) {
  const TempFolder folder;
  folder.write("file", "content");
  folder.write("\xc3\xa4/\xe2\x82\xac", "euro");
  folder.make("empty");
  const auto directory = Directory::open(folder.path());
  ASSERT_TRUE(directory) << directory.error().message;

  std::map<std::string, FileType> found;
  ASSERT_TRUE(directory->list([&](std::string_view name, FileType type) {
    found.emplace(name, type);
    return true;
  }));
  const auto child = directory->open_child("\xc3\xa4");
  ASSERT_TRUE(child) << child.error().message;
  const auto file = child->open_file("\xe2\x82\xac");
  ASSERT_TRUE(file) << file.error().message;
  Bytes content(10);

  EXPECT_EQ(found, (std::map<std::string, FileType>{{"file", FileType::kRegular},
                                                    {"\xc3\xa4", FileType::kDirectory},
                                                    {"empty", FileType::kDirectory}}));
  EXPECT_EQ(*file->read_at(0, content), 4U);
  EXPECT_EQ(as_text(ByteView(content).first(4)), "euro");
  EXPECT_EQ(file->status()->size, 4U);
  EXPECT_EQ(file->path(), folder / "\xc3\xa4/\xe2\x82\xac");
}

TEST(WindowsDirectory, FindsAllThatIsInALargeOne) {
  const TempFolder folder;
  for (int i = 0; i < 2000; ++i)
    folder.write("file with a rather long name " + std::to_string(i), "");
  const auto directory = Directory::open(folder.path());
  ASSERT_TRUE(directory);
  for (int round = 0; round < 2; ++round) {
    std::size_t count = 0;
    ASSERT_TRUE(directory->list([&](std::string_view, FileType) {
      ++count;
      return true;
    }));
    EXPECT_EQ(count, 2000U) << "from the beginning each time";
  }
}

TEST(WindowsDirectory, IsReadBeyondTheOldLimitOfPaths) {
  const TempFolder folder;
  const std::string name(200, 'n');
  std::string deep = folder.path();
  for (int i = 0; i < 10; ++i) deep = join(deep, name);
  ASSERT_TRUE(make_directories(deep, 0755));
  ASSERT_TRUE(write_file(join(deep, "file"), as_bytes(std::string_view("deep")), 0644));

  Result<Directory> at = Directory::open(folder.path());
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(at) << at.error().message;
    at = at->open_child(name);
  }

  ASSERT_TRUE(at) << at.error().message;
  const auto file = at->open_file("file");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->status()->size, 4U);
}

TEST(WindowsDirectory, TellsWhatIsMissingAndWhatIsNoFile) {
  const TempFolder folder;
  folder.make("sub");
  folder.write("file", "x");
  const auto directory = Directory::open(folder.path());
  ASSERT_TRUE(directory);

  EXPECT_EQ(directory->open_file("none").error().kind, ErrorKind::kSourceGone);
  EXPECT_EQ(directory->status_of("none").error().kind, ErrorKind::kSourceGone);
  EXPECT_FALSE(directory->open_file("sub"));
  EXPECT_FALSE(directory->open_child("file"));
  EXPECT_EQ(directory->open_file("..\\x").error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(Directory::open(folder / "none").error().kind, ErrorKind::kSourceGone);
}

TEST(WindowsDirectory, TellsAFileThatAnotherProgramHasForItself) {
  const TempFolder folder;
  folder.write("locked", "x");
  const Result<std::wstring> path = win::native_path(folder / "locked");
  const Handle held = win::handle_of(
      ::CreateFileW(path->c_str(), GENERIC_WRITE, 0, nullptr, OPEN_EXISTING, 0, nullptr));
  ASSERT_TRUE(held.valid());

  const auto file = Directory::open(folder.path())->open_file("locked");

  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, ErrorKind::kSourceBusy) << file.error().message;
}

TEST(WindowsDirectory, KnowsAFileThatTookAnothersName) {
  const TempFolder folder;
  folder.write("a", "one");
  folder.write("b", "two");
  const auto directory = Directory::open(folder.path());
  const auto a = directory->status_of("a");
  ASSERT_TRUE(a);

  EXPECT_TRUE(directory->open_file("a", a->identity()));
  EXPECT_EQ(directory->open_file("b", a->identity()).error().kind, ErrorKind::kSourceGone);
}

TEST(WindowsDirectory, HasOneRootAboveAllDrives) {
  const auto root = Directory::open("/");
  ASSERT_TRUE(root) << root.error().message;
  std::vector<std::string> drives;
  ASSERT_TRUE(root->list([&](std::string_view name, FileType type) {
    EXPECT_EQ(type, FileType::kDirectory);
    drives.emplace_back(name);
    return true;
  }));
  EXPECT_THAT(drives, testing::Contains("C"));
  EXPECT_EQ(root->status()->type, FileType::kDirectory);
  EXPECT_EQ(root->status_of("C")->type, FileType::kDirectory);
  const auto drive = root->open_child("C");
  ASSERT_TRUE(drive) << drive.error().message;
  EXPECT_TRUE(drive->status_of("windows")) << "Windows lies there";
}

TEST(WindowsFile, TellsItsTimesAndItsHardLinks) {
  const TempFolder folder;
  folder.write("file", "x");
  const auto before = status_of_path(folder / "file");
  const auto directory = Directory::open(folder.path());
  const Result<std::wstring> link = win::native_path(folder / "link");
  const Result<std::wstring> file = win::native_path(folder / "file");
  ASSERT_NE(::CreateHardLinkW(link->c_str(), file->c_str(), nullptr), 0);

  const auto one = directory->status_of("file");
  const auto two = directory->status_of("link");

  EXPECT_EQ(one->identity(), two->identity());
  EXPECT_EQ(one->links, 2U);
  EXPECT_EQ(one->mtime_ns, before->mtime_ns);
  EXPECT_EQ(one->mtime_ns % 100, 0) << "ticks of 100 ns";
}

TEST(WindowsFile, KeepsWhatOnlyWindowsKnows) {
  const TempFolder folder;
  folder.write("file", "x");
  const Result<std::wstring> path = win::native_path(folder / "file");
  ASSERT_NE(::SetFileAttributesW(path->c_str(), FILE_ATTRIBUTE_READONLY), 0);

  const auto xattrs = Directory::open(folder.path())->open_file("file")->xattrs();

  ASSERT_TRUE(xattrs) << xattrs.error().message;
  std::vector<std::string> names;
  for (const Xattr& xattr : *xattrs) names.push_back(xattr.name);
  EXPECT_THAT(names,
              testing::ElementsAre("windows.attributes", "windows.created", "windows.security"));
  EXPECT_EQ(xattrs->at(0).value.size(), 4U);
  EXPECT_EQ(xattrs->at(0).value[0] & FILE_ATTRIBUTE_READONLY, FILE_ATTRIBUTE_READONLY);
  EXPECT_EQ(xattrs->at(1).value.size(), 8U);
  EXPECT_TRUE(std::ranges::is_sorted(*xattrs, {}, &Xattr::name));
}

}  // namespace
}  // namespace obhut::platform
