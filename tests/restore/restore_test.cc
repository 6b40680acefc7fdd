// Restores that meet something: existing files, damage, hostile points.

#include <gtest/gtest.h>

#include "agent/model/node.h"
#include "agent/pack/pack_index.h"
#include "agent/pack/pack_writer.h"
#include "agent/restore/archive_target.h"
#include "agent/seal/sealer.h"
#include "platform/local_files.h"
#include "tests/support/vault_bench.h"

namespace obhut::tests {
namespace {

using platform::ExistingPolicy;
using restore::RestoreOptions;

RestoreOptions with_policy(ExistingPolicy policy) {
  RestoreOptions options;
  options.writer.existing = policy;
  return options;
}

class ExistingFiles : public testing::Test {
 protected:
  void SetUp() override {
    write_file(bench.source() + "/file", "backed up");
    const auto report = bench.backup();
    ASSERT_TRUE(report) << report.error().message;
    point = report->summary;
    here = bench.landed(bench.target());
    make_folder(here);
    write_file(here + "/file", "was here");
  }
  VaultBench bench;
  model::Summary point;
  std::string here;
};

TEST_F(ExistingFiles, StayUnderKeep) {
  const auto report = bench.restore(point, bench.target(), with_policy(ExistingPolicy::kKeep));

  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->kept, 1u);
  EXPECT_EQ(report->files, 0u);
  EXPECT_EQ(read_file(here + "/file"), "was here");
}

TEST_F(ExistingFiles, AreReplacedUnderOverwrite) {
  const auto report = bench.restore(point, bench.target(), with_policy(ExistingPolicy::kOverwrite));

  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->kept, 0u);
  EXPECT_EQ(read_file(here + "/file"), "backed up");
  EXPECT_EQ(names_in(here), "file\n");
}

TEST_F(ExistingFiles, GetANeighbourUnderBoth) {
  const auto report = bench.restore(point, bench.target(), with_policy(ExistingPolicy::kKeepBoth));

  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->renamed, 1u);
  EXPECT_EQ(read_file(here + "/file"), "was here");
  EXPECT_EQ(read_file(here + "/file (restored)"), "backed up");
}

TEST(Restore, TakesOnlyThePathsAskedForAndTheirFolders) {
  if (kWindows) GTEST_SKIP() << "needs a shell, and links";
  VaultBench bench;
  run_shell("cd " + shell_quoted(bench.source()) +
            " && mkdir -p one/two other && echo 1 > one/two/wanted && echo 2 > one/not && echo 3 > "
            "other/not");
  const auto report = bench.backup();
  ASSERT_TRUE(report);
  RestoreOptions options;
  options.selection.paths = {*model::RelPath::parse_typed(bench.source() + "/one/two")};

  ASSERT_TRUE(bench.restore(report->summary, bench.target(), std::move(options)));

  EXPECT_EQ(run_shell("cd " + shell_quoted(bench.landed(bench.target())) + " && find . | sort"),
            ".\n./one\n./one/two\n./one/two/wanted\n");
}

TEST(Restore, RefusesASelectionThatIsNotThere) {
  VaultBench bench;
  const auto report = bench.backup();
  ASSERT_TRUE(report);
  RestoreOptions options;
  options.selection.paths = {*model::RelPath::parse("nothing/here")};

  const auto restored = bench.restore(report->summary, bench.target(), std::move(options));

  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().kind, ErrorKind::kInvalidInput);
}

/// a/b/one, a/b/deep/two, a second name of it beside it, and a link.
struct FoldersInFolders {
  FoldersInFolders() {
    run_shell("cd " + shell_quoted(bench.source()) +
              " && mkdir -p a/b/deep && chmod 710 a/b a/b/deep && echo 1 > a/b/one && echo 2 > "
              "a/b/deep/two && ln a/b/deep/two a/b/deep/again && ln -s one a/b/link");
    const auto report = bench.backup();
    EXPECT_TRUE(report);
    if (report) point = report->summary;
  }
  [[nodiscard]] model::RelPath path(const std::string& name) const {
    return *model::RelPath::parse_typed(bench.source() + "/" + name);
  }
  VaultBench bench;
  model::Summary point;
};

