#include "service/cluster/state.h"

#include <algorithm>

#include "agent/crypto/kdf.h"
#include "agent/crypto/random.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/machine.h"
#include "platform/secret_store.h"
#include "service/cluster/tls/authority.h"

namespace obhut::cluster {
namespace {

constexpr std::string_view kConfigFile = "cluster.toml";
constexpr std::string_view kAuthorityFile = "ca.pem";
constexpr std::string_view kServerFile = "server.pem";
constexpr std::size_t kFileLimit = std::size_t{1} << 20U;
constexpr std::chrono::days kRenewBefore{30};

std::string in(const std::string& folder, std::string_view name) {
  return platform::join(folder, name);
}

Result<std::string> read_text(const std::string& path) {
  ASSIGN_OR_RETURN(const Bytes bytes, platform::read_file(path, kFileLimit));
  return std::string(as_text(bytes));
}

std::vector<std::string> certificate_names(const Config& config) {
  std::vector<std::string> names = config.names;
  for (const char* own : {"localhost", "127.0.0.1", "::1"}) {
    if (std::ranges::find(names, own) == names.end()) names.emplace_back(own);
  }
  return names;
}

Result<void> issue(const std::string& folder, platform::SecretStore& secrets,
                   const tls::Certificate& authority, const std::vector<std::string>& names,
                   Instant now) {
  ASSIGN_OR_RETURN(const tls::Certificate server, tls::issue_server(authority, names, now));
  // Key first: a crash in between leaves a certificate that does not fit, which is issued again.
  TRY(secrets.save("server-key", as_bytes(server.key)));
  return platform::write_file(in(folder, kServerFile), as_bytes(server.pem), 0644);
}

/// One secret for each purpose out of the one on disk.
crypto::SecretBytes purpose_key(ByteView secret, std::string_view purpose) {
  return crypto::hkdf_sha256(secret, as_bytes("obhut-cluster"), as_bytes(purpose), 32);
}

}  // namespace

Result<void> init_state(const std::string& folder, const Config& config, Instant now) {
  if (platform::exists(in(folder, kConfigFile))) {
    return fail(ErrorKind::kConflict, folder + " holds a cluster already");
  }
  TRY(platform::make_directories(folder));
  ASSIGN_OR_RETURN(platform::SecretStore secrets,
                   platform::SecretStore::open(in(folder, "secrets")));
  ASSIGN_OR_RETURN(
      const tls::Certificate authority,
      tls::make_authority("Obhut cluster " + platform::host_name().substr(0, 40), now));
  TRY(secrets.save("ca-key", as_bytes(authority.key)));
  TRY(platform::write_file(in(folder, kAuthorityFile), as_bytes(authority.pem), 0644));
  TRY(issue(folder, secrets, authority, certificate_names(config), now));
  const crypto::SigningKey key = crypto::SigningKey::generate();
  TRY(secrets.save("cluster-key", key.seed().view()));
  const auto secret = crypto::random_id<Id<struct ServerSecretTag, 32>>();
  TRY(secrets.save("server-secret", secret.bytes()));
  // Last: what is there without it was not finished, and init may run again.
  return platform::write_file(in(folder, kConfigFile), as_bytes(config_text(config)), 0600);
}

Result<State> open_state(const std::string& folder, Instant now) {
  const std::string config_path = in(folder, kConfigFile);
  if (!platform::exists(config_path)) {
    return fail(ErrorKind::kNotFound,
                folder + " holds no cluster: run `obhut-cluster init --state " + folder + "`");
  }
  ASSIGN_OR_RETURN(const std::string text, read_text(config_path));
  ASSIGN_OR_RETURN(Config config, parse_config(text, config_path));
  ASSIGN_OR_RETURN(platform::SecretStore secrets,
                   platform::SecretStore::open(in(folder, "secrets")));
  ASSIGN_OR_RETURN(const Bytes seed, secrets.load("cluster-key"));
  ASSIGN_OR_RETURN(crypto::SigningKey cluster_key, crypto::SigningKey::from_seed(seed));
  ASSIGN_OR_RETURN(const Bytes secret, secrets.load("server-secret"));
  tls::Certificate authority;
  ASSIGN_OR_RETURN(authority.pem, read_text(in(folder, kAuthorityFile)));
  ASSIGN_OR_RETURN(const Bytes authority_key, secrets.load("ca-key"));
  authority.key = std::string(as_text(authority_key));
  ASSIGN_OR_RETURN(const tls::CertificateFacts authority_facts,
                   tls::read_certificate(authority.pem));
  std::vector<std::string> names = certificate_names(config);
  const Result<std::string> old = read_text(in(folder, kServerFile));
  const Result<tls::CertificateFacts> facts =
      old ? tls::read_certificate(*old)
          : Result<tls::CertificateFacts>(fail(ErrorKind::kNotFound, ""));
  const bool fits =
      old && tls::key_fits(*old, as_text(secrets.load("server-key").value_or(Bytes{})));
  if (!facts || !fits || facts->names != names || now + kRenewBefore > facts->not_after) {
    TRY(issue(folder, secrets, authority, names, now));
  }
  ASSIGN_OR_RETURN(const std::string server, read_text(in(folder, kServerFile)));
  ASSIGN_OR_RETURN(const Bytes server_key, secrets.load("server-key"));
  return State{folder,
               std::move(config),
               std::move(cluster_key),
               purpose_key(secret, "obhut/1/cluster"),
               server + authority.pem,
               std::string(as_text(server_key)),
               authority_facts.pin,
               std::move(names)};
}

}  // namespace obhut::cluster
