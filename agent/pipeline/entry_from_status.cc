#include "agent/pipeline/entry_from_status.h"

#include <algorithm>
#include <limits>

namespace obhut::pipeline {
namespace {

model::EntryType entry_type(platform::FileType type) {
  switch (type) {
    case platform::FileType::kDirectory:
      return model::EntryType::kDirectory;
    case platform::FileType::kSymlink:
      return model::EntryType::kSymlink;
    case platform::FileType::kFifo:
      return model::EntryType::kFifo;
    case platform::FileType::kCharDevice:
      return model::EntryType::kCharDevice;
    case platform::FileType::kBlockDevice:
      return model::EntryType::kBlockDevice;
    case platform::FileType::kSocket:
      return model::EntryType::kSocket;
    case platform::FileType::kRegular:
    case platform::FileType::kUnknown:
      break;
  }
  return model::EntryType::kFile;
}

}  // namespace

model::FileTime file_time(std::int64_t nanoseconds) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t seconds = nanoseconds / kSecond;
  std::int64_t rest = nanoseconds % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  return {seconds, static_cast<std::uint32_t>(rest)};
}

void update_from(model::Entry& entry, const platform::FileStatus& status,
                 platform::AccountNames& accounts) {
  entry.type = entry_type(status.type);
  entry.mode = status.mode;
  entry.uid = status.uid;
  entry.gid = status.gid;
  entry.user = accounts.user(status.uid);
  entry.group = accounts.group(status.gid);
  entry.modified = file_time(status.mtime_ns);
  entry.changed = file_time(status.ctime_ns);
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
