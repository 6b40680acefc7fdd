#include "platform/priority.h"
#include "platform/win.h"

namespace obhut::platform {
namespace {

// Missing in MinGW's winerror.h.
constexpr DWORD kAlreadyInBackground = 400;

}  // namespace

// Background mode is the idle class of processor, disk and memory. A thread does not hand it on to
// those that it starts.
Result<void> give_way() {
  if (::SetThreadPriority(::GetCurrentThread(), THREAD_MODE_BACKGROUND_BEGIN) != 0) return {};
  const DWORD code = ::GetLastError();
  if (code == kAlreadyInBackground) return {};
  auto failed = win::failure_of(code, "give way on", "the disk");
  // The processor at least.
  static_cast<void>(::SetThreadPriority(::GetCurrentThread(), THREAD_PRIORITY_IDLE));
  return failed;
}

bool gives_way() {
  const int now = ::GetThreadPriority(::GetCurrentThread());
  return now != THREAD_PRIORITY_ERROR_RETURN && now <= THREAD_PRIORITY_LOWEST;
}

}  // namespace obhut::platform
