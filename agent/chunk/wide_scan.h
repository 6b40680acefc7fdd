#pragma once
// Sixteen streams in one register, for processors that can.

#include <cstddef>
#include <cstdint>

#include "agent/chunk/gear.h"

namespace obhut::chunk {

inline constexpr std::size_t kWideStreams = 16;
/// Length of one of them at most. No power of two: they would fall into the same
/// cache sets. Short, since what is scanned beyond the first candidate is scanned for nothing.
inline constexpr std::size_t kWideStream = 4'160;
/// At least, and what each is a multiple of.
inline constexpr std::size_t kWideStretch = 64;

/// Whether this processor has what find_wide() needs.
bool has_wide_scan();

/// Where the first candidate in the kWideStreams * stream bytes behind `from` lies, within
/// kWideStretch bytes: the stretch from the result on holds it, and nothing before it does; the end
/// of those bytes without one. In: from >= 32; stream a multiple of kWideStretch; has_wide_scan().
std::size_t find_wide(const GearTable& gear, const std::uint8_t* bytes, std::size_t from,
                      std::size_t stream, std::uint32_t threshold);

}  // namespace obhut::chunk
