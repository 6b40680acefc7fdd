#include "tools/cli/vault_session.h"

#include <cstdlib>

#include "platform/local_files.h"
#include "tools/cli/secrets.h"

namespace obhut::cli {
namespace {

std::string cache_root() {
  if (const char* root = std::getenv("OBHUT_CACHE"); root != nullptr && *root != '\0') return root;
  if (const char* root = std::getenv("XDG_CACHE_HOME"); root != nullptr && *root == '/') {
    return platform::join(root, "obhut");
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
    return platform::join(home, ".cache/obhut");
  }
  return {};
}

// Where no cache can be kept everything works, only slower.
std::string cache_of(const VaultId& vault) {
  const std::string root = cache_root();
  if (root.empty()) return {};
  const std::string folder = platform::join(root, vault.text());
  return platform::make_directories(folder) ? folder : std::string();
}

}  // namespace

Result<VaultSession> open_vault(const Context& context, const VaultArguments& arguments,
                                store::Use use) {
  VaultSession session;
  ASSIGN_OR_RETURN(session.store, store::LocalStore::open(arguments.vault));
  ASSIGN_OR_RETURN(const vault::KeySource key, read_key(context, arguments.key_file));
  ASSIGN_OR_RETURN(session.lock, session.store->lock(use));
  ASSIGN_OR_RETURN(session.vault, vault::Vault::open(*session.store, key, context.stop));
  session.cache_directory = cache_of(session.vault->id());
  return session;
}

std::string index_directory(const VaultSession& session) {
  return session.cache_directory.empty() ? "" : platform::join(session.cache_directory, "index");
}

vault::BlobReaderLimits local_reads() {
  return {.cached_plain = 32U << 20U, .alignment = 1, .cached_windows = 1, .stretch = 4U << 20U};
}

}  // namespace obhut::cli
