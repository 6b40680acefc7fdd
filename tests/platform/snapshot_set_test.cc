#include "platform/snapshot_set.h"

#include <algorithm>

#include <fcntl.h>
#include <unistd.h>

#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using test::TempFolder;

/// What becomes of the snapshots of all sets of one test.
struct Machine {
  std::string folder;                     ///< the one volume that there is
  std::vector<std::string> there;         ///< names of snapshots
  std::vector<std::string> seen_at_make;  ///< records that lay on the disk then
  std::string records;
  std::optional<Error> refuses_to_make;
  std::optional<Error> refuses_to_remove;
};

class FakeOpen final : public OpenSnapshot {
 public:
  explicit FakeOpen(std::string folder) : folder_(std::move(folder)) {}
  [[nodiscard]] std::string folder() const override { return folder_; }
  [[nodiscard]] std::uint64_t device() const override { return 77; }

 private:
  std::string folder_;
};

class FakeVolumes final : public VolumeSnapshots {
 public:
  explicit FakeVolumes(Machine& machine) : machine_(machine) {}
  [[nodiscard]] std::string_view kind() const override { return "fake"; }
  Result<std::optional<VolumePlace>> locate(const Handle& directory) override {
    std::string path(4096, '\0');
    const std::string link = "/proc/self/fd/" + std::to_string(directory.native());
    path.resize(static_cast<std::size_t>(::readlink(link.c_str(), path.data(), path.size())));
    if (!path.starts_with(machine_.folder)) return std::nullopt;
    std::string inner = path.substr(machine_.folder.size());
    if (inner.starts_with('/')) inner.erase(0, 1);
    return VolumePlace{"one", inner, 5};
  }
  Result<std::unique_ptr<OpenSnapshot>> make(const std::string& /*volume*/,
                                             const std::string& name) override {
    machine_.there.push_back(name);
    machine_.seen_at_make = list_directory(machine_.records).value();
    if (machine_.refuses_to_make) return std::unexpected(*machine_.refuses_to_make);
    return std::make_unique<FakeOpen>("/held/" + name);
  }
  Result<void> remove(const std::string& volume, const std::string& name) override {
    if (machine_.refuses_to_remove) return std::unexpected(*machine_.refuses_to_remove);
    EXPECT_EQ(volume, "one");
    std::erase(machine_.there, name);
    return {};
  }

 private:
  Machine& machine_;
};

class SnapshotSetTest : public testing::Test {
 protected:
  SnapshotSetTest() {
    folder_.make("volume/a/b");
    folder_.make("elsewhere");
    machine_.folder = folder_ / "volume";
    machine_.records = folder_ / "records";
  }
  std::unique_ptr<SnapshotSet> open() {
    std::vector<std::unique_ptr<VolumeSnapshots>> kinds;
    kinds.push_back(std::make_unique<FakeVolumes>(machine_));
    Result<std::unique_ptr<SnapshotSet>> set =
        SnapshotSet::open(machine_.records, std::move(kinds));
    if (set) return std::move(*set);
    ADD_FAILURE() << set.error().message;
    return nullptr;
  }
  Result<SnapshotView> view(SnapshotSet& set, std::string_view name) const {
    const Handle directory(::open((folder_ / name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return set.view_of(directory);
  }
  [[nodiscard]] std::vector<std::string> records() const {
    std::vector<std::string> names = list_directory(machine_.records).value();
    std::erase(names, "lock");
    return names;
  }
  TempFolder folder_;
  Machine machine_;
};

TEST_F(SnapshotSetTest, MakesOneSnapshotOfAVolumeForAllThatLiesOnIt) {
  const std::unique_ptr<SnapshotSet> set = open();

  const Result<SnapshotView> root = view(*set, "volume");
  const Result<SnapshotView> deep = view(*set, "volume/a/b");

  ASSERT_TRUE(root && deep);
  EXPECT_EQ(machine_.there.size(), 1U);
  EXPECT_EQ(deep->folder, root->folder + "/a/b");
  EXPECT_EQ(deep->devices.of(77), 5U) << "an entry has its volume's device number";
  EXPECT_EQ(deep->devices.of(78), 78U);
}

TEST_F(SnapshotSetTest, WritesASnapshotDownBeforeItIsMadeAndRemovesBoth) {
  {
    const std::unique_ptr<SnapshotSet> set = open();
    ASSERT_TRUE(view(*set, "volume"));

    EXPECT_TRUE(std::ranges::find(machine_.seen_at_make, machine_.there.at(0)) !=
                machine_.seen_at_make.end());
    EXPECT_EQ(records(), machine_.there);
  }
  EXPECT_TRUE(machine_.there.empty());
  EXPECT_TRUE(records().empty());
}

TEST_F(SnapshotSetTest, RemovesWhatAnEarlierRunLeft) {
  folder_.write("records/0123456789abcdef0123456789abcdef", "fake\none\n");
  machine_.there = {"0123456789abcdef0123456789abcdef", "somebody's"};
  ASSERT_TRUE(SnapshotSet::has_leftovers(machine_.records));

  const std::unique_ptr<SnapshotSet> set = open();

  EXPECT_EQ(machine_.there, std::vector<std::string>{"somebody's"});
  EXPECT_FALSE(SnapshotSet::has_leftovers(machine_.records));
  EXPECT_TRUE(set->left().empty());
}

TEST_F(SnapshotSetTest, KeepsTheRecordOfWhatCannotBeRemovedNow) {
  folder_.write("records/0123456789abcdef0123456789abcdef", "fake\none\n");
  folder_.write("records/1123456789abcdef0123456789abcdef", "unheard-of\none\n");
  folder_.write("records/2123456789abcdef0123456789abcdef", "fake");
  folder_.write("records/not-ours", "fake\none\n");
  machine_.refuses_to_remove = Error{ErrorKind::kNotFound, "the disk is not there"};

  const std::unique_ptr<SnapshotSet> set = open();

  EXPECT_EQ(set->left().size(), 3U);
  EXPECT_EQ(records().size(), 4U);
}

TEST_F(SnapshotSetTest, LeavesNothingOfASnapshotThatFailedHalfway) {
  machine_.refuses_to_make = Error{ErrorKind::kUnsupported, "full"};
  const std::unique_ptr<SnapshotSet> set = open();

  EXPECT_EQ(view(*set, "volume").error().message, "full");
  EXPECT_EQ(view(*set, "volume/a").error().message, "full") << "asked once, answered twice";

  EXPECT_TRUE(machine_.there.empty());
  EXPECT_TRUE(records().empty());
}

TEST_F(SnapshotSetTest, SaysWhyThereIsNone) {
  const std::unique_ptr<SnapshotSet> set = open();

  const Result<SnapshotView> none = view(*set, "elsewhere");

  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::kUnsupported);
}

TEST_F(SnapshotSetTest, IsForOneRunAtATime) {
  const std::unique_ptr<SnapshotSet> set = open();

  const auto second = SnapshotSet::open(machine_.records, {});

  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
}

}  // namespace
}  // namespace obhut::platform
