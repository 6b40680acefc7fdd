#pragma once
// What the system itself asks every backup to leave out: on Windows the list `FilesNotToBackup` of
// the registry, and the files that memory is paged out to. Elsewhere there is no such list.

#include <string>
#include <string_view>
#include <vector>

namespace obhut::platform {

/// Patterns in gitignore syntax over inner paths, anchored, for names in any case.
struct BackupExclusions {
  std::vector<std::string> whole;  ///< of entries of every type, a directory with all below it
  std::vector<std::string> files;  ///< of entries that are no directories
};

/// As the system says now.
BackupExclusions backup_exclusions();

/// Adds one line of the registry's list, in which environment variables stand for what they hold by
/// now: `C:\Windows\Temp\* /s`, `\pagefile.sys` (of every drive), `$AllVolumes$\x`,
/// `$UserProfile$\y`. `profiles`: the folder in which users have theirs, as an inner path. What
/// names no place is passed over: it is better to store too much.
/// Source: Microsoft, "Registry Keys and Values for Backup and Restore".
void add_exclusion(std::string_view line, std::string_view profiles, BackupExclusions& to);

}  // namespace obhut::platform
