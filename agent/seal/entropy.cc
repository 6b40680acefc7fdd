#include "agent/seal/entropy.h"

#include <array>
#include <cstdint>

namespace obhut::seal {
namespace {

constexpr std::size_t kLeast = 64U << 10U;
constexpr std::size_t kStretches = 16;
constexpr std::size_t kStretch = 256;
constexpr std::uint64_t kSamples = kStretches * kStretch;
/// The sum of squared counts that chance gives: n + n(n-1)/256. Its deviation is about 0.5%, and 3%
/// above it an entropy coder begins to win.
constexpr std::uint64_t kByChance = kSamples + kSamples * (kSamples - 1) / 256;
constexpr std::uint64_t kLimit = kByChance + kByChance * 3 / 100;

}  // namespace

bool looks_compressible(ByteView bytes) {
  if (bytes.size() < kLeast) return true;
  std::array<std::uint32_t, 256> counts{};
  const std::size_t stride = (bytes.size() - kStretch) / (kStretches - 1);
  for (std::size_t s = 0; s < kStretches; ++s) {
    for (const std::uint8_t byte : bytes.subspan(s * stride, kStretch)) ++counts[byte];
  }
  std::uint64_t squares = 0;
  for (const std::uint64_t count : counts) squares += count * count;
  return squares >= kLimit;
}

}  // namespace obhut::seal
