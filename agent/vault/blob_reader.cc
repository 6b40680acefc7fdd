#include "agent/vault/blob_reader.h"

#include <algorithm>
#include <list>
#include <map>
#include <unordered_map>

#include "agent/base/guarded.h"
#include "agent/model/node.h"
#include "agent/pack/pack_reader.h"

namespace obhut::vault {
namespace {

/// Least recently used values go once the sum of their sizes passes a limit.
template <class Key, class Hash>
class SizedCache {
 public:
  explicit SizedCache(std::size_t most) : most_(most) {}

  PlainBlob find(const Key& key) {
    const auto at = by_key_.find(key);
    if (at == by_key_.end()) return nullptr;
    order_.splice(order_.begin(), order_, at->second);
    return at->second->second;
  }
  void insert(const Key& key, const PlainBlob& value) {
    if (value->size() > most_ || by_key_.contains(key)) return;
    order_.emplace_front(key, value);
    by_key_.emplace(key, order_.begin());
    held_ += value->size();
    while (held_ > most_) {
      held_ -= order_.back().second->size();
      by_key_.erase(order_.back().first);
      order_.pop_back();
    }
  }

 private:
  using Order = std::list<std::pair<Key, PlainBlob>>;
  std::size_t most_;
  std::size_t held_ = 0;
  Order order_;
  std::unordered_map<Key, typename Order::iterator, Hash> by_key_;
};

struct WindowKey {
  Sha256 pack;
  std::uint64_t number = 0;
  friend bool operator==(const WindowKey&, const WindowKey&) = default;
};
struct WindowHash {
  std::size_t operator()(const WindowKey& key) const { return IdHash{}(key.pack) + key.number; }
};

using Blobs = SizedCache<BlobId, IdHash>;
using Windows = SizedCache<WindowKey, WindowHash>;

/// What one thread opens blobs with.
struct Bench {
  seal::Opener opener;
  Bytes room;  ///< for the plain bytes of blobs that are lent and not kept

  MutableByteView room_of(std::size_t size) {
    if (room.size() < size) room.resize(size);
    return MutableByteView(room).first(size);
  }
};
using Benches = std::vector<std::unique_ptr<Bench>>;

/// Blobs further apart are fetched apart.
constexpr std::uint64_t kMostGap = 128U << 10U;

}  // namespace

struct BlobReader::State {
  State(store::Store& the_store, const seal::Keyring& the_keyring, const IndexCache& the_index,
        BlobReaderLimits the_limits)
      : store(the_store),
        keyring(the_keyring),
        index(the_index),
        limits(the_limits),
        blobs(Blobs(limits.cached_plain)),
        windows(Windows(limits.cached_windows * limits.alignment)) {}

  store::Store& store;
  const seal::Keyring& keyring;
  const IndexCache& index;
  BlobReaderLimits limits;
  Guarded<Blobs> blobs;
  Guarded<Windows> windows;
  Guarded<Benches> idle_benches;

  std::unique_ptr<Bench> take_bench() {
    return idle_benches.with([](Benches& idle) {
      if (idle.empty()) return std::make_unique<Bench>();
      std::unique_ptr<Bench> bench = std::move(idle.back());
      idle.pop_back();
      return bench;
    });
  }
  void give_back(std::unique_ptr<Bench> bench) {
    idle_benches.with([&](Benches& idle) { idle.push_back(std::move(bench)); });
  }

