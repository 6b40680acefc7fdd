#include "agent/pipeline/entry_from_status.h"

#include <algorithm>
#include <limits>

#include "agent/scan/change_detector.h"

namespace obhut::pipeline {
namespace {

std::uint32_t links_of(const platform::FileStatus& status) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(status.links, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

void update_from(model::Entry& entry, const platform::FileStatus& status,
                 platform::AccountNames& accounts) {
  entry.type = scan::entry_type_of(status.type).value_or(model::EntryType::kFile);
  entry.mode = status.mode;
  entry.uid = status.uid;
  entry.gid = status.gid;
  entry.user = accounts.user(status.uid);
  entry.group = accounts.group(status.gid);
  entry.modified = scan::file_time_of(status.mtime_ns);
  entry.changed = scan::file_time_of(status.ctime_ns);
  entry.size = status.size;
  entry.inode = status.inode;
  entry.device = status.device;
  entry.links = links_of(status);
  entry.rdev = status.rdev;
}

model::Entry entry_from(std::string_view name, const platform::FileStatus& status,
                        platform::AccountNames& accounts) {
  model::Entry entry;
  entry.name = name;
  update_from(entry, status, accounts);
  return entry;
}

std::vector<model::Xattr> model_xattrs(platform::Xattrs xattrs) {
  std::vector<model::Xattr> out;
  out.reserve(xattrs.size());
  for (platform::Xattr& xattr : xattrs) {
    out.push_back({std::move(xattr.name), std::move(xattr.value)});
  }
  return out;
}

bool same_metadata(const platform::FileStatus& status, const model::Entry& before,
                   platform::AccountNames& accounts) {
  return scan::entry_type_of(status.type) == before.type && status.mode == before.mode &&
         status.uid == before.uid && status.gid == before.gid &&
         scan::file_time_of(status.mtime_ns) == before.modified &&
         scan::file_time_of(status.ctime_ns) == before.changed && status.size == before.size &&
         status.inode == before.inode && status.device == before.device &&
         links_of(status) == before.links && status.rdev == before.rdev &&
         accounts.user(status.uid) == before.user && accounts.group(status.gid) == before.group;
}

}  // namespace obhut::pipeline
