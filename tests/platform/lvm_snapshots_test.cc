// LVM is stood in for: a sysfs, a mount table, a program `lvm` that copies a folder and writes down
// how it was called, and a mount that opens the copy. No device mapper is needed.

#include "platform/lvm_snapshots.h"

#include <fcntl.h>

#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using test::shell;
using test::TempFolder;

constexpr std::string_view kName = "0123456789abcdef0123456789abcdef";

constexpr std::string_view kProgram = R"sh(#!/bin/sh
here=$(dirname "$0")/..
echo "$*" >> "$here/calls"
case "$1" in
lvs)
  case "$*" in
  *segtype*) cat "$here/segtype" ;;
  *lv_snapshot_invalid*) cat "$here/invalid" ;;
  *) ls "$here/dev/vg-0" | grep -x "$(echo "$*" | sed 's/.*lv_name=\([^ ]*\).*/\1/')" ;;
  esac
  exit 0 ;;
lvcreate)
  if [ -e "$here/full" ]; then
    echo "  WARNING: something else" >&2
    echo "  Volume group \"vg-0\" has insufficient free space (0 extents): 25 required." >&2
    exit 5
  fi
  cp -a "$here/volume" "$here/dev/vg-0/$4" ;;
lvremove)
  rm -r "$here/dev/$3" ;;
esac
)sh";

