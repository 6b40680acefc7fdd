#pragma once
// AES-256-GCM (NIST SP 800-38D) over one buffer. Whoever calls owes a nonce that this key has
// never seen: the callers derive a fresh key per object and count.

#include <cstdint>
#include <memory>

#include "agent/base/bytes.h"
#include "agent/base/result.h"

namespace obhut::crypto {

inline constexpr std::size_t kAeadKeySize = 32;
inline constexpr std::size_t kAeadNonceSize = 12;
inline constexpr std::size_t kAeadTagSize = 16;

/// One key, set up once. Thread: one at a time.
class Aead {
 public:
  /// In: key of 32 bytes.
  explicit Aead(ByteView key);
  ~Aead();
  Aead(Aead&&) noexcept;
  Aead& operator=(Aead&&) noexcept;

  /// Out: body[n] tag[16], written to `out`, which has plain.size() + 16 bytes and may start where
  /// `plain` starts.
  void seal(ByteView nonce, ByteView associated, ByteView plain, MutableByteView out);
  /// In: body[n] tag[16]. `out` has sealed.size() - 16 bytes and may start where `sealed` starts.
  /// Errors: kCrypto for a tag that does not match; `out` is wiped then.
  Result<void> open(ByteView nonce, ByteView associated, ByteView sealed, MutableByteView out);
  /// True where `sealed` opens to exactly `plain`: what open() and a comparison would tell, without
  /// the memory for it.
  bool opens_to(ByteView nonce, ByteView associated, ByteView sealed, ByteView plain);

 private:
  struct State;
  void begin_opening(ByteView nonce, ByteView associated);
  /// `tag`: of 16 bytes.
  bool end_opening(ByteView tag);

  std::unique_ptr<State> state_;
};

}  // namespace obhut::crypto
