#include "service/endpoint/caller_rights.h"

#include <algorithm>

namespace obhut::endpoint {
namespace {

/// As far as rights go by it.
platform::EntryMetadata metadata_of(const model::Entry& entry) {
  platform::EntryMetadata metadata;
  metadata.mode = entry.mode;
  metadata.uid = entry.uid;
  metadata.gid = entry.gid;
  metadata.user = entry.user;
  metadata.group = entry.group;
  for (const model::Xattr& xattr : entry.xattrs) {
    metadata.xattrs.push_back({xattr.name, xattr.value});
  }
  return metadata;
}

}  // namespace

bool CallerRights::may_read_alone(const model::Entry& entry) {
  return access_.may_read(metadata_of(entry));
}

bool CallerRights::may_enter_alone(const model::Entry& directory) {
  return access_.may_enter(metadata_of(directory));
}

bool CallerRights::is_granted(std::string_view path) const {
  return std::ranges::any_of(grants_,
                             [path](const HeldGrant& held) { return held.scope.covers(path); });
}

bool CallerRights::may_read(const model::Entry& entry, std::string_view path) {
  return may_read_alone(entry) || is_granted(path);
}

bool CallerRights::may_enter(const model::Entry& directory, std::string_view path) {
  return may_enter_alone(directory) || is_granted(path);
}

bool CallerRights::is_opened(const model::Entry& entry, std::string_view path) {
  const bool leads_on = entry.type == model::EntryType::kDirectory;
  return std::ranges::any_of(grants_, [&](const HeldGrant& held) {
    return held.scope.covers(path) || (leads_on && held.scope.is_below(path));
  });
}

}  // namespace obhut::endpoint
