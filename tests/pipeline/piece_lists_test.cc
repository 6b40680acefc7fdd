#include "agent/pipeline/piece_lists.h"

#include <map>

#include <gtest/gtest.h>

#include "agent/crypto/digest.h"
#include "agent/model/node.h"

namespace obhut::pipeline {
namespace {

using model::Piece;

// Keeps stored lists, and reads content back the way a restore does.
struct Lists {
  std::map<BlobId, Bytes> stored;
  PieceLists lists{[this](ByteView list) -> Result<model::Ref> {
    const BlobId id = crypto::keyed_blake3(Bytes(32, 1), list);
    stored[id] = to_bytes(list);
    return model::Ref{id, 0, static_cast<std::uint32_t>(list.size())};
  }};

  void flatten(const std::vector<Piece>& pieces, unsigned level, std::vector<Piece>& out) {
    for (const Piece& piece : pieces) {
      if (level == 0) {
        out.push_back(piece);
        continue;
      }
      const auto below = model::parse_pieces(stored.at(piece.ref->blob));
      ASSERT_TRUE(below);
      std::uint64_t length = 0;
      for (const Piece& one : *below) length += one.length;
      EXPECT_EQ(length, piece.length);
      flatten(*below, level - 1, out);
    }
  }
};

Piece piece(std::uint64_t number) {
  std::array<std::uint8_t, 32> id{};
  for (int i = 0; i < 8; ++i)
    id[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(number >> (8 * i));
  return Piece::of({BlobId(id), 0, static_cast<std::uint32_t>(number % 1000 + 1)});
}

TEST(PieceLists, GiveBackAnyNumberOfPiecesInOrder) {
  for (const std::size_t count :
       {0U, 1U, 64U, 65U, 8191U, 8192U, 8193U, 16'384U, 16'385U, 600'000U}) {
    Lists lists;
    std::vector<Piece> wanted;
    for (std::size_t i = 0; i < count; ++i) {
      wanted.push_back(piece(i));
      ASSERT_TRUE(lists.lists.add(wanted.back()));
    }

    const auto content = lists.lists.finish();

    ASSERT_TRUE(content);
    EXPECT_LE(content->pieces.size(), model::kMaxInlinePieces);
    EXPECT_EQ(content->level, count <= 64 ? 0 : count <= 64 * 8192 ? 1 : 2) << count;
    std::vector<Piece> got;
    lists.flatten(content->pieces, content->level, got);
    EXPECT_EQ(got, wanted) << count;
  }
}

TEST(PieceLists, JoinNeighbouringHoles) {
  Lists lists;
  ASSERT_TRUE(lists.lists.add(Piece::hole(5)));
  ASSERT_TRUE(lists.lists.add(Piece::hole(7)));
  ASSERT_TRUE(lists.lists.add(piece(1)));

  const auto content = lists.lists.finish();

  ASSERT_TRUE(content);
  EXPECT_EQ(content->pieces, (std::vector<Piece>{Piece::hole(12), piece(1)}));
}

TEST(PieceLists, AreEmptyAgainAfterwards) {
  Lists lists;
  for (std::size_t i = 0; i < 10'000; ++i) ASSERT_TRUE(lists.lists.add(piece(i)));
  ASSERT_TRUE(lists.lists.finish());
  ASSERT_TRUE(lists.lists.add(piece(1)));

  const auto content = lists.lists.finish();

  ASSERT_TRUE(content);
  EXPECT_EQ(*content, (model::Content{0, {piece(1)}}));
}

}  // namespace
}  // namespace obhut::pipeline
