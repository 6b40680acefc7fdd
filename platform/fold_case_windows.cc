#include "platform/fold_case.h"
#include "platform/win.h"

namespace obhut::platform {

std::string fold_case(std::string_view text) {
  const auto wide = win::to_wide(text);
  if (!wide || wide->empty()) return std::string(text);
  std::wstring folded(wide->size(), L'\0');
  const int length = ::LCMapStringEx(LOCALE_NAME_INVARIANT, LCMAP_LOWERCASE, wide->data(),
                                     static_cast<int>(wide->size()), folded.data(),
                                     static_cast<int>(folded.size()), nullptr, nullptr, 0);
  if (length != static_cast<int>(wide->size())) return std::string(text);
  return win::to_wtf8(folded);
}

}  // namespace obhut::platform
