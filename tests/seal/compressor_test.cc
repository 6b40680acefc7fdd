#include "agent/seal/compressor.h"

#include <gtest/gtest.h>

#include "agent/seal/entropy.h"
#include "tests/support/samples.h"

namespace obhut::seal {
namespace {

Bytes frame_of(ByteView plain) {
  Compressor compressor;
  Bytes frame(plain.size() + 1000);
  frame.resize(compressor.compress(plain, frame));
  return frame;
}

TEST(Compressor, GivesBackWhatItShrank) {
  Compressor compressor;
  for (const Effort effort : {Effort::kQuick, Effort::kThorough}) {
    compressor.set_effort(effort);
    const Bytes plain = tests::text_bytes(1U << 20U, 1);
    Bytes frame(plain.size());
    frame.resize(compressor.compress(plain, frame));
    Bytes again(plain.size());

    ASSERT_GT(frame.size(), 0U);
    EXPECT_LT(frame.size(), plain.size() / 2);
    ASSERT_TRUE(compressor.expand(frame, again));
    EXPECT_TRUE(again == plain);
  }
}

TEST(Compressor, MakesLessOfItWithMoreEffort) {
  const Bytes plain = tests::text_bytes(1U << 20U, 1);
  Bytes frame(plain.size());
  Compressor compressor;
  const std::size_t quick = compressor.compress(plain, frame);
  EXPECT_EQ(compressor.compress(tests::random_bytes(1000, 1), frame), 0U) << "a frame cut off";
  compressor.set_effort(Effort::kThorough);
  const std::size_t thorough = compressor.compress(plain, frame);
  compressor.set_effort(Effort::kQuick);

  EXPECT_LT(thorough, quick);
  EXPECT_EQ(compressor.compress(plain, frame), quick);
}

TEST(Compressor, LeavesAloneWhatDoesNotShrink) {
  Compressor compressor;
  Bytes out(2000);

  EXPECT_EQ(compressor.compress(tests::random_bytes(1000, 1), out), 0U);
  EXPECT_EQ(compressor.compress({}, out), 0U);
  EXPECT_EQ(compressor.compress(Bytes{1}, out), 0U);
}

TEST(Compressor, DoesNotWriteBeyondItsRoom) {
  Compressor compressor;
  const Bytes plain = tests::text_bytes(100'000, 1);
  Bytes out(10);

  EXPECT_EQ(compressor.compress(plain, out), 0U);
}

// A gigabyte of zeros in a few kilobytes, posing as a small blob.
TEST(Compressor, ExpandsNoFurtherThanStated) {
  Compressor compressor;
  const Bytes bomb = frame_of(Bytes(64U << 20U));
  ASSERT_LT(bomb.size(), 10'000U);
  Bytes small(1000);

  const Result<void> expanded = compressor.expand(bomb, small);

  ASSERT_FALSE(expanded);
  EXPECT_EQ(expanded.error().kind, ErrorKind::kCorrupt);
}

TEST(Compressor, RefusesFramesThatHoldLessOrAreBroken) {
  Compressor compressor;
  const Bytes plain = tests::text_bytes(5000, 1);
  const Bytes frame = frame_of(plain);
  Bytes more(plain.size() + 1);
  Bytes exact(plain.size());

  EXPECT_FALSE(compressor.expand(frame, more));
  for (std::size_t cut = 0; cut < frame.size(); ++cut) {
    ASSERT_FALSE(compressor.expand(ByteView(frame).first(cut), exact)) << cut;
  }
  EXPECT_FALSE(compressor.expand(tests::random_bytes(500, 2), exact));
}

TEST(Entropy, TellsRandomBytesFromOthers) {
  EXPECT_FALSE(looks_compressible(tests::random_bytes(1U << 20U, 1)));
  EXPECT_TRUE(looks_compressible(tests::text_bytes(1U << 20U, 1)));
  EXPECT_TRUE(looks_compressible(Bytes(1U << 20U)));
  EXPECT_TRUE(looks_compressible(tests::random_bytes(1000, 1))) << "too short to be sure";
}

}  // namespace
}  // namespace obhut::seal
