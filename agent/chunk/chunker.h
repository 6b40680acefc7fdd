#pragma once
// Content-defined cut points: the same bytes are cut in the same places wherever they lie.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/chunk/gear.h"

namespace obhut::chunk {

/// Sizes of chunks. `average` is a power of two from 4 KiB to 4 MiB.
struct CutSizes {
  std::uint32_t average = 1U << 20U;

  [[nodiscard]] std::uint32_t least() const { return average / 4; }
  [[nodiscard]] std::uint32_t most() const { return average * 4; }
  /// A position is a candidate where h is below this: four times rarer before the average …
  [[nodiscard]] std::uint32_t early() const;
  /// … and four times more frequent after it.
  [[nodiscard]] std::uint32_t late() const;
};

enum class Scanner : std::uint8_t {
  kReference,  ///< one byte after the other: the definition
  kFourWay,    ///< four interleaved streams, 1.8 times as fast
  kWide,       ///< sixteen in one register (AVX-512), where the processor can; else kFourWay
};

/// Finds where the first chunk of a buffer ends. Pure; may be shared between threads.
///
/// h(i) = sum of G[b(i-k)] << k for k = 0..31, mod 2^32, over the bytes of this chunk only as far
/// as least() reaches back: it depends on 32 bytes, so that candidates can be found in any order.
/// A chunk ends after the first byte i, at i+1 >= least(), that is a candidate; at most() at the
/// latest.
class Chunker {
 public:
  Chunker(const GearTable& gear, CutSizes sizes, Scanner scanner = Scanner::kWide);

  /// Length of the chunk that begins at bytes[0].
  /// In: `last` tells that the stream ends with `bytes`; `tried` bytes were given before and held
  /// no cut: they are not scanned again.
  /// Out: 1 to most(); nothing where more bytes are needed to tell (never with most() or more
  /// bytes, nor with `last` and any byte).
  [[nodiscard]] std::optional<std::size_t> first_cut(ByteView bytes, bool last,
                                                     std::size_t tried = 0) const;

  [[nodiscard]] const CutSizes& sizes() const { return sizes_; }

 private:
  [[nodiscard]] std::size_t find(ByteView bytes, std::size_t from, std::size_t to,
                                 std::uint32_t threshold) const;
  GearTable gear_;
  std::array<std::uint32_t, 256> words_;  // the same by byte
  CutSizes sizes_;
  Scanner scanner_;
};

/// Cuts a stream that the caller reads into a buffer that is lent to him: only the tail that no
/// cut was found in is ever moved.
///
///   while (there is more) {
///     MutableByteView room = stream.room();
///     stream.filled(read(room), at_end);
///     while (std::optional<ByteView> chunk = stream.next()) use(*chunk);
///   }
class ChunkStream {
 public:
  /// Allocates `capacity` bytes once, at least twice most().
  ChunkStream(const Chunker& chunker, std::size_t capacity);

  /// Where the next bytes of the stream belong; never empty unless the end was told.
  MutableByteView room();
  /// `count` bytes of room() were filled; `last`: the stream ends with them.
  void filled(std::size_t count, bool last);
  /// The next chunk, valid until room() is called; nothing where bytes are missing or all is out.
  std::optional<ByteView> next();
  /// Forgets everything, for the next stream.
  void restart();

 private:
  const Chunker& chunker_;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::size_t capacity_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t tried_ = 0;  // from begin_ on: no cut lies there
  bool last_ = false;
};

}  // namespace obhut::chunk
