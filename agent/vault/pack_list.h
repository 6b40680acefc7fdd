#pragma once
// Numbered packs without their blobs, compact and findable by name: 600,000 of them, which is
// 10 TB, take 74 MB.

#include <cstdint>
#include <optional>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/ids.h"
#include "agent/pack/pack_info.h"

namespace obhut::vault {

/// Thread: one at a time; const methods at once.
class PackList {
 public:
  /// The number that it got; nothing where a pack of this name is here already.
  std::optional<std::uint32_t> add(const pack::PackInfo& pack);
  [[nodiscard]] std::uint32_t size() const { return count_; }
  [[nodiscard]] std::optional<std::uint32_t> find(const Sha256& name) const;
  /// Without its blobs. In: below size().
  [[nodiscard]] pack::PackInfo at(std::uint32_t number) const;
  /// The bytes of write_pack_record().
  [[nodiscard]] ByteView record(std::uint32_t number) const;

 private:
  [[nodiscard]] std::size_t slot_of(const Sha256& name) const;
  void grow();
  std::vector<Bytes> parts_;          // so that growing copies nothing
  std::vector<std::uint32_t> slots_;  // number + 1; 0: free
  std::uint32_t count_ = 0;
};

}  // namespace obhut::vault
