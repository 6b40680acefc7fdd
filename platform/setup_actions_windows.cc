// What the package has done that its tables cannot do: a library of its own, loaded by the
// installer.

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/bytes.h"
#include "platform/atomic_file.h"
#include "platform/installed_settings.h"
#include "platform/local_files.h"
#include "platform/places.h"
#include "platform/win.h"

// The others need what win.h declares.
#include <userenv.h>
#include <wtsapi32.h>

namespace {

using namespace obhut;
using platform::Handle;
namespace win = platform::win;

Result<void> keep_token(const std::string& token) {
  const std::string& file = platform::standard_places().left_token;
  TRY(platform::make_directories(platform::parent_of(file), 0700));
  return platform::write_file(file, as_bytes(token), 0600);
}

/// Of all sessions, as far as we may look at them. In: what to open them for; which paths of
/// programs are meant.
std::vector<Handle> processes_of(DWORD access, const std::function<bool(std::wstring_view)>& is) {
  std::vector<Handle> found;
  std::array<DWORD, 4096> ids{};
  DWORD bytes = 0;
  if (::K32EnumProcesses(ids.data(), sizeof ids, &bytes) == 0) return found;
  for (std::size_t i = 0; i < bytes / sizeof(DWORD); ++i) {
    Handle process =
        win::handle_of(::OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION | access, FALSE, ids.at(i)));
    std::wstring path(32768, L'\0');
    auto size = static_cast<DWORD>(path.size());
    if (!process.valid() ||
        ::QueryFullProcessImageNameW(win::native_of(process), 0, path.data(), &size) == 0) {
      continue;
    }
    path.resize(size);
    if (is(path)) found.push_back(std::move(process));
  }
  return found;
}

/// True where all of them ended in time.
bool wait_for(const std::vector<Handle>& processes, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  return std::ranges::all_of(processes, [&](const Handle& process) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    const auto wait = static_cast<DWORD>(std::max<std::int64_t>(left.count(), 0));
    return ::WaitForSingleObject(win::native_of(process), wait) == WAIT_OBJECT_0;
  });
}

/// A service that says that it stopped may take a moment to be gone, and what it has open cannot be
/// removed until then.
void wait_for_daemons_to_end() {
  static_cast<void>(
      wait_for(processes_of(SYNCHRONIZE,
                            [](std::wstring_view path) { return path.ends_with(L"\\obhutd.exe"); }),
               std::chrono::seconds(30)));
}

struct Asking {
  std::vector<DWORD> processes;
  bool reached = false;
};

BOOL CALLBACK ask_to_close(HWND window, LPARAM given) {
  auto& asking = *reinterpret_cast<Asking*>(given);
  DWORD owner = 0;
  ::GetWindowThreadProcessId(window, &owner);
  if (std::ranges::find(asking.processes, owner) != asking.processes.end() &&
      ::PostMessageW(window, WM_CLOSE, 0, 0) != 0) {
    asking.reached = true;
  }
  return TRUE;
}

constexpr const wchar_t* kTray = L"obhut-tray.exe";

/// What a running program holds open could be replaced at the next restart alone. A tray is asked
/// to go; where no message reaches it, as in another's session, it is ended: it holds nothing that
/// could be lost.
void end_trays(std::wstring_view folder) {
  const std::wstring program = std::wstring(folder) + kTray;
  const std::vector<Handle> trays =
      processes_of(SYNCHRONIZE | PROCESS_TERMINATE, [&program](std::wstring_view path) {
        return ::CompareStringOrdinal(path.data(), static_cast<int>(path.size()), program.data(),
                                      static_cast<int>(program.size()), TRUE) == CSTR_EQUAL;
      });
  if (trays.empty()) return;
  Asking asking;
  for (const Handle& tray : trays) {
    asking.processes.push_back(::GetProcessId(win::native_of(tray)));
  }
  ::EnumWindows(ask_to_close, reinterpret_cast<LPARAM>(&asking));
  constexpr std::chrono::seconds kPatience{5};
  if (asking.reached && wait_for(trays, kPatience)) return;
  for (const Handle& tray : trays) ::TerminateProcess(win::native_of(tray), 1);
  static_cast<void>(wait_for(trays, kPatience));
}

std::vector<DWORD> sessions() {
  std::vector<DWORD> found;
  WTS_SESSION_INFOW* list = nullptr;
  DWORD count = 0;
  if (::WTSEnumerateSessionsW(WTS_CURRENT_SERVER_HANDLE, 0, 1, &list, &count) != 0) {
    for (DWORD i = 0; i < count; ++i) found.push_back(list[i].SessionId);
    ::WTSFreeMemory(list);
  }
  // A small system may list none at all.
  const DWORD console = ::WTSGetActiveConsoleSessionId();
  if (std::ranges::find(found, console) == found.end()) found.push_back(console);
  return found;
}

