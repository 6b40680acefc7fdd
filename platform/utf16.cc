#include "platform/utf16.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace obhut::platform {
namespace {

bool is_high(std::uint32_t unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}
bool is_low(std::uint32_t unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

}  // namespace

void append_wtf8(std::string& out, std::uint32_t point) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xC0U | (point >> 6U));
  } else if (point < 0x10000) {
    put(0xE0U | (point >> 12U));
    put(0x80U | ((point >> 6U) & 0x3FU));
  } else {
    put(0xF0U | (point >> 18U));
    put(0x80U | ((point >> 12U) & 0x3FU));
    put(0x80U | ((point >> 6U) & 0x3FU));
  }
  put(0x80U | (point & 0x3FU));
}

std::optional<std::uint32_t> next_point(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at++]);
  if (first < 0x80) return first;
  struct Form {
    unsigned mask, mark, more;
    std::uint32_t least;
  };
  constexpr std::array kForms{Form{0xE0, 0xC0, 1, 0x80}, Form{0xF0, 0xE0, 2, 0x800},
                              Form{0xF8, 0xF0, 3, 0x10000}};
  const auto* form = std::ranges::find_if(
      kForms, [&](const Form& candidate) { return (first & candidate.mask) == candidate.mark; });
  if (form == kForms.end() || text.size() - at < form->more) return std::nullopt;
  std::uint32_t point = first & ~form->mask & 0xFFU;
  for (unsigned i = 0; i < form->more; ++i) {
    const auto byte = static_cast<unsigned char>(text[at++]);
    if ((byte & 0xC0U) != 0x80) return std::nullopt;
    point = (point << 6U) | (byte & 0x3FU);
  }
  if (point < form->least || point > 0x10FFFF) return std::nullopt;
  return point;
}

std::optional<std::u16string> utf16_of(std::string_view text) {
  std::u16string wide;
  wide.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::optional<std::uint32_t> point = next_point(text, at);
    if (!point) return std::nullopt;
    // Two surrogates that make a pair are one code point, which has one spelling only.
    if (is_low(*point) && !wide.empty() && is_high(wide.back()) && *point < 0x10000) {
      return std::nullopt;
    }
    if (*point < 0x10000) {
      wide.push_back(static_cast<char16_t>(*point));
    } else {
      wide.push_back(static_cast<char16_t>(0xD800U + ((*point - 0x10000) >> 10U)));
      wide.push_back(static_cast<char16_t>(0xDC00U + ((*point - 0x10000) & 0x3FFU)));
    }
  }
  return wide;
}

std::string wtf8_of(std::u16string_view wide) {
  std::string text;
  text.reserve(wide.size());
  for (std::size_t i = 0; i < wide.size(); ++i) {
    std::uint32_t point = wide[i];
    if (is_high(point) && i + 1 < wide.size() && is_low(wide[i + 1])) {
      point = 0x10000 + ((point - 0xD800) << 10U) + (std::uint32_t{wide[++i]} - 0xDC00);
    }
    append_wtf8(text, point);
  }
  return text;
}

}  // namespace obhut::platform
