#include "agent/pipeline/entry_from_status.h"

#include <algorithm>
#include <limits>

#include "agent/scan/change_detector.h"

namespace obhut::pipeline {
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
  entry.links = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(status.links, std::numeric_limits<std::uint32_t>::max()));
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

bool same_metadata(const model::Entry& entry, const model::Entry& before) {
  return entry.type == before.type && entry.mode == before.mode && entry.uid == before.uid &&
         entry.gid == before.gid && entry.modified == before.modified &&
         entry.changed == before.changed && entry.size == before.size &&
         entry.inode == before.inode && entry.device == before.device &&
         entry.links == before.links && entry.rdev == before.rdev && entry.user == before.user &&
         entry.group == before.group;
}

}  // namespace obhut::pipeline
