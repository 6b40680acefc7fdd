#pragma once
// What Windows knows of an entry and other systems don't, as attributes of the entry. Windows only;
// part of filesystem and tree_writer.
//
//   windows.attributes  u32, little-endian: FILE_ATTRIBUTE_… bits that can be set
//   windows.created     i64, little-endian: nanoseconds since 1970
//   windows.security    security descriptor, self-relative: owner, group, ACL, and the SACL and
//                       label where we may read them
//   windows.reparse     REPARSE_DATA_BUFFER of a link, junction, mount point or the like
//   windows.streams     for each alternate stream, by name: u32 bytes of its name, the name (WTF-8,
//                       without ':'), u32 bytes of its content, the content

#include <string_view>
#include <vector>

#include "platform/tree_writer.h"
#include "platform/win.h"

namespace obhut::platform::win {

/// Alternate streams of one entry are kept up to this much; past that they are told, not read.
inline constexpr std::size_t kMostStreamBytes = 1U << 20U;

/// The right to read a security descriptor, and with the privilege for it, its SACL.
ACCESS_MASK security_access();
/// Switches on what a backup needs, once: SeBackupPrivilege, SeSecurityPrivilege.
void prepare_to_read();
/// The same for a restore: SeRestorePrivilege, SeSecurityPrivilege, SeCreateSymbolicLinkPrivilege,
/// SeTakeOwnershipPrivilege.
void prepare_to_write();

/// In: an open entry, with security_access(). Errors: those of a source; kUnsupported naming a
/// stream that is too long to be kept.
Result<Xattrs> read_metadata(HANDLE file, std::string_view path);

/// Of a link: where it points, as people write it, with '/'.
Result<std::string> read_link_target(HANDLE file, std::string_view path);

/// In: an entry open with FILE_WRITE_ATTRIBUTES, FILE_READ_ATTRIBUTES, and security_write_access().
/// What could not be set is appended to `problems`.
void write_metadata(HANDLE file, std::string_view path, const EntryMetadata& metadata,
                    const TreeWriterOptions& options, std::vector<Error>& problems);
/// To set owner, ACL and, with the privilege for it, SACL.
ACCESS_MASK security_write_access(const TreeWriterOptions& options);

/// Turns what is open into the link that `windows.reparse` tells, or, without it, into a symbolic
/// link to `points_to`. Errors: kUnsupported where the file system has none.
Result<void> make_link(HANDLE file, std::string_view path, std::string_view points_to,
                       const EntryMetadata& metadata);
/// True where the link stands for a directory, as told by windows.attributes.
bool is_directory_link(const EntryMetadata& metadata);

}  // namespace obhut::platform::win
