#include "tools/cli/messages.h"

#include <cstdlib>

namespace obhut::cli {

Language language_of_locale(std::string_view locale) {
  const bool german = locale.starts_with("de") && (locale.size() == 2 || locale[2] == '_' ||
                                                   locale[2] == '.' || locale[2] == '@');
  return german ? Language::kGerman : Language::kEnglish;
}

Language language_of_environment() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return language_of_locale(value);
  }
  return Language::kEnglish;
}

std::string say(Language language, const Message& message,
                std::initializer_list<std::string_view> values) {
  std::string_view rest = language == Language::kGerman ? message.german : message.english;
  std::string out;
  for (const std::string_view value : values) {
    const std::size_t at = rest.find("{}");
    if (at == std::string_view::npos) break;
    out += rest.substr(0, at);
    out += value;
    rest.remove_prefix(at + 2);
  }
  return out += rest;
}

}  // namespace obhut::cli
