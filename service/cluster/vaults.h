#pragma once
// Vaults and the objects in them: tickets, uploads, downloads, the catalogue.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/model/object_name.h"
#include "service/billing/event.h"
#include "service/cluster/devices.h"
#include "service/cluster/http/message.h"
#include "service/cluster/objects/object_store.h"
#include "service/cluster/objects/presign.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

struct Vault {
  VaultId id;
  DeviceId device;
  CustomerId customer;
  PartnerId partner;
  Instant created{};
  std::uint64_t head_sequence = 0;
  Sha256 head;
  billing::Location location = billing::Location::kProvider;
  std::uint64_t level = 0;   ///< bytes charged: what kept points need
  bool recoverable = false;  ///< a key slot outside the device exists
  std::optional<Instant> hold;
  std::string hold_reason;
};

struct ObjectFacts {
  model::ObjectName name;
  std::uint64_t size = 0;
};

struct Ticket {
  Sha256 hash;
  bool stored = false;
  std::string url;  ///< path and query; empty where it is stored already
  Instant expires{};
};

struct Download {
  Sha256 hash;
  std::string url;
  std::uint64_t size = 0;
  Instant expires{};
};

/// An upload that a signed URL allows: where it goes and what it must be.
struct Upload {
  std::string key;
  std::uint64_t length = 0;
  Sha256 hash;
  bool stored = false;  ///< was acknowledged before: checked again, not stored again
};

std::optional<model::ObjectKind> parse_object_kind(std::string_view text);

/// Errors: 404.
Answer<Vault> find_vault(sql::Session& session, const VaultId& id);
/// Errors: 404 also for another device's; 403 vault-taken-over for the one that had it before.
Answer<Vault> vault_anywhere(sql::Session& session, const VaultId& id, const Device& device);
/// The same of a vault in the cluster. Errors: also 409 local-vault.
Answer<Vault> vault_of(sql::Session& session, const VaultId& id, const Device& device);

/// Thread: any.
class Vaults {
 public:
  Vaults(sql::Database& database, const Clock& clock, objects::ObjectStore& store,
         const objects::UrlSigner& signer)
      : database_(database), clock_(clock), store_(store), signer_(signer) {}

  /// True where it is new. Errors: 404 for an id that another device has.
  Answer<bool> create(const Device& device, const VaultId& id);
  /// One for each object, in order. Errors: 422 for heads, sizes out of range and repeated names.
  Answer<std::vector<Ticket>> tickets(const Device& device, const VaultId& vault,
                                      const std::vector<ObjectFacts>& objects);
  /// Errors: 404 unknown-object naming it.
  Answer<std::vector<Download>> downloads(const Device& device, const VaultId& vault,
                                          const std::vector<model::ObjectName>& objects);
  /// Ascending by hash, after `after`.
  Answer<std::vector<ObjectFacts>> objects(const Device& device, const VaultId& vault,
                                           model::ObjectKind kind, bool uncommitted_only,
                                           const Sha256& after, std::size_t limit);

  /// Before the body. Errors: 403 for a bad, expired or used-up URL; 411, 422 for a length that is
  /// not the one signed.
  Answer<Upload> begin_upload(std::string_view path, std::string_view query,
                              std::optional<std::uint64_t> content_length);
  /// After the body was made durable under `upload.key`.
  Answer<void> finish_upload(const Upload& upload);
  /// Errors: 403; 404.
  Answer<std::pair<std::string, std::uint64_t>> begin_download(std::string_view path,
                                                               std::string_view query);

  Answer<std::vector<Vault>> vaults_of_device(const DeviceId& device);
  Answer<Vault> vault(const VaultId& id);
  /// Errors: those of vault_of().
  Answer<Vault> own_vault(const Device& device, const VaultId& id);
  /// The agent says that somebody confirmed to hold the recovery key.
  Answer<void> confirm_recovery(const Device& device, const VaultId& vault);

 private:
  sql::Database& database_;
  const Clock& clock_;
  objects::ObjectStore& store_;
  const objects::UrlSigner& signer_;
};

}  // namespace obhut::cluster