  Result<Bytes> read(const pack::PackInfo& pack, ByteRange range, const std::stop_token& stop);
  Result<PlainBlob> open(const BlobLocation& location, const std::stop_token& stop);
  Result<ByteRange> stretch_range(const pack::PackInfo& pack,
                                  std::span<const WantedBlob> wanted) const;
};

/// Reads whole windows and keeps them, so that the neighbours in the pack, which a restore wants
/// next, are here already.
Result<Bytes> BlobReader::State::read(const pack::PackInfo& pack, ByteRange range,
                                      const std::stop_token& stop) {
  const store::ObjectName name{model::ObjectKind::kPack, pack.name};
  const std::uint64_t step = limits.alignment;
  if (range.length > pack.size || range.offset > pack.size - range.length) {
    return fail(ErrorKind::kCorrupt, name.text() + ": the index names bytes beyond its end");
  }
  if (step <= 1) return store.get(name, range, stop);
  Bytes bytes;
  bytes.reserve(range.length);
  std::uint64_t at = range.offset;
  const std::uint64_t end = range.offset + range.length;
  while (at < end) {
    const std::uint64_t window = at / step;
    PlainBlob held = windows.with([&](Windows& kept) { return kept.find({pack.name, window}); });
    if (!held) {
      const std::uint64_t begin = window * step;
      ASSIGN_OR_RETURN(Bytes fetched,
                       store.get(name, {begin, std::min(step, pack.size - begin)}, stop));
      held = std::make_shared<const Bytes>(std::move(fetched));
      windows.with([&](Windows& kept) { kept.insert({pack.name, window}, held); });
    }
    const std::uint64_t from = at - window * step;
    const std::uint64_t count = std::min<std::uint64_t>(held->size() - from, end - at);
    bytes.insert(bytes.end(), held->begin() + static_cast<std::ptrdiff_t>(from),
                 held->begin() + static_cast<std::ptrdiff_t>(from + count));
    at += count;
  }
  return bytes;
}

Result<PlainBlob> BlobReader::State::open(const BlobLocation& location,
                                          const std::stop_token& stop) {
  const pack::PackInfo pack = index.pack(location.pack);
  const pack::BlobEntry& entry = location.entry;
  ASSIGN_OR_RETURN(const Bytes sealed, read(pack, {entry.offset, entry.sealed_length}, stop));
  ASSIGN_OR_RETURN(seal::ObjectCipher cipher, pack::pack_cipher(keyring, pack));
  Bytes plain(entry.plain_length);
  std::unique_ptr<Bench> bench = take_bench();
  const Result<void> opened =
      pack::open_blob(keyring, pack, location.number, entry, cipher, bench->opener, sealed, plain);
  give_back(std::move(bench));
  if (!opened) return std::unexpected(opened.error());
  return std::make_shared<const Bytes>(std::move(plain));
}

/// What brings all of `wanted`, widened to the steps that requests are made in.
Result<ByteRange> BlobReader::State::stretch_range(const pack::PackInfo& pack,
                                                   std::span<const WantedBlob> wanted) const {
  const std::uint64_t step = std::max(limits.alignment, 1U);
  const pack::BlobEntry& last = wanted.back().location.entry;
  const std::uint64_t begin = wanted.front().location.entry.offset / step * step;
  const std::uint64_t end = std::uint64_t{last.offset} + last.sealed_length;
  if (end > pack.size || begin > end) {
    return fail(ErrorKind::kCorrupt,
                "pack " + pack.name.text() + ": the index names bytes beyond its end");
  }
  return ByteRange{begin, std::min((end + step - 1) / step * step, pack.size) - begin};
}

BlobReader::BlobReader(store::Store& store, const seal::Keyring& keyring, const IndexCache& index,
                       BlobReaderLimits limits)
    : state_(std::make_unique<State>(store, keyring, index, limits)) {}
BlobReader::~BlobReader() = default;

Result<PlainBlob> BlobReader::blob(const BlobId& id, std::stop_token stop) {
  State& state = *state_;
  if (PlainBlob held = state.blobs.with([&](Blobs& kept) { return kept.find(id); })) return held;
  Error first{ErrorKind::kNotFound,
              "blob " + id.text().substr(0, 16) + ": in no pack that the index knows"};
  bool tried = false;
  for (const BlobLocation& location : state.index.find_all(id)) {
    Result<PlainBlob> plain = state.open(location, stop);
    if (plain) {
      state.blobs.with([&](Blobs& kept) { kept.insert(id, *plain); });
      return plain;
    }
    // A cut connection says nothing of this copy, and nothing better of the next one.
    const Disposition disposition = disposition_of(plain.error().kind);
    if (disposition == Disposition::kRetry || disposition == Disposition::kStopQuiet) return plain;
    if (!tried) first = std::move(plain.error());
    tried = true;
  }
  TRY(state.index.intact());
  return std::unexpected(std::move(first));
}

std::size_t BlobReader::stretch_of(std::span<const WantedBlob> blobs) const {
  std::size_t count = 1;
  for (; count < blobs.size(); ++count) {
    const BlobLocation& first = blobs.front().location;
    const BlobLocation& before = blobs[count - 1].location;
    const BlobLocation& next = blobs[count].location;
    const std::uint64_t end = std::uint64_t{next.entry.offset} + next.entry.sealed_length;
    const std::uint64_t gap_begin = std::uint64_t{before.entry.offset} + before.entry.sealed_length;
    if (next.pack != first.pack || next.entry.offset < gap_begin ||
        next.entry.offset - gap_begin >
            std::max<std::uint64_t>(kMostGap, state_->limits.alignment) ||
        end - first.entry.offset > state_->limits.stretch) {
      break;
    }
  }
  return count;
}

void BlobReader::expect(std::span<const WantedBlob> blobs) {
  std::vector<store::ObjectName> names;
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    const auto pack = blobs[i].location.pack;
    if (i > 0 && pack == blobs[i - 1].location.pack) continue;
    names.push_back({model::ObjectKind::kPack, state_->index.pack(pack).name});
  }
  state_->store.expect(names);
}

