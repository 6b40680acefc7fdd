#pragma once
// Which packs and index objects of a local vault were replaced by others: what repacking leaves for
// the heads that name the old ones, since a committed head never changes. Bytes: FORMAT.md
// section 4.

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/model/head.h"

namespace obhut::vault {

/// For heads up to sequence `until`, `by` holds all that they need of `old`.
struct Replacement {
  model::ObjectName old;
  std::uint64_t until = 0;
  std::vector<model::Reference>
      by;  ///< of the same kind; empty where the heads needed nothing of it
  friend bool operator==(const Replacement&, const Replacement&) = default;
};

Bytes encode_replacements(std::span<const Replacement> replacements);
/// Errors: kCorrupt.
Result<std::vector<Replacement>> parse_replacements(ByteView plain);

/// Thread: one at a time.
class Replacements {
 public:
  /// Of two for one object, the one that holds for more heads stays.
  void add(std::vector<Replacement> replacements);
  [[nodiscard]] const std::map<model::ObjectName, Replacement>& all() const { return by_old_; }
  [[nodiscard]] bool empty() const { return by_old_.empty(); }

  /// What the head of `sequence` needs, now that objects which it names were replaced.
  [[nodiscard]] model::ReferenceSet resolve(const model::ReferenceSet& named,
                                            std::uint64_t sequence) const;

 private:
  [[nodiscard]] const Replacement* find(const model::ObjectName& name,
                                        std::uint64_t sequence) const;
  std::map<model::ObjectName, Replacement> by_old_;
};

}  // namespace obhut::vault
