#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include "agent/base/text.h"
#include "platform/local_files.h"
#include "platform/process.h"
#include "platform/stop_event.h"

namespace obhut::platform {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using win::handle_of;
using win::native_of;

namespace {

struct Pipe {
  Handle read_end;
  Handle write_end;
};

/// `inherited`: the end that the program gets.
Result<Pipe> make_pipe(Handle Pipe::*inherited) {
  HANDLE read_end = nullptr;
  HANDLE write_end = nullptr;
  constexpr DWORD kRoom = 64U << 10U;
  if (::CreatePipe(&read_end, &write_end, nullptr, kRoom) == 0) {
    return win::failure("make", "a pipe");
  }
  Pipe pipe{handle_of(read_end), handle_of(write_end)};
  ::SetHandleInformation(native_of(pipe.*inherited), HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
  return pipe;
}

/// As CommandLineToArgvW and the C library take it apart again.
std::wstring quoted(const std::wstring& argument) {
  if (!argument.empty() && argument.find_first_of(L" \t\n\v\"") == std::wstring::npos) {
    return argument;
  }
  std::wstring text = L"\"";
  std::size_t slashes = 0;
  for (const wchar_t c : argument) {
    if (c == L'"') text.append(slashes + 1, L'\\');
    slashes = c == L'\\' ? slashes + 1 : 0;
    text.push_back(c);
  }
  return text.append(slashes, L'\\') + L"\"";
}

Result<std::wstring> wide_of(std::string_view text) {
  std::optional<std::wstring> wide = win::to_wide(text);
  if (wide && text.find('\0') == std::string_view::npos) return std::move(*wide);
  return fail(ErrorKind::kInvalidInput, "start " + printable(text) + ": is not UTF-8");
}

/// The program itself, never one of the same name in the current folder.
Result<std::wstring> program_of(const std::string& name) {
  if (name.find_first_of("/\\") != std::string::npos) {
    ASSIGN_OR_RETURN(std::wstring native, win::native_path(name));
    // CreateProcess knows drives and shares, not the prefix of long paths before them.
    if (native.starts_with(L"\\\\?\\UNC\\")) return L"\\\\" + native.substr(8);
    return native.substr(4);
  }
  ASSIGN_OR_RETURN(const std::wstring wide, wide_of(name));
  std::array<wchar_t, 32768> path{};
  const DWORD size = ::GetEnvironmentVariableW(L"PATH", path.data(), 32768);
  std::array<wchar_t, 1024> found{};
  const DWORD length = ::SearchPathW(size == 0 ? nullptr : path.data(), wide.c_str(), L".exe",
                                     static_cast<DWORD>(found.size()), found.data(), nullptr);
  if (length == 0 || length >= found.size()) return win::failure("find", name);
  return std::wstring(found.data(), length);
}

Result<std::wstring> command_line(const std::wstring& program, const Command& command) {
  std::wstring line = quoted(program);
  for (const std::string& argument : command.arguments) {
    ASSIGN_OR_RETURN(const std::wstring wide, wide_of(argument));
    line += L' ' + quoted(wide);
  }
  return line;
}

/// As the system wants it: sorted, each ended by a zero, one more at the end.
Result<std::wstring> environment_block(const Command& command) {
  std::vector<std::wstring> lines;
  for (const auto& [name, value] : *command.environment) {
    ASSIGN_OR_RETURN(std::wstring line, wide_of(name + "=" + value));
    lines.push_back(std::move(line));
  }
  // Without it hardly a program starts.
  std::array<wchar_t, MAX_PATH> root{};
  if (::GetEnvironmentVariableW(L"SystemRoot", root.data(), MAX_PATH) != 0) {
    lines.push_back(L"SystemRoot=" + std::wstring(root.data()));
  }
  std::ranges::sort(lines);
  std::wstring block;
  for (const std::wstring& line : lines) block += line + L'\0';
  return block + L'\0';
}

/// Takes what is there without waiting.
void drain(const Handle& pipe, std::string& into, std::size_t cap, bool& truncated) {
  for (;;) {
    DWORD there = 0;
    if (::PeekNamedPipe(native_of(pipe), nullptr, 0, nullptr, &there, nullptr) == 0 || there == 0) {
      return;
    }
    std::array<char, 16384> room;
    DWORD got = 0;
    if (::ReadFile(native_of(pipe), room.data(), static_cast<DWORD>(room.size()), &got, nullptr) ==
        0) {
      return;
    }
    const std::size_t taken = std::min<std::size_t>(got, cap - std::min(cap, into.size()));
    into.append(room.data(), taken);
    truncated = truncated || taken < got;
  }
}

/// Writes what the program reads, on a thread of its own, until it is read or we are done.
class Feeder {
 public:
  Feeder(Handle pipe, const Bytes& input) : pipe_(std::move(pipe)) {
    thread_ = std::thread([this, &input] {
      ByteView rest = input;
      while (!rest.empty() && !over_) {
        DWORD done = 0;
        const auto size = static_cast<DWORD>(std::min<std::size_t>(rest.size(), 1U << 16U));
        if (::WriteFile(native_of(pipe_), rest.data(), size, &done, nullptr) == 0) break;
        rest = rest.subspan(done);
      }
      pipe_.close();
      ended_ = true;
    });
  }
  Feeder(const Feeder&) = delete;
  Feeder& operator=(const Feeder&) = delete;
  ~Feeder() {
    over_ = true;
    // Again and again: a call that begins just now is not cut off by the one before.
    while (!ended_) {
      ::CancelSynchronousIo(reinterpret_cast<HANDLE>(thread_.native_handle()));
      std::this_thread::sleep_for(milliseconds(1));
    }
    thread_.join();
  }

 private:
  Handle pipe_;
  std::atomic<bool> over_{false};
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

struct Started {
  Handle process;
  Handle job;
};

Result<Started> start(const Command& command, const std::array<HANDLE, 3>& streams) {
  ASSIGN_OR_RETURN(const std::wstring program, program_of(command.program));
  ASSIGN_OR_RETURN(std::wstring line, command_line(program, command));
  std::optional<std::wstring> environment;
  if (command.environment) {
    ASSIGN_OR_RETURN(environment, environment_block(command));
  }
  std::wstring folder;
  if (!command.working_directory.empty()) {
    ASSIGN_OR_RETURN(folder, win::native_path(command.working_directory));
    folder.erase(0, 4);
  }
  STARTUPINFOEXW how{};
  how.StartupInfo.cb = sizeof how;
  how.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
  how.StartupInfo.hStdInput = streams[0];
  how.StartupInfo.hStdOutput = streams[1];
  how.StartupInfo.hStdError = streams[2];
  // These three, and nothing else that is open here, are handed on.
  std::array<HANDLE, 3> handed = streams;
  const std::size_t distinct = streams[1] == streams[2] ? 2 : 3;
  SIZE_T size = 0;
  ::InitializeProcThreadAttributeList(nullptr, 1, 0, &size);
  std::vector<std::uint8_t> list(size);
  how.lpAttributeList = reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(list.data());
  if (::InitializeProcThreadAttributeList(how.lpAttributeList, 1, 0, &size) == 0 ||
      ::UpdateProcThreadAttribute(how.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST,
                                  handed.data(), distinct * sizeof(HANDLE), nullptr,
                                  nullptr) == 0) {
    return win::failure("start", command.program);
  }
  constexpr DWORD kFlags = CREATE_SUSPENDED | CREATE_NO_WINDOW | CREATE_UNICODE_ENVIRONMENT |
                           EXTENDED_STARTUPINFO_PRESENT | CREATE_NEW_PROCESS_GROUP;
  PROCESS_INFORMATION made{};
  const BOOL created =
      ::CreateProcessW(program.c_str(), line.data(), nullptr, nullptr, TRUE, kFlags,
                       environment ? environment->data() : nullptr,
                       folder.empty() ? nullptr : folder.c_str(), &how.StartupInfo, &made);
  const DWORD code = ::GetLastError();
  ::DeleteProcThreadAttributeList(how.lpAttributeList);
  if (created == 0) return win::failure_of(code, "start", command.program);
  Started started{handle_of(made.hProcess), handle_of(::CreateJobObjectW(nullptr, nullptr))};
  const Handle thread = handle_of(made.hThread);
  if (!started.job.valid() ||
      ::AssignProcessToJobObject(native_of(started.job), made.hProcess) == 0) {
    const DWORD why = ::GetLastError();
    ::TerminateProcess(made.hProcess, 1);
    return win::failure_of(why, "start", command.program);
  }
  ::ResumeThread(made.hThread);
  return started;
}

}  // namespace

Result<Outcome> run(const Command& command, std::stop_token stop) {
  ASSIGN_OR_RETURN(Pipe in, make_pipe(&Pipe::read_end));
  ASSIGN_OR_RETURN(Pipe out, make_pipe(&Pipe::write_end));
  ASSIGN_OR_RETURN(Pipe err, make_pipe(&Pipe::write_end));
  const HANDLE second = native_of(command.join_streams ? out.write_end : err.write_end);
  ASSIGN_OR_RETURN(const Started started,
                   start(command, {native_of(in.read_end), native_of(out.write_end), second}));
  in.read_end.close();
  out.write_end.close();
  err.write_end.close();
  const Feeder feeder(std::move(in.write_end), command.input);
  const win::StopEvent stopped(stop);
  Outcome outcome;
  auto deadline = steady_clock::now() + command.timeout;
  bool asked_to_stop = false;
  for (;;) {
    drain(out.read_end, outcome.output, command.output_cap, outcome.truncated);
    drain(err.read_end, outcome.error_output, command.output_cap, outcome.truncated);
    if (::WaitForSingleObject(native_of(started.process), 5) == WAIT_OBJECT_0) break;
    const auto now = steady_clock::now();
    if (!asked_to_stop && stop.stop_requested()) {
      asked_to_stop = true;
      deadline = std::min(deadline, now + command.stop_patience);
    }
    if (now < deadline) continue;
    ::TerminateJobObject(native_of(started.job), 1);
    ::WaitForSingleObject(native_of(started.process), 10'000);
    if (asked_to_stop) return fail(ErrorKind::kCancelled, "run " + printable(command.program));
    outcome.timed_out = true;
    break;
  }
  drain(out.read_end, outcome.output, command.output_cap, outcome.truncated);
  drain(err.read_end, outcome.error_output, command.output_cap, outcome.truncated);
  DWORD code = 0;
  ::GetExitCodeProcess(native_of(started.process), &code);
  outcome.exit_code = static_cast<int>(code);
  return outcome;
}

}  // namespace obhut::platform
