#pragma once
// How wide a text is on a terminal, and how to make it narrower without breaking a character.

#include <cstddef>
#include <string>
#include <string_view>

namespace obhut::cli {

/// Columns that a terminal gives to `utf8`: two for wide characters (Chinese, emoji), none for
/// marks that join the letter before. In: no control characters.
std::size_t width_of(std::string_view utf8);

/// The beginning of `utf8` with "…" after it, in at most `columns`; all of it where it fits.
std::string shorten(std::string_view utf8, std::size_t columns);
/// The end of a path, which tells more than its beginning, with "…" before it.
std::string shorten_path(std::string_view utf8, std::size_t columns);

/// `utf8` without the characters that turn the direction of writing or hide: on a terminal a name
/// could use them to look like another. In: as printable() wrote it.
std::string without_direction_marks(std::string_view utf8);

}  // namespace obhut::cli
