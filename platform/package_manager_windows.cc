#include "platform/local_files.h"
#include "platform/package_manager.h"
#include "platform/places.h"
#include "platform/trusted_program.h"
#include "platform/win.h"

namespace obhut::platform {
namespace {

Result<std::wstring> wide_path(const std::string& path) {
  std::optional<std::wstring> wide = win::to_wide(system_text(path));
  if (wide) return std::move(*wide);
  return fail(ErrorKind::kInvalidInput, "install: the package's path is not UTF-8");
}

}  // namespace

std::string_view package_kind() {
  return "msi";
}

std::string_view package_system() {
  return "windows";
}

/// Nobody waits for it: the service, whose process we may be, is stopped by it. The installation
/// itself is carried out by the system's Windows Installer service.
Result<PackageRun> install_package(const std::string& path, const std::string& program) {
  std::string runs = join(standard_places().neutral_folder, "msiexec.exe");
  std::wstring rest = L" /i \"";
  if (!program.empty()) {
    ASSIGN_OR_RETURN(runs, trusted_program(parent_of(program), file_name_of(program)));
    rest = L" \"";
  }
  ASSIGN_OR_RETURN(const std::wstring file, wide_path(path));
  ASSIGN_OR_RETURN(const std::wstring starts, wide_path(runs));
  // No quotes can stand in a name on Windows.
  std::wstring line = L"\"" + starts + L"\"" + rest + file + L"\"";
  if (program.empty()) line += L" /qn /norestart";
  STARTUPINFOW startup{};
  startup.cb = sizeof startup;
  PROCESS_INFORMATION started{};
  constexpr DWORD kFlags = CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP;
  // Out of the job that a service manager may have put us in, where it lets us.
  if (::CreateProcessW(starts.c_str(), line.data(), nullptr, nullptr, FALSE,
                       kFlags | CREATE_BREAKAWAY_FROM_JOB, nullptr, nullptr, &startup,
                       &started) == 0 &&
      ::CreateProcessW(starts.c_str(), line.data(), nullptr, nullptr, FALSE, kFlags, nullptr,
                       nullptr, &startup, &started) == 0) {
    return win::failure("start", runs);
  }
  ::CloseHandle(started.hThread);
  ::CloseHandle(started.hProcess);
  return PackageRun{};
}

}  // namespace obhut::platform
