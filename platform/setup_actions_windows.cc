// What the package has done that its tables cannot do: a library of its own, loaded by the
// installer.

#include <algorithm>
#include <array>
#include <chrono>

#include "agent/base/bytes.h"
#include "platform/atomic_file.h"
#include "platform/installed_settings.h"
#include "platform/local_files.h"
#include "platform/places.h"
#include "platform/win.h"

namespace {

using namespace obhut;
using platform::Handle;
namespace win = platform::win;

Result<void> keep_token(const std::string& token) {
  const std::string& file = platform::standard_places().left_token;
  TRY(platform::make_directories(platform::parent_of(file), 0700));
  return platform::write_file(file, as_bytes(token), 0600);
}

/// A service that says that it stopped may take a moment to be gone, and what it has open cannot be
/// removed until then.
void wait_for_daemons_to_end() {
  constexpr std::chrono::seconds kPatience{30};
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::array<DWORD, 4096> ids{};
  DWORD bytes = 0;
  if (::K32EnumProcesses(ids.data(), sizeof ids, &bytes) == 0) return;
  for (std::size_t i = 0; i < bytes / sizeof(DWORD); ++i) {
    const Handle process = win::handle_of(
        ::OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE, FALSE, ids.at(i)));
    std::wstring path(32768, L'\0');
    auto size = static_cast<DWORD>(path.size());
    if (!process.valid() ||
        ::QueryFullProcessImageNameW(win::native_of(process), 0, path.data(), &size) == 0) {
      continue;
    }
    path.resize(size);
    if (!path.ends_with(L"\\obhutd.exe")) continue;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    static_cast<void>(::WaitForSingleObject(
        win::native_of(process), static_cast<DWORD>(std::max<std::int64_t>(left.count(), 0))));
  }
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
