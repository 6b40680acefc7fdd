#pragma once
// One sealed object's key: derived from a fresh salt, committed to in the object's header, used for
// the object's blobs by position. Bytes: FORMAT.md sections 2 and 3.

#include <array>
#include <cstdint>

#include "agent/base/bytes.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/aead.h"
#include "agent/model/blob.h"
#include "agent/seal/keyring.h"

namespace obhut::seal {

/// What a sealed object is; part of the associated data, so that none passes for another.
enum class SealedKind : std::uint8_t {
  kDataPack = 1,
  kNodePack = 2,
  kIndex = 3,
  kSummary = 4,
  kSigner = 5,
  kDropped = 6,
  kReplaced = 7,
};

using Salt = Id<struct SaltTag, 32>;
using Commitment = Id<struct CommitmentTag, 32>;

/// At most this many blobs under one key.
inline constexpr std::uint32_t kMaxPositions = 1U << 20U;

/// What binds a sealed body to its place.
struct Place {
  std::uint32_t position = 0;
  model::Codec codec = model::Codec::kRaw;
  std::uint32_t plain_length = 0;
  bool footer = false;  ///< a pack's footer, which is no blob
};

/// Thread: one at a time.
class ObjectCipher {
 public:
  /// Derives key and commitment. In: `context`, what else the object is bound to (may be empty).
  /// Errors: kCrypto for an unknown epoch.
  static Result<ObjectCipher> derive(const Keyring& keyring, SealedKind kind, Epoch epoch,
                                     const Salt& salt, ByteView context = {});

  [[nodiscard]] const Commitment& commitment() const { return commitment_; }
  [[nodiscard]] Epoch epoch() const { return epoch_; }

  /// In: body as stored (raw or frame). Out: body[n] tag[16]; `out` may start where `body` does.
  void seal(const Place& place, ByteView body, MutableByteView out);
  /// Errors: kCrypto.
  Result<void> open(const Place& place, ByteView sealed, MutableByteView out);
  /// True where `sealed` opens to exactly `body`.
  bool opens_to(const Place& place, ByteView sealed, ByteView body);

 private:
  ObjectCipher(ByteView key, const Commitment& commitment, const VaultId& vault, SealedKind kind,
               Epoch epoch, const Salt& salt);
  using Associated = std::array<std::uint8_t, 80>;
  [[nodiscard]] Associated associated(const Place& place) const;

  crypto::Aead aead_;
  Commitment commitment_;
  Epoch epoch_;
  Associated template_{};  // what is the same for every place
};

SealedKind sealed_kind(model::BlobKind kind);

}  // namespace obhut::seal
