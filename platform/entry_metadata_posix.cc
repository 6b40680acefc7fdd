#include <algorithm>
#include <array>

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "agent/base/text.h"
#include "platform/entry_metadata.h"
#include "platform/os_error.h"
#include "platform/posix.h"

namespace obhut::platform::posix {
namespace {

void report(std::vector<Error>& problems, std::string_view action, std::string_view path) {
  problems.push_back(os_error(errno, Whose::kOurs, action, path));
}

struct Owner {
  uid_t uid;
  gid_t gid;
};

Owner wanted_owner(const EntryMetadata& metadata, const TreeWriterOptions& options,
                   AccountNames& names) {
  Owner owner{metadata.uid, metadata.gid};
  if (options.numeric_owner) return owner;
  if (!metadata.user.empty()) owner.uid = names.user_id(metadata.user).value_or(owner.uid);
  if (!metadata.group.empty()) owner.gid = names.group_id(metadata.group).value_or(owner.gid);
  return owner;
}

/// Returns the mode that may be set: suid and sgid only with the owner they were meant for, since
/// with another one they would hand out that one's rights.
std::uint32_t set_owner(const Finishing& entry, const EntryMetadata& metadata,
                        const TreeWriterOptions& options, AccountNames& names,
                        std::vector<Error>& problems) {
  const Owner wanted = wanted_owner(metadata, options, names);
  Owner now{entry.now.uid, entry.now.gid};
  const bool differs = now.uid != wanted.uid || now.gid != wanted.gid;
  if (options.set_owner && differs) {
    if (::fchownat(entry.fd, "", wanted.uid, wanted.gid, AT_EMPTY_PATH) == 0) {
      return metadata.mode & 07777U;
    }
    // What a user restores belongs to that user, which goes without saying.
    if (!options.caller) report(problems, "set the owner of", entry.path);
    // A group of our own may be set without being root.
    if (now.gid != wanted.gid &&
        ::fchownat(entry.fd, "", static_cast<uid_t>(-1), wanted.gid, AT_EMPTY_PATH) == 0) {
      now.gid = wanted.gid;
    }
  }
  std::uint32_t mode = metadata.mode & 07777U;
  if (entry.now.type == FileType::kDirectory) return mode;
  if (now.uid != wanted.uid) mode &= ~std::uint32_t{S_ISUID};
  if (now.gid != wanted.gid) mode &= ~std::uint32_t{S_ISGID};
  if (mode != (metadata.mode & 07777U)) {
    problems.push_back({ErrorKind::kRefused, "set the mode of " + printable(entry.path) +
                                                 ": suid and sgid left out, since the file belongs "
                                                 "to another owner now"});
  }
  return mode;
}

bool is_inherited_kind(std::string_view name) {
  return name.starts_with("user.") || name.starts_with("system.posix_acl_");
}

constexpr std::string_view kLabel = "security.selinux";

/// The powers over files that a thread gives up for a user are not all that these need: a program
/// could be restored with capabilities that its user was never to have.
bool is_for_administrators(std::string_view name) {
  return name.starts_with("security.") || name.starts_with("trusted.");
}

/// False where there was nothing to remove.
bool remove_other_xattrs(const Finishing& entry, const Xattrs& wanted,
                         std::vector<Error>& problems) {
  std::string names;
  if (list_xattr_names(entry.fd, names) != 0) {
    report(problems, "read attributes of", entry.path);
    return true;
  }
  bool removed = false;
  const std::string path = proc_path(entry.fd);
  for (std::size_t from = 0; from < names.size();) {
    const std::string name = names.c_str() + from;
    from += name.size() + 1;
    const bool keep = std::ranges::find(wanted, name, &Xattr::name) != wanted.end();
    if (keep || !is_inherited_kind(name)) continue;
    removed = true;
    const int answer = entry.by_path ? ::removexattr(path.c_str(), name.c_str())
                                     : ::fremovexattr(entry.fd, name.c_str());
    if (answer != 0 && errno != ENODATA) report(problems, "remove " + name + " of", entry.path);
  }
  return removed;
}

/// A default ACL of the folder or an older directory of that name may have left attributes that
/// the backup does not have. Out: false where nothing was to be done, so that the mode is
/// untouched.
bool set_xattrs(const Finishing& entry, const Xattrs& wanted, const TreeWriterOptions& options,
                std::vector<Error>& problems) {
  const bool removed = remove_other_xattrs(entry, wanted, problems);
  if (wanted.empty()) return removed;
  const std::string path = proc_path(entry.fd);
  for (const Xattr& attribute : wanted) {
    const char* name = attribute.name.c_str();
    if (options.caller && is_for_administrators(attribute.name)) {
      // Labels are the system's to give.
      if (attribute.name == kLabel) continue;
      problems.push_back({ErrorKind::kRefused, "set " + printable(attribute.name) + " of " +
                                                   printable(entry.path) +
                                                   ": needs administrator rights"});
      continue;
    }
    const int answer =
        entry.by_path
            ? ::setxattr(path.c_str(), name, attribute.value.data(), attribute.value.size(), 0)
            : ::fsetxattr(entry.fd, name, attribute.value.data(), attribute.value.size(), 0);
    if (answer != 0) report(problems, "set " + printable(attribute.name) + " of", entry.path);
  }
  return true;
}

void set_mode(const Finishing& entry, std::uint32_t mode, std::vector<Error>& problems) {
  if (entry.now.type == FileType::kSymlink) return;  // Linux gives links no mode of their own
  const int answer =
      entry.by_path ? ::chmod(proc_path(entry.fd).c_str(), mode) : ::fchmod(entry.fd, mode);
  if (answer != 0) return report(problems, "set the mode of", entry.path);
  if ((mode & 07000U) == 0) return;
  // Without the right to it, sgid is dropped in silence.
  struct stat now {};
  if (::fstat(entry.fd, &now) == 0 && (now.st_mode & 07777U) != mode) {
    problems.push_back({ErrorKind::kRefused, "set the mode of " + printable(entry.path) +
                                                 ": the system dropped suid, sgid or sticky"});
  }
}

void set_times(const Finishing& entry, std::int64_t mtime_ns, std::vector<Error>& problems) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t seconds = mtime_ns / kSecond;
  std::int64_t rest = mtime_ns % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  const timespec modified{seconds, rest};
  // The access time has no backup; a file just restored was last used when it was last changed.
  const std::array<timespec, 2> times{modified, modified};
  const int answer = entry.by_path
                         ? ::utimensat(AT_FDCWD, proc_path(entry.fd).c_str(), times.data(), 0)
                         : ::futimens(entry.fd, times.data());
  if (answer != 0) report(problems, "set the times of", entry.path);
}

}  // namespace

