#pragma once
// Blobs into one pack. Bytes: FORMAT.md section 1.

#include <cstdint>
#include <memory>
#include <new>
#include <optional>

#include "agent/base/bytes.h"
#include "agent/base/result.h"
#include "agent/model/blob.h"
#include "agent/pack/pack_info.h"
#include "agent/seal/object_cipher.h"
#include "agent/seal/sealer.h"

namespace obhut::pack {

/// Memory of one pack, allocated once and never zero-filled. Hand it back to the next writer.
class PackBuffer {
 public:
  /// At the start of a page, so that a store may write from it past the page cache.
  static constexpr std::align_val_t kAlignment{4096};

  PackBuffer() : data_(new (kAlignment) std::uint8_t[kPackTarget]) {}
  [[nodiscard]] MutableByteView all() { return {data_.get(), data_ ? kPackTarget : 0}; }
  [[nodiscard]] ByteView all() const { return {data_.get(), data_ ? kPackTarget : 0}; }

 private:
  struct Free {
    void operator()(std::uint8_t* data) const { ::operator delete[](data, kAlignment); }
  };
  std::unique_ptr<std::uint8_t[], Free> data_;
};

/// A pack ready to be stored under info.name.
struct FinishedPack {
  PackInfo info;
  PackBuffer buffer;
  [[nodiscard]] ByteView bytes() const { return buffer.all().first(info.size); }
};

/// Fills packs of one kind, one after the other. Thread: one at a time; each worker has its own.
class PackWriter {
 public:
  /// `sealer` must outlive it.
  PackWriter(seal::Sealer& sealer, model::BlobKind kind);

  /// False where a blob of `plain_length` may not fit any more: finish() first. Always true for an
  /// empty pack and at most kMaxBlobSize.
  [[nodiscard]] bool fits(std::size_t plain_length) const;

  /// Seals `plain` into the pack. It must fit (CHECK). Errors: kCrypto; the pack is unusable then.
  Result<void> add(const BlobId& id, ByteView plain);

  [[nodiscard]] bool empty() const { return info_.blobs.empty(); }
  /// Bytes in the pack by now, without its footer.
  [[nodiscard]] std::size_t size() const { return filled_; }

  /// Closes the pack, which must not be empty (CHECK), and gives it away with its memory. A pack is
  /// never opened again: add() begins the next one.
  Result<FinishedPack> finish();
  /// Memory for the next pack, which is allocated otherwise. After finish() alone (CHECK).
  void reuse(PackBuffer buffer);

  /// For golden bytes in tests alone: the salt of the empty pack, since a salt must never repeat.
  void use_salt_for_tests(const seal::Salt& salt);

 private:
  void begin(const seal::Salt& salt);

  seal::Sealer& sealer_;
  model::BlobKind kind_;
  PackBuffer buffer_;
  std::optional<seal::ObjectCipher> cipher_;
  PackInfo info_;
  std::size_t filled_ = 0;
};

}  // namespace obhut::pack
