#pragma once
// What the command line says, in the languages it speaks. A message stands here once with all its
// languages side by side, so that none can be forgotten.

#include <initializer_list>
#include <string>
#include <string_view>

namespace obhut::cli {

enum class Language { kEnglish, kGerman };

struct Message {
  const char* english;
  const char* german;
};

/// By LC_ALL, LC_MESSAGES, LANG, the first that is set and not empty: "de…" is German, everything
/// else English.
Language language_of_environment();
Language language_of_locale(std::string_view locale);

/// `message` in `language` with each "{}" replaced by the next of `values`, and each "{file|files}"
/// by the first where the value before it is (or ends in) a lone 1, by the second otherwise.
std::string say(Language language, const Message& message,
                std::initializer_list<std::string_view> values = {});

}  // namespace obhut::cli
