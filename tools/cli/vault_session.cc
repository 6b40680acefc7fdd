#include "tools/cli/vault_session.h"

#include <cstdlib>

#include "platform/local_files.h"
#include "tools/cli/recovery_sheet.h"
#include "tools/cli/secrets.h"

namespace obhut::cli {
namespace {

constexpr Message kNoVault{
    "no vault: name its folder with --vault, or a recovery sheet with --sheet",
    "kein Tresor: --vault nennt seinen Ordner, --sheet ein Wiederherstellungsblatt"};
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

/// In: its folder, opened.
Result<void> enter_folder(const Context& context, VaultSession& session,
                          const vault::KeySource& key, store::Use use) {
  ASSIGN_OR_RETURN(session.lock, session.folder->lock(use));
  session.store = session.folder.get();
  ASSIGN_OR_RETURN(session.vault, vault::Vault::open(*session.store, key, context.stop));
  session.cache_directory = cache_of(session.vault->id());
  return {};
}

Result<void> open_in_cluster(const Context& context, VaultSession& session,
                             const ClusterPlace& place, const vault::KeySource& key) {
  ASSIGN_OR_RETURN(session.cluster, ClusterVault::open(place, key, context.clock, context.stop));
  session.store = &session.cluster->store();
  ASSIGN_OR_RETURN(session.vault, vault::Vault::open(*session.store, key, context.stop));
  if (session.vault->id() != session.cluster->id()) {
    return fail(ErrorKind::kRefused,
                place.url + ": the cluster shows another vault's key slots than this key's");
  }
  session.cache_directory = cache_of(session.vault->id());
  return {};
}

}  // namespace

Result<VaultSession> open_vault(const Context& context, const VaultArguments& arguments,
                                store::Use use) {
  VaultSession session;
  ASSIGN_OR_RETURN(session.folder, store::LocalStore::open(arguments.vault));
  ASSIGN_OR_RETURN(const vault::KeySource key, read_key(context, arguments.key_file));
  TRY(enter_folder(context, session, key, use));
  return session;
}

Result<VaultSession> open_vault_to_read(const Context& context, const VaultArguments& arguments) {
  VaultSession session;
  if (!arguments.sheet.empty()) {
    ASSIGN_OR_RETURN(RecoverySheet sheet, read_sheet(arguments.sheet));
    const vault::KeySource key(std::move(sheet.key));
    if (arguments.vault.empty()) {
      TRY(open_in_cluster(context, session, sheet.place, key));
    } else {
      ASSIGN_OR_RETURN(session.folder, store::LocalStore::open(arguments.vault));
      TRY(enter_folder(context, session, key, store::Use::kRead));
    }
    return session;
  }
  if (is_cluster_place(arguments.vault)) {
    ASSIGN_OR_RETURN(const ClusterPlace place, parse_cluster_place(arguments.vault));
    ASSIGN_OR_RETURN(const vault::KeySource key, read_key(context, arguments.key_file));
    TRY(open_in_cluster(context, session, place, key));
    return session;
  }
  if (arguments.vault.empty()) return fail(ErrorKind::kInvalidInput, context.say(kNoVault));
  return open_vault(context, arguments, store::Use::kRead);
}

std::string index_directory(const VaultSession& session) {
  return session.cache_directory.empty() ? "" : platform::join(session.cache_directory, "index");
}

vault::BlobReaderLimits local_reads() {
  return {.cached_plain = 32U << 20U, .alignment = 1, .cached_windows = 1, .stretch = 4U << 20U};
}

vault::BlobReaderLimits reads_of(const VaultSession& session) {
  return session.folder ? local_reads() : vault::BlobReaderLimits{};
}

}  // namespace obhut::cli
