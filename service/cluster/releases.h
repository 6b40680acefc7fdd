#pragma once
// Newer versions of the agent: roots and releases as their makers signed them, and the packages.
// Nothing is served that an agent would refuse: better the provider hears of it than a thousand
// agents.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/trust/release.h"
#include "service/cluster/objects/object_store.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

struct StoredPackage {
  Sha256 hash;
  std::uint64_t size = 0;
  std::string key;  ///< in the object store
};

/// Thread: any.
class Releases {
 public:
  /// Devices ask for so many roots at once.
  static constexpr std::size_t kRoots = 16;

  Releases(sql::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// Whether it is kept already: by its version a root, by its serial a release.
  struct Published {
    std::uint64_t number = 0;
    bool repeated = false;
  };
  /// The first is taken on the provider's word, each other as agents take it.
  /// Errors: those of trust::ReleaseTrust; 409 for another root of that version.
  Answer<Published> publish_root(std::string_view document);
  /// Errors: those of trust::verify_release, as for an agent that saw the last one; 409 without a
  /// root; 422 package-missing where a package was not uploaded, or has another size.
  Answer<Published> publish(std::string_view document);

  /// In order, at most kRoots.
  Answer<std::vector<std::string>> roots_after(std::uint64_t version);
  /// Errors: 404 where there is none.
  Answer<std::string> newest();
  struct Overview {
    std::optional<trust::ReleaseRoot> root;
    std::optional<trust::ReleaseManifest> release;
    std::vector<StoredPackage> packages;
  };
  Answer<Overview> overview();

  Answer<std::optional<StoredPackage>> find_package(const Sha256& hash);
  /// Once its bytes are durable. Again it changes nothing.
  Answer<void> keep_package(const StoredPackage& package);
  /// Its bytes go with the next pass of retention. Errors: 404; 409 package-offered where the
  /// newest release names it.
  Answer<void> remove_package(const Sha256& hash);

 private:
  sql::Database& database_;
  const Clock& clock_;
};

}  // namespace obhut::cluster
