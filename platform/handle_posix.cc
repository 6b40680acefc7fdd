#include <unistd.h>

#include "platform/handle.h"

namespace obhut::platform {

void Handle::close() {
  if (!valid()) return;
  // ignored: Linux frees the descriptor whatever close() answers, and everything whose loss would
  // matter was synced (and that checked) before.
  static_cast<void>(::close(static_cast<int>(native_)));
  native_ = kNone;
}

}  // namespace obhut::platform
