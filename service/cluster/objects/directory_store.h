#pragma once
// The embedded store: objects as files in a directory.

#include <memory>
#include <string>

#include "service/cluster/objects/object_store.h"

namespace obhut::cluster::objects {

/// DIR/{packs,index,heads,keys,releases}/xx/<sha256>.<random> and DIR/tmp. A file appears by rename
/// after its bytes were synced, and its folder is synced before finish() returns.
class DirectoryStore final : public ObjectStore {
 public:
  /// Makes what is missing and clears tmp/ of what a crash left.
  static Result<std::unique_ptr<DirectoryStore>> open(const std::string& directory);

  Result<std::unique_ptr<ObjectWriter>> create(const std::string& key, std::uint64_t length,
                                               const Sha256& hash) override;
  Result<std::unique_ptr<ObjectReader>> open(const std::string& key, ByteRange range) override;
  Result<std::optional<std::uint64_t>> size_of(const std::string& key) override;
  Result<void> remove(const std::string& key) override;
  Result<void> list(std::string_view prefix,
                    const std::function<bool(const StoredObject& object)>& each) override;

 private:
  explicit DirectoryStore(std::string directory) : directory_(std::move(directory)) {}
  [[nodiscard]] Result<std::string> path_of(const std::string& key) const;
  std::string directory_;
};

}  // namespace obhut::cluster::objects
