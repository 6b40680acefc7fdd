#include <algorithm>
#include <cstdlib>

#include <boost/filesystem.hpp>

#include "agent/base/text.h"
#include "platform/local_files.h"
#include "platform/os_error.h"
#include "platform/posix.h"

namespace obhut::platform {

namespace fs = boost::filesystem;

using posix::fd_of;
using posix::handle_of;

namespace {

std::unexpected<Error> os_failure(std::string_view action, std::string_view path) {
  return std::unexpected(os_error(errno, Whose::kOurs, action, path));
}

bool is_directory(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
}

/// Shorter reads gain nothing by going to the disk themselves.
constexpr std::uint64_t kLeastDirect = 256U << 10U;

/// True where half of the range is in the page cache, or where the kernel does not tell.
bool is_mostly_cached(int fd, ByteRange range) {
  const std::optional<std::uint64_t> cached = posix::cached_bytes(fd, range);
  return !cached || *cached >= range.length / 2;
}

}  // namespace

bool is_absolute(std::string_view path) {
  return fs::path(std::string(path)).is_absolute();
}

Result<std::string> absolute_path(std::string_view path) {
  if (path.empty()) return fail(ErrorKind::kInvalidInput, "the empty path names nothing");
  boost::system::error_code code;
  const fs::path here = fs::current_path(code);
  if (code) return std::unexpected(os_error(code.value(), Whose::kOurs, "find the way to", path));
  std::string text = fs::absolute(fs::path(std::string(path)), here).lexically_normal().string();
  // "/a/." and "/a/" become "/a/." in Boost 1.74.
  if (text.ends_with("/.")) text.pop_back();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  while (text == "/.." || text.starts_with("/../")) text.erase(0, 3);  // above the root is the root
  return text.empty() ? "/" : text;
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  boost::system::error_code code;
  std::vector<std::string> names;
  fs::directory_iterator at(path, code);
  while (!code && at != fs::directory_iterator()) {
    names.push_back(at->path().filename().string());
    at.increment(code);
  }
  if (code) return std::unexpected(os_error(code.value(), Whose::kOurs, "list", path));
  std::ranges::sort(names);
  return names;
}

Result<void> remove_tree(const std::string& path) {
  boost::system::error_code code;
  fs::remove_all(path, code);
  if (code && code != boost::system::errc::no_such_file_or_directory) {
    return std::unexpected(os_error(code.value(), Whose::kOurs, "remove", path));
  }
  return {};
}

Result<void> remove_file(const std::string& path) {
  boost::system::error_code code;
  fs::remove(path, code);
  if (code && code != boost::system::errc::no_such_file_or_directory) {
    return std::unexpected(os_error(code.value(), Whose::kOurs, "remove", path));
  }
  return {};
}

std::string system_text(const std::string& path) {
  return path;
}

std::string shown(std::string_view path) {
  return printable(path);
}

Result<FileStatus> status_of_path(const std::string& path) {
  FileStatus status;
  if (path.empty()) return fail(ErrorKind::kInvalidInput, "the empty path names nothing");
  if (posix::status_at(AT_FDCWD, path.c_str(), true, status) != 0) return os_failure("stat", path);
  return status;
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

Result<void> make_directories(const std::string& path, std::uint32_t mode) {
  if (path.empty()) return fail(ErrorKind::kInvalidInput, "the empty path names no directory");
  if (is_directory(path)) return {};
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    // Tried on every level rather than asked before: another process may make the same ones.
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) {
      const int code = errno;
      // A level that is there but closed to us (EACCES, EROFS) says so although nothing is to do.
      if (!is_directory(part)) {
        return std::unexpected(os_error(code, Whose::kOurs, "make directory", part));
      }
    }
    if (end == std::string::npos) break;
  }
  if (is_directory(path)) return {};
  return fail(ErrorKind::kConflict, "make directory " + printable(path) + ": a file has this name");
}

Result<void> rename_path(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return os_failure("rename " + printable(from) + " to", to);
  return {};
}

Result<void> sync_directory(const std::string& path) {
  const Handle folder = handle_of(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return os_failure("open", path);
  // EINVAL: a file system that has no such thing (some FUSE ones) keeps its names in its own way.
  if (::fsync(fd_of(folder)) != 0 && errno != EINVAL) return os_failure("sync", path);
  return {};
}

Result<std::string> make_temporary_directory(std::string_view prefix) {
  const char* chosen = std::getenv("TMPDIR");
  std::string path =
      join(chosen != nullptr && *chosen != '\0' ? chosen : "/tmp", prefix) + "XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return os_failure("make directory", path);
  return path;
}

// LocalFile

Result<LocalFile> LocalFile::open_for_reading(const std::string& path) {
  Handle handle =
      handle_of(posix::retry([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!handle.valid()) return os_failure("open", path);
  return LocalFile(std::move(handle), path);
}

Result<LocalFile> LocalFile::open_for_appending(const std::string& path, std::uint32_t mode) {
  constexpr int kFlags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC;
  Handle handle = handle_of(posix::retry([&] { return ::open(path.c_str(), kFlags, mode); }));
  if (!handle.valid()) return os_failure("open", path);
  return LocalFile(std::move(handle), path);
}

Result<std::uint64_t> LocalFile::size() const {
  struct stat found {};
  if (::fstat(fd_of(handle_), &found) != 0) return os_failure("stat", path_);
  return static_cast<std::uint64_t>(found.st_size);
}

Result<std::size_t> LocalFile::read_at(std::uint64_t offset, MutableByteView into) const {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = posix::retry([&] {
      return ::pread(fd_of(handle_), into.data() + done, into.size() - done,
                     static_cast<off_t>(offset + done));
    });
    if (got < 0) return os_failure("read", path_);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<Bytes> LocalFile::read_range_once(ByteRange range) const {
  if (range.length < kLeastDirect || is_mostly_cached(fd_of(handle_), range)) {
    return read_range(range);
  }
  TRY(require(range));
  // Whole pages around the range, to a page of ours; what was asked for then moves to the front.
  const std::size_t before = range.offset % posix::kDirectUnit;
  const std::size_t whole = posix::whole_units(before + range.length);
  Bytes bytes(whole + posix::kDirectUnit);
  std::uint8_t* const page = bytes.data() + posix::distance_to_unit(bytes.data());
  posix::DirectAccess direct(fd_of(handle_));
  ssize_t got = -1;
  if (direct.on()) {
    got = posix::retry([&] {
      return ::pread(fd_of(handle_), page, whole, static_cast<off_t>(range.offset - before));
    });
  }
  // Refused, or cut short (a signal, the file's end within a block): the common way finds out.
  if (got < static_cast<ssize_t>(before + range.length)) {
    return direct.off() ? read_range(range) : os_failure("read", path_);
  }
  std::memmove(bytes.data(), page + before, range.length);
  bytes.resize(range.length);
  return bytes;
}

Result<void> LocalFile::append(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t done =
        posix::retry([&] { return ::write(fd_of(handle_), bytes.data(), bytes.size()); });
    if (done < 0) return os_failure("write", path_);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return {};
}

Result<void> LocalFile::truncate(std::uint64_t size) {
  if (posix::retry([&] { return ::ftruncate(fd_of(handle_), static_cast<off_t>(size)); }) != 0) {
    return os_failure("cut", path_);
  }
  return {};
}

Result<void> LocalFile::sync() {
  if (posix::retry([&] { return ::fdatasync(fd_of(handle_)); }) != 0)
    return os_failure("sync", path_);
  return {};
}

}  // namespace obhut::platform
