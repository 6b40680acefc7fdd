#pragma once
// What of a file may be shown in the window: text as text, pictures of well-known kinds as
// pictures. What a file is goes by its content; its name is whatever its maker liked.

#include <optional>
#include <string>
#include <string_view>

#include "agent/base/bytes.h"

namespace obhut::tray {

struct ShownText {
  std::string text;      ///< UTF-8
  std::string encoding;  ///< what it was in
};
/// Nothing where `content` is no text. In: a beginning of the file, or all of it.
std::optional<ShownText> shown_text(ByteView content, bool is_whole);

struct Picture {
  std::string type;  ///< for Content-Type
  std::uint32_t width = 0;
  std::uint32_t height = 0;

  /// 60 million pixels at most: decoded, a quarter of a gigabyte, which a browser still takes
  /// without a murmur.
  [[nodiscard]] bool may_be_shown() const { return std::uint64_t{width} * height <= 60'000'000; }
};
/// PNG, JPEG, GIF and WebP as they begin; nothing for anything else. (SVG is a program as much as a
/// picture, and is shown as the text that it is.)
std::optional<Picture> picture_in(ByteView content);

}  // namespace obhut::tray
