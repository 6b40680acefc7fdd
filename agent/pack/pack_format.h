#pragma once
// Numbers that writer and reader share. FORMAT.md section 1.

#include <cstdint>
#include <string_view>

namespace obhut::pack {

inline constexpr std::string_view kHeaderMagic = "OBHUTPK1";
inline constexpr std::string_view kTrailerMagic = "OBHUTEND";
inline constexpr std::uint16_t kPackVersion = 1;
/// id[32] codec[1] sealed length[4] plain length[4]
inline constexpr std::size_t kFooterEntry = 41;
inline constexpr std::size_t kFooterCount = 4;

}  // namespace obhut::pack
