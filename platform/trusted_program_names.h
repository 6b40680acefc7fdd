#pragma once
// Part of trusted_program.

#include <algorithm>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/base/text.h"

namespace obhut::platform {

/// One name, of a-z, 0-9 and "-".
inline Result<void> check_program_name(std::string_view name) {
  const bool plain = !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (plain) return {};
  return fail(ErrorKind::kInvalidInput, printable(name) + ": want a name of a-z, 0-9 and -");
}

}  // namespace obhut::platform
