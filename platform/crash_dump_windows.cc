#include <algorithm>
#include <array>
#include <cwchar>
#include <thread>

#include "platform/crash_dump.h"
#include "platform/crash_files.h"
#include "platform/win.h"

namespace obhut::platform {
namespace {

/// All that a crash needs was made before it: the crashed thread has perhaps no stack left, and the
/// heap may be broken. It only wakes the writer, and waits.
struct Writer {
  using Write = BOOL(WINAPI*)(HANDLE, DWORD, HANDLE, MINIDUMP_TYPE, PMINIDUMP_EXCEPTION_INFORMATION,
                              PMINIDUMP_USER_STREAM_INFORMATION, PMINIDUMP_CALLBACK_INFORMATION);
  Write write = nullptr;
  HANDLE crashed = nullptr;
  HANDLE written = nullptr;
  std::array<wchar_t, 1024> folder{};
  EXCEPTION_POINTERS* what = nullptr;
  DWORD thread = 0;
};

Writer& the_writer() {
  static Writer writer;
  return writer;
}

DWORD WINAPI write_dump(void* /*unused*/) {
  Writer& writer = the_writer();
  ::WaitForSingleObject(writer.crashed, INFINITE);
  SYSTEMTIME now{};
  ::GetSystemTime(&now);
  std::array<wchar_t, 1100> path{};
  std::swprintf(path.data(), path.size(), L"%ls\\crash-%04u%02u%02u-%02u%02u%02u.dmp",
                writer.folder.data(), now.wYear, now.wMonth, now.wDay, now.wHour, now.wMinute,
                now.wSecond);
  const HANDLE file =
      ::CreateFileW(path.data(), GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS, 0, nullptr);
  if (file != INVALID_HANDLE_VALUE) {
    MINIDUMP_EXCEPTION_INFORMATION about{writer.thread, writer.what, FALSE};
    // Stacks and registers, and nothing that the stacks point to: files' contents and keys stay out
    // as far as that is possible.
    static_cast<void>(writer.write(::GetCurrentProcess(), ::GetCurrentProcessId(), file,
                                   MiniDumpNormal, &about, nullptr, nullptr));
    ::CloseHandle(file);
  }
  ::SetEvent(writer.written);
  return 0;
}

LONG WINAPI on_crash(EXCEPTION_POINTERS* what) {
  Writer& writer = the_writer();
  writer.what = what;
  writer.thread = ::GetCurrentThreadId();
  ::SetEvent(writer.crashed);
  constexpr DWORD kPatience = 30'000;
  ::WaitForSingleObject(writer.written, kPatience);
  return EXCEPTION_EXECUTE_HANDLER;
}

}  // namespace

Result<void> keep_crash_dumps(const std::string& folder) {
  TRY(make_room_for_crash(folder));
  Writer& writer = the_writer();
  ASSIGN_OR_RETURN(const std::wstring native, win::native_path(folder));
  if (native.size() >= writer.folder.size()) {
    return fail(ErrorKind::kInvalidInput, "crash dumps: the folder's path is too long");
  }
  std::copy(native.begin(), native.end(), writer.folder.begin());
  const HMODULE library = ::LoadLibraryExW(L"dbghelp.dll", nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32);
  if (library != nullptr) {
    writer.write = reinterpret_cast<Writer::Write>(
        reinterpret_cast<void*>(::GetProcAddress(library, "MiniDumpWriteDump")));
  }
  writer.crashed = ::CreateEventW(nullptr, TRUE, FALSE, nullptr);
  writer.written = ::CreateEventW(nullptr, TRUE, FALSE, nullptr);
  if (writer.write == nullptr || writer.crashed == nullptr || writer.written == nullptr) {
    return win::failure("prepare", "crash dumps");
  }
  const HANDLE thread = ::CreateThread(nullptr, 256U << 10U, &write_dump, nullptr, 0, nullptr);
  if (thread == nullptr) return win::failure("prepare", "crash dumps");
  ::CloseHandle(thread);
  static_cast<void>(::SetUnhandledExceptionFilter(&on_crash));
  return {};
}

}  // namespace obhut::platform
