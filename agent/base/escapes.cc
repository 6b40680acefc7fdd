#include "agent/base/escapes.h"

#include "agent/base/text.h"

namespace obhut {

std::optional<std::string> from_printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find('\\'), text.size());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.starts_with("\\\\")) {
      out += '\\';
      text.remove_prefix(2);
    } else if (text.starts_with("\\x") && text.size() >= 4) {
      const std::optional<Bytes> byte = from_hex(text.substr(2, 2));
      if (!byte) return std::nullopt;
      out += as_text(*byte);
      text.remove_prefix(4);
    } else if (!text.empty()) {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace obhut