class LvmSnapshotsTest : public testing::Test {
 protected:
  LvmSnapshotsTest() {
    folder_.write("bin/lvm", kProgram);
    folder_.write("volume/ann/letter", "dear");
    folder_.write("segtype", "  linear\n");
    folder_.write("invalid", "  \n");
    folder_.make("dev/vg-0");
    EXPECT_TRUE(shell(folder_.path(), "chmod 755 bin bin/lvm"));
    status_ = status_of_path(folder_ / "volume/ann").value();
    name_device("vg--0-data\n", "LVM-abc\n");
    host_.programs = folder_ / "bin";
    host_.block_devices = folder_ / "sys";
    host_.device_nodes = folder_ / "dev";
    host_.mounts = [this]() -> Result<std::vector<Mount>> {
      return std::vector<Mount>{{status_.mount_id.value(), 0, "/", folder_ / "volume", "xfs"}};
    };
    host_.mount = [this](const posix::DetachedMount& mount) -> Result<Handle> {
      mounted_ = mount;
      return Handle(::open(mount.device.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    };
  }
  void name_device(std::string_view name, std::string_view uuid) const {
    const std::string numbers =
        std::to_string(status_.device >> 32U) + ":" + std::to_string(status_.device & 0xffffffffU);
    folder_.write("sys/" + numbers + "/dm/name", name);
    folder_.write("sys/" + numbers + "/dm/uuid", uuid);
  }
  [[nodiscard]] Result<std::optional<VolumePlace>> locate(std::string_view name) const {
    const Handle directory(::open((folder_ / name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return LvmSnapshots(host_).locate(directory);
  }
  TempFolder folder_;
  FileStatus status_;
  LvmHost host_;
  posix::DetachedMount mounted_;
};

TEST_F(LvmSnapshotsTest, KnowsTheVolumeOfAFolderAndTheWayInIt) {
  const auto place = locate("volume/ann");

  ASSERT_TRUE(place && *place) << (place ? "nothing" : place.error().message);
  EXPECT_EQ((*place)->volume, "vg-0/data:xfs");
  EXPECT_EQ((*place)->inner, "ann");
  EXPECT_EQ((*place)->device, status_.device);
  EXPECT_EQ(locate("volume").value()->inner, "");
}

TEST_F(LvmSnapshotsTest, IsNotAskedForOtherDevices) {
  name_device("luks-1234\n", "CRYPT-abc\n");

  EXPECT_EQ(locate("volume/ann").value(), std::nullopt);
}

TEST_F(LvmSnapshotsTest, RefusesWhatIsAPartOfAVolume) {
  name_device("vg-data-real\n", "LVM-abc-real\n");

  EXPECT_EQ(locate("volume/ann").error().kind, ErrorKind::kUnsupported);
}

TEST_F(LvmSnapshotsTest, ReadsWhatWasThereAndRemovesTheSnapshot) {
  LvmSnapshots lvm(host_);
  auto open = lvm.make("vg-0/data:xfs", std::string(kName));
  ASSERT_TRUE(open) << open.error().message;
  folder_.write("volume/ann/letter", "changed since");

  const Result<Bytes> read = read_file((*open)->folder() + "/ann/letter", 100);

  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(as_text(*read), "dear");
  EXPECT_TRUE((*open)->still_whole());
  EXPECT_TRUE(mounted_.read_only);
  EXPECT_EQ(mounted_.options.at(0).first, "nouuid");
  EXPECT_NE(folder_.read("calls").find("lvcreate --snapshot --name obhut-" + std::string(kName) +
                                       " --extents 10%ORIGIN vg-0/data"),
            std::string::npos)
      << folder_.read("calls");
  open->reset();
  ASSERT_TRUE(lvm.remove("vg-0/data:xfs", std::string(kName)));
  EXPECT_TRUE(list_directory(folder_ / "dev/vg-0").value().empty());
  EXPECT_TRUE(lvm.remove("vg-0/data:xfs", std::string(kName))) << "fine where there is none";
}

TEST_F(LvmSnapshotsTest, TakesNoRoomForASnapshotOfAThinVolume) {
  folder_.write("segtype", "  thin\n");

  ASSERT_TRUE(LvmSnapshots(host_).make("vg-0/data:ext4", std::string(kName)));

  EXPECT_EQ(folder_.read("calls").find("--extents"), std::string::npos);
  EXPECT_NE(folder_.read("calls").find("--setactivationskip n"), std::string::npos);
  EXPECT_TRUE(mounted_.options.empty());
}

TEST_F(LvmSnapshotsTest, SaysWhatLvmSaid) {
  folder_.write("full", "");

  const auto open = LvmSnapshots(host_).make("vg-0/data:xfs", std::string(kName));

  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().message,
            "lvm: lvm lvcreate: Volume group \"vg-0\" has insufficient free space (0 extents): 25 "
            "required.");
}

TEST_F(LvmSnapshotsTest, TellsOfASnapshotThatBecameFull) {
  LvmSnapshots lvm(host_);
  const auto open = lvm.make("vg-0/data:xfs", std::string(kName));
  ASSERT_TRUE(open);
  folder_.write("invalid", "  snapshot invalid\n");

  EXPECT_EQ((*open)->still_whole().error().kind, ErrorKind::kSourceGone);
}

TEST_F(LvmSnapshotsTest, RunsNoProgramThatSomebodyElseCouldHavePutThere) {
  ASSERT_TRUE(shell(folder_.path(), "chmod o+w bin/lvm"));

  EXPECT_EQ(LvmSnapshots(host_).make("vg-0/data:xfs", std::string(kName)).error().kind,
            ErrorKind::kRefused);
}

TEST(MountTable, ReadsEscapesAndOptionalFields) {
  const std::vector<Mount> mounts = parse_mounts(
      "22 1 0:20 / / rw shared:1 master:2 - btrfs /dev/sda1 rw,subvol=/\n"
      "no line\n"
      "23 22 8:17 /sub\\040dir /mnt/a\\134b rw,noatime - ext4 /dev/sdb1 rw");

  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].type, "btrfs");
  EXPECT_EQ(mounts[0].device, 20U);
  EXPECT_EQ(mounts[1].id, 23U);
  EXPECT_EQ(mounts[1].device, 8ULL << 32U | 17U);
  EXPECT_EQ(mounts[1].root, "/sub dir");
  EXPECT_EQ(mounts[1].point, "/mnt/a\\b");
}

}  // namespace
}  // namespace obhut::platform
