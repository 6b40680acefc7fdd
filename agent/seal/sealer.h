#pragma once
// Plain blob <-> sealed blob: compress, encrypt, open again, compare.

#include <cstdint>
#include <memory>

#include "agent/base/bytes.h"
#include "agent/base/result.h"
#include "agent/model/blob.h"
#include "agent/seal/compressor.h"
#include "agent/seal/keyring.h"
#include "agent/seal/object_cipher.h"

namespace obhut::seal {

/// How long a blob of `plain` bytes is at most once sealed.
constexpr std::size_t sealed_bound(std::size_t plain) {
  return plain + crypto::kAeadTagSize;
}

struct SealedBody {
  model::Codec codec = model::Codec::kRaw;
  std::uint32_t sealed_length = 0;
};

/// One worker's tools: contexts and buffers that are used again for every blob.
/// Thread: one at a time.
class Sealer {
 public:
  /// `keyring` must outlive it; ids are those of its current epoch.
  explicit Sealer(const Keyring& keyring, Effort effort = Effort::kQuick);

  [[nodiscard]] BlobId id_of(model::BlobKind kind, ByteView plain) const;
  void set_effort(Effort effort) { compressor_.set_effort(effort); }

  /// Seals `plain` (at most kMaxBlobSize bytes, may be empty) at `position` into `out`, which has
  /// sealed_bound(plain.size()) bytes, opens it again and compares.
  /// Errors: kCrypto where what was sealed does not open to the same bytes: this machine's memory
  /// cannot be trusted.
  Result<SealedBody> seal(ObjectCipher& cipher, std::uint32_t position, ByteView plain,
                          MutableByteView out);

  [[nodiscard]] const Keyring& keyring() const { return keyring_; }

 private:
  /// The same blob, as it becomes what is stored. `body`: plain, or its frame.
  struct Forms {
    ByteView plain;
    ByteView body;
    ByteView sealed;
  };
  Result<void> verify(ObjectCipher& cipher, const Place& place, const Forms& forms);

  const Keyring& keyring_;
  const EpochKeys& keys_;
  Compressor compressor_;
  std::unique_ptr<std::uint8_t[]> frame_;
  std::unique_ptr<std::uint8_t[]> expanded_;
};

/// The way back. Thread: one at a time.
class Opener {
 public:
  Opener();
  /// Opens `sealed` at `place` into `out`, which has place.plain_length bytes.
  /// Errors: kCrypto, kCorrupt; `out` holds nothing meaningful then.
  Result<void> open(ObjectCipher& cipher, const Place& place, ByteView sealed, MutableByteView out);

 private:
  Compressor compressor_;
  Bytes body_;
};

}  // namespace obhut::seal