Result<void> BlobReader::for_stretch(std::span<const WantedBlob> blobs, const UseStretch& use,
                                     std::stop_token stop) {
  State& state = *state_;
  const pack::PackInfo pack = state.index.pack(blobs.front().location.pack);
  Result<seal::ObjectCipher> cipher = pack::pack_cipher(state.keyring, pack);
  const Result<ByteRange> range = state.stretch_range(pack, blobs);
  Result<Bytes> fetched = std::unexpected(Error{});
  if (cipher && range) {
    fetched = state.store.get({model::ObjectKind::kPack, pack.name}, *range, stop);
  }
  std::unique_ptr<Bench> bench = state.take_bench();
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    const auto& [id, location] = blobs[i];
    const pack::BlobEntry& entry = location.entry;
    if (fetched) {
      const ByteView sealed =
          ByteView(*fetched).subspan(entry.offset - range->offset, entry.sealed_length);
      const MutableByteView plain = bench->room_of(entry.plain_length);
      if (pack::open_blob(state.keyring, pack, location.number, entry, *cipher, bench->opener,
                          sealed, plain)) {
        TRY(use(i, ByteView(plain)));
        continue;
      }
    }
    // Slowly, one by one, from whatever copy there is: this also finds the error to tell.
    Result<PlainBlob> plain = blob(id, stop);
    if (plain) {
      TRY(use(i, ByteView(**plain)));
    } else {
      TRY(use(i, std::unexpected(std::move(plain.error()))));
    }
  }
  state.give_back(std::move(bench));
  return {};
}

Result<BlobReader::Slice> BlobReader::slice(const model::Ref& ref, std::stop_token stop) {
  ASSIGN_OR_RETURN(PlainBlob plain, blob(ref.blob, stop));
  if (ref.length > plain->size() || ref.offset > plain->size() - ref.length) {
    return fail(ErrorKind::kCorrupt,
                "blob " + ref.blob.text().substr(0, 16) + ": shorter than what refers to it");
  }
  const ByteView bytes = ByteView(*plain).subspan(ref.offset, ref.length);
  return Slice{std::move(plain), bytes};
}

Result<void> BlobReader::for_each_piece(const model::Content& content, const UsePiece& use,
                                        std::stop_token stop) {
  if (content.level == 0) {
    for (const model::Piece& piece : content.pieces) {
      if (piece.ref && piece.ref->length != piece.length) {
        return fail(ErrorKind::kCorrupt, "piece list: a piece is not as long as its bytes");
      }
      TRY(use(piece));
    }
    return {};
  }
  for (const model::Piece& list : content.pieces) {
    if (!list.ref) return fail(ErrorKind::kCorrupt, "piece list: a hole where a list belongs");
    ASSIGN_OR_RETURN(const Slice slice, this->slice(*list.ref, stop));
    model::Content below{static_cast<std::uint8_t>(content.level - 1), {}};
    ASSIGN_OR_RETURN(below.pieces, model::parse_pieces(slice.bytes));
    std::uint64_t rest = list.length;
    for (const model::Piece& piece : below.pieces) {
      if (piece.length > rest) return fail(ErrorKind::kCorrupt, "piece list: too long");
      rest -= piece.length;
    }
    if (rest != 0) return fail(ErrorKind::kCorrupt, "piece list: too short");
    TRY(for_each_piece(below, use, stop));
  }
  return {};
}

Result<WholePack> read_whole_pack(store::Store& store, const seal::Keyring& keyring,
                                  const Sha256& name, std::stop_token stop) {
  WholePack pack;
  ASSIGN_OR_RETURN(pack.bytes, store::get_whole(store, {model::ObjectKind::kPack, name},
                                                pack::kMaxPackSize, stop));
  const ByteView bytes = pack.bytes;
  ASSIGN_OR_RETURN(
      pack.info,
      pack::read_pack_info(keyring, name, bytes.size(), [&](ByteRange range) -> Result<Bytes> {
        return to_bytes(bytes.subspan(range.offset, range.length));
      }));
  return pack;
}

Result<void> open_all_blobs(const seal::Keyring& keyring, const WholePack& pack,
                            const UseBlob& use) {
  ASSIGN_OR_RETURN(seal::ObjectCipher cipher, pack::pack_cipher(keyring, pack.info));
  seal::Opener opener;
  Bytes room;
  for (std::uint32_t i = 0; i < pack.info.blobs.size(); ++i) {
    const pack::BlobEntry& entry = pack.info.blobs[i];
    if (room.size() < entry.plain_length) room.resize(entry.plain_length);
    const MutableByteView plain = MutableByteView(room).first(entry.plain_length);
    const ByteView sealed = ByteView(pack.bytes).subspan(entry.offset, entry.sealed_length);
    Result<void> opened =
        pack::open_blob(keyring, pack.info, i, entry, cipher, opener, sealed, plain);
    if (!opened) {
      TRY(use(entry, std::unexpected(std::move(opened.error()))));
    } else {
      TRY(use(entry, ByteView(plain)));
    }
  }
  return {};
}

}  // namespace obhut::vault
