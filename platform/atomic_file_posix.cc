#include <cstdlib>

#include "agent/base/text.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/os_error.h"
#include "platform/posix.h"

namespace obhut::platform {

using posix::fd_of;
using posix::handle_of;

namespace {

std::unexpected<Error> os_failure(std::string_view action, std::string_view path) {
  return std::unexpected(os_error(errno, Whose::kOurs, action, path));
}

}  // namespace

Result<Bytes> read_file(const std::string& path, std::size_t cap) {
  const Handle file = handle_of(
      posix::retry([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
  if (!file.valid()) return os_failure("open", path);
  struct stat found {};
  if (::fstat(fd_of(file), &found) != 0) return os_failure("stat", path);
  if (!S_ISREG(found.st_mode)) {
    return fail(ErrorKind::kInvalidInput, "read " + printable(path) + ": not a regular file");
  }
  Bytes content(std::min(static_cast<std::size_t>(found.st_size), cap) + 1);
  std::size_t done = 0;
  // Files under /proc and /sys say 0 and have more; any file may grow meanwhile.
  while (done <= cap) {
    if (done == content.size()) content.resize(std::min(content.size() * 2, cap + 1));
    const ssize_t got = posix::retry(
        [&] { return ::read(fd_of(file), content.data() + done, content.size() - done); });
    if (got < 0) return os_failure("read", path);
    if (got == 0) {
      content.resize(done);
      return content;
    }
    done += static_cast<std::size_t>(got);
  }
  return fail(ErrorKind::kInvalidInput, "read " + printable(path) + ": longer than the " +
                                            std::to_string(cap) +
                                            " bytes that are expected at most");
}

Result<AtomicFile> AtomicFile::create(const std::string& path, std::uint32_t mode,
                                      const std::string& temporary_folder) {
  const std::string folder = temporary_folder.empty() ? parent_of(path) : temporary_folder;
  std::string temporary = join(folder, ".tmp-XXXXXX");
  Handle handle = handle_of(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!handle.valid()) return os_failure("create a file for", path);
  AtomicFile file(std::move(handle), path, std::move(temporary));
  // Not by open(): that would be subject to the umask.
  if (mode != 0600 && ::fchmod(fd_of(file.handle_), mode) != 0) {
    return os_failure("set the mode of", path);
  }
  return file;
}

void AtomicFile::discard() {
  handle_.close();
  if (temporary_.empty()) return;
  // ignored: a temporary file that stays is in nobody's way.
  static_cast<void>(::unlink(temporary_.c_str()));
  temporary_.clear();
}

Result<void> AtomicFile::write(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t done =
        posix::retry([&] { return ::write(fd_of(handle_), bytes.data(), bytes.size()); });
    if (done < 0) return os_failure("write", path_);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return {};
}

Result<void> AtomicFile::write_past_cache(ByteView bytes) {
  std::size_t done = 0;
  {
    const std::size_t whole = bytes.size() / posix::kDirectUnit * posix::kDirectUnit;
    posix::DirectAccess direct(fd_of(handle_));
    const bool possible = direct.on() && posix::distance_to_unit(bytes.data()) == 0;
    while (possible && done < whole) {
      const ssize_t got =
          posix::retry([&] { return ::write(fd_of(handle_), bytes.data() + done, whole - done); });
      if (got < 0 && errno != EINVAL) return os_failure("write", path_);
      // Refused by this file system, or ended within a unit: the rest goes the common way.
      if (got <= 0 || got % static_cast<ssize_t>(posix::kDirectUnit) != 0) {
        done += static_cast<std::size_t>(std::max<ssize_t>(got, 0));
        break;
      }
      done += static_cast<std::size_t>(got);
    }
    if (!direct.off()) return os_failure("write", path_);
  }
  return write(bytes.subspan(done));
}

Result<void> AtomicFile::commit_without_folder_sync() {
  CHECK(!temporary_.empty());
  // fsync, not fdatasync: the mode belongs to what must not be lost. After a failure the kernel
  // may have dropped the pages and would say ok the second time, so there is no second time.
  if (posix::retry([&] { return ::fsync(fd_of(handle_)); }) != 0) {
    auto failed = os_failure("sync", path_);
    discard();
    return failed;
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    auto failed = os_failure("replace", path_);
    discard();
    return failed;
  }
  temporary_.clear();
  handle_.close();
  return {};
}

Result<void> AtomicFile::commit() {
  TRY(commit_without_folder_sync());
  return sync_directory(parent_of(path_));
}

}  // namespace obhut::platform
