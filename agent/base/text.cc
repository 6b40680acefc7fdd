#include "agent/base/text.h"

#include <array>

namespace obhut {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Writes the bits of `bytes`, `width` at a time from the highest down, in `alphabet`.
std::string encode_bits(ByteView bytes, unsigned width, std::string_view alphabet) {
  std::string out;
  out.reserve((bytes.size() * 8 + width - 1) / width);
  std::uint32_t held = 0;
  unsigned bits = 0;
  for (std::uint8_t byte : bytes) {
    held = (held << 8U) | byte;
    bits += 8;
    while (bits >= width) {
      bits -= width;
      out.push_back(alphabet[(held >> bits) & ((1U << width) - 1)]);
    }
    held &= (1U << bits) - 1;
  }
  if (bits > 0) out.push_back(alphabet[(held << (width - bits)) & ((1U << width) - 1)]);
  return out;
}

std::optional<Bytes> decode_bits(std::string_view text, unsigned width, std::string_view alphabet) {
  Bytes out;
  out.reserve(text.size() * width / 8);
  std::uint32_t held = 0;
  unsigned bits = 0;
  for (char c : text) {
    const std::size_t value = alphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    held = (held << width) | static_cast<std::uint32_t>(value);
    bits += width;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<std::uint8_t>(held >> bits));
      held &= (1U << bits) - 1;
    }
  }
  // A whole unused digit or a set stray bit would give one value two spellings.
  if (bits >= width || held != 0) return std::nullopt;
  return out;
}

/// Length of the well-formed UTF-8 sequence at the start of `text`, or 0.
std::size_t utf8_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  std::size_t length = 0;
  unsigned low = 0x80;
  unsigned high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  if (text.size() < length || at(1) < low || at(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((at(i) & 0xC0U) != 0x80) return 0;
  }
  return length;
}

}  // namespace

std::string to_hex(ByteView bytes) {
  return encode_bits(bytes, 4, kHexDigits);
}

std::optional<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return decode_bits(lower, 4, kHexDigits);
}

std::string to_base64url(ByteView bytes) {
  return encode_bits(bytes, 6, kBase64Url);
}

std::optional<Bytes> from_base64url(std::string_view text) {
  return decode_bits(text, 6, kBase64Url);
}

std::string to_base64(ByteView bytes) {
  std::string out = encode_bits(bytes, 6, kBase64);
  while (out.size() % 4 != 0) out.push_back('=');
  return out;
}

std::optional<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return decode_bits(text, 6, kBase64);
}

std::string to_base32(ByteView bytes) {
  return encode_bits(bytes, 5, kBase32);
}

std::optional<Bytes> from_base32(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (char c : text) {
    if (c == '-' || c == ' ') continue;
    plain.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  }
  return decode_bits(plain, 5, kBase32);
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const auto escape = [&](char c) {
    const auto byte = static_cast<unsigned char>(c);
    out += "\\x";
    out.push_back(kHexDigits[byte >> 4U]);
    out.push_back(kHexDigits[byte & 15U]);
  };
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      escape(text[0]);
      text.remove_prefix(1);
      continue;
    }
    const auto lead = static_cast<unsigned char>(text[0]);
    // U+0080 to U+009F are control characters too, and some terminals obey them.
    const bool c1 = lead == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
    if (lead < 0x20 || lead == 0x7F || c1) {
      for (char c : text.substr(0, length)) escape(c);
    } else if (lead == '\\') {
      out += "\\\\";
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace obhut
