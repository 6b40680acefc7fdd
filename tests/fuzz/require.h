#pragma once
// A promise that must hold for every input; a broken one is a finding.

#include <cstdlib>

#define REQUIRE(condition)          \
  do {                              \
    if (!(condition)) std::abort(); \
  } while (false)
