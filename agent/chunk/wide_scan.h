#pragma once
// Sixteen streams in one register, for processors that can.

#include <cstddef>
#include <cstdint>

#include "agent/chunk/gear.h"

namespace obhut::chunk {

/// Length of one of the sixteen streams. No power of two: they would fall into the same cache sets.
/// Short, since what is scanned beyond the first candidate is scanned for nothing.
inline constexpr std::size_t kWideStream = 4'160;
inline constexpr std::size_t kWideBlock = 16 * kWideStream;

/// Whether this processor has what find_wide() needs.
bool has_wide_scan();

/// Where the first candidate in [from, from + kWideBlock) lies, within 64 bytes: the stretch
/// [result, result + 64) holds it, and nothing before it does. `from + kWideBlock` without one.
/// In: from >= 32; has_wide_scan().
std::size_t find_wide(const GearTable& gear, const std::uint8_t* bytes, std::size_t from,
                      std::uint32_t threshold);

}  // namespace obhut::chunk
