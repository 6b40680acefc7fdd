#pragma once
// A vault in the cluster, read with its recovery key where no device is left.

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/store/store.h"
#include "agent/vault/key_slot.h"

namespace obhut::cli {

/// A cluster and the key of its CA, as a recovery sheet has them.
struct ClusterPlace {
  std::string url;  ///< "https://host:port", no slash at its end
  Sha256 ca_pin;
};
/// True for what is meant as a cluster's place, and not as a folder.
bool is_cluster_place(std::string_view text);
/// "https://host:port#PIN". Errors: kInvalidInput.
Result<ClusterPlace> parse_cluster_place(std::string_view text);
std::string place_text(const ClusterPlace& place);

/// Signs in by the access key that comes of a recovery key, and reads; writes nothing.
/// Thread: any.
class ClusterVault {
 public:
  /// Errors: kInvalidInput for another key than a recovery key; kRefused where the cluster knows no
  /// vault of this key; those of wire::Transport.
  static Result<std::unique_ptr<ClusterVault>> open(const ClusterPlace& place,
                                                    const vault::KeySource& key, Clock& clock,
                                                    std::stop_token stop);
  ~ClusterVault();
  [[nodiscard]] store::Store& store();
  /// Which vault the cluster says that the key reads.
  [[nodiscard]] const VaultId& id() const;

 private:
  struct Layers;
  explicit ClusterVault(std::unique_ptr<Layers> layers);
  std::unique_ptr<Layers> layers_;
};

}  // namespace obhut::cli
