#include <algorithm>
#include <map>

#include "agent/base/codec.h"
#include "platform/entry_access.h"
#include "platform/posix_caller.h"

namespace obhut::platform {
namespace {

constexpr std::uint32_t kRead = 4;
constexpr std::uint32_t kEnter = 1;
constexpr std::uint32_t kAll = 7;

// As the kernel keeps ACLs (linux/posix_acl_xattr.h): version[4], then tag[2] permissions[2] id[4].
constexpr std::string_view kAcl = "system.posix_acl_access";
constexpr std::uint32_t kAclVersion = 2;
constexpr std::size_t kAclEntry = 8;
enum AclTag : std::uint16_t {
  kOwner = 0x01,
  kUser = 0x02,
  kOwningGroup = 0x04,
  kGroup = 0x08,
  kMask = 0x10,
  kOther = 0x20,
};
struct AclEntry {
  std::uint16_t tag = 0;
  std::uint32_t permissions = 0;
  std::uint32_t id = 0;
};

std::optional<std::vector<AclEntry>> parse_acl(ByteView bytes) {
  if (bytes.size() < 4 || (bytes.size() - 4) % kAclEntry != 0) return std::nullopt;
  Reader reader(bytes);
  if (reader.u32() != kAclVersion) return std::nullopt;
  std::vector<AclEntry> acl((bytes.size() - 4) / kAclEntry);
  for (AclEntry& entry : acl) {
    entry.tag = reader.u16();
    entry.permissions = reader.u16();
    entry.id = reader.u32();
  }
  return acl;
}

const Xattr* attribute(const EntryMetadata& entry, std::string_view name) {
  const auto found = std::ranges::find(entry.xattrs, name, &Xattr::name);
  return found == entry.xattrs.end() ? nullptr : &*found;
}

}  // namespace

struct EntryAccess::State {
  CallerPtr caller;
  AccountNames names;

  /// A number may have been given to somebody else since: where both have a name, it must be one.
  bool is_owner(const EntryMetadata& entry) {
    if (entry.uid != caller->state().uid) return false;
    const std::string now = names.user(entry.uid);
    return entry.user.empty() || now.empty() || entry.user == now;
  }
  [[nodiscard]] bool has_group(std::uint32_t gid) const {
    const Caller::State& who = caller->state();
    return gid == who.gid || std::ranges::find(who.groups, gid) != who.groups.end();
  }
  bool is_in_group(const EntryMetadata& entry) {
    if (!has_group(entry.gid)) return false;
    const std::string now = names.group(entry.gid);
    return entry.group.empty() || now.empty() || entry.group == now;
  }

  bool may(const EntryMetadata& entry, std::uint32_t wanted) {
    // Its rules are another world's.
    if (attribute(entry, "system.nfs4_acl") != nullptr) return false;
    // Where the group's bits, which are the ACL's mask, allow nothing, Linux does not look at the
    // ACL (acl_permission_check): others' bits then count for those named in it too.
    const Xattr* const acl = attribute(entry, kAcl);
    if (acl != nullptr && (entry.mode & 070U) != 0) {
      const auto parsed = parse_acl(acl->value);
      return parsed && may_by_acl(entry, *parsed, wanted);
    }
    const std::uint32_t shift = is_owner(entry) ? 6 : is_in_group(entry) ? 3 : 0;
    return ((entry.mode >> shift) & wanted) == wanted;
  }

  /// acl(5), "Access Check Algorithm".
  bool may_by_acl(const EntryMetadata& entry, const std::vector<AclEntry>& acl,
                  std::uint32_t wanted) {
    std::uint32_t mask = kAll;
    std::uint32_t other = 0;
    for (const AclEntry& one : acl) {
      if (one.tag == kMask) mask = one.permissions;
      if (one.tag == kOther) other = one.permissions;
    }
    const auto grants = [wanted](std::uint32_t given) { return (given & wanted) == wanted; };
    if (is_owner(entry)) {
      const auto own = std::ranges::find(acl, kOwner, &AclEntry::tag);
      return own != acl.end() && grants(own->permissions);
    }
    for (const AclEntry& one : acl) {
      if (one.tag == kUser && one.id == caller->state().uid) return grants(one.permissions & mask);
    }
    bool in_one = false;
    for (const AclEntry& one : acl) {
      const bool matches = (one.tag == kOwningGroup && is_in_group(entry)) ||
                           (one.tag == kGroup && has_group(one.id));
      if (matches && grants(one.permissions & mask)) return true;
      in_one = in_one || matches;
    }
    return !in_one && grants(other);
  }
};

EntryAccess::EntryAccess(CallerPtr caller) : state_(std::make_unique<State>()) {
  state_->caller = std::move(caller);
}
EntryAccess::~EntryAccess() = default;

bool EntryAccess::may_read(const EntryMetadata& entry) {
  return state_->may(entry, kRead);
}

bool EntryAccess::may_enter(const EntryMetadata& directory) {
  return state_->may(directory, kEnter);
}

}  // namespace obhut::platform
