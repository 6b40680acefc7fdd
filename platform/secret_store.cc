#include "platform/secret_store.h"

#include <algorithm>

#include "agent/base/text.h"
#include "platform/local_files.h"

namespace obhut::platform {

Result<std::string> SecretStore::path_of(const std::string& name) const {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  if (name.empty() || name.size() > 128 || name[0] == '.' || !std::ranges::all_of(name, allowed)) {
    return fail(
        ErrorKind::kInvalidInput,
        "secret name " + printable(name) + ": only letters, digits, '-', '_' and '.' are allowed");
  }
  return join(folder_, name);
}

Result<void> SecretStore::remove(const std::string& name) {
  ASSIGN_OR_RETURN(const std::string path, path_of(name));
  TRY(remove_file(path));
  return sync_directory(folder_);
}

}  // namespace obhut::platform
