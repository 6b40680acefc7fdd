#pragma once
// Puts owner, attributes, mode, times and flags on an entry just made. POSIX only; part of
// tree_writer.

#include <string>
#include <vector>

#include "platform/tree_writer.h"

namespace obhut::platform::posix {

/// What is being finished: an open descriptor of the inode itself, so that nothing swapped in
/// under its name can get our metadata.
struct Finishing {
  int fd = -1;            ///< O_PATH for all but regular files
  bool by_path = true;    ///< O_PATH: calls go through /proc/self/fd
  FileStatus now;         ///< of the inode as it was made
  std::string_view path;  ///< for messages
};

/// In the order in which one does not undo another: owner (clears suid), attributes and ACLs
/// (change the mode's group bits), mode, times. Appends to `problems` what could not be set.
void set_metadata(const Finishing& entry, const EntryMetadata& metadata,
                  const TreeWriterOptions& options, AccountNames& names,
                  std::vector<Error>& problems);

/// At the very end, under the final name: an immutable file can be neither renamed nor changed.
/// `fd` must be open for real.
void set_flags(int fd, std::string_view path, std::uint32_t flags, std::vector<Error>& problems);

}  // namespace obhut::platform::posix
