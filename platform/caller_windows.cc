#include "platform/windows_caller.h"

namespace obhut::platform {

Caller::Caller(std::unique_ptr<State> state) : state_(std::move(state)) {}
Caller::~Caller() = default;

Result<CallerPtr> caller_of(HANDLE token) {
  HANDLE copy = nullptr;
  if (::DuplicateTokenEx(token, TOKEN_IMPERSONATE | TOKEN_QUERY | TOKEN_ADJUST_PRIVILEGES, nullptr,
                         SecurityImpersonation, TokenImpersonation, &copy) == 0) {
    return win::failure("act for", "the client of the pipe");
  }
  Caller::State state{win::handle_of(copy)};
  // An administrator's may restore what others own; a user's token has none of them.
  for (const wchar_t* name : {L"SeBackupPrivilege", L"SeRestorePrivilege", L"SeSecurityPrivilege",
                              L"SeTakeOwnershipPrivilege", L"SeCreateSymbolicLinkPrivilege"}) {
    static_cast<void>(win::enable_privilege(copy, name));
  }
  return std::make_shared<const Caller>(std::make_unique<Caller::State>(std::move(state)));
}

Result<ActingAs> ActingAs::begin(CallerPtr caller) {
  if (!caller) return ActingAs(nullptr);
  if (::SetThreadToken(nullptr, win::native_of(caller->state().token)) == 0) {
    return win::failure("act for", "the client of the pipe");
  }
  return ActingAs(std::move(caller));
}

ActingAs::~ActingAs() {
  if (caller_ && ::RevertToSelf() == 0) ::TerminateProcess(::GetCurrentProcess(), 3);
}

}  // namespace obhut::platform
