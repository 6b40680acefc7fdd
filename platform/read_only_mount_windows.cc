#include "platform/read_only_mount.h"

namespace obhut::platform {
namespace {

std::unexpected<Error> no_mounts() {
  return fail(ErrorKind::kUnsupported, "this system cannot show recovery points as a folder");
}

}  // namespace

Result<void> serve_mount(NodeTree& /*tree*/, const std::string& /*directory*/,
                         const std::function<void()>& /*on_ready*/,
                         const std::stop_token& /*stop*/) {
  return no_mounts();
}

Result<void> unmount(const std::string& /*directory*/) {
  return no_mounts();
}

}  // namespace obhut::platform
