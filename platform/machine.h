#pragma once
// What we ask about the machine and about our own process.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/bytes.h"
#include "agent/base/result.h"

namespace obhut::platform {

std::string host_name();
/// "Debian GNU/Linux 12 (bookworm)"
std::string system_name();
/// Raw bytes that stay the same until this machine is installed anew and differ between machines
/// (/etc/machine-id and, where readable, the firmware's UUID). For hashing: never to be sent.
/// Errors: kUnsupported where the system has neither.
Result<Bytes> machine_identity();

struct DiskSpace {
  std::uint64_t free = 0;  ///< bytes that we may still write
  std::uint64_t total = 0;
};
Result<DiskSpace> disk_space(const std::string& path);

/// Which file system `path` lies on, or would: that of the nearest folder above it that exists. The
/// same after a restart; another where a disk was taken out and its mount point is what is left.
Result<std::string> file_system_id(const std::string& path);

/// Processors that this process may use, at least 1.
unsigned processor_count();
/// Lifts the limit of open files as far as we may; returns what holds now.
std::size_t raise_open_file_limit();
/// Files made from now on are for their owner alone unless asked otherwise.
void restrict_new_files();

/// Root, or an elevated administrator.
bool is_administrator();
std::uint32_t user_id();
std::uint32_t group_id();
std::int64_t process_id();
/// Absolute path of the running program.
Result<std::string> program_path();
/// Absolute path of the program `name` ("obhutd") where it lies beside the running one; it need not
/// be there.
Result<std::string> program_beside(std::string_view name);

struct ResourceUsage {
  std::uint64_t peak_memory_bytes = 0;
  std::chrono::microseconds user_cpu{};
  std::chrono::microseconds system_cpu{};
};
ResourceUsage resource_usage();

}  // namespace obhut::platform
