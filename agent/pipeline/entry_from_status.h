#pragma once
// What the system tells about an entry, as the model keeps it.

#include <string_view>

#include "agent/model/entry.h"
#include "platform/file_status.h"
#include "platform/filesystem.h"

namespace obhut::pipeline {

/// Name, type and all of the status; no content, attributes, link target, children.
model::Entry entry_from(std::string_view name, const platform::FileStatus& status,
                        platform::AccountNames& accounts);
/// Takes a newer status of the same entry.
void update_from(model::Entry& entry, const platform::FileStatus& status,
                 platform::AccountNames& accounts);
std::vector<model::Xattr> model_xattrs(platform::Xattrs xattrs);

/// True where all that a status tells is as `before` has it.
bool same_metadata(const platform::FileStatus& status, const model::Entry& before,
                   platform::AccountNames& accounts);

}  // namespace obhut::pipeline
