#include "platform/os_error.h"

#include <cctype>

#include "platform/local_files.h"

namespace obhut::platform {

std::string os_error_text(int code) {
  std::string text = os_error_words(code);
  if (text.empty()) return "system error " + std::to_string(code);
  // "No such file" becomes "no such file"; "RPC failed" stays.
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  return text;
}

Error os_error(int code, Whose whose, std::string_view action, std::string_view path) {
  std::string message(action);
  if (!path.empty()) message.append(" ").append(shown(path));
  message.append(": ").append(os_error_text(code));
  return {os_error_kind(code, whose), std::move(message)};
}

}  // namespace obhut::platform
