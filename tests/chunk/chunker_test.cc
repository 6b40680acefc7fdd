#include "agent/chunk/chunker.h"

#include <algorithm>
#include <array>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace obhut::chunk {
namespace {

Bytes random_bytes(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Bytes out(size);
  for (std::size_t i = 0; i + 8 <= size; i += 8) {
    const std::uint64_t word = random();
    std::memcpy(&out[i], &word, 8);
  }
  return out;
}

GearTable gear_of(std::uint64_t seed) {
  return GearTable::from_key(random_bytes(GearTable::kKeySize, seed));
}

std::vector<std::size_t> cuts_of(const Chunker& chunker, ByteView bytes) {
  std::vector<std::size_t> lengths;
  while (!bytes.empty()) {
    const std::optional<std::size_t> cut = chunker.first_cut(bytes, true);
    EXPECT_TRUE(cut && *cut > 0 && *cut <= bytes.size());
    lengths.push_back(*cut);
    bytes = bytes.subspan(*cut);
  }
  return lengths;
}

/// The definition in chunker.h, spelled out without any cleverness.
std::size_t by_definition(const GearTable& gear, const CutSizes& sizes, ByteView bytes) {
  const std::array<std::uint32_t, 256> words = gear.expand();
  const std::size_t end = std::min<std::size_t>(bytes.size(), sizes.most());
  for (std::size_t i = sizes.least() - 1; i < end; ++i) {
    std::uint32_t h = 0;
    for (std::size_t k = 0; k < 32; ++k) h += words[bytes[i - k]] << k;
    if (h < (i + 1 < sizes.average ? sizes.early() : sizes.late())) return i + 1;
  }
  return end;
}

TEST(Chunker, CutsWhereTheDefinitionSays) {
  const GearTable gear = gear_of(1);
  const CutSizes sizes{8U << 10U};
  const Bytes bytes = random_bytes(400'000, 2);
  const Chunker reference(gear, sizes, Scanner::kReference);

  ByteView rest = bytes;
  while (!rest.empty()) {
    const std::optional<std::size_t> cut = reference.first_cut(rest, true);
    ASSERT_TRUE(cut);
    ASSERT_EQ(*cut, by_definition(gear, sizes, rest));
    rest = rest.subspan(*cut);
  }
}

// What keeps old backups deduplicating when a faster scanner comes: random, constant, periodic and
// mixed bytes of awkward lengths.
TEST(Chunker, CutsTheSameWithEveryScanner) {
  std::mt19937_64 random(std::random_device{}());
  const std::uint64_t seed = random();
  SCOPED_TRACE("seed " + std::to_string(seed));
  random.seed(seed);
  for (int round = 0; round < 12; ++round) {
    const GearTable gear = gear_of(random());
    const std::array<std::uint32_t, 3> averages = {64U << 10U, 1U << 20U, 4U << 10U};
    const CutSizes sizes{averages.at(static_cast<std::size_t>(round % 3))};
    Bytes bytes = random_bytes(3'000'000 + random() % 5'000'000, random());
    if (round % 4 == 1) std::fill_n(bytes.begin() + 100'000, 1'500'000, std::uint8_t{0});
    if (round % 4 == 2) {
      for (std::size_t i = 500'000; i < bytes.size(); ++i) bytes[i] = bytes[i % 4099];
    }
    const std::vector<std::size_t> cuts = cuts_of(Chunker(gear, sizes, Scanner::kReference), bytes);
    ASSERT_EQ(cuts, cuts_of(Chunker(gear, sizes, Scanner::kFourWay), bytes)) << "round " << round;
    ASSERT_EQ(cuts, cuts_of(Chunker(gear, sizes, Scanner::kWide), bytes)) << "round " << round;
  }
}

TEST(Chunker, CutsBetweenItsBoundsAtAboutItsAverage) {
  const Bytes bytes = random_bytes(64U << 20U, 3);
  const CutSizes sizes{256U << 10U};

  const std::vector<std::size_t> lengths = cuts_of(Chunker(gear_of(4), sizes), bytes);

  for (std::size_t i = 0; i + 1 < lengths.size(); ++i) {
    EXPECT_GE(lengths[i], sizes.least());
    EXPECT_LE(lengths[i], sizes.most());
  }
  const std::size_t average = bytes.size() / lengths.size();
  EXPECT_GT(average, sizes.average * 3 / 4);
  EXPECT_LT(average, sizes.average * 5 / 4);
}

TEST(Chunker, FindsTheSameChunksBehindAnInsertion) {
  const Bytes before = random_bytes(32U << 20U, 5);
  Bytes after = before;
  const Bytes inserted = random_bytes(1001, 6);
  after.insert(after.begin() + 5'000'000, inserted.begin(), inserted.end());
  const Chunker chunker(gear_of(7), {256U << 10U});
  const auto chunks_of = [&](const Bytes& bytes) {
    std::set<Bytes> chunks;
    std::size_t at = 0;
    for (const std::size_t length : cuts_of(chunker, bytes)) {
      chunks.insert(Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                          bytes.begin() + static_cast<std::ptrdiff_t>(at + length)));
      at += length;
    }
    return chunks;
  };

  const std::set<Bytes> old_chunks = chunks_of(before);
  std::size_t fresh = 0;
  for (const Bytes& chunk : chunks_of(after)) fresh += old_chunks.contains(chunk) ? 0 : 1;

  EXPECT_LE(fresh, 5U);
}

TEST(Chunker, CutsElsewhereWithAnotherKey) {
  const Bytes bytes = random_bytes(4U << 20U, 8);
  const CutSizes sizes{64U << 10U};

  EXPECT_NE(cuts_of(Chunker(gear_of(1), sizes), bytes), cuts_of(Chunker(gear_of(2), sizes), bytes));
}

TEST(Chunker, AsksForMoreRatherThanGuessing) {
  const Chunker chunker(gear_of(1), {1U << 20U});
  const Bytes few(1000, 1);

  EXPECT_EQ(chunker.first_cut(few, false), std::nullopt);
  EXPECT_EQ(chunker.first_cut(few, true), 1000U);
  EXPECT_EQ(chunker.first_cut({}, true), std::nullopt);
}

TEST(ChunkStream, CutsAsIfAllWereInOneBuffer) {
  const Bytes bytes = random_bytes(9'000'000, 9);
  const Chunker chunker(gear_of(1), {256U << 10U});
  ChunkStream stream(chunker, 2 * std::size_t{chunker.sizes().most()} + 12345);
  std::mt19937_64 random(10);
  std::vector<std::size_t> lengths;
  Bytes again;
  std::size_t at = 0;

  while (at < bytes.size()) {
    const MutableByteView room = stream.room();
    ASSERT_FALSE(room.empty());
    const std::size_t count =
        std::min({room.size(), bytes.size() - at, std::size_t{1} + random() % 700'000});
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), count, room.begin());
    at += count;
    stream.filled(count, at == bytes.size());
    while (const std::optional<ByteView> chunk = stream.next()) {
      lengths.push_back(chunk->size());
      again.insert(again.end(), chunk->begin(), chunk->end());
    }
  }

  EXPECT_EQ(lengths, cuts_of(chunker, bytes));
  EXPECT_TRUE(again == bytes);
}

TEST(ChunkStream, StartsAnewAfterARestart) {
  const Chunker chunker(gear_of(1), {4U << 10U});
  ChunkStream stream(chunker, 64U << 10U);
  stream.room()[0] = 1;
  stream.filled(1, true);
  ASSERT_EQ(stream.next()->size(), 1U);

  stream.restart();
  EXPECT_EQ(stream.next(), std::nullopt);
  stream.room()[0] = 2;
  stream.filled(1, true);

  const std::optional<ByteView> chunk = stream.next();
  ASSERT_TRUE(chunk);
  EXPECT_EQ((*chunk)[0], 2);
}

}  // namespace
}  // namespace obhut::chunk
