// Everything here tries to lead a restore outside its target.

#include <atomic>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/filesystem.h"
#include "platform/tree_writer.h"
#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using test::shell;
using test::TempFolder;

EntryMetadata hostile_metadata() {
  EntryMetadata metadata;
  metadata.mode = 0777;
  metadata.uid = ::geteuid();
  metadata.gid = ::getegid();
  metadata.mtime_ns = 1;
  return metadata;
}

Result<Placed> put(TreeWriter& writer, const std::string& path, std::string_view content) {
  ASSIGN_OR_RETURN(std::optional<TargetFile> file, writer.create_file(path));
  if (!file) return Placed{PlaceOutcome::kKept, path, {}, {}};
  TRY(file->write_at(0, as_bytes(content)));
  return file->commit(content.size(), hostile_metadata());
}

struct Case {
  ExistingPolicy existing;
  bool plain_calls;
};

class Hostile : public testing::TestWithParam<Case> {
 protected:
  Hostile() {
    folder_.write("outside/precious", "precious");
    folder_.make("outside/inner");
    folder_.make("target");
    before_ = listing();
  }
  [[nodiscard]] std::string listing() const {
    // Inode, mode, owner, modification time, link count, name of everything outside.
    const auto found =
        run({"find", {folder_ / "outside", "-printf", "%i %m %u %T@ %n %p\\n"}, {}, {}, {}});
    return found ? found->output : "";
  }
  [[nodiscard]] TreeWriter writer() const {
    TreeWriterOptions options;
    options.existing = GetParam().existing;
    options.plain_calls = GetParam().plain_calls;
    return std::move(*TreeWriter::open(folder_ / "target", options));
  }
  void expect_untouched() const {
    EXPECT_EQ(listing(), before_);
    EXPECT_EQ(folder_.read("outside/precious"), "precious");
  }

  TempFolder folder_;
  std::string before_;
};

INSTANTIATE_TEST_SUITE_P(
    TreeWriter, Hostile,
    testing::Values(Case{ExistingPolicy::kKeep, false}, Case{ExistingPolicy::kKeep, true},
                    Case{ExistingPolicy::kOverwrite, false}, Case{ExistingPolicy::kOverwrite, true},
                    Case{ExistingPolicy::kKeepBoth, false}, Case{ExistingPolicy::kKeepBoth, true}));

TEST_P(Hostile, RefusesPathsThatLeadElsewhere) {
  TreeWriter writer = this->writer();
  const EntryMetadata metadata = hostile_metadata();

  for (const std::string& path :
       {std::string("../outside/new"), std::string("a/../../outside/new"), folder_ / "outside/new",
        std::string(".."), std::string("."), std::string("./x"), std::string("a//b"),
        std::string("a/"), std::string("/"), std::string(""), std::string("nul\0byte", 8)}) {
    EXPECT_EQ(put(writer, path, "x").error().kind, ErrorKind::kInvalidInput) << path;
    EXPECT_FALSE(writer.make_directory(path)) << path;
    EXPECT_FALSE(writer.make_symlink(path, "x", metadata)) << path;
    EXPECT_FALSE(writer.make_special(path, FileType::kFifo, 0, metadata)) << path;
    EXPECT_FALSE(writer.make_hard_link("hard", path, {})) << path;
    const bool finished = !path.empty() && writer.finish_directory(path, metadata).has_value();
    EXPECT_FALSE(finished) << path;
  }
  EXPECT_TRUE(list_directory(folder_ / "target")->empty());
  expect_untouched();
}

