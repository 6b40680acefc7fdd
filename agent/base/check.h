#pragma once
// CHECK is for our own mistakes, never for input: it names the broken promise and aborts.

#include <source_location>
#include <string_view>

namespace obhut {

[[noreturn]] void check_failed(std::string_view condition, std::source_location where);

}  // namespace obhut

#define CHECK(condition)        \
  (static_cast<bool>(condition) \
       ? static_cast<void>(0)   \
       : ::obhut::check_failed(#condition, std::source_location::current()))