TEST(RestoreBelow, PutsWhatWasPickedIntoTheFolderItself) {
  if (kWindows) GTEST_SKIP() << "needs a shell, and links";
  FoldersInFolders there;
  make_folder(there.bench.target());
  run_shell("chmod 755 " + shell_quoted(there.bench.target()));
  RestoreOptions options;
  options.below = there.path("a/b");
  options.selection.paths = {there.path("a/b/one"), there.path("a/b/deep")};

  const auto report = there.bench.restore(there.point, there.bench.target(), options);

  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report->complete());
  EXPECT_EQ(report->directories, 1u);
  EXPECT_EQ(run_shell("cd " + shell_quoted(there.bench.target()) +
                      " && find . | sort && test deep/two -ef deep/again && stat -c %a . deep"),
            ".\n./deep\n./deep/again\n./deep/two\n./one\n755\n710\n");
}

TEST(RestoreBelow, TakesAFolderForItsContent) {
  if (kWindows) GTEST_SKIP() << "needs a shell, and links";
  FoldersInFolders there;
  RestoreOptions options;
  options.below = there.path("a");
  options.selection.paths = {there.path("a")};

  ASSERT_TRUE(there.bench.restore(there.point, there.bench.target(), options));

  EXPECT_EQ(manifest_difference(there.bench.source() + "/a/b", there.bench.target() + "/b"), "");
  EXPECT_EQ(names_in(there.bench.target()), "b\n");
}

TEST(RestoreBelow, RefusesWhatLiesElsewhereAndWritesNothing) {
  if (kWindows) GTEST_SKIP() << "needs a shell, and links";
  FoldersInFolders there;
  const auto refused = [&](const std::string& below, std::vector<model::RelPath> paths) {
    RestoreOptions options;
    options.below = there.path(below);
    options.selection.paths = std::move(paths);
    const auto report = there.bench.restore(there.point, there.bench.target(), options);
    return !report && report.error().kind == ErrorKind::kInvalidInput;
  };
  EXPECT_TRUE(refused("a/b/deep", {there.path("a/b/deep/two"), there.path("a/b/one")}));
  EXPECT_TRUE(refused("a/b/deep", {there.path("a/b")}));
  EXPECT_TRUE(refused("a/b/de", {there.path("a/b/deep")}));
  EXPECT_TRUE(refused("a", {}));
  EXPECT_TRUE(refused("a/b/one", {there.path("a/b/one")})) << "a file is no folder";
  EXPECT_EQ(names_in(there.bench.target()), "");
}

TEST(Restore, LinksAgainWhereOnlySomeNamesAreWanted) {
  if (kWindows) GTEST_SKIP() << "needs a shell, and links";
  VaultBench bench;
  run_shell("cd " + shell_quoted(bench.source()) +
            " && mkdir a b c && echo x > a/1 && ln a/1 b/2 && ln a/1 c/3");
  const auto report = bench.backup();
  ASSERT_TRUE(report);
  RestoreOptions options;
  options.selection.paths = {*model::RelPath::parse_typed(bench.source() + "/b"),
                             *model::RelPath::parse_typed(bench.source() + "/c")};

  ASSERT_TRUE(bench.restore(report->summary, bench.target(), std::move(options)));

  EXPECT_EQ(run_shell("cd " + shell_quoted(bench.landed(bench.target())) +
                      " && ls && test b/2 -ef c/3 && stat -c %h b/2"),
            "b\nc\n2\n");
}