// The oldest trick: the archive holds a link, and then a file behind the link.
TEST_P(Hostile, WritesNothingThroughALinkItMadeItself) {
  TreeWriter writer = this->writer();
  ASSERT_TRUE(writer.make_symlink("link", folder_ / "outside", hostile_metadata()));
  ASSERT_TRUE(writer.make_symlink("up", "..", hostile_metadata()));
  ASSERT_TRUE(writer.make_symlink("file", folder_ / "outside/precious", hostile_metadata()));

  EXPECT_EQ(put(writer, "link/new", "x").error().kind, ErrorKind::kConflict);
  EXPECT_EQ(put(writer, "up/outside/new", "x").error().kind, ErrorKind::kConflict);
  EXPECT_EQ(writer.make_directory("link/new").error().kind, ErrorKind::kConflict);
  EXPECT_EQ(writer.finish_directory("link", hostile_metadata()).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(writer.finish_directory("link/inner", hostile_metadata()).error().kind,
            ErrorKind::kConflict);
  static_cast<void>(put(writer, "file", "x"));
  static_cast<void>(writer.make_directory("link"));
  static_cast<void>(put(writer, "link/precious", "x"));
  static_cast<void>(writer.finish_directory("link", hostile_metadata()));

  expect_untouched();
}

TEST_P(Hostile, WritesNothingThroughALinkThatWasThereBefore) {
  ASSERT_TRUE(shell(folder_.path(),
                    "ln -s ../outside target/docs && ln -s ../../outside/precious target/file && "
                    "mkdir target/real && ln -s ../../outside target/real/link"));
  TreeWriter writer = this->writer();

  static_cast<void>(writer.make_directory("docs"));
  static_cast<void>(put(writer, "docs/precious", "x"));
  static_cast<void>(put(writer, "docs/new", "x"));
  static_cast<void>(writer.finish_directory("docs", hostile_metadata()));
  static_cast<void>(put(writer, "file", "x"));
  static_cast<void>(put(writer, "real/link/new", "x"));
  static_cast<void>(writer.make_hard_link("real/link/hard", "file", {}));

  expect_untouched();
}

TEST_P(Hostile, LinksToNothingOutside) {
  TreeWriter writer = this->writer();
  const FileIdentity precious = status_of_path(folder_ / "outside/precious")->identity();
  ASSERT_TRUE(writer.make_symlink("link", folder_ / "outside", hostile_metadata()));
  ASSERT_TRUE(writer.make_symlink("file", folder_ / "outside/precious", hostile_metadata()));

  EXPECT_FALSE(writer.make_hard_link("hard", "link/precious", precious));
  EXPECT_FALSE(writer.make_hard_link("hard", "file", precious))
      << "a link is not what it points to";
  EXPECT_FALSE(writer.make_hard_link("hard", "../outside/precious", precious));

  EXPECT_FALSE(exists(folder_ / "target/hard"));
  expect_untouched();
}

TEST_P(Hostile, LinksOnlyToTheInodeThatItPlaced) {
  TreeWriter writer = this->writer();
  const Placed first = *put(writer, "first", "x");
  // A local user puts another file under that name before the second one comes.
  ASSERT_TRUE(shell(folder_.path(),
                    "ln outside/precious target/swap && mv target/first first.bak && mv "
                    "target/swap target/first"));

  EXPECT_EQ(writer.make_hard_link("second", "first", first.identity).error().kind,
            ErrorKind::kConflict);

  ASSERT_TRUE(shell(folder_.path(), "rm target/first"));
  EXPECT_FALSE(exists(folder_ / "target/second"));
}

// A local user swaps a folder of the target for a link to the outside, over and over.
TEST_P(Hostile, NeverEscapesWhileFoldersAreSwappedForLinks) {
  folder_.make("outside/trap");
  before_ = listing();
  ASSERT_TRUE(shell(folder_.path(), "mkdir target/victim && ln -s ../outside/trap target/decoy"));
  std::atomic<int> swaps = 0;
  std::jthread attacker([&](const std::stop_token& stop) {
    const std::string victim = folder_ / "target/victim";
    const std::string decoy = folder_ / "target/decoy";
    while (!stop.stop_requested()) {
      if (::renameat2(AT_FDCWD, victim.c_str(), AT_FDCWD, decoy.c_str(), RENAME_EXCHANGE) == 0)
        ++swaps;
    }
  });
  int written = 0;  // some of it must get through, else nothing is tried
  for (int round = 0; round < 300 || swaps < 1000 || written == 0; ++round) {
    // A new writer each time: nothing is answered from handles it kept.
    TreeWriter writer = this->writer();
    const std::string number = std::to_string(round);
    static_cast<void>(writer.make_directory("victim/d" + number));
    if (put(writer, "victim/f" + number, "x")) ++written;
    static_cast<void>(put(writer, "victim/d" + number + "/f", "x"));
    static_cast<void>(writer.make_symlink("victim/l" + number, "x", hostile_metadata()));
    static_cast<void>(writer.finish_directory("victim/d" + number, hostile_metadata()));
    ASSERT_LT(round, 1'000'000);
  }
  attacker.request_stop();
  attacker.join();

  EXPECT_TRUE(list_directory(folder_ / "outside/trap")->empty());
  expect_untouched();
}

}  // namespace
}  // namespace obhut::platform
