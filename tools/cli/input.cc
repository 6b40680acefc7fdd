#include "tools/cli/input.h"

#include "platform/atomic_file.h"

namespace obhut::cli {

Result<Bytes> read_named_file(const std::string& path, std::size_t most) {
  Result<Bytes> bytes = platform::read_file(path, most);
  if (!bytes && bytes.error().kind == ErrorKind::kNotFound) {
    return fail(ErrorKind::kInvalidInput, std::move(bytes.error().message));
  }
  return bytes;
}

}  // namespace obhut::cli