// The first name keeps its content from the point before, the moved one is read anew and lies in
// another blob: still one file.
TEST(Restore, LinksNamesOfWhichOneWasMoved) {
  if (kWindows) GTEST_SKIP() << "needs a shell, and links";
  VaultBench bench;
  run_shell("cd " + shell_quoted(bench.source()) + " && mkdir a b && echo x > a/1 && ln a/1 b/2");
  write_file(bench.source() + "/b/other", "y");
  ASSERT_TRUE(bench.backup());
  run_shell("mv " + shell_quoted(bench.source() + "/b") + " " +
            shell_quoted(bench.source() + "/c"));
  const auto report = bench.backup();
  ASSERT_TRUE(report);

  ASSERT_TRUE(bench.restore(report->summary, bench.target()));

  EXPECT_EQ(manifest_difference(bench.source(), bench.landed(bench.target())), "");
}

TEST(Restore, LeavesOutWhatIsDamagedAndNamesIt) {
  if (kWindows) GTEST_SKIP() << "needs a shell, and links";
  VaultBench bench;
  write_file(bench.source() + "/large", content_of(1, 3'000'000, false));
  make_folder(bench.source() + "/z");
  write_file(bench.source() + "/z/small", "small");
  const auto report = bench.backup();
  ASSERT_TRUE(report);
  // The first byte of the data pack's first blob.
  auto objects = bench.memory.snapshot();
  for (auto& [name, body] : objects) {
    if (name.kind == model::ObjectKind::kPack && body.size() > 1'000'000) body[200] ^= 1;
  }
  bench.memory.restore(objects);

  const auto restored = bench.restore(report->summary, bench.target());

  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->missing, 1u);
  ASSERT_EQ(restored->problems.size(), 1u);
  const bool one_is_whole =
      run_shell("find " + shell_quoted(bench.target()) + " -type f | wc -l") == "1\n";
  EXPECT_TRUE(one_is_whole) << "nothing is written half";
}

// ---- points that no backup of ours would make

/// Stores hand-made nodes in a vault and gives the summary of a point made of them.
class HostilePoint {
 public:
  explicit HostilePoint(VaultBench& owner) : bench_(owner), sealer_(bench_.vault->keyring()) {}

  model::Ref data(std::string_view content) {
    return put(model::BlobKind::kData, as_bytes(content));
  }

  std::vector<model::Ref> directory(const std::vector<model::Entry>& entries) {
    model::NodeWriter writer;
    std::vector<model::Ref> parts;
    for (const model::Entry& entry : entries) {
      const auto part = writer.add(entry);
      EXPECT_TRUE(part) << part.error().message;
      if (part && *part) parts.push_back(put(model::BlobKind::kNodes, **part));
    }
    if (const auto part = writer.finish()) parts.push_back(put(model::BlobKind::kNodes, *part));
    return parts;
  }

  Result<restore::RestoreReport> restore(std::vector<model::Ref> root) {
    model::Summary summary;
    summary.root = std::move(root);
    RestoreOptions options = with_policy(ExistingPolicy::kOverwrite);
    return bench_.restore(summary, bench_.target(), std::move(options));
  }

  static model::Entry entry(std::string name, model::EntryType type) {
    model::Entry entry;
    entry.name = std::move(name);
    entry.type = type;
    entry.mode = 0755;
    return entry;
  }
  model::Entry file(std::string name, std::string_view content) {
    model::Entry made = entry(std::move(name), model::EntryType::kFile);
    made.size = content.size();
    made.content = {0, {model::Piece::of(data(content))}};
    return made;
  }
  static model::Entry link(std::string name, std::string target) {
    model::Entry made = entry(std::move(name), model::EntryType::kSymlink);
    made.symlink_target = std::move(target);
    return made;
  }
  model::Entry folder(std::string name, const std::vector<model::Entry>& entries) {
    model::Entry made = entry(std::move(name), model::EntryType::kDirectory);
    made.children = directory(entries);
    return made;
  }

