#include "agent/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace obhut {

void check_failed(std::string_view condition, std::source_location where) {
  std::fprintf(stderr, "%s:%u: broken promise: %.*s\n", where.file_name(),
               static_cast<unsigned>(where.line()), static_cast<int>(condition.size()),
               condition.data());
  std::abort();
}

}  // namespace obhut
