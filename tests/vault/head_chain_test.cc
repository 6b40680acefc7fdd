#include "agent/vault/head_chain.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/support/samples.h"

namespace obhut::vault {
namespace {

using tests::id_of_all;
using Kind = ChainFault::Kind;

Sha256 id(std::uint8_t value) {
  return id_of_all<Sha256>(value);
}

/// Head `number` in a line, whose hash is made of its number; it adds pack `number`.
Point point(std::uint8_t number, bool full = false) {
  Point point;
  point.id = id(number);
  point.head.sequence = number;
  if (number > 1) point.head.previous = id(static_cast<std::uint8_t>(number - 1));
  point.head.full = full || number == 1;
  for (std::uint8_t i = full ? 1 : number; i <= number; ++i) {
    point.head.added.push_back({{model::ObjectKind::kPack, id(i)}, 1});
  }
  return point;
}

std::vector<Kind> faults_of(const HeadChain& chain) {
  std::vector<Kind> kinds;
  for (const ChainFault& fault : chain.faults) kinds.push_back(fault.kind);
  return kinds;
}

TEST(HeadChain, OrdersPointsAndFindsNoFaultInAGoodOne) {
  const HeadChain chain = link_heads({point(3), point(1), point(2)});

  EXPECT_TRUE(chain.faults.empty());
  EXPECT_EQ(chain.latest()->id, id(3));
  EXPECT_EQ(chain.tip()->id, id(3));
  EXPECT_EQ(chain.kept().size(), 3U);
}

TEST(HeadChain, OfAnEmptyVaultHasNothing) {
  const HeadChain chain = link_heads({});

  EXPECT_EQ(chain.latest(), nullptr);
  EXPECT_EQ(chain.tip(), nullptr);
  EXPECT_EQ(chain.find_by_text("latest").error().kind, ErrorKind::kNotFound);
}

// Two machines restored from one image back up into the same vault.
TEST(HeadChain, SeesAFork) {
  Point other = point(3);
  other.id = id(0x33);

  const HeadChain chain = link_heads({point(1), point(2), point(3), other});

  EXPECT_EQ(faults_of(chain), (std::vector{Kind::kFork}));
}

// A store that serves a head from another line, or leaves the true one out.
TEST(HeadChain, SeesABreak) {
  Point stranger = point(3);
  stranger.head.previous = id(0x77);
  stranger.head.full = true;
  Point behind = point(4, true);
  behind.head.previous = id(1);

  EXPECT_EQ(faults_of(link_heads({point(1), point(2), stranger})), (std::vector{Kind::kBroken}));
  EXPECT_EQ(faults_of(link_heads({point(1), behind})), (std::vector{Kind::kBroken}));
}

TEST(HeadChain, SeesThatAChangeLostWhatItBuildsUpon) {
  EXPECT_EQ(faults_of(link_heads({point(1), point(3)})), (std::vector{Kind::kUnresolvable}));
}

// Prune took the early ones: the rest begins with a full head and is whole.
TEST(HeadChain, MayBeginLate) {
  EXPECT_TRUE(link_heads({point(3, true), point(4)}).faults.empty());
}

TEST(HeadChain, FindsPointsByTheBeginningOfTheirId) {
  Point alike = point(2);
  const HeadChain chain = link_heads({point(1), alike, point(3)});

  EXPECT_EQ((*chain.find_by_text("latest"))->id, id(3));
  EXPECT_EQ((*chain.find_by_text("0202"))->id, id(2));
  EXPECT_EQ((*chain.find_by_text(id(1).text()))->id, id(1));
  EXPECT_EQ(chain.find_by_text("020").error().kind, ErrorKind::kInvalidInput);
  EXPECT_EQ(chain.find_by_text("zzzz").error().kind, ErrorKind::kInvalidInput);
  EXPECT_EQ(chain.find_by_text("abcd").error().kind, ErrorKind::kNotFound);
}

TEST(HeadChain, RefusesABeginningThatSeveralShare) {
  std::array<std::uint8_t, 32> twin{};
  twin.fill(2);
  twin[31] = 9;
  Point other = point(3);
  other.id = Sha256(twin);

  const HeadChain chain = link_heads({point(1), point(2), other});

  EXPECT_EQ(chain.find_by_text("0202").error().kind, ErrorKind::kInvalidInput);
}

TEST(HeadChain, DoesNotShowDroppedPoints) {
  Point dropped = point(3);
  dropped.dropped = true;

  const HeadChain chain = link_heads({point(1), point(2), dropped});

  EXPECT_EQ(chain.latest()->id, id(2));
  EXPECT_EQ(chain.tip()->id, id(3));
  EXPECT_EQ(chain.find_by_text("0303").error().kind, ErrorKind::kNotFound);
}

TEST(ReferenceWalk, ResolvesInAnyOrder) {
  const HeadChain chain = link_heads({point(1), point(2), point(3, true), point(4), point(5)});
  ReferenceWalk walk(chain);

  for (const std::size_t at : {0U, 1U, 2U, 3U, 4U, 4U, 1U, 3U, 0U}) {
    const Result<const model::ReferenceSet*> references = walk.at(chain.points[at]);
    ASSERT_TRUE(references) << references.error().message;
    EXPECT_EQ((*references)->size(), at + 1) << at;
  }
}

TEST(HeadsNeeded, AreTheKeptOnesAndWhatTheyBuildUpon) {
  std::vector<Point> points = {point(1), point(2), point(3), point(4, true), point(5), point(6)};
  for (const std::size_t at : {0U, 1U, 2U, 3U, 4U}) points[at].dropped = true;

  std::vector<Sha256> needed = heads_needed(link_heads(points));

  EXPECT_EQ(needed, (std::vector{id(4), id(5), id(6)}));
}

}  // namespace
}  // namespace obhut::vault
