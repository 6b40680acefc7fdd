#include "agent/chunk/wide_scan.h"

#include <bit>

#include "agent/base/check.h"

#if defined(__x86_64__)

#if !defined(__clang__)
// GCC 12 takes what its own header leaves undefined on purpose for a mistake of ours.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

namespace obhut::chunk {
namespace {

#define OBHUT_WIDE __attribute__((target("avx512f")))

/// Bytes of each stream between two looks at what was found.
constexpr std::size_t kStretch = kWideStretch;
static_assert(kStretch == 16 * 4, "one row of sixteen words");
constexpr int kWarmUp{GearTable::kWindow};

struct Rows {
  __m512i row[16];  // no std::array: it would drop the type's alignment
  __m512i& operator[](std::size_t i) { return row[i]; }
};

/// h of sixteen streams, and the least of those seen.
struct Sums {
  __m512i h;
  __m512i least;
};

/// Takes the lowest byte of each word.
OBHUT_WIDE inline void take_byte(Sums& sums, __m512i words, __m512i low, __m512i high) {
  const __m512i gear =
      _mm512_add_epi32(_mm512_permutexvar_epi32(words, low),
                       _mm512_permutexvar_epi32(_mm512_srli_epi32(words, 4), high));
  sums.h = _mm512_add_epi32(_mm512_add_epi32(sums.h, sums.h), gear);
  sums.least = _mm512_min_epu32(sums.least, sums.h);
}

/// Takes four bytes of each stream.
OBHUT_WIDE inline void take_words(Sums& sums, __m512i words, __m512i low, __m512i high) {
  take_byte(sums, words, low, high);
  take_byte(sums, _mm512_srli_epi32(words, 8), low, high);
  take_byte(sums, _mm512_srli_epi32(words, 16), low, high);
  take_byte(sums, _mm512_srli_epi32(words, 24), low, high);
}

/// Sixteen rows of sixteen words, turned: word r of each stream in row r. By loads and shuffles,
/// which take a third of the time that gathering the words does.
OBHUT_WIDE inline void turn(Rows& rows) {
  Rows half;
#pragma GCC unroll 16
  for (std::size_t i = 0; i < 16; i += 2) {
    half[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    half[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
#pragma GCC unroll 16
  for (std::size_t i = 0; i < 16; i += 4) {
    rows[i] = _mm512_unpacklo_epi64(half[i], half[i + 2]);
    rows[i + 1] = _mm512_unpackhi_epi64(half[i], half[i + 2]);
    rows[i + 2] = _mm512_unpacklo_epi64(half[i + 1], half[i + 3]);
    rows[i + 3] = _mm512_unpackhi_epi64(half[i + 1], half[i + 3]);
  }
  // Row i of each group of four holds words i, i + 4, i + 8 and i + 12 of its four streams.
#pragma GCC unroll 16
  for (std::size_t i = 0; i < 4; ++i) {
    half[i] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0x88);
    half[i + 4] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0xdd);
    half[i + 8] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0x88);
    half[i + 12] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0xdd);
  }
#pragma GCC unroll 16
  for (std::size_t i = 0; i < 4; ++i) {
    rows[i] = _mm512_shuffle_i32x4(half[i], half[i + 8], 0x88);
    rows[i + 8] = _mm512_shuffle_i32x4(half[i], half[i + 8], 0xdd);
    rows[i + 4] = _mm512_shuffle_i32x4(half[i + 4], half[i + 12], 0x88);
    rows[i + 12] = _mm512_shuffle_i32x4(half[i + 4], half[i + 12], 0xdd);
  }
}

}  // namespace

bool has_wide_scan() {
  return __builtin_cpu_supports("avx512f") != 0;
}

OBHUT_WIDE std::size_t find_wide(const GearTable& gear, const std::uint8_t* bytes, std::size_t from,
                                 std::size_t stream, std::uint32_t threshold) {
  CHECK(from >= kWarmUp && stream % kStretch == 0);
  const __m512i low = _mm512_loadu_si512(gear.low.data());
  const __m512i high = _mm512_loadu_si512(gear.high.data());
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i offsets = _mm512_mullo_epi32(lanes, _mm512_set1_epi32(static_cast<int>(stream)));
  const __m512i limit = _mm512_set1_epi32(static_cast<int>(threshold));
  const std::uint8_t* const begin = bytes + from;
  Sums sums{_mm512_setzero_si512(), _mm512_setzero_si512()};
  for (int i = -kWarmUp; i < 0; i += 4) {
    take_words(sums, _mm512_i32gather_epi32(offsets, begin + i, 1), low, high);
  }
  std::size_t best = from + 16 * stream;
  unsigned wanted = 0xffff;  // the streams before the one that `best` lies in
  for (std::size_t i = 0; i < stream; i += kStretch) {
    sums.least = _mm512_set1_epi32(-1);
    Rows rows;
#pragma GCC unroll 16
    for (std::size_t row = 0; row < 16; ++row) {
      rows[row] = _mm512_loadu_si512(begin + row * stream + i);
    }
    turn(rows);
#pragma GCC unroll 16
    for (std::size_t word = 0; word < 16; ++word) take_words(sums, rows[word], low, high);
    const unsigned hits = _mm512_cmplt_epu32_mask(sums.least, limit) & wanted;
    if (hits == 0) [[likely]] {
      continue;
    }
    // The first stream that was hit; those before it may be hit yet, and would come first.
    const auto hit = static_cast<unsigned>(std::countr_zero(hits));
    best = from + hit * stream + i;
    wanted = (1U << hit) - 1;
    if (wanted == 0) break;
  }
  return best;
}

}  // namespace obhut::chunk

#else

namespace obhut::chunk {

bool has_wide_scan() {
  return false;
}

std::size_t find_wide(const GearTable& /*gear*/, const std::uint8_t* /*bytes*/,
                      std::size_t /*from*/, std::size_t /*stream*/, std::uint32_t /*threshold*/) {
  CHECK(false);  // nobody asks without has_wide_scan()
  return 0;
}

}  // namespace obhut::chunk

#endif
