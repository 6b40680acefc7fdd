#pragma once
// The icon as pixels: a shield in the colour of how things stand, with a sign for those who do not
// tell colours apart.

#include <optional>

#include "platform/status_icon.h"
#include "tools/tray/tray_state.h"

namespace obhut::tray {

/// In: how far a running backup is, where that is known; edge length in pixels.
platform::Pixels icon_picture(Look look, std::optional<unsigned> percent, int size);

}  // namespace obhut::tray
