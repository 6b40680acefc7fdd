#include "tools/sign/qr_code.h"

#include <cerrno>
#include <memory>
#include <qrencode.h>

namespace obhut::sign {
namespace {

constexpr std::size_t kQuietSvg = 4;
constexpr std::size_t kQuietBlocks = 2;

struct FreeCode {
  void operator()(QRcode* code) const { QRcode_free(code); }
};

}  // namespace

Result<QrCode> make_qr_code(std::string_view text) {
  const std::unique_ptr<QRcode, FreeCode> made(
      QRcode_encodeData(static_cast<int>(text.size()),
                        reinterpret_cast<const unsigned char*>(text.data()), 0, QR_ECLEVEL_L));
  if (!made && errno == ERANGE) {
    return fail(ErrorKind::kInvalidInput, "QR code: the document is too long for one");
  }
  if (!made) return fail(ErrorKind::kInternal, "QR code: could not be made");
  QrCode code;
  code.width = static_cast<std::size_t>(made->width);
  code.dark.resize(code.width * code.width);
  for (std::size_t at = 0; at < code.dark.size(); ++at) code.dark[at] = (made->data[at] & 1U) != 0;
  return code;
}

std::string to_svg(const QrCode& code) {
  const std::string side = std::to_string(code.width + 2 * kQuietSvg);
  std::string path;
  for (std::size_t row = 0; row < code.width; ++row) {
    for (std::size_t column = 0; column < code.width; ++column) {
      if (!code.at(row, column)) continue;
      std::size_t run = 1;
      while (code.at(row, column + run)) ++run;
      path += "M" + std::to_string(column + kQuietSvg) + " " + std::to_string(row + kQuietSvg) +
              "h" + std::to_string(run) + "v1h-" + std::to_string(run) + "z";
      column += run;
    }
  }
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + side + " " + side +
         "\" width=\"" + side + "mm\" height=\"" + side +
         "mm\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h" + side + "v" + side +
         "h-" + side + "z\"/><path fill=\"#000\" d=\"" + path + "\"/></svg>\n";
}

std::string to_blocks(const QrCode& code) {
  const std::size_t side = code.width + 2 * kQuietBlocks;
  // What lies outside wraps round to a number beyond the width, and is light.
  const auto light = [&code](std::size_t row, std::size_t column) {
    return !code.at(row - kQuietBlocks, column - kQuietBlocks);
  };
  std::string text;
  for (std::size_t row = 0; row < side; row += 2) {
    for (std::size_t column = 0; column < side; ++column) {
      const bool upper = light(row, column);
      const bool lower = row + 1 < side && light(row + 1, column);
      text += upper ? (lower ? "█" : "▀") : (lower ? "▄" : " ");
    }
    text += "\n";
  }
  return text;
}

}  // namespace obhut::sign