/// As whoever is signed in there, without the rights that they could have elevated.
void start_tray(DWORD session, const std::wstring& folder) {
  HANDLE opened = nullptr;
  if (::WTSQueryUserToken(session, &opened) == 0) return;  // nobody is
  const Handle token = win::handle_of(opened);
  void* environment = nullptr;
  if (::CreateEnvironmentBlock(&environment, opened, FALSE) == 0) environment = nullptr;
  const std::wstring program = folder + kTray;
  std::wstring line = L"\"" + program + L"\"";
  std::wstring desktop = L"winsta0\\default";
  STARTUPINFOW how{};
  how.cb = sizeof how;
  how.lpDesktop = desktop.data();
  PROCESS_INFORMATION made{};
  if (::CreateProcessAsUserW(opened, program.c_str(), line.data(), nullptr, nullptr, FALSE,
                             CREATE_UNICODE_ENVIRONMENT | DETACHED_PROCESS, environment,
                             folder.c_str(), &how, &made) != 0) {
    ::CloseHandle(made.hThread);
    ::CloseHandle(made.hProcess);
  }
  if (environment != nullptr) ::DestroyEnvironmentBlock(environment);
}

/// "" where there is none.
std::wstring property_of(MSIHANDLE installation, const wchar_t* name) {
  std::wstring value(32768, L'\0');
  auto size = static_cast<DWORD>(value.size());
  if (::MsiGetPropertyW(installation, name, value.data(), &size) != ERROR_SUCCESS) return {};
  value.resize(size);
  return value;
}

/// Keys stay, so that an agent that is installed again is the device that it was.
Result<void> remove_traces() {
  const platform::Places& places = platform::standard_places();
  TRY(platform::forget_installed_settings());
  TRY(platform::remove_tree(platform::parent_of(places.log_file)));
  TRY(platform::remove_tree(places.crashes));
  TRY(platform::remove_tree(platform::join(places.state, "snapshots")));
  const Result<std::vector<std::string>> names = platform::list_directory(places.state);
  if (!names) return {};  // never enrolled
  for (const std::string& name : *names) {
    if (name.starts_with("cache-")) TRY(platform::remove_tree(platform::join(places.state, name)));
  }
  return {};
}

Result<void> remove_everything() {
  TRY(platform::forget_installed_settings());
  return platform::remove_tree(platform::standard_places().home);
}

/// A scanner that looks at a file for a moment must not leave it there. What stays in the end is in
/// nobody's way: a removal does not fail for it.
UINT remove_by(Result<void> (*remove)()) {
  wait_for_daemons_to_end();
  constexpr int kTimes = 20;
  for (int i = 0; i < kTimes && !remove(); ++i) ::Sleep(500);
  return ERROR_SUCCESS;
}

}  // namespace

extern "C" __declspec(dllexport) UINT __stdcall CleanUp(MSIHANDLE /*installation*/) {
  return remove_by(remove_traces);
}

extern "C" __declspec(dllexport) UINT __stdcall Purge(MSIHANDLE /*installation*/) {
  return remove_by(remove_everything);
}

/// Once as whoever installs, before it is looked which files are in use; once as the system, which
/// reaches the sessions of others too, before they are replaced or removed.
extern "C" __declspec(dllexport) UINT __stdcall EndTrays(MSIHANDLE installation) {
  // A part that runs later is told this one property alone.
  std::wstring folder = property_of(installation, L"CustomActionData");
  if (folder.empty()) folder = property_of(installation, L"INSTALLDIR");
  if (!folder.empty()) end_trays(folder);
  return ERROR_SUCCESS;
}

/// Once all is in place. Whoever is signed in has the icon at once, and has it again after an
/// upgrade; nobody has two.
extern "C" __declspec(dllexport) UINT __stdcall StartTrays(MSIHANDLE installation) {
  const std::wstring folder = property_of(installation, L"CustomActionData");
  if (folder.empty()) return ERROR_SUCCESS;
  for (const DWORD session : sessions()) start_tray(session, folder);
  return ERROR_SUCCESS;
}

/// The token goes straight to where the service takes it: what is written by the package's tables
/// shows in the installer's log.
extern "C" __declspec(dllexport) UINT __stdcall KeepToken(MSIHANDLE installation) {
  std::wstring token(8192, L'\0');
  auto size = static_cast<DWORD>(token.size());
  if (::MsiGetPropertyW(installation, L"CustomActionData", token.data(), &size) != ERROR_SUCCESS) {
    return ERROR_INSTALL_FAILURE;
  }
  token.resize(size);
  if (token.empty()) return ERROR_SUCCESS;
  const Result<void> kept = keep_token(win::to_wtf8(token));
  ::SecureZeroMemory(token.data(), token.size() * sizeof(wchar_t));
  return kept ? ERROR_SUCCESS : ERROR_INSTALL_FAILURE;
}
