#pragma once
// A document as a QR code, to be held before a camera.

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace obhut::sign {

/// Modules by rows, true where dark; without the quiet zone around them.
struct QrCode {
  std::size_t width = 0;
  std::vector<bool> dark;
  [[nodiscard]] bool at(std::size_t row, std::size_t column) const {
    return row < width && column < width && dark[row * width + column];
  }
};

/// With the least error correction, so that the modules are as large as they can be: a screen and
/// paper lose little of them. Errors: kInvalidInput for more than 2,953 bytes.
Result<QrCode> make_qr_code(std::string_view text);

/// With a quiet zone of four modules.
std::string to_svg(const QrCode& code);
/// Two rows a line, light on dark as terminals mostly are: with a quiet zone of two modules.
std::string to_blocks(const QrCode& code);

}  // namespace obhut::sign
