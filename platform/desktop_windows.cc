#include <vector>

#include "platform/desktop.h"

// The others need what the first declares.
// clang-format off
#include <winsock2.h>
#include <iphlpapi.h>
// clang-format on

#include "platform/win.h"
#include "platform/windows_rights.h"

namespace obhut::platform {
namespace {

/// The process at the other end of a connection over 127.0.0.1; 0 where there is none.
DWORD process_of(std::uint16_t listening, std::uint16_t from) {
  std::vector<std::uint8_t> table;
  DWORD size = 64 * 1024;
  DWORD answer = ERROR_INSUFFICIENT_BUFFER;
  // Connections come and go between asking for the size and asking for the table.
  for (int attempt = 0; attempt < 5 && answer == ERROR_INSUFFICIENT_BUFFER; ++attempt) {
    table.resize(size);
    answer = GetExtendedTcpTable(table.data(), &size, FALSE, AF_INET,
                                 TCP_TABLE_OWNER_PID_CONNECTIONS, 0);
  }
  if (answer != NO_ERROR) return 0;
  const auto* list = reinterpret_cast<const MIB_TCPTABLE_OWNER_PID*>(table.data());
  const DWORD loopback = htonl(INADDR_LOOPBACK);
  for (DWORD i = 0; i < list->dwNumEntries; ++i) {
    const MIB_TCPROW_OWNER_PID& row = list->table[i];
    const bool ours = row.dwLocalAddr == loopback && row.dwRemoteAddr == loopback &&
                      ntohs(static_cast<u_short>(row.dwLocalPort)) == from &&
                      ntohs(static_cast<u_short>(row.dwRemotePort)) == listening;
    if (ours) return row.dwOwningPid;
  }
  return 0;
}

/// What shows an address may be an object of COM, which is for threads that say so.
class OnComThread {
 public:
  OnComThread()
      : entered_(
            SUCCEEDED(CoInitializeEx(nullptr, COINIT_APARTMENTTHREADED | COINIT_DISABLE_OLE1DDE))) {
  }
  OnComThread(const OnComThread&) = delete;
  OnComThread& operator=(const OnComThread&) = delete;
  ~OnComThread() {
    if (entered_) CoUninitialize();
  }

 private:
  bool entered_;
};

std::string sid_of_process(DWORD id) {
  const Handle process = win::handle_of(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, id));
  if (!process.valid()) return "";
  HANDLE opened = nullptr;
  if (OpenProcessToken(win::native_of(process), TOKEN_QUERY, &opened) == 0) return "";
  const Handle token = win::handle_of(opened);
  alignas(TOKEN_USER) std::uint8_t bytes[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
  DWORD size = sizeof bytes;
  if (GetTokenInformation(win::native_of(token), TokenUser, bytes, size, &size) == 0) return "";
  return win::sid_text(reinterpret_cast<const TOKEN_USER*>(bytes)->User.Sid);
}

}  // namespace

SignedIn signed_in() {
  wchar_t name[256];
  DWORD size = 256;
  SignedIn who;
  if (GetUserNameW(name, &size) != 0) who.account = win::to_wtf8(name);
  who.home = win::known_folder(FOLDERID_Profile, "");
  return who;
}

std::string display_locale() {
  wchar_t name[LOCALE_NAME_MAX_LENGTH];
  return GetUserDefaultLocaleName(name, LOCALE_NAME_MAX_LENGTH) > 0 ? win::to_wtf8(name) : "";
}

bool is_own_connection(std::uint16_t listening, std::uint16_t from) {
  const DWORD process = process_of(listening, from);
  return process != 0 && sid_of_process(process) == win::own_sid();
}

bool has_drives() {
  return true;
}

bool can_mount() {
  return false;
}

std::string session_folder() {
  return "";
}

bool may_write_in(const std::string& folder) {
  const Result<std::wstring> native = win::native_path(folder);
  if (!native) return false;
  const HANDLE opened = CreateFileW(native->c_str(), FILE_ADD_FILE,
                                    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                    OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr);
  return win::handle_of(opened == INVALID_HANDLE_VALUE ? nullptr : opened).valid();
}

Result<void> show(const std::string& address_or_folder) {
  std::optional<std::wstring> wide;
  if (address_or_folder.starts_with('/')) {
    ASSIGN_OR_RETURN(wide, win::native_path(address_or_folder));
  } else {
    wide = win::to_wide(address_or_folder);
  }
  if (!wide) return fail(ErrorKind::kInvalidInput, "address: is no text");
  const OnComThread com;
  const auto answer = reinterpret_cast<std::intptr_t>(
      ShellExecuteW(nullptr, L"open", wide->c_str(), nullptr, nullptr, SW_SHOWNORMAL));
  constexpr std::intptr_t kLastError = 32;
  if (answer <= kLastError) {
    return fail(ErrorKind::kUnsupported, "the system has nothing to show it with");
  }
  return {};
}

}  // namespace obhut::platform
