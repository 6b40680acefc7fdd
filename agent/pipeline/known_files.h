#pragma once
// Small files of this run by their content, so that a second copy costs a reference and no bytes.

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "agent/base/ids.h"
#include "agent/model/blob.h"

namespace obhut::pipeline {

/// A table of fixed size: what is crowded out is stored twice, and nothing else happens. The whole
/// keyed hash is compared. Thread: any.
class KnownFiles {
 public:
  /// `sets` of four places of 76 bytes: 32,768 sets are 10 MB.
  explicit KnownFiles(std::size_t sets = 1U << 15U);

  [[nodiscard]] std::optional<model::Ref> find(const BlobId& content) const;
  void add(const BlobId& content, const model::Ref& ref);

 private:
  struct Place {
    BlobId content;
    model::Ref ref;  ///< length 0: free
  };
  static constexpr std::size_t kWays = 4;
  [[nodiscard]] std::size_t set_of(const BlobId& content) const;
  mutable std::mutex mutex_;
  std::vector<Place> places_;
  std::size_t sets_;
  std::size_t next_way_ = 0;
};

}  // namespace obhut::pipeline
