#pragma once
// Folders of this machine, to restore into, as whoever runs us may see and use them.

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "tools/tray/daemon.h"

namespace obhut::tray {

/// GET /api/folders. Hidden ones are left out. Refused: "not-found", "refused", "invalid-input".
Answer<nlohmann::json> own_folders(const std::string& path);
/// POST /api/folders: makes one folder in one that is there.
Answer<nlohmann::json> make_own_folder(const std::string& path);

}  // namespace obhut::tray
