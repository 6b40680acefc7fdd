#include <cstdlib>
#include <memory>

#include "agent/base/text.h"
#include "platform/local_files.h"
#include "platform/os_error.h"
#include "platform/posix.h"
#include "platform/trusted_program.h"
#include "platform/trusted_program_names.h"

namespace obhut::platform {
namespace {

constexpr std::uint32_t kRoot = 0;
constexpr mode_t kWritableByOthers = S_IWGRP | S_IWOTH;

std::unexpected<Error> refuse(const std::string& path, std::string_view why) {
  return fail(ErrorKind::kRefused, printable(path) + ": " + std::string(why));
}

Result<struct stat> look_at(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    return std::unexpected(os_error(errno, Whose::kOurs, "look at", path));
  }
  return found;
}

Result<void> check_owner(const std::string& path, const struct stat& found,
                         std::uint32_t own_user) {
  if (found.st_uid == kRoot || found.st_uid == own_user) return {};
  return refuse(path, "belongs to another user: chown it to " +
                          std::string(own_user == kRoot ? "root" : "root or to the agent's user"));
}

// An ACL that lets somebody else write shows here too: the group's bits are its mask.
Result<void> check_closed(const std::string& path, const struct stat& found) {
  if ((found.st_mode & kWritableByOthers) == 0) return {};
  return refuse(path, "others may write to it: chmod go-w it");
}

// Whoever may write to a folder on the way may exchange what is below. Not so in a sticky one (such
// as /tmp): there a name can be moved by its owner alone.
Result<void> check_way(std::string path, std::uint32_t own_user) {
  for (;; path = parent_of(path)) {
    ASSIGN_OR_RETURN(const struct stat found, look_at(path));
    TRY(check_owner(path, found, own_user));
    if ((found.st_mode & S_ISVTX) == 0) TRY(check_closed(path, found));
    if (path == "/") return {};
  }
}

struct GuardedFile {
  std::string path;
  mode_t mode = 0;
};

Result<GuardedFile> guarded_file(const std::string& folder, std::string_view name,
                                 std::uint32_t own_user) {
  ASSIGN_OR_RETURN(const std::string absolute, absolute_path(folder));
  // Links on the way to the folder's parent are an administrator's, as long as where they lead to
  // is guarded; they are taken here once.
  const std::unique_ptr<char, decltype(&std::free)> parent(
      ::realpath(parent_of(absolute).c_str(), nullptr), &std::free);
  if (!parent) return std::unexpected(os_error(errno, Whose::kOurs, "look at", absolute));
  TRY(check_way(parent.get(), own_user));
  const std::string place = join(parent.get(), file_name_of(absolute));
  ASSIGN_OR_RETURN(const struct stat in, look_at(place));
  if (!S_ISDIR(in.st_mode)) return refuse(place, "want a folder, and no link to one");
  TRY(check_owner(place, in, own_user));
  TRY(check_closed(place, in));
  std::string path = join(place, name);
  ASSIGN_OR_RETURN(const struct stat found, look_at(path));
  if (!S_ISREG(found.st_mode)) return refuse(path, "want a file, and no link to one");
  TRY(check_owner(path, found, own_user));
  TRY(check_closed(path, found));
  return GuardedFile{std::move(path), found.st_mode};
}

}  // namespace

Result<std::string> trusted_program(const std::string& folder, std::string_view name,
                                    std::uint32_t own_user) {
  TRY(check_program_name(name));
  ASSIGN_OR_RETURN(GuardedFile found, guarded_file(folder, name, own_user));
  if ((found.mode & S_IXUSR) == 0) return refuse(found.path, "not executable: chmod u+x it");
  return std::move(found.path);
}

Result<std::string> trusted_file(const std::string& path, std::uint32_t own_user) {
  ASSIGN_OR_RETURN(GuardedFile found, guarded_file(parent_of(path), file_name_of(path), own_user));
  return std::move(found.path);
}

}  // namespace obhut::platform
