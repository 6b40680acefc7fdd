#pragma once
// The service itself, loaded when it is first asked for. Windows only.

#include "platform/vss_requester.h"

namespace obhut::platform::win {

Result<std::unique_ptr<VssRequester>> make_vss_requester();
Result<std::optional<VolumePlace>> locate_volume(const Handle& directory);

}  // namespace obhut::platform::win
