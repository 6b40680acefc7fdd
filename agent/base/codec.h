#pragma once
// Every binary format goes through this: little-endian integers, LEB128 varints, byte strings.
// The reader distrusts every length and remembers its first failure.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/bytes.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"

namespace obhut {

class Writer {
 public:
  Writer() = default;
  explicit Writer(Bytes reuse) : out_(std::move(reuse)) { out_.clear(); }

  void u8(std::uint8_t value) { out_.push_back(value); }
  void u16(std::uint16_t value) { fixed(value, 2); }
  void u32(std::uint32_t value) { fixed(value, 4); }
  void u64(std::uint64_t value) { fixed(value, 8); }
  /// LEB128, at most 10 bytes.
  void varint(std::uint64_t value);
  /// Zigzag, so that small negative numbers stay short.
  void svarint(std::int64_t value);
  void raw(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  /// varint length, then the bytes.
  void blob(ByteView bytes) {
    varint(bytes.size());
    raw(bytes);
  }
  void text(std::string_view text) { blob(as_bytes(text)); }
  template <class Tag, std::size_t N>
  void id(const Id<Tag, N>& id) {
    raw(id.bytes());
  }

  [[nodiscard]] std::size_t size() const { return out_.size(); }
  [[nodiscard]] const Bytes& bytes() const { return out_; }
  [[nodiscard]] Bytes take() && { return std::move(out_); }

 private:
  void fixed(std::uint64_t value, unsigned width) {
    for (unsigned i = 0; i < width; ++i)
      out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  Bytes out_;
};

/// Reads what Writer wrote. After a failure every read gives zeros and ok() is false, so that a
/// parser may check once at its end; where a length steers a loop or an allocation it must check
/// before. Borrows the bytes.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(fixed(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(fixed(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(fixed(4)); }
  std::uint64_t u64() { return fixed(8); }
  /// Fails on more than 10 bytes and on spellings longer than needed.
  std::uint64_t varint();
  std::int64_t svarint();
  ByteView raw(std::size_t length);
  /// The inverse of Writer::blob; a view into the bytes read from.
  ByteView blob();
  std::string text() { return std::string(as_text(blob())); }
  /// A count of items that take at least `least` bytes each: fails where so many cannot follow,
  /// which bounds what a hostile count can make us allocate.
  std::size_t count(std::size_t least);
  template <class IdType>
  IdType id() {
    const ByteView bytes = raw(IdType::kSize);
    return IdType::from_bytes(bytes).value_or(IdType{});
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] std::size_t remaining() const { return rest_.size(); }
  void fail() {
    ok_ = false;
    rest_ = {};
  }
  /// kCorrupt naming `what` unless everything was read, and read well.
  Result<void> finish(std::string_view what) const;

 private:
  std::uint64_t fixed(unsigned width);
  ByteView rest_;
  bool ok_ = true;
};

}  // namespace obhut
