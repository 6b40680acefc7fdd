#pragma once
// Names as NTFS has them, UTF-16 that need not be well-formed, and as we have them.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace obhut::platform {

/// WTF-8 (UTF-8 in which a lone surrogate is written like any other code point), so that every name
/// that NTFS can hold goes there and back. Nothing for what is not that.
/// Source: https://simonsapin.github.io/wtf-8/
std::optional<std::u16string> utf16_of(std::string_view text);
std::string wtf8_of(std::u16string_view wide);

/// One code point of WTF-8, and so of UTF-8.
void append_wtf8(std::string& out, std::uint32_t point);
/// The code point at `text[at]`; `at` moves behind it. Nothing for a malformed one.
std::optional<std::uint32_t> next_point(std::string_view text, std::size_t& at);

}  // namespace obhut::platform
