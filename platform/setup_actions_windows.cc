// What the package has done that its tables cannot do: a library of its own, loaded by the
// installer.

#include "agent/base/bytes.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/places.h"
#include "platform/win.h"

namespace {

using namespace obhut;

Result<void> keep_token(const std::string& token) {
  const std::string& state = platform::standard_places().state;
  TRY(platform::make_directories(platform::standard_places().home, 0700));
  TRY(platform::make_directories(state, 0700));
  return platform::write_file(platform::join(state, "token"), as_bytes(token), 0600);
}

}  // namespace

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
  const Result<void> kept = keep_token(platform::win::to_wtf8(token));
  ::SecureZeroMemory(token.data(), token.size() * sizeof(wchar_t));
  return kept ? ERROR_SUCCESS : ERROR_INSTALL_FAILURE;
}
