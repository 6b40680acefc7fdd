#pragma once
// A real store and, beside its objects, packs that are only listed: those of a vault that would not
// fit on the disk of a benchmark.

#include <cstdint>

#include "agent/pack/pack_info.h"
#include "agent/store/store.h"

namespace obhut::bench {

/// What a pack of a vault of `packs` packs and `blobs` blobs is. Nothing is held per pack: what the
/// double takes must not show in what is measured.
struct GhostPacks {
  std::uint64_t packs = 0;
  std::uint64_t blobs = 0;

  [[nodiscard]] static Sha256 name(std::uint64_t number);
  [[nodiscard]] static std::uint64_t size() { return 16U << 20U; }
  [[nodiscard]] static BlobId blob(std::uint64_t number);
  /// The first blob of a pack; of `packs` the end.
  [[nodiscard]] std::uint64_t first_blob(std::uint64_t pack) const { return pack * blobs / packs; }
  [[nodiscard]] pack::PackInfo pack(std::uint64_t number) const;
};

class GhostStore final : public store::Store {
 public:
  GhostStore(store::Store& real, GhostPacks ghosts) : real_(real), ghosts_(ghosts) {}

  Result<void> put(const store::ObjectName& name, ByteView body, std::stop_token stop) override {
    return real_.put(name, body, stop);
  }
  Result<Bytes> get(const store::ObjectName& name, ByteRange range, std::stop_token stop) override {
    return real_.get(name, range, stop);
  }
  Result<std::optional<std::uint64_t>> size_of(const store::ObjectName& name,
                                               std::stop_token stop) override;
  Result<std::vector<store::ObjectInfo>> list(store::ObjectKind kind,
                                              std::stop_token stop) override;

 private:
  store::Store& real_;
  GhostPacks ghosts_;
};

}  // namespace obhut::bench
