#include "platform/handle.h"
#include "platform/win.h"

namespace obhut::platform {

void Handle::close() {
  const std::intptr_t native = release();
  // ignored: nothing is written by closing that was not written before.
  if (native != kNone) static_cast<void>(::CloseHandle(reinterpret_cast<HANDLE>(native)));
}

}  // namespace obhut::platform