 private:
  model::Ref put(model::BlobKind kind, ByteView plain) {
    pack::PackWriter writer(sealer_, kind);
    const BlobId id = sealer_.id_of(kind, plain);
    EXPECT_TRUE(writer.add(id, plain));
    auto pack = writer.finish();
    EXPECT_TRUE(pack);
    EXPECT_TRUE(bench_.store.put({model::ObjectKind::kPack, pack->info.name}, pack->bytes(), {}));
    const auto index = pack::seal_index(bench_.vault->keyring(), {{pack->info}, {}});
    EXPECT_TRUE(index);
    EXPECT_TRUE(store::put_named(bench_.store, model::ObjectKind::kIndex, *index, {}));
    return {id, 0, static_cast<std::uint32_t>(plain.size())};
  }
  VaultBench& bench_;
  seal::Sealer sealer_;
};

class HostilePoints : public testing::Test {
 protected:
  void SetUp() override {
    outside = bench.folder / "outside";
    make_folder(outside);
    write_file(outside + "/secret", "untouched");
  }
  void TearDown() override {
    EXPECT_EQ(read_file(outside + "/secret"), "untouched");
    EXPECT_EQ(names_in(outside), "secret\n");
    EXPECT_EQ(platform::status_of_path(outside + "/secret")->links, 1U);
  }
  VaultBench bench;
  HostilePoint point{bench};
  std::string outside;
};

// Names ascend strictly, so that one directory cannot hold a link and a folder of one name: the
// attack needs two points into one target, or a folder that was a link before.
TEST_F(HostilePoints, WriteNothingThroughALinkOfAnEarlierRestore) {
  ASSERT_TRUE(point.restore(point.directory({HostilePoint::link("a", outside)})));

  const auto second = point.restore(point.directory(
      {point.folder("a", {point.file("new", "x"), point.file("secret", "pwned")})}));

  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->files + second->missing, 2u);
}

TEST_F(HostilePoints, WriteNothingThroughALinkThatALocalUserLeft) {
  if (kWindows) GTEST_SKIP() << "needs a shell, and links";
  run_shell("mkdir -p " + shell_quoted(bench.target()) + " && ln -s " + shell_quoted(outside) +
            " " + shell_quoted(bench.target() + "/a"));

  (void)point.restore(point.directory({point.folder("a", {point.file("secret", "pwned")})}));
}

TEST_F(HostilePoints, ReplaceALinkAndNotItsTarget) {
  if (kWindows) GTEST_SKIP() << "needs a shell, and links";
  run_shell("mkdir -p " + shell_quoted(bench.target()) + " && ln -s " +
            shell_quoted(outside + "/secret") + " " + shell_quoted(bench.target() + "/a"));

  const auto report = point.restore(point.directory({point.file("a", "ours")}));

  ASSERT_TRUE(report);
  EXPECT_EQ(read_file(bench.target() + "/a"), "ours");
}

// Inode numbers in a point name no inode of this machine.
TEST_F(HostilePoints, LinkToNothingOutside) {
  model::Entry first = HostilePoint::link("a", outside + "/secret");
  first.links = 2;
  first.inode = 5;
  first.device = 6;
  model::Entry second = first;
  second.name = "b";

  const auto report = point.restore(point.directory({first, second}));

  ASSERT_TRUE(report) << report.error().message;
}

TEST_F(HostilePoints, DoNotTakeTwoFilesForOneBecauseTheirNumbersAreAlike) {
  model::Entry first = point.file("a", "first");
  first.links = 2;
  first.inode = 5;
  model::Entry second = point.file("b", "other");
  second.links = 2;
  second.inode = 5;
  second.changed.seconds = 1;

  const auto report = point.restore(point.directory({first, second}));

  ASSERT_TRUE(report);
  EXPECT_EQ(read_file(bench.target() + "/a"), "first");
  EXPECT_EQ(read_file(bench.target() + "/b"), "other");
}

// The number went to another file before the second name of the first was written.
TEST_F(HostilePoints, DoNotLinkANameToTheFileThatTookItsNumber) {
  model::Entry first = point.file("a", "first");
  first.links = 2;
  first.inode = 5;
  model::Entry its_other_name = first;
  its_other_name.name = "b";
  model::Entry second = point.file("c", "other");
  second.links = 2;
  second.inode = 5;
  second.changed.seconds = 1;

  const auto report = point.restore(point.directory({first, its_other_name, second}));

  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(read_file(bench.target() + "/b"), "first");
  EXPECT_EQ(read_file(bench.target() + "/c"), "other");
}

