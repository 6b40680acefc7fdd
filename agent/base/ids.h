#pragma once
// Ids as types: a pack's name cannot be passed where a chunk's id is wanted.

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/bytes.h"
#include "agent/base/text.h"

namespace obhut {

/// N bytes with a meaning. As text: 2N lower-case hex digits.
template <class Tag, std::size_t N>
class Id {
 public:
  static constexpr std::size_t kSize = N;

  constexpr Id() = default;
  constexpr explicit Id(const std::array<std::uint8_t, N>& bytes) : bytes_(bytes) {}

  /// Nothing unless `bytes` is exactly N long.
  static std::optional<Id> from_bytes(ByteView bytes) {
    if (bytes.size() != N) return std::nullopt;
    Id id;
    std::copy(bytes.begin(), bytes.end(), id.bytes_.begin());
    return id;
  }
  /// Nothing unless `text` is exactly 2N lower-case hex digits.
  static std::optional<Id> parse(std::string_view text) {
    const bool lower = std::ranges::none_of(text, [](char c) { return c >= 'A' && c <= 'F'; });
    const std::optional<Bytes> bytes = lower ? from_hex(text) : std::nullopt;
    return bytes ? from_bytes(*bytes) : std::nullopt;
  }

  [[nodiscard]] ByteView bytes() const { return bytes_; }
  [[nodiscard]] std::string text() const { return to_hex(bytes_); }
  [[nodiscard]] bool is_zero() const {
    return std::ranges::all_of(bytes_, [](std::uint8_t b) { return b == 0; });
  }

  friend constexpr auto operator<=>(const Id&, const Id&) = default;

 private:
  std::array<std::uint8_t, N> bytes_{};
};

/// For hash tables: the ids are hashes or random already, so that their first bytes will do.
struct IdHash {
  template <class Tag, std::size_t N>
  std::size_t operator()(const Id<Tag, N>& id) const {
    static_assert(N >= sizeof(std::size_t));
    std::size_t value = 0;
    std::memcpy(&value, id.bytes().data(), sizeof value);
    return value;
  }
};

/// SHA-256 of an object's sealed bytes: its logical name (ARCHITECTURE.md section 6).
using Sha256 = Id<struct Sha256Tag, 32>;
/// Keyed BLAKE3 of a plain chunk, segment or node; means something only inside one vault.
using BlobId = Id<struct BlobTag, 32>;
using VaultId = Id<struct VaultTag, 16>;
using DeviceId = Id<struct DeviceTag, 16>;
using CustomerId = Id<struct CustomerTag, 16>;
using PartnerId = Id<struct PartnerTag, 16>;
using SlotId = Id<struct SlotTag, 16>;
/// Ed25519 public key (RFC 8032).
using SigningKeyId = Id<struct SigningKeyTag, 32>;

}  // namespace obhut
