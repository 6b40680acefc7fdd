#include <io.h>

#include <fcntl.h>

#include "platform/startup.h"
#include "platform/win.h"

namespace obhut::platform {

std::vector<std::string> start_program(int argc, char** argv) {
  // Of the system's own folder alone, whatever is loaded from now on: neither the current folder
  // nor the search path may bring in somebody else's library. Ignored where it fails: what is
  // loaded by name says so again.
  static_cast<void>(::SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32));
  static_cast<void>(::SetDllDirectoryW(L""));
  static_cast<void>(
      ::SetSearchPathMode(BASE_SEARCH_PATH_ENABLE_SAFE_SEARCHMODE | BASE_SEARCH_PATH_PERMANENT));
  static_cast<void>(::HeapSetInformation(nullptr, HeapEnableTerminationOnCorruption, nullptr, 0));
  // A missing disk is an error to us, not a window to somebody who is not there.
  ::SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOOPENFILEERRORBOX);
  for (const int stream : {0, 1, 2}) static_cast<void>(::_setmode(stream, _O_BINARY));
  static_cast<void>(::SetConsoleOutputCP(CP_UTF8));
  static_cast<void>(::SetConsoleCP(CP_UTF8));
  int count = 0;
  wchar_t** const wide = ::CommandLineToArgvW(::GetCommandLineW(), &count);
  if (wide == nullptr) return {argv, argv + argc};
  std::vector<std::string> arguments;
  for (int i = 0; i < count; ++i) arguments.push_back(win::to_wtf8(wide[i]));
  ::LocalFree(wide);
  return arguments;
}

}  // namespace obhut::platform