TEST_F(HostilePoints, WriteNoFileWhosePiecesLieOutsideTheirBlobs) {
  model::Entry beyond = point.file("beyond", "abc");
  beyond.content.pieces[0].ref->offset = 2;
  model::Entry elsewhere = point.file("elsewhere", "abc");
  elsewhere.content.pieces[0].ref->blob = BlobId{};

  const auto report = point.restore(point.directory({beyond, elsewhere}));

  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->missing, 2u);
  EXPECT_EQ(names_in(bench.target()), "");
}

TEST_F(HostilePoints, AddUpToNoMoreNamesThanTheyClaim) {
  if (kWindows) GTEST_SKIP() << "needs a shell, and links";
  std::vector<model::Entry> names;
  for (const char* name : {"a", "b", "c", "d"}) {
    model::Entry one = point.file(name, "same");
    one.links = 2;
    one.inode = 9;
    names.push_back(one);
  }

  const auto report = point.restore(point.directory(names));

  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(run_shell("cd " + shell_quoted(bench.target()) + " && cat a b c d"),
            "samesamesamesame");
}

// ---- archives

TEST(Export, MakesATarThatTarUnpacksBitForBit) {
  if (kWindows) GTEST_SKIP() << "needs a shell, and links";
  VaultBench bench;
  make_tree(bench.source(), random_items(81, 120));
  const auto report = bench.backup();
  ASSERT_TRUE(report);
  const auto index = bench.index();
  vault::BlobReader reader(bench.store, bench.vault->keyring(), *index, {.alignment = 1});
  std::string archive;
  const auto sink = [&](ByteView bytes) -> Result<void> {
    archive += as_text(bytes);
    return {};
  };

  const auto exported = restore::export_archive(reader, report->summary.root, {}, nullptr,
                                                restore::ArchiveFormat::kTar, sink, {});

  ASSERT_TRUE(exported) << exported.error().message;
  EXPECT_EQ(exported->missing, 0u);
  write_file(bench.folder / "a.tar", archive);
  const std::string into = bench.folder / "unpacked";
  int status = 0;
  run_shell("mkdir " + shell_quoted(into) + " && tar --xattrs --xattrs-include='*' -xpf " +
                shell_quoted(bench.folder / "a.tar") + " -C " + shell_quoted(into) + " 2>/dev/null",
            &status);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(manifest_difference(bench.source(), bench.landed(into)), "");
}

TEST(Export, MakesAZipWithTheFiles) {
  if (kWindows) GTEST_SKIP() << "needs a shell, and links";
  VaultBench bench;
  make_folder(bench.source() + "/d");
  write_file(bench.source() + "/d/file", content_of(1, 100'000, true));
  const auto report = bench.backup();
  ASSERT_TRUE(report);
  const auto index = bench.index();
  vault::BlobReader reader(bench.store, bench.vault->keyring(), *index, {.alignment = 1});
  std::string archive;
  ASSERT_TRUE(restore::export_archive(reader, report->summary.root, {}, nullptr,
                                      restore::ArchiveFormat::kZip,
                                      [&](ByteView bytes) -> Result<void> {
                                        archive += as_text(bytes);
                                        return {};
                                      },
                                      {}));
  write_file(bench.folder / "a.zip", archive);

  const std::string unpacked = run_shell(
      "python3 -c 'import zipfile,sys; z=zipfile.ZipFile(sys.argv[1]); "
      "sys.stdout.buffer.write(z.read(sys.argv[2]))' " +
      shell_quoted(bench.folder / "a.zip") + " " +
      shell_quoted(bench.source().substr(1) + "/d/file"));

  EXPECT_EQ(unpacked, content_of(1, 100'000, true));
}

}  // namespace
}  // namespace obhut::tests
