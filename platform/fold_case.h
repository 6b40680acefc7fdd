#pragma once
// Names as people compare them: without regard to upper and lower case.

#include <string>
#include <string_view>

namespace obhut::platform {

/// `text` in lower case, character by character, as the system's tables of Unicode say it. What is
/// no UTF-8 stays as it is.
std::string fold_case(std::string_view text);

}  // namespace obhut::platform
