#include "tools/cli/columns.h"

#include <algorithm>
#include <array>

namespace obhut::cli {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Unicode 15, East Asian Width W and F, in blocks: what is not assigned in a block counts too.
constexpr std::array kWide = {
    Range{0x1100, 0x115F},   Range{0x231A, 0x231B},   Range{0x2329, 0x232A},
    Range{0x23E9, 0x23EC},   Range{0x23F0, 0x23F0},   Range{0x23F3, 0x23F3},
    Range{0x25FD, 0x25FE},   Range{0x2614, 0x2615},   Range{0x2648, 0x2653},
    Range{0x267F, 0x267F},   Range{0x2693, 0x2693},   Range{0x26A1, 0x26A1},
    Range{0x26AA, 0x26AB},   Range{0x26BD, 0x26BE},   Range{0x26C4, 0x26C5},
    Range{0x26CE, 0x26CE},   Range{0x26D4, 0x26D4},   Range{0x26EA, 0x26EA},
    Range{0x26F2, 0x26F3},   Range{0x26F5, 0x26F5},   Range{0x26FA, 0x26FA},
    Range{0x26FD, 0x26FD},   Range{0x2705, 0x2705},   Range{0x270A, 0x270B},
    Range{0x2728, 0x2728},   Range{0x274C, 0x274C},   Range{0x274E, 0x274E},
    Range{0x2753, 0x2755},   Range{0x2757, 0x2757},   Range{0x2795, 0x2797},
    Range{0x27B0, 0x27B0},   Range{0x27BF, 0x27BF},   Range{0x2B1B, 0x2B1C},
    Range{0x2B50, 0x2B50},   Range{0x2B55, 0x2B55},   Range{0x2E80, 0x303E},
    Range{0x3041, 0xA4CF},   Range{0xA960, 0xA97C},   Range{0xAC00, 0xD7A3},
    Range{0xF900, 0xFAFF},   Range{0xFE10, 0xFE19},   Range{0xFE30, 0xFE6F},
    Range{0xFF01, 0xFF60},   Range{0xFFE0, 0xFFE6},   Range{0x16FE0, 0x18CFF},
    Range{0x1AFF0, 0x1B2FF}, Range{0x1F004, 0x1F004}, Range{0x1F0CF, 0x1F0CF},
    Range{0x1F18E, 0x1F18E}, Range{0x1F191, 0x1F19A}, Range{0x1F1E6, 0x1F265},
    Range{0x1F300, 0x1F64F}, Range{0x1F680, 0x1F6FF}, Range{0x1F7E0, 0x1F7F0},
    Range{0x1F900, 0x1F9FF}, Range{0x1FA70, 0x1FAFF}, Range{0x20000, 0x3FFFD},
};

// Marks that join the letter before them, joiners, variation selectors, what only steers writing.
constexpr std::array kNone = {
    Range{0x0300, 0x036F},   Range{0x0483, 0x0489},   Range{0x0591, 0x05BD}, Range{0x05BF, 0x05BF},
    Range{0x05C1, 0x05C2},   Range{0x05C4, 0x05C5},   Range{0x05C7, 0x05C7}, Range{0x0610, 0x061A},
    Range{0x064B, 0x065F},   Range{0x0670, 0x0670},   Range{0x06D6, 0x06DC}, Range{0x06DF, 0x06E4},
    Range{0x0900, 0x0902},   Range{0x093A, 0x093A},   Range{0x093C, 0x093C}, Range{0x0941, 0x0948},
    Range{0x094D, 0x094D},   Range{0x0E31, 0x0E31},   Range{0x0E34, 0x0E3A}, Range{0x0E47, 0x0E4E},
    Range{0x1160, 0x11FF},   Range{0x1AB0, 0x1ACE},   Range{0x1DC0, 0x1DFF}, Range{0x200B, 0x200F},
    Range{0x202A, 0x202E},   Range{0x2060, 0x206F},   Range{0x20D0, 0x20F0}, Range{0x302A, 0x302D},
    Range{0x3099, 0x309A},   Range{0xFE00, 0xFE0F},   Range{0xFE20, 0xFE2F}, Range{0xFEFF, 0xFEFF},
    Range{0x1F3FB, 0x1F3FF}, Range{0xE0001, 0xE01EF},
};

constexpr std::array kDirection = {
    Range{0x061C, 0x061C}, Range{0x200B, 0x200B}, Range{0x200E, 0x200F},
    Range{0x2028, 0x202E}, Range{0x2060, 0x206F}, Range{0xFEFF, 0xFEFF},
};

template <std::size_t kCount>
bool is_in(const std::array<Range, kCount>& ranges, char32_t c) {
  const auto at = std::ranges::upper_bound(ranges, c, {}, &Range::first);
  return at != ranges.begin() && c <= std::prev(at)->last;
}

struct Character {
  std::string_view bytes;
  char32_t code = 0;
};

// In: not empty. Bytes that are no UTF-8 come alone.
Character first_of(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (lead < 0xC2 || length > text.size()) return {text.substr(0, 1), lead};
  char32_t code = lead & (0x7FU >> length);
  for (const char c : text.substr(1, length - 1)) {
    code = code << 6U | (static_cast<unsigned char>(c) & 0x3FU);
  }
  return {text.substr(0, length), code};
}

std::size_t width_of_character(char32_t code) {
  if (is_in(kNone, code)) return 0;
  return is_in(kWide, code) ? 2 : 1;
}

}  // namespace

std::size_t width_of(std::string_view utf8) {
  std::size_t columns = 0;
  while (!utf8.empty()) {
    const Character next = first_of(utf8);
    columns += width_of_character(next.code);
    utf8.remove_prefix(next.bytes.size());
  }
  return columns;
}

std::string shorten(std::string_view utf8, std::size_t columns) {
  if (width_of(utf8) <= columns) return std::string(utf8);
  if (columns == 0) return {};
  std::string out;
  std::size_t used = 1;  // the mark
  while (!utf8.empty()) {
    const Character next = first_of(utf8);
    const std::size_t width = width_of_character(next.code);
    if (used + width > columns) break;
    used += width;
    out += next.bytes;
    utf8.remove_prefix(next.bytes.size());
  }
  return out + "…";
}

std::string shorten_path(std::string_view utf8, std::size_t columns) {
  std::size_t width = width_of(utf8);
  if (width <= columns) return std::string(utf8);
  if (columns == 0) return {};
  while (!utf8.empty() && width + 1 > columns) {
    const Character next = first_of(utf8);
    width -= width_of_character(next.code);
    utf8.remove_prefix(next.bytes.size());
  }
  // A mark without its letter would join ours.
  while (!utf8.empty() && width_of_character(first_of(utf8).code) == 0) {
    utf8.remove_prefix(first_of(utf8).bytes.size());
  }
  // From the beginning of a folder on, where that costs little.
  const std::size_t slash = utf8.find('/');
  if (slash != std::string_view::npos && slash > 0 && slash <= utf8.size() / 2) {
    utf8.remove_prefix(slash);
  }
  return "…" + std::string(utf8);
}

std::string without_direction_marks(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  while (!utf8.empty()) {
    const Character next = first_of(utf8);
    if (!is_in(kDirection, next.code)) out += next.bytes;
    utf8.remove_prefix(next.bytes.size());
  }
  return out;
}

}  // namespace obhut::cli
