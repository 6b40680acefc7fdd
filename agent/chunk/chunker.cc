#include "agent/chunk/chunker.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "agent/base/check.h"
#include "agent/chunk/wide_scan.h"

namespace obhut::chunk {
namespace {

using Words = std::array<std::uint32_t, 256>;

constexpr std::size_t kWindow = GearTable::kWindow;
/// Length of one of four streams. No power of two: the streams would fall into the same cache sets.
constexpr std::size_t kStream = 66'624;
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

/// h just before position `at`, from the bytes before it.
std::uint32_t warm(const Words& gear, const std::uint8_t* bytes, std::size_t at) {
  std::uint32_t h = 0;
  for (std::size_t i = at - (kWindow - 1); i < at; ++i) h = (h << 1U) + gear[bytes[i]];
  return h;
}

/// The first candidate in [from, to), kNone without one. In: from >= kWindow - 1.
std::size_t find_plain(const Words& gear, const std::uint8_t* bytes, std::size_t from,
                       std::size_t to, std::uint32_t threshold) {
  std::uint32_t h = warm(gear, bytes, from);
  for (std::size_t i = from; i < to; ++i) {
    h = (h << 1U) + gear[bytes[i]];
    if (h < threshold) return i;
  }
  return kNone;
}

/// The same over exactly four streams of kStream bytes from `from` on. One stream waits for its own
/// last sum; four keep the adders busy.
std::size_t find_in_four(const Words& gear, const std::uint8_t* bytes, std::size_t from,
                         std::uint32_t threshold) {
  const std::uint8_t* s0 = bytes + from;
  const std::uint8_t* s1 = s0 + kStream;
  const std::uint8_t* s2 = s1 + kStream;
  const std::uint8_t* s3 = s2 + kStream;
  std::uint32_t h0 = warm(gear, bytes, from);
  std::uint32_t h1 = warm(gear, bytes, from + kStream);
  std::uint32_t h2 = warm(gear, bytes, from + 2 * kStream);
  std::uint32_t h3 = warm(gear, bytes, from + 3 * kStream);
  for (std::size_t i = 0; i < kStream; ++i) {
    h0 = (h0 << 1U) + gear[s0[i]];
    h1 = (h1 << 1U) + gear[s1[i]];
    h2 = (h2 << 1U) + gear[s2[i]];
    h3 = (h3 << 1U) + gear[s3[i]];
    // Four branches that are never taken cost less than one minimum of four: that is a chain.
    if (h0 < threshold) [[unlikely]] {
      return from + i;
    }
    std::size_t stream = 0;
    if (h1 < threshold) [[unlikely]] {
      stream = 1;
    } else if (h2 < threshold) [[unlikely]] {
      stream = 2;
    } else if (h3 < threshold) [[unlikely]] {
      stream = 3;
    } else {
      continue;
    }
    // A hit further on is the answer only if the streams before it hold none in what is left.
    for (std::size_t k = 0; k < stream; ++k) {
      const std::size_t begin = from + k * kStream;
      const std::size_t hit = find_plain(gear, bytes, begin + i + 1, begin + kStream, threshold);
      if (hit != kNone) return hit;
    }
    return from + stream * kStream + i;
  }
  return kNone;
}

std::size_t find_four_way(const Words& gear, const std::uint8_t* bytes, std::size_t from,
                          std::size_t to, std::uint32_t threshold) {
  while (to - from >= 4 * kStream) {
    const std::size_t hit = find_in_four(gear, bytes, from, threshold);
    if (hit != kNone) return hit;
    from += 4 * kStream;
  }
  return find_plain(gear, bytes, from, to, threshold);
}

/// Of the sixteen streams into which the next of `left` bytes are parted; 0 for too few. What is
/// left beyond them is scanned next, in shorter ones.
std::size_t wide_stream(std::size_t left) {
  return std::min(kWideStream, left / kWideStreams / kWideStretch * kWideStretch);
}

}  // namespace

std::uint32_t CutSizes::early() const {
  return (1U << 30U) / average;
}
std::uint32_t CutSizes::late() const {
  return 16 * early();
}

Chunker::Chunker(const GearTable& gear, CutSizes sizes, Scanner scanner)
    : gear_(gear), words_(gear.expand()), sizes_(sizes), scanner_(scanner) {
  if (scanner_ == Scanner::kWide && !has_wide_scan()) scanner_ = Scanner::kFourWay;
  CHECK(std::has_single_bit(sizes.average));
  CHECK(sizes.average >= 4U << 10U && sizes.average <= 4U << 20U);
}

std::size_t Chunker::find(ByteView bytes, std::size_t from, std::size_t to,
                          std::uint32_t threshold) const {
  if (from >= to) return kNone;
  switch (scanner_) {
    case Scanner::kReference:
      return find_plain(words_, bytes.data(), from, to, threshold);
    case Scanner::kFourWay:
      return find_four_way(words_, bytes.data(), from, to, threshold);
    case Scanner::kWide:
      break;
  }
  while (const std::size_t stream = wide_stream(to - from)) {
    const std::size_t near = find_wide(gear_, bytes.data(), from, stream, threshold);
    if (near < from + kWideStreams * stream)
      return find_plain(words_, bytes.data(), near, to, threshold);
    from = near;
  }
  return find_plain(words_, bytes.data(), from, to, threshold);
}

std::optional<std::size_t> Chunker::first_cut(ByteView bytes, bool last, std::size_t tried) const {
  const std::size_t seen = std::min<std::size_t>(bytes.size(), sizes_.most());
  // Position i ends a chunk of i + 1 bytes.
  const std::size_t turn = std::min<std::size_t>(seen, sizes_.average - 1);
  std::size_t hit =
      find(bytes, std::max<std::size_t>(sizes_.least() - 1, tried), turn, sizes_.early());
  if (hit == kNone) {
    hit = find(bytes, std::max<std::size_t>(sizes_.average - 1, tried), seen, sizes_.late());
  }
  if (hit != kNone) return hit + 1;
  if (seen == sizes_.most() || (last && seen > 0)) return seen;
  return std::nullopt;
}

ChunkStream::ChunkStream(const Chunker& chunker, std::size_t capacity)
    : chunker_(chunker),
      buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(capacity)),
      capacity_(capacity) {
  CHECK(capacity >= 2 * std::size_t{chunker.sizes().most()});
}

MutableByteView ChunkStream::room() {
  const std::size_t most = chunker_.sizes().most();
  if (begin_ > 0 && (begin_ == end_ || capacity_ - end_ < most)) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return {buffer_.get() + end_, capacity_ - end_};
}

void ChunkStream::filled(std::size_t count, bool last) {
  CHECK(count <= capacity_ - end_);
  end_ += count;
  last_ = last;
}

std::optional<ByteView> ChunkStream::next() {
  const ByteView bytes(buffer_.get() + begin_, end_ - begin_);
  const std::optional<std::size_t> cut = chunker_.first_cut(bytes, last_, tried_);
  tried_ = cut ? 0 : bytes.size();
  if (!cut) return std::nullopt;
  begin_ += *cut;
  return bytes.first(*cut);
}

void ChunkStream::restart() {
  begin_ = 0;
  end_ = 0;
  tried_ = 0;
  last_ = false;
}

}  // namespace obhut::chunk
