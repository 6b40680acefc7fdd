#pragma once
// Plain blobs by their id: fetched, opened, proven, and kept a while.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/result.h"
#include "agent/model/entry.h"
#include "agent/pack/pack_info.h"
#include "agent/seal/keyring.h"
#include "agent/store/store.h"
#include "agent/vault/index_cache.h"

namespace obhut::vault {

/// Shared by the cache and by whoever reads the blob at the moment.
using PlainBlob = std::shared_ptr<const Bytes>;

struct BlobReaderLimits {
  std::size_t cached_plain = 64U << 20U;  ///< bytes of plain blobs kept
  /// Reads begin and end at multiples of this: chunk sizes do not show in the requests, and
  /// neighbours come along. 1 for a local directory.
  std::uint32_t alignment = 1U << 20U;
  std::size_t cached_windows = 16;  ///< aligned windows kept, of `alignment` bytes and more
  /// Bytes of a pack fetched at once where many blobs are wanted: a whole pack, so that none is
  /// fetched twice. Less for a local directory, where a request costs nothing.
  std::uint32_t stretch = 16U << 20U;
};

/// A blob and where it lies.
struct WantedBlob {
  BlobId id;
  BlobLocation location;
};

/// Thread: any.
class BlobReader {
 public:
  /// All must outlive it.
  BlobReader(store::Store& store, const seal::Keyring& keyring, const IndexCache& index,
             BlobReaderLimits limits = {});
  ~BlobReader();

  /// The plain bytes whose keyed hash is `id`; other copies are tried where one is damaged.
  /// Errors: kNotFound where the index has no such blob or the pack is gone; kCorrupt, kCrypto;
  /// those of Store::get and IndexCache::intact.
  Result<PlainBlob> blob(const BlobId& id, std::stop_token stop);

  /// How many of `blobs`, which are sorted by pack and offset, one fetch should bring: those that
  /// lie close behind the first. At least 1 of what is not empty.
  [[nodiscard]] std::size_t stretch_of(std::span<const WantedBlob> blobs) const;
  /// Tells the store which packs for_stretch() will want. In: `blobs` as for stretch_of().
  void expect(std::span<const WantedBlob> blobs);
  /// Fetches `blobs`, a stretch of one pack, and lends the plain bytes of each in turn; nothing is
  /// kept. Where one cannot be had from here, its other copies are tried, and `use` is told of the
  /// error that blob() would give. Errors: those of `use`.
  using UseStretch = std::function<Result<void>(std::size_t number, Result<ByteView> plain)>;
  Result<void> for_stretch(std::span<const WantedBlob> blobs, const UseStretch& use,
                           std::stop_token stop);

  /// A slice, checked against the blob's length. Errors: as blob(); kCorrupt.
  struct Slice {
    PlainBlob blob;
    ByteView bytes;  ///< valid as long as `blob`
  };
  Result<Slice> slice(const model::Ref& ref, std::stop_token stop);

  /// The pieces of level 0 in order, of whatever level the content is. `use` returns false to
  /// stop. Streams: holds one piece list a level. Errors: as blob(); those of `use`.
  using UsePiece = std::function<Result<void>(const model::Piece&)>;
  Result<void> for_each_piece(const model::Content& content, const UsePiece& use,
                              std::stop_token stop);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A whole pack, its hash checked, its header and footer read: for restore by packs, check, repair.
struct WholePack {
  pack::PackInfo info;
  Bytes bytes;
};
/// Errors: those of Store::get; kCorrupt, kCrypto.
Result<WholePack> read_whole_pack(store::Store& store, const seal::Keyring& keyring,
                                  const Sha256& name, std::stop_token stop);
/// Opens and proves every blob of it. `use` is called for each; its bytes are lent for the call.
using UseBlob = std::function<Result<void>(const pack::BlobEntry&, Result<ByteView>)>;
Result<void> open_all_blobs(const seal::Keyring& keyring, const WholePack& pack,
                            const UseBlob& use);

}  // namespace obhut::vault
