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
  const auto* value = values.begin();
  bool one = false;
  for (std::size_t at = rest.find('{'); at != std::string_view::npos; at = rest.find('{')) {
    const std::size_t end = rest.find('}', at);
    if (end == std::string_view::npos) break;
    const std::string_view inside = rest.substr(at + 1, end - at - 1);
    out += rest.substr(0, at);
    rest.remove_prefix(end + 1);
    if (const std::size_t bar = inside.find('|'); bar != std::string_view::npos) {
      out += one ? inside.substr(0, bar) : inside.substr(bar + 1);
    } else if (inside.empty() && value != values.end()) {
      one = *value == "1" || value->ends_with(" 1");
      out += *value++;
    } else {
      out.append("{").append(inside).append("}");
    }
  }
  return out += rest;
}

}  // namespace obhut::cli
