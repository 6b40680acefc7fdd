#include "tools/tray/preview.h"

#include <algorithm>

#include "agent/base/text.h"
#include "platform/utf16.h"

namespace obhut::tray {
namespace {

std::uint32_t big(ByteView bytes, std::size_t at, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8U | bytes[at + i];
  return value;
}

std::uint32_t little(ByteView bytes, std::size_t at, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = count; i > 0; --i) {
    value = value << 8U | bytes[at + i - 1];
  }
  return value;
}

bool begins(ByteView bytes, std::size_t at, std::string_view with) {
  return bytes.size() >= at + with.size() && as_text(bytes.subspan(at, with.size())) == with;
}

/// The size stands in the first frame header, behind segments of any number.
std::optional<Picture> jpeg(ByteView bytes) {
  std::size_t at = 2;
  while (at + 9 <= bytes.size()) {
    if (bytes[at] != 0xFF) return std::nullopt;
    const std::uint32_t marker = big(bytes, at + 1, 1);
    if (marker == 0xFF) {
      ++at;
      continue;
    }
    const bool frame =
        marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (frame) return Picture{"image/jpeg", big(bytes, at + 7, 2), big(bytes, at + 5, 2)};
    const std::uint32_t length = big(bytes, at + 2, 2);
    if (length < 2) return std::nullopt;
    at += 2 + length;
  }
  return std::nullopt;
}

std::optional<Picture> webp(ByteView bytes) {
  if (bytes.size() < 30) return std::nullopt;
  if (begins(bytes, 12, "VP8X")) {
    return Picture{"image/webp", little(bytes, 24, 3) + 1, little(bytes, 27, 3) + 1};
  }
  if (begins(bytes, 12, "VP8L")) {
    const std::uint32_t sizes = little(bytes, 21, 4);
    return Picture{"image/webp", (sizes & 0x3FFFU) + 1, (sizes >> 14U & 0x3FFFU) + 1};
  }
  if (!begins(bytes, 12, "VP8 ")) return std::nullopt;
  return Picture{"image/webp", little(bytes, 26, 2) & 0x3FFFU, little(bytes, 28, 2) & 0x3FFFU};
}

std::optional<Picture> begun_picture(ByteView bytes) {
  if (begins(bytes, 0, "\x89PNG\r\n\x1A\n") && bytes.size() >= 24) {
    return Picture{"image/png", big(bytes, 16, 4), big(bytes, 20, 4)};
  }
  if ((begins(bytes, 0, "GIF87a") || begins(bytes, 0, "GIF89a")) && bytes.size() >= 10) {
    return Picture{"image/gif", little(bytes, 6, 2), little(bytes, 8, 2)};
  }
  if (begins(bytes, 0, "\xFF\xD8\xFF")) return jpeg(bytes);
  if (begins(bytes, 0, "RIFF") && begins(bytes, 8, "WEBP")) return webp(bytes);
  return std::nullopt;
}

std::string from_utf16(ByteView bytes, bool big_endian) {
  std::u16string wide;
  for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) {
    wide += static_cast<char16_t>(big_endian ? big(bytes, at, 2) : little(bytes, at, 2));
  }
  return platform::wtf8_of(wide);
}

/// Without the last character where the cut went through it.
std::string_view whole_characters(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0U) == 0x80U) continue;
    const std::size_t wants = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return wants > back ? text.substr(0, text.size() - back) : text;
  }
  return text;
}

/// Control characters that no text has.
bool looks_binary(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r' && byte != '\f' &&
           byte != 0x1B;
  });
}

}  // namespace

std::optional<ShownText> shown_text(ByteView content, bool is_whole) {
  if (begins(content, 0, "\xFF\xFE")) {
    return ShownText{from_utf16(content.subspan(2), false), "utf-16le"};
  }
  if (begins(content, 0, "\xFE\xFF")) {
    return ShownText{from_utf16(content.subspan(2), true), "utf-16be"};
  }
  std::string_view text = as_text(content);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (looks_binary(text)) return std::nullopt;
  if (!is_whole) text = whole_characters(text);
  if (is_utf8(text)) return ShownText{std::string(text), "utf-8"};
  std::string out;
  for (const char c : text) platform::append_wtf8(out, static_cast<unsigned char>(c));
  return ShownText{std::move(out), "iso-8859-1"};
}

std::optional<Picture> picture_in(ByteView content) {
  std::optional<Picture> picture = begun_picture(content);
  if (picture && (picture->width == 0 || picture->height == 0)) return std::nullopt;
  return picture;
}

}  // namespace obhut::tray
