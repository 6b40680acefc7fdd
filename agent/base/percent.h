#pragma once
// Percent-encoding of URLs (RFC 3986, section 2.1).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace obhut {

enum class PlusSign : std::uint8_t {
  kItself,
  kSpace,  ///< as forms write it
};

/// The bytes that `text` stands for; nothing where a '%' has no two hex digits after it.
std::optional<std::string> percent_decode(std::string_view text, PlusSign plus);

}  // namespace obhut
