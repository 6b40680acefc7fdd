#include "tools/bench/vault/ghost_store.h"

#include <algorithm>

#include "agent/base/codec.h"
#include "agent/crypto/digest.h"

namespace obhut::bench {
namespace {

// Odd, so that numbers and products of 64 bits are one to one; kInverse undoes it.
constexpr std::uint64_t kSpread = 0x9E3779B97F4A7C15ULL;

constexpr std::uint64_t inverse_of(std::uint64_t odd) {
  std::uint64_t inverse = odd;
  for (int i = 0; i < 6; ++i) inverse *= 2 - odd * inverse;
  return inverse;
}
constexpr std::uint64_t kInverse = inverse_of(kSpread);
static_assert(kSpread * kInverse == 1);

Sha256 hash_of(std::string_view what, std::uint64_t number) {
  Writer text;
  text.raw(as_bytes(what));
  text.u64(number);
  return crypto::sha256(text.bytes());
}

}  // namespace

// The number can be read back, so that no table of names is needed.
Sha256 GhostPacks::name(std::uint64_t number) {
  std::array<std::uint8_t, Sha256::kSize> bytes{};
  std::ranges::copy(hash_of("pack", number).bytes(), bytes.begin());
  for (unsigned i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::uint8_t>(number * kSpread >> (56 - 8 * i));
  }
  return Sha256(bytes);
}

BlobId GhostPacks::blob(std::uint64_t number) {
  return *BlobId::from_bytes(hash_of("blob", number).bytes());
}

pack::PackInfo GhostPacks::pack(std::uint64_t number) const {
  pack::PackInfo pack;
  pack.name = name(number);
  pack.size = size();
  pack.epoch = 1;
  const std::uint64_t first = first_blob(number);
  const std::uint64_t count = first_blob(number + 1) - first;
  const auto sealed =
      std::min(900'000U, static_cast<std::uint32_t>((pack.size - 4096) / (count + 1)));
  pack.blobs.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto offset = static_cast<std::uint32_t>(pack::kPackHeaderSize + i * sealed);
    pack.blobs.push_back({blob(first + i), model::Codec::kZstd, offset, sealed,
                          static_cast<std::uint32_t>(model::kMaxBlobSize / 8)});
  }
  return pack;
}

Result<std::optional<std::uint64_t>> GhostStore::size_of(const store::ObjectName& name,
                                                         std::stop_token stop) {
  std::uint64_t spread = 0;
  for (unsigned i = 0; i < 8; ++i) spread = spread << 8U | name.hash.bytes()[i];
  const std::uint64_t number = spread * kInverse;
  if (name.kind == store::ObjectKind::kPack && number < ghosts_.packs &&
      GhostPacks::name(number) == name.hash) {
    return std::optional(GhostPacks::size());
  }
  return real_.size_of(name, stop);
}

Result<std::vector<store::ObjectInfo>> GhostStore::list(store::ObjectKind kind,
                                                        std::stop_token stop) {
  ASSIGN_OR_RETURN(std::vector<store::ObjectInfo> objects, real_.list(kind, stop));
  if (kind != store::ObjectKind::kPack) return objects;
  objects.reserve(objects.size() + ghosts_.packs);
  for (std::uint64_t number = 0; number < ghosts_.packs; ++number) {
    objects.push_back({{kind, GhostPacks::name(number)}, GhostPacks::size()});
  }
  std::ranges::sort(objects);
  return objects;
}

}  // namespace obhut::bench
