#pragma once
// The keyed tables behind the cut points: NUMBERS.md section 1.

#include <array>
#include <cstdint>

#include "agent/base/bytes.h"

namespace obhut::chunk {

/// nibble-gear32: G[b] = low[b & 15] + high[b >> 4]. Two tables of sixteen words fit two vector
/// registers, which is what makes a wide scanner possible.
struct GearTable {
  static constexpr std::size_t kKeySize = 128;
  /// h sees this many bytes: older ones are shifted out.
  static constexpr std::size_t kWindow = 32;

  std::array<std::uint32_t, 16> low{};
  std::array<std::uint32_t, 16> high{};

  /// In: 128 bytes, low[0..15] then high[0..15], little-endian.
  static GearTable from_key(ByteView key);

  [[nodiscard]] std::array<std::uint32_t, 256> expand() const;
};

}  // namespace obhut::chunk
