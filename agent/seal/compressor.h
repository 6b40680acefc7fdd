#pragma once
// zstd over one buffer each way. The only home of zstd.

#include <cstdint>
#include <memory>

#include "agent/base/bytes.h"
#include "agent/base/result.h"

namespace obhut::seal {

/// How hard to look for what repeats. What comes out is read by the same code.
enum class Effort : std::uint8_t {
  kQuick,     ///< about zstd's level 2, a tenth faster: for when the processor is what holds us up
  kThorough,  ///< zstd's level 3: for when the store is, and a smaller pack is stored sooner
};

/// Holds its contexts: making one costs more than compressing a small blob.
/// Thread: one at a time.
class Compressor {
 public:
  explicit Compressor(Effort effort = Effort::kQuick);
  ~Compressor();
  Compressor(Compressor&&) noexcept;
  Compressor& operator=(Compressor&&) noexcept;

  void set_effort(Effort effort);

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
