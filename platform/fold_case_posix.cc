#include <algorithm>
#include <cwctype>
#include <locale.h>

#include "agent/base/text.h"
#include "platform/fold_case.h"
#include "platform/utf16.h"

namespace obhut::platform {
namespace {

/// Null where the system has no such locale: then ASCII alone is folded.
locale_t unicode() {
  static const locale_t kLocale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return kLocale;
}

}  // namespace

std::string fold_case(std::string_view text) {
  const bool ascii = std::ranges::all_of(text, [](char c) { return (c & 0x80) == 0; });
  const bool folds = !ascii && unicode() != nullptr && is_utf8(text);
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (!folds || (c & 0x80) == 0) {
      out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
      ++at;
      continue;
    }
    const std::uint32_t point = *next_point(text, at);  // is_utf8(): none is malformed
    append_wtf8(out,
                static_cast<std::uint32_t>(::towlower_l(static_cast<wint_t>(point), unicode())));
  }
  return out;
}

}  // namespace obhut::platform
