#include "tools/cli/input.h"

#include <cstdio>

#include "platform/atomic_file.h"

namespace obhut::cli {

Result<Bytes> read_named_file(const std::string& path, std::size_t most) {
  Result<Bytes> bytes = platform::read_file(path, most);
  if (!bytes && bytes.error().kind == ErrorKind::kNotFound) {
    return fail(ErrorKind::kInvalidInput, std::move(bytes.error().message));
  }
  return bytes;
}

Result<std::string> read_text_input(const std::string& file, std::size_t most) {
  if (file != "-") {
    ASSIGN_OR_RETURN(const Bytes bytes, read_named_file(file, most));
    return std::string(as_text(bytes));
  }
  std::string text;
  char part[4096];
  while (const std::size_t got = std::fread(part, 1, sizeof part, stdin)) {
    text.append(part, got);
    if (text.size() > most) return fail(ErrorKind::kInvalidInput, "standard input: too long");
  }
  return text;
}

}  // namespace obhut::cli
