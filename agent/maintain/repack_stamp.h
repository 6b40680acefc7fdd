#pragma once
// Remembers, beside the index cache, for which points a vault was repacked to the end: while all of
// them are kept nothing can have died since, and no tree need be walked.

#include <string>

#include "agent/vault/head_chain.h"

namespace obhut::maintain {

/// A hint: where it is lost, or cannot be kept, trees are walked once more.
class RepackStamp {
 public:
  /// In: the cache folder of the vault; "": nothing is remembered.
  explicit RepackStamp(const std::string& directory);

  /// True where every point of the last complete repacking is kept in `chain`.
  [[nodiscard]] bool covers(const vault::HeadChain& chain) const;
  /// The kept points of `chain` were repacked to the end.
  void write(const vault::HeadChain& chain) const;

 private:
  std::string path_;
};

}  // namespace obhut::maintain
