#include <algorithm>
#include <array>
#include <sched.h>

#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include "agent/base/text.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/machine.h"
#include "platform/os_error.h"
#include "platform/posix.h"

namespace obhut::platform {
namespace {

/// The first line of a small file of the system; empty where there is none.
std::string first_line(const std::string& path) {
  constexpr std::size_t kCap = 64 * 1024;
  const Result<Bytes> content = read_file(path, kCap);
  if (!content) return {};
  const std::string_view text = as_text(*content);
  return std::string(text.substr(0, text.find('\n')));
}

}  // namespace

std::string host_name() {
  utsname names{};
  if (::uname(&names) != 0) return "localhost";
  return names.nodename;
}

std::string system_name() {
  constexpr std::size_t kCap = 64 * 1024;
  for (const char* path : {"/etc/os-release", "/usr/lib/os-release"}) {
    const Result<Bytes> content = read_file(path, kCap);
    if (!content) continue;
    constexpr std::string_view kKey = "PRETTY_NAME=";
    const std::string_view text = as_text(*content);
    const std::size_t at = text.starts_with(kKey) ? 0 : text.find("\nPRETTY_NAME=");
    if (at == std::string_view::npos) continue;
    std::string_view value = text.substr(text.find('=', at) + 1);
    value = value.substr(0, value.find('\n'));
    if (value.size() >= 2 && value.front() == '"') value = value.substr(1, value.size() - 2);
    return std::string(value);
  }
  utsname names{};
  if (::uname(&names) != 0) return "unknown system";
  return std::string(names.sysname) + " " + names.release;
}

Result<Bytes> machine_identity() {
  const std::string installed = first_line("/etc/machine-id");
  const std::string firmware = first_line("/sys/class/dmi/id/product_uuid");
  const bool has_id = installed.size() == 32 && from_hex(installed).has_value();
  if (!has_id && firmware.empty()) {
    return fail(ErrorKind::kUnsupported,
                "machine identity: /etc/machine-id is missing; systemd-machine-id-setup makes it");
  }
  const std::string both = (has_id ? installed : "") + "/" + firmware;
  return to_bytes(as_bytes(both));
}

Result<DiskSpace> disk_space(const std::string& path) {
  struct statvfs found {};
  if (::statvfs(path.c_str(), &found) != 0) {
    return std::unexpected(os_error(errno, Whose::kOurs, "ask for the free space of", path));
  }
  return DiskSpace{static_cast<std::uint64_t>(found.f_bavail) * found.f_frsize,
                   static_cast<std::uint64_t>(found.f_blocks) * found.f_frsize};
}

Result<std::string> file_system_id(const std::string& path) {
  std::string at = path;
  while (!exists(at) && parent_of(at) != at) at = parent_of(at);
  struct statvfs found {};
  if (::statvfs(at.c_str(), &found) != 0) {
    return std::unexpected(os_error(errno, Whose::kOurs, "ask for the file system of", at));
  }
  return std::to_string(found.f_fsid);
}

unsigned processor_count() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    return static_cast<unsigned>(std::max(CPU_COUNT(&allowed), 1));
  }
  return static_cast<unsigned>(std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L));
}

std::size_t raise_open_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 256;
  const rlim_t before = limit.rlim_cur;
  // Not without end where the hard limit is huge: closing all handles of a child takes that long.
  constexpr rlim_t kEnough = 65536;
  limit.rlim_cur = std::max(before, std::min(limit.rlim_max, kEnough));
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return before;
  return limit.rlim_cur;
}

void restrict_new_files() {
  static_cast<void>(::umask(077));
}

bool is_administrator() {
  return ::geteuid() == 0;
}
std::uint32_t user_id() {
  return ::geteuid();
}
std::uint32_t group_id() {
  return ::getegid();
}
std::int64_t process_id() {
  return ::getpid();
}

Result<std::string> program_path() {
  std::array<char, 4096> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) return std::unexpected(os_error(errno, Whose::kOurs, "read", "/proc/self/exe"));
  return std::string(path.data(), static_cast<std::size_t>(length));
}

Result<std::string> program_beside(std::string_view name) {
  ASSIGN_OR_RETURN(const std::string own, program_path());
  return join(parent_of(own), name);
}

ResourceUsage resource_usage() {
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) != 0) return {};
  const auto time = [](const timeval& value) {
    return std::chrono::seconds(value.tv_sec) + std::chrono::microseconds(value.tv_usec);
  };
  return {static_cast<std::uint64_t>(used.ru_maxrss) * 1024, time(used.ru_utime),
          time(used.ru_stime)};
}

}  // namespace obhut::platform
