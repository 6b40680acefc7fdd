#pragma once
// Commits: a signed head becomes a recovery point, or is refused by name.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/log.h"
#include "agent/crypto/signing.h"
#include "agent/model/head.h"
#include "service/cluster/devices.h"
#include "service/cluster/objects/object_store.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"
#include "service/cluster/vaults.h"

namespace obhut::cluster {

/// One recovery point, as the cluster knows it.
struct Point {
  std::uint64_t sequence = 0;
  Sha256 hash;
  std::uint64_t size = 0;
  Instant created{};   ///< the device's claim
  Instant received{};  ///< what retention goes by
  Instant locked_until{};
  std::string state;  ///< "kept", "dropped" or "gone"
  std::string receipt;
  std::uint64_t new_bytes = 0;    ///< objects that this point added
  std::uint64_t total_bytes = 0;  ///< objects that it needs
};

struct Committed {
  std::string receipt;
  bool repeated = false;
};

/// When retention is held until the partner decides: a point that looks like a mass change (or
/// encryption by a stranger) or a loss. Below `least_bytes` nothing is.
struct HoldPolicy {
  std::uint64_t least_bytes = std::uint64_t{256} << 20U;
  unsigned new_percent = 50;     ///< new bytes of what the point before needed
  unsigned shrunk_percent = 50;  ///< what is left of what the point before needed
};

/// Thread: any.
class Commits {
 public:
  Commits(sql::Database& database, const Clock& clock, objects::ObjectStore& store,
          const crypto::SigningKey& cluster_key, const HoldPolicy& hold, Log log)
      : database_(database),
        clock_(clock),
        store_(store),
        cluster_key_(cluster_key),
        hold_(hold),
        log_(std::move(log)) {}

  /// Idempotent: the same head again gives the same receipt.
  /// Errors: 422 for a head that is none, or is signed for another vault or by another key;
  /// 409 stale-parent with the current head; 409 forked; 409 unknown-pack with names.
  Answer<Committed> commit(const Device& device, const VaultId& vault, ByteView head);

  /// Ascending by sequence, after `after`; `gone` ones left out.
  Answer<std::vector<Point>> points(const VaultId& vault, std::uint64_t after, std::size_t limit);
  /// The head's bytes as they came. Errors: 404.
  Answer<Bytes> head(const Device& device, const VaultId& vault, const Sha256& hash);

 private:
  Answer<std::optional<Committed>> known(sql::Session& session, const VaultId& vault,
                                         const Sha256& hash);
  Answer<Committed> record(sql::Session& session, const Device& device, const Vault& vault,
                           const model::Head& head, const Sha256& hash, std::uint64_t size,
                           const std::string& key, Instant now);
  sql::Database& database_;
  const Clock& clock_;
  objects::ObjectStore& store_;
  const crypto::SigningKey& cluster_key_;
  HoldPolicy hold_;
  Log log_;
};

}  // namespace obhut::cluster