void set_metadata(const Finishing& entry, const EntryMetadata& metadata,
                  const TreeWriterOptions& options, AccountNames& names,
                  std::vector<Error>& problems) {
  const std::uint32_t mode = set_owner(entry, metadata, options, names, problems);
  const bool touched = set_xattrs(entry, metadata.xattrs, options, problems);
  const bool has_it = mode == entry.now.mode && mode <= 0777 && !touched;
  if (!has_it) set_mode(entry, mode, problems);
  set_times(entry, metadata.mtime_ns, problems);
}

void set_flags(int fd, std::string_view path, std::uint32_t flags, std::vector<Error>& problems) {
  if (flags == 0) return;
  const std::uint32_t ours = restorable_flags();
  int now = 0;
  if (::ioctl(fd, FS_IOC_GETFLAGS, &now) != 0) return report(problems, "set the flags of", path);
  int wanted = static_cast<int>((static_cast<std::uint32_t>(now) & ~ours) | (flags & ours));
  if (wanted == now) return;
  if (::ioctl(fd, FS_IOC_SETFLAGS, &wanted) != 0) report(problems, "set the flags of", path);
}

}  // namespace obhut::platform::posix

bool obhut::platform::holds_attribute(std::string_view name) {
  return !name.starts_with("windows.");
}
