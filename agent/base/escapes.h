#pragma once
// The way back from printable() (text.h).

#include <optional>
#include <string>
#include <string_view>

namespace obhut {

/// The bytes that printable() made `text` of; nothing for what it never writes.
std::optional<std::string> from_printable(std::string_view text);

}  // namespace obhut
