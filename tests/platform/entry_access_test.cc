#include "platform/entry_access.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "agent/base/codec.h"
#include "platform/posix_caller.h"
#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using test::TempFolder;

constexpr uid_t kAnna = 54321;
constexpr uid_t kBert = 54322;
constexpr gid_t kStaff = 54331;
constexpr gid_t kGuests = 54332;
constexpr const char* kAcl = "system.posix_acl_access";

struct AclEntry {
  std::uint16_t tag;
  std::uint16_t permissions;
  std::uint32_t id;
};

Bytes acl_of(const std::vector<AclEntry>& entries) {
  Writer writer;
  writer.u32(2);
  for (const AclEntry& entry : entries) {
    writer.u16(entry.tag);
    writer.u16(entry.permissions);
    writer.u32(entry.id);
  }
  return writer.bytes();
}

EntryMetadata metadata(std::uint32_t mode, uid_t uid, gid_t gid) {
  EntryMetadata entry;
  entry.mode = mode;
  entry.uid = uid;
  entry.gid = gid;
  return entry;
}

TEST(EntryAccess, GoesByTheClassThatTheAccountIsIn) {
  EntryAccess access(caller_of(kAnna, kAnna, {kStaff}));

  EXPECT_TRUE(access.may_read(metadata(0400, kAnna, kAnna)));
  EXPECT_FALSE(access.may_read(metadata(0044, kAnna, kAnna))) << "an owner is no other";
  EXPECT_TRUE(access.may_read(metadata(0040, kBert, kStaff)));
  EXPECT_FALSE(access.may_read(metadata(0404, kBert, kStaff))) << "nor is a group's member";
  EXPECT_TRUE(access.may_read(metadata(0004, kBert, kBert)));
  EXPECT_FALSE(access.may_read(metadata(0440, kBert, kBert)));
  EXPECT_FALSE(access.may_enter(metadata(0644, kAnna, kAnna)));
  EXPECT_TRUE(access.may_enter(metadata(0711, kBert, kBert)));
}

// A number that was somebody else's when the point was made is nobody's proof.
TEST(EntryAccess, WantsTheNameTooWhereBothHaveOne) {
  EntryMetadata roots = metadata(0400, 1, 1);
  EntryAccess daemon(caller_of(1, 1, {}));  // Debian's "daemon"

  roots.user = "daemon";
  EXPECT_TRUE(daemon.may_read(roots));
  roots.user = "somebody who left";
  EXPECT_FALSE(daemon.may_read(roots));
  roots.user.clear();
  EXPECT_TRUE(daemon.may_read(roots));
}

TEST(EntryAccess, RefusesWhatItDoesNotUnderstand) {
  EntryAccess access(caller_of(kAnna, kAnna, {kStaff}));
  EntryMetadata entry = metadata(0777, kBert, kBert);

  entry.xattrs = {{kAcl, Bytes{1, 2, 3}}};
  EXPECT_FALSE(access.may_read(entry));
  Bytes newer = acl_of({{0x01, 7, 0}, {0x04, 7, 0}, {0x20, 7, 0}});
  newer[0] = 3;
  entry.xattrs = {{kAcl, newer}};
  EXPECT_FALSE(access.may_read(entry));
  entry.xattrs = {{"system.nfs4_acl", Bytes{0}}};
  EXPECT_FALSE(access.may_read(entry));
}

/// The same question to the kernel, about a real file and a real folder.
class Kernel : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to act as somebody else";
    ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  }

  /// Nothing where the file system takes no ACLs.
  bool lay(const std::string& path, const EntryMetadata& entry) {
    EXPECT_EQ(::chown(path.c_str(), entry.uid, entry.gid), 0);
    EXPECT_EQ(::chmod(path.c_str(), entry.mode), 0);
    for (const Xattr& xattr : entry.xattrs) {
      const int set =
          ::setxattr(path.c_str(), xattr.name.c_str(), xattr.value.data(), xattr.value.size(), 0);
      if (set != 0) return false;
    }
    return true;
  }
  EntryMetadata found(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    EntryMetadata entry = metadata(status.st_mode & 07777U, status.st_uid, status.st_gid);
    Bytes acl(512);
    const ssize_t size = ::getxattr(path.c_str(), kAcl, acl.data(), acl.size());
    if (size > 0) {
      acl.resize(static_cast<std::size_t>(size));
      entry.xattrs = {{kAcl, acl}};
    }
    return entry;
  }
  static bool opens(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) ::close(fd);
    return fd >= 0;
  }

  const TempFolder folder_;
};

EntryMetadata random_entry(std::mt19937& random) {
  const auto one_of = [&](const std::vector<std::uint32_t>& from) {
    return from[random() % from.size()];
  };
  EntryMetadata entry = metadata(random() % 01000U, one_of({0, kAnna, kBert}),
                                 one_of({0, kAnna, kBert, kStaff, kGuests}));
  if (random() % 3 == 0) return entry;
  const auto permissions = [&] { return static_cast<std::uint16_t>(random() % 8); };
  constexpr std::uint32_t kNobody = 0xFFFFFFFF;
  std::vector<AclEntry> acl = {{0x01, permissions(), kNobody}};
  if (random() % 2 == 0) acl.push_back({0x02, permissions(), one_of({kAnna, kBert})});
  acl.push_back({0x04, permissions(), kNobody});
  if (random() % 2 == 0) acl.push_back({0x08, permissions(), kStaff});
  if (random() % 2 == 0) acl.push_back({0x08, permissions(), kGuests});
  acl.push_back({0x10, permissions(), kNobody});
  acl.push_back({0x20, permissions(), kNobody});
  entry.xattrs = {{kAcl, acl_of(acl)}};
  return entry;
}

TEST_F(Kernel, DecidesAsWeDo) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string file = folder_ / "file";
  const std::string directory = folder_ / "directory";
  const std::vector<std::pair<uid_t, std::vector<gid_t>>> accounts = {
      {kAnna, {kStaff}}, {kBert, {}}, {kBert, {kStaff, kGuests}}};
  ASSERT_TRUE(write_file(file, as_bytes("x")));
  ASSERT_TRUE(make_directories(directory, 0755));
  ASSERT_TRUE(write_file(directory + "/inside", as_bytes("x"), 0644));

  for (int round = 0; round < 2000; ++round) {
    const EntryMetadata wanted = random_entry(random);
    if (!lay(file, wanted) || !lay(directory, wanted)) GTEST_SKIP() << "no ACLs here";
    const auto& [uid, groups] = accounts[random() % accounts.size()];
    const CallerPtr caller = caller_of(uid, uid, groups);
    EntryAccess access(caller);
    const bool may_read = access.may_read(found(file));
    const bool may_list = access.may_read(found(directory));
    const bool may_enter = access.may_enter(found(directory));

    const auto acting = ActingAs::begin(caller);
    ASSERT_TRUE(acting);
    ASSERT_EQ(may_read, opens(file)) << "round " << round << ", mode " << std::oct << wanted.mode;
    ASSERT_EQ(may_list, opens(directory)) << "round " << round;
    ASSERT_EQ(may_enter, opens(directory + "/inside")) << "round " << round;
  }
}

}  // namespace
}  // namespace obhut::platform
