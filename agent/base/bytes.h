#pragma once
// Bytes and views of them, and a count of bytes that cannot overflow unseen.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "agent/base/check.h"

namespace obhut {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using MutableByteView = std::span<std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(ByteView view) {
  return {view.begin(), view.end()};
}
inline bool equal(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

/// A part of an object: `length` bytes from `offset` on.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// A number of bytes. Adding checks for overflow and subtracting for underflow: a wrapped count
/// would be a wrong bill.
class ByteCount {
 public:
  constexpr ByteCount() = default;
  constexpr explicit ByteCount(std::uint64_t value) : value_(value) {}

  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }

  ByteCount& operator+=(ByteCount other) {
    CHECK(other.value_ <= std::numeric_limits<std::uint64_t>::max() - value_);
    value_ += other.value_;
    return *this;
  }
  ByteCount& operator-=(ByteCount other) {
    CHECK(other.value_ <= value_);
    value_ -= other.value_;
    return *this;
  }
  friend ByteCount operator+(ByteCount a, ByteCount b) { return a += b; }
  friend ByteCount operator-(ByteCount a, ByteCount b) { return a -= b; }
  friend constexpr auto operator<=>(ByteCount, ByteCount) = default;

 private:
  std::uint64_t value_ = 0;
};

}  // namespace obhut
