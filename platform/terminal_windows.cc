#include <algorithm>
#include <array>

#include "platform/terminal.h"
#include "platform/win.h"

namespace obhut::platform {
namespace {

HANDLE handle_of_stream(Stream stream) {
  switch (stream) {
    case Stream::kInput:
      return ::GetStdHandle(STD_INPUT_HANDLE);
    case Stream::kOutput:
      return ::GetStdHandle(STD_OUTPUT_HANDLE);
    case Stream::kError:
      break;
  }
  return ::GetStdHandle(STD_ERROR_HANDLE);
}

/// Echo is off for as long as this lives.
class WithoutEcho {
 public:
  WithoutEcho() : input_(handle_of_stream(Stream::kInput)) {
    changed_ = ::GetConsoleMode(input_, &before_) != 0 &&
               ::SetConsoleMode(input_, before_ & ~DWORD{ENABLE_ECHO_INPUT}) != 0;
  }
  WithoutEcho(const WithoutEcho&) = delete;
  WithoutEcho& operator=(const WithoutEcho&) = delete;
  ~WithoutEcho() {
    // ignored: the console has gone.
    if (changed_) static_cast<void>(::SetConsoleMode(input_, before_));
  }
  [[nodiscard]] bool works() const { return changed_; }

 private:
  HANDLE input_;
  DWORD before_ = 0;
  bool changed_ = false;
};

}  // namespace

bool is_terminal(Stream stream) {
  DWORD mode = 0;
  return ::GetConsoleMode(handle_of_stream(stream), &mode) != 0;
}

unsigned terminal_width() {
  for (const Stream stream : {Stream::kError, Stream::kOutput}) {
    CONSOLE_SCREEN_BUFFER_INFO known{};
    if (::GetConsoleScreenBufferInfo(handle_of_stream(stream), &known) != 0) {
      const int width = known.srWindow.Right - known.srWindow.Left + 1;
      if (width > 0) return static_cast<unsigned>(width);
    }
  }
  return 80;
}

Result<std::string> ask_secret(std::string_view prompt) {
  if (!is_terminal(Stream::kInput)) {
    return fail(ErrorKind::kInvalidInput,
                "standard input is no terminal, so nobody can be asked; pass a file instead");
  }
  const WithoutEcho quiet;
  if (!quiet.works()) return fail(ErrorKind::kUnsupported, "the console cannot hide what is typed");
  DWORD done = 0;
  if (::WriteFile(handle_of_stream(Stream::kError), prompt.data(),
                  static_cast<DWORD>(prompt.size()), &done, nullptr) == 0) {
    return win::failure("ask on", "the console");
  }
  std::array<wchar_t, 1024> typed{};
  if (::ReadConsoleW(handle_of_stream(Stream::kInput), typed.data(),
                     static_cast<DWORD>(typed.size()), &done, nullptr) == 0) {
    return win::failure("read", "the console");
  }
  const bool whole = std::find(typed.begin(), typed.begin() + done, L'\n') != typed.begin() + done;
  std::wstring_view line(typed.data(), done);
  while (line.ends_with(L'\n') || line.ends_with(L'\r')) line.remove_suffix(1);
  std::string answer = win::to_wtf8(line);
  ::SecureZeroMemory(typed.data(), sizeof typed);
  static_cast<void>(::WriteFile(handle_of_stream(Stream::kError), "\n", 1, &done, nullptr));
  if (whole || done == 0) return answer;
  return fail(ErrorKind::kInvalidInput, "the answer is longer than 1023 characters");
}

// A console's Ctrl-C ends the read, and says so by giving nothing.
Result<std::optional<std::string>> ask_line(std::string_view prompt, const std::stop_token& stop) {
  DWORD done = 0;
  if (::WriteFile(handle_of_stream(Stream::kOutput), prompt.data(),
                  static_cast<DWORD>(prompt.size()), &done, nullptr) == 0) {
    return win::failure("ask on", "the console");
  }
  std::wstring line;
  for (;;) {
    std::array<wchar_t, 1024> typed{};
    if (::ReadConsoleW(handle_of_stream(Stream::kInput), typed.data(),
                       static_cast<DWORD>(typed.size()), &done, nullptr) == 0) {
      return win::failure("read", "the console");
    }
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "the console");
    if (done == 0) return std::nullopt;
    line.append(typed.data(), done);
    if (line.back() != L'\n') continue;
    while (line.ends_with(L'\n') || line.ends_with(L'\r')) line.pop_back();
    return win::to_wtf8(line);
  }
}

}  // namespace obhut::platform
