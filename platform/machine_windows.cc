#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "agent/base/text.h"
#include "platform/local_files.h"
#include "platform/machine.h"
#include "platform/win.h"

namespace obhut::platform {
namespace {

/// A text of the registry's machine part; empty where there is none.
std::string registry_text(const wchar_t* key, const wchar_t* name) {
  std::array<wchar_t, 512> value{};
  auto bytes = static_cast<DWORD>(sizeof value);
  // The 64-bit view, whoever asks.
  constexpr DWORD kHow = RRF_RT_REG_SZ | RRF_SUBKEY_WOW6464KEY;
  if (::RegGetValueW(HKEY_LOCAL_MACHINE, key, name, kHow, nullptr, value.data(), &bytes) !=
      ERROR_SUCCESS) {
    return {};
  }
  return win::to_wtf8(value.data());
}

/// Sixteen bytes of the firmware's table 1 (SMBIOS 2.1 and later); empty where there are none.
Bytes firmware_uuid() {
  constexpr DWORD kProvider = 0x52534D42;  // "RSMB"
  constexpr std::size_t kHeader = 8;
  const UINT size = ::GetSystemFirmwareTable(kProvider, 0, nullptr, 0);
  if (size <= kHeader) return {};
  Bytes table(size);
  if (::GetSystemFirmwareTable(kProvider, 0, table.data(), size) != size) return {};
  ByteView rest = ByteView(table).subspan(kHeader);
  constexpr std::size_t kUuidAt = 8;
  constexpr std::size_t kUuid = 16;
  while (rest.size() >= 4) {
    const std::size_t formatted = rest[1];
    if (formatted < 4 || formatted > rest.size()) return {};
    if (rest[0] == 1 && formatted >= kUuidAt + kUuid) return to_bytes(rest.subspan(kUuidAt, kUuid));
    // Behind the formatted part stand its texts, ended by two zeros.
    std::size_t end = formatted;
    while (end + 1 < rest.size() && (rest[end] != 0 || rest[end + 1] != 0)) ++end;
    if (end + 2 > rest.size()) return {};
    rest = rest.subspan(end + 2);
  }
  return {};
}

std::vector<std::uint8_t> token_information(TOKEN_INFORMATION_CLASS kind) {
  HANDLE token = nullptr;
  if (::OpenProcessToken(::GetCurrentProcess(), TOKEN_QUERY, &token) == 0) return {};
  const Handle held = win::handle_of(token);
  DWORD size = 0;
  static_cast<void>(::GetTokenInformation(token, kind, nullptr, 0, &size));  // tells the size
  std::vector<std::uint8_t> known(size);
  if (size == 0 || ::GetTokenInformation(token, kind, known.data(), size, &size) == 0) return {};
  return known;
}

std::chrono::microseconds duration_of(const FILETIME& time) {
  const std::uint64_t ticks = (std::uint64_t{time.dwHighDateTime} << 32U) | time.dwLowDateTime;
  return std::chrono::microseconds(ticks / 10);
}

}  // namespace

std::string host_name() {
  std::array<wchar_t, 256> name{};
  auto size = static_cast<DWORD>(name.size());
  if (::GetComputerNameExW(ComputerNameDnsHostname, name.data(), &size) == 0) return "localhost";
  return win::to_wtf8({name.data(), size});
}

std::string system_name() {
  constexpr const wchar_t* kKey = L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion";
  std::string name = registry_text(kKey, L"ProductName");
  if (name.empty()) name = "Windows";
  const std::string version = registry_text(kKey, L"DisplayVersion");
  const std::string build = registry_text(kKey, L"CurrentBuild");
  if (!version.empty()) name += " " + version;
  if (!build.empty()) name += " (" + build + ")";
  return name;
}

Result<Bytes> machine_identity() {
  const std::string installed = registry_text(L"SOFTWARE\\Microsoft\\Cryptography", L"MachineGuid");
  const Bytes firmware = firmware_uuid();
  if (installed.empty() && firmware.empty()) {
    return fail(ErrorKind::kUnsupported,
                "machine identity: HKLM\\SOFTWARE\\Microsoft\\Cryptography has no MachineGuid");
  }
  Bytes both = to_bytes(as_bytes(installed + "/"));
  both.insert(both.end(), firmware.begin(), firmware.end());
  return both;
}

Result<DiskSpace> disk_space(const std::string& path) {
  ASSIGN_OR_RETURN(const std::wstring native, win::native_path(path));
  ULARGE_INTEGER free{};
  ULARGE_INTEGER total{};
  if (::GetDiskFreeSpaceExW(native.c_str(), &free, &total, nullptr) == 0) {
    return win::failure("ask for the free space of", path);
  }
  return DiskSpace{free.QuadPart, total.QuadPart};
}

Result<std::string> file_system_id(const std::string& path) {
  std::string at = path;
  while (!exists(at) && parent_of(at) != at) at = parent_of(at);
  ASSIGN_OR_RETURN(const std::wstring native, win::native_path(at));
  std::array<wchar_t, 1024> root{};
  DWORD serial = 0;
  const bool found =
      ::GetVolumePathNameW(native.c_str(), root.data(), static_cast<DWORD>(root.size())) != 0 &&
      ::GetVolumeInformationW(root.data(), nullptr, 0, &serial, nullptr, nullptr, nullptr, 0) != 0;
  if (!found) return win::failure("ask for the file system of", at);
  return std::to_string(serial);
}

unsigned processor_count() {
  DWORD_PTR ours = 0;
  DWORD_PTR all = 0;
  if (::GetProcessAffinityMask(::GetCurrentProcess(), &ours, &all) != 0 && ours != 0) {
    return static_cast<unsigned>(std::popcount(ours));
  }
  return std::max(1U, static_cast<unsigned>(::GetActiveProcessorCount(ALL_PROCESSOR_GROUPS)));
}

// Handles are limited by memory alone.
std::size_t raise_open_file_limit() {
  return 65536;
}

// The rights of new files come from their folder: our state's lets nobody else in.
void restrict_new_files() {}

bool is_administrator() {
  SID_IDENTIFIER_AUTHORITY system = SECURITY_NT_AUTHORITY;
  PSID group = nullptr;
  if (::AllocateAndInitializeSid(&system, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS,
                                 0, 0, 0, 0, 0, 0, &group) == 0) {
    return false;
  }
  BOOL member = FALSE;
  const bool asked = ::CheckTokenMembership(nullptr, group, &member) != 0;
  ::FreeSid(group);
  return asked && member != FALSE;
}

// The last part of the account's SID: for messages and for telling one's own from another's.
std::uint32_t user_id() {
  const std::vector<std::uint8_t> known = token_information(TokenUser);
  if (known.empty()) return 0;
  PSID sid = reinterpret_cast<const TOKEN_USER*>(known.data())->User.Sid;
  const UCHAR parts = *::GetSidSubAuthorityCount(sid);
  return parts == 0 ? 0 : *::GetSidSubAuthority(sid, parts - 1U);
}

std::uint32_t group_id() {
  return 0;  // nothing here goes by numbers of groups
}
std::int64_t process_id() {
  return ::GetCurrentProcessId();
}

Result<std::string> program_path() {
  constexpr std::size_t kMost = 32768;
  std::wstring path(kMost, L'\0');
  const DWORD length = ::GetModuleFileNameW(nullptr, path.data(), kMost);
  if (length == 0 || length == kMost) return win::failure("find", "this program's own path");
  return win::inner_path(std::wstring_view(path).substr(0, length));
}

Result<std::string> program_beside(std::string_view name) {
  ASSIGN_OR_RETURN(const std::string own, program_path());
  return join(parent_of(own), name) + ".exe";
}

ResourceUsage resource_usage() {
  ResourceUsage usage;
  PROCESS_MEMORY_COUNTERS memory{};
  if (::K32GetProcessMemoryInfo(::GetCurrentProcess(), &memory, sizeof memory) != 0) {
    usage.peak_memory_bytes = memory.PeakWorkingSetSize;
  }
  FILETIME made{};
  FILETIME ended{};
  FILETIME system{};
  FILETIME user{};
  if (::GetProcessTimes(::GetCurrentProcess(), &made, &ended, &system, &user) != 0) {
    usage.user_cpu = duration_of(user);
    usage.system_cpu = duration_of(system);
  }
  return usage;
}

}  // namespace obhut::platform
