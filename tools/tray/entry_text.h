#pragma once
// Entries of recovery points in the words of the page.

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace obhut::tray {

/// In: an entry as the daemon lists it. Out: as GET /api/entries does.
nlohmann::json page_entry(const nlohmann::json& entry);

/// "rwxr-xr-x" of permission bits.
std::string mode_text(std::uint64_t mode);
/// A JSON string.
std::string json_text(std::string_view text);
/// The last component.
std::string name_of(std::string_view path);
/// One of file, directory, symlink, other.
std::string page_type(const std::string& type);

}  // namespace obhut::tray
