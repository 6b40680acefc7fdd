#pragma once
// zstd over one buffer each way. The only home of zstd.

#include <cstdint>
#include <memory>

#include "agent/base/bytes.h"
#include "agent/base/result.h"

namespace obhut::seal {

/// Level of a fresh agent; the pipeline moves between 1 and 3 by the depth of its queues.
inline constexpr int kDefaultLevel = 2;

/// Holds its contexts: making one costs more than compressing a small blob.
/// Thread: one at a time.
class Compressor {
 public:
  explicit Compressor(int level = kDefaultLevel);
  ~Compressor();
  Compressor(Compressor&&) noexcept;
  Compressor& operator=(Compressor&&) noexcept;

  /// In: 1 to 3.
  void set_level(int level);

  /// Out: the frame's length in `out`, or 0 where it would not be shorter than `plain` less 1/32:
  /// then the plain bytes are the better body. Writes into `out`, whatever its size.
  std::size_t compress(ByteView plain, MutableByteView out);

  /// Fills `out` exactly. Errors: kCorrupt where the frame is malformed, holds less, or would
  /// expand beyond `out`: it is never asked for more.
  Result<void> expand(ByteView frame, MutableByteView out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace obhut::seal
