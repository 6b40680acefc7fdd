// A named pipe. Nobody else can answer in our place: the first instance is ours or there is none,
// others get no right to make further ones, and who connects looks at whom the pipe belongs to.

#include <algorithm>
#include <array>
#include <vector>

#include "agent/base/text.h"
#include "platform/local_files.h"
#include "platform/local_socket_half.h"
#include "platform/machine.h"
#include "platform/stop_event.h"
#include "platform/windows_caller.h"
#include "platform/windows_rights.h"

namespace obhut::platform {

using socket_half::Deadline;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using win::handle_of;
using win::native_of;

namespace {

constexpr DWORD kBuffer = 64U << 10U;

/// "/C/ProgramData/Obhut/control" -> "\\.\pipe\obhut!C!ProgramData!Obhut!control"
Result<std::wstring> pipe_name(const std::string& path) {
  if (path.empty()) return fail(ErrorKind::kInvalidInput, "the empty path names no pipe");
  ASSIGN_OR_RETURN(const std::string absolute, absolute_path(path));
  std::optional<std::wstring> wide = win::to_wide(absolute);
  constexpr std::size_t kLongest = 200;
  if (!wide || wide->size() > kLongest) {
    return fail(ErrorKind::kInvalidInput,
                "pipe " + printable(path) + ": the path must have 1 to 200 characters");
  }
  std::ranges::replace(*wide, L'/', L'!');
  return L"\\\\.\\pipe\\obhut" + *wide;
}

/// One reading or writing under way, ended when this goes.
class Transfer {
 public:
  explicit Transfer(HANDLE pipe)
      : pipe_(pipe), event_(handle_of(::CreateEventW(nullptr, TRUE, FALSE, nullptr))) {
    state_.hEvent = native_of(event_);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() { cancel(); }

  bool begin_read(MutableByteView into) {
    const auto size = static_cast<DWORD>(std::min<std::size_t>(into.size(), kBuffer));
    return begun(::ReadFile(pipe_, into.data(), size, nullptr, &state_));
  }
  bool begin_write(ByteView from) {
    const auto size = static_cast<DWORD>(std::min<std::size_t>(from.size(), kBuffer));
    return begun(::WriteFile(pipe_, from.data(), size, nullptr, &state_));
  }
  bool begin_connect() {
    if (::ConnectNamedPipe(pipe_, &state_) == 0 && ::GetLastError() == ERROR_PIPE_CONNECTED) {
      ::SetEvent(state_.hEvent);
      connected_ = true;
      return true;
    }
    return begun(FALSE);
  }
  [[nodiscard]] HANDLE event() const { return state_.hEvent; }
  /// Once the event is set. False with GetLastError() set.
  bool end(DWORD& done) {
    under_way_ = false;
    done = 0;
    return connected_ || ::GetOverlappedResult(pipe_, &state_, &done, FALSE) != 0;
  }
  void cancel() {
    if (!under_way_) return;
    under_way_ = false;
    ::CancelIoEx(pipe_, &state_);
    DWORD done = 0;
    // Waits until the system lets go of our memory.
    static_cast<void>(::GetOverlappedResult(pipe_, &state_, &done, TRUE));
  }

 private:
  bool begun(BOOL answer) {
    under_way_ = answer != 0 || ::GetLastError() == ERROR_IO_PENDING;
    return under_way_;
  }
  HANDLE pipe_;
  Handle event_;
  OVERLAPPED state_{};
  bool under_way_ = false;
  bool connected_ = false;
};

bool is_end(DWORD code) {
  return code == ERROR_BROKEN_PIPE || code == ERROR_PIPE_NOT_CONNECTED || code == ERROR_NO_DATA ||
         code == ERROR_HANDLE_EOF;
}

DWORD left_until(Deadline deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
  constexpr std::int64_t kLongest = 3'600'000;
  return static_cast<DWORD>(std::clamp<std::int64_t>(left.count(), 0, kLongest));
}

/// Until the transfer is done.
Result<void> await(const Transfer& transfer, Deadline deadline, const win::StopEvent& stop) {
  const std::array<HANDLE, 2> watched{transfer.event(), stop.get()};
  for (;;) {
    const DWORD left = left_until(deadline);
    const DWORD woken = ::WaitForMultipleObjects(2, watched.data(), FALSE, left);
    if (woken == WAIT_OBJECT_0) return {};
    if (woken == WAIT_OBJECT_0 + 1) return fail(ErrorKind::kCancelled, "local socket");
    if (woken != WAIT_TIMEOUT) return win::failure("wait for", "the pipe");
    if (steady_clock::now() >= deadline) return std::unexpected(socket_half::peer_silent());
  }
}

Result<Peer> peer_with(HANDLE token) {
  std::array<std::uint64_t, 32> room{};
  DWORD size = 0;
  if (::GetTokenInformation(token, TokenUser, room.data(), sizeof room, &size) == 0) {
    return win::failure("ask who is on", "the pipe");
  }
  PSID sid = reinterpret_cast<const TOKEN_USER*>(room.data())->User.Sid;
  Peer peer;
  peer.account = win::sid_text(sid);
  const UCHAR parts = *::GetSidSubAuthorityCount(sid);
  if (parts > 0) peer.uid = *::GetSidSubAuthority(sid, parts - 1U);
  std::array<std::uint64_t, 16> group{};
  auto group_size = static_cast<DWORD>(sizeof group);
  BOOL member = FALSE;
  // Of a token that is not elevated, the group is there for denying only, and counts as absent.
  peer.administrator =
      win::is_administrative(peer.account) ||
      (::CreateWellKnownSid(WinBuiltinAdministratorsSid, nullptr, group.data(), &group_size) != 0 &&
       ::CheckTokenMembership(token, group.data(), &member) != 0 && member != FALSE);
  return peer;
}

Result<Peer> peer_of_client(HANDLE pipe) {
  if (::ImpersonateNamedPipeClient(pipe) == 0) return win::failure("ask who is on", "the pipe");
  HANDLE token = nullptr;
  const BOOL opened =
      ::OpenThreadToken(::GetCurrentThread(), TOKEN_QUERY | TOKEN_DUPLICATE, TRUE, &token);
  const DWORD code = ::GetLastError();
  const Handle held = handle_of(token);
  // A thread that cannot become itself again must not go on.
  if (::RevertToSelf() == 0) ::TerminateProcess(::GetCurrentProcess(), 3);
  if (opened == 0) return win::failure_of(code, "ask who is on", "the pipe");
  ASSIGN_OR_RETURN(Peer peer, peer_with(token));
  ASSIGN_OR_RETURN(peer.caller, caller_of(token));
  ULONG pid = 0;
  if (::GetNamedPipeClientProcessId(pipe, &pid) != 0) peer.pid = pid;
  return peer;
}

/// Whoever listens must be the system's, an administrator's, or ours: another user may have been
/// first to make a pipe of that name.
Result<Peer> peer_of_server(HANDLE pipe, const std::string& path) {
  PSID owner = nullptr;
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  const DWORD code = ::GetSecurityInfo(pipe, SE_KERNEL_OBJECT, OWNER_SECURITY_INFORMATION, &owner,
                                       nullptr, nullptr, nullptr, &descriptor);
  if (code != ERROR_SUCCESS) return win::failure_of(code, "ask who is on", "the pipe");
  Peer peer;
  peer.account = win::sid_text(owner);
  ::LocalFree(descriptor);
  peer.administrator = win::is_administrative(peer.account);
  if (!peer.administrator && peer.account != win::own_sid()) {
    return fail(ErrorKind::kRefused, "connect to " + printable(path) + ": the pipe belongs to " +
                                         peer.account + ", who is no administrator");
  }
  ULONG pid = 0;
  if (::GetNamedPipeServerProcessId(pipe, &pid) != 0) peer.pid = pid;
  return peer;
}

/// Without this byte from the client, the system does not tell who it is.
constexpr std::uint8_t kHello = 1;

/// Nobody from the network; all for us; for those who may connect no right to make instances. It
/// belongs to the account itself, not to one of its groups: that is looked at.
std::string pipe_rights(SocketAccess access) {
  const std::string& own = win::own_sid();
  const std::string rights =
      "O:" + own + "D:P(D;;FA;;;NU)(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;" + own + ")";
  return access == SocketAccess::kEveryone ? rights + "(A;;0x12019b;;;IU)" : rights;
}

Handle make_instance(const std::wstring& name, SocketAccess access, bool first) {
  win::Rights rights(pipe_rights(access));
  if (rights.get() == nullptr) return {};
  const DWORD how = PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED |
                    (first ? DWORD{FILE_FLAG_FIRST_PIPE_INSTANCE} : 0U);
  constexpr DWORD kMode =
      PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS;
  return handle_of(::CreateNamedPipeW(name.c_str(), how, kMode, PIPE_UNLIMITED_INSTANCES, kBuffer,
                                      kBuffer, 0, rights.get()));
}

}  // namespace

Result<std::size_t> socket_half::read_full(const Handle& socket, MutableByteView into,
                                           Deadline deadline, const std::stop_token& stop) {
  const win::StopEvent stopped(stop);
  std::size_t done = 0;
  while (done < into.size()) {
    Transfer transfer(native_of(socket));
    if (!transfer.begin_read(into.subspan(done))) {
      if (is_end(::GetLastError())) return done;
      return win::failure("read from", "the pipe");
    }
    TRY(await(transfer, deadline, stopped));
    DWORD got = 0;
    if (!transfer.end(got)) {
      if (is_end(::GetLastError())) return done;
      return win::failure("read from", "the pipe");
    }
    done += got;
  }
  return done;
}

Result<void> socket_half::write_full(const Handle& socket, ByteView bytes, Deadline deadline,
                                     const std::stop_token& stop) {
  const win::StopEvent stopped(stop);
  const auto failed = []() -> Result<void> {
    if (is_end(::GetLastError())) return std::unexpected(peer_gone());
    return win::failure("write to", "the pipe");
  };
  while (!bytes.empty()) {
    Transfer transfer(native_of(socket));
    if (!transfer.begin_write(bytes)) return failed();
    TRY(await(transfer, deadline, stopped));
    DWORD done = 0;
    if (!transfer.end(done)) return failed();
    bytes = bytes.subspan(done);
  }
  return {};
}

Result<LocalConnection> LocalConnection::connect(const std::string& path) {
  ASSIGN_OR_RETURN(const std::wstring name, pipe_name(path));
  // Who listens may act as us, so that a restore writes with our rights: never more than ours.
  constexpr DWORD kHow = FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IMPERSONATION;
  constexpr DWORD kAccess = FILE_READ_DATA | FILE_WRITE_DATA | FILE_READ_ATTRIBUTES | READ_CONTROL;
  constexpr milliseconds kPatience{5'000};
  const auto deadline = steady_clock::now() + kPatience;
  Handle pipe;
  for (;;) {
    pipe =
        handle_of(::CreateFileW(name.c_str(), kAccess, 0, nullptr, OPEN_EXISTING, kHow, nullptr));
    if (pipe.valid()) break;
    const DWORD code = ::GetLastError();
    if (code == ERROR_FILE_NOT_FOUND) {
      return fail(ErrorKind::kUnavailable, "connect to " + printable(path) + ": nobody listens");
    }
    // All instances are taken for the moment.
    if (code != ERROR_PIPE_BUSY || steady_clock::now() >= deadline) {
      return win::failure_of(code, "connect to", path);
    }
    ::WaitNamedPipeW(name.c_str(), std::max<DWORD>(left_until(deadline), 1));
  }
  ASSIGN_OR_RETURN(Peer peer, peer_of_server(native_of(pipe), path));
  TRY(socket_half::write_full(pipe, ByteView(&kHello, 1), deadline, {}));
  return LocalConnection(std::move(pipe), std::move(peer));
}

// Several instances wait at once, so that one that connects and says nothing holds up nobody.
Result<LocalConnection> LocalConnection::hand_over(const std::string& /*path*/,
                                                   ByteView /*message*/,
                                                   std::chrono::milliseconds /*timeout*/) const {
  return fail(ErrorKind::kUnsupported, "hand over a connection");
}

Result<HandedConnection> HandedConnection::take(std::size_t /*cap*/,
                                                std::chrono::milliseconds /*timeout*/) {
  return fail(ErrorKind::kUnsupported, "take over a connection");
}

struct LocalListener::State {
  static constexpr std::size_t kInstances = 8;

  struct Instance {
    Handle pipe;
    std::unique_ptr<Transfer> transfer;
    bool connected = false;
    Deadline deadline{};  ///< once it is connected
    std::uint8_t hello = 0;
  };

  std::wstring name;
  SocketAccess access = SocketAccess::kOwner;
  std::array<Instance, kInstances> instances;

  /// False with GetLastError() set.
  bool renew(Instance& instance, bool first) {
    instance.transfer.reset();
    instance = {};
    instance.pipe = make_instance(name, access, first);
    if (!instance.pipe.valid()) return false;
    instance.transfer = std::make_unique<Transfer>(native_of(instance.pipe));
    return instance.transfer->begin_connect();
  }

  /// What came of a wait. A connection once it said hello; nothing while there is none.
  Result<std::optional<std::pair<Handle, Peer>>> advance(Instance& instance) {
    DWORD done = 0;
    const bool good = instance.transfer->end(done);
    if (good && !instance.connected) {
      constexpr milliseconds kPatience{2'000};
      instance.connected = true;
      instance.deadline = steady_clock::now() + kPatience;
      instance.transfer = std::make_unique<Transfer>(native_of(instance.pipe));
      if (instance.transfer->begin_read(MutableByteView(&instance.hello, 1))) return std::nullopt;
    } else if (good && done == 1 && instance.hello == kHello) {
      Result<Peer> peer = peer_of_client(native_of(instance.pipe));
      instance.transfer.reset();
      Handle pipe = std::move(instance.pipe);
      if (!renew(instance, false)) return win::failure("accept on", win::to_wtf8(name));
      if (!peer) return std::unexpected(std::move(peer).error());
      return std::pair(std::move(pipe), std::move(*peer));
    }
    if (!renew(instance, false)) return win::failure("accept on", win::to_wtf8(name));
    return std::nullopt;
  }
};

Result<LocalListener> LocalListener::listen(const std::string& path, SocketAccess access) {
  auto state = std::make_unique<State>();
  ASSIGN_OR_RETURN(state->name, pipe_name(path));
  state->access = access;
  bool first = true;
  for (State::Instance& instance : state->instances) {
    if (!state->renew(instance, first)) {
      const DWORD code = ::GetLastError();
      if (first && (code == ERROR_ACCESS_DENIED || code == ERROR_PIPE_BUSY ||
                    code == ERROR_ALREADY_EXISTS)) {
        return fail(ErrorKind::kConflict,
                    "pipe " + printable(path) + ": another process serves it already");
      }
      return win::failure_of(code, "listen on", path);
    }
    first = false;
  }
  return LocalListener(std::move(state));
}

LocalListener::LocalListener(std::unique_ptr<State> state) : state_(std::move(state)) {}
LocalListener::LocalListener(LocalListener&& other) noexcept = default;
LocalListener& LocalListener::operator=(LocalListener&& other) noexcept = default;
LocalListener::~LocalListener() = default;

Result<std::optional<LocalConnection>> LocalListener::accept(std::stop_token stop) {
  const win::StopEvent stopped(stop);
  for (;;) {
    std::vector<HANDLE> watched;
    Deadline nearest = Deadline::max();
    for (State::Instance& instance : state_->instances) {
      if (!instance.pipe.valid() && !state_->renew(instance, false)) {
        return win::failure("accept on", win::to_wtf8(state_->name));
      }
      if (instance.connected && steady_clock::now() >= instance.deadline) {
        if (!state_->renew(instance, false)) {
          return win::failure("accept on", win::to_wtf8(state_->name));
        }
      }
      if (instance.connected) nearest = std::min(nearest, instance.deadline);
      watched.push_back(instance.transfer->event());
    }
    watched.push_back(stopped.get());
    const DWORD wait = nearest == Deadline::max() ? INFINITE : left_until(nearest);
    const DWORD woken =
        ::WaitForMultipleObjects(static_cast<DWORD>(watched.size()), watched.data(), FALSE, wait);
    if (woken == WAIT_TIMEOUT) continue;
    const std::size_t index = woken - WAIT_OBJECT_0;
    if (index == watched.size() - 1) return std::nullopt;
    if (index >= watched.size()) return win::failure("wait on", win::to_wtf8(state_->name));
    ASSIGN_OR_RETURN(auto accepted, state_->advance(state_->instances.at(index)));
    if (accepted) return LocalConnection(std::move(accepted->first), std::move(accepted->second));
  }
}

}  // namespace obhut::platform
