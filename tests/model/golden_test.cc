// The bytes that nodes and heads are made of, for ever. tests/data/README.md says how they were
// made.

#include "tests/support/golden.h"

#include <gtest/gtest.h>

#include "agent/model/head.h"
#include "agent/model/node.h"
#include "agent/model/summary.h"
#include "tests/model/entries.h"
#include "tests/support/samples.h"

namespace obhut::model {
namespace {

TEST(NodeGolden, AreTheBytesThatStandInTheTree) {
  NodeWriter writer;
  for (const Entry& entry : one_of_each()) ASSERT_TRUE(writer.add(entry));
  const std::optional<Bytes> part = writer.finish();

  ASSERT_TRUE(part);
  const Bytes stored = tests::golden("node-v1.bin", *part);
  EXPECT_EQ(to_hex(*part), to_hex(stored));
  const Result<std::vector<Entry>> read = parse_node_part(stored);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, one_of_each());
}

TEST(PieceListGolden, AreTheBytesThatStandInTheTree) {
  const Result<Bytes> list =
      encode_pieces({Piece::of({tests::id_of_all<BlobId>(1), 2, 3}), Piece::hole(1U << 20U),
                     Piece::of({tests::id_of_all<BlobId>(4), 0, 1U << 20U})});

  ASSERT_TRUE(list);
  EXPECT_EQ(to_hex(*list), to_hex(tests::golden("piece-list-v1.bin", *list)));
}

TEST(HeadGolden, AreTheBytesThatStandInTheTree) {
  const Bytes seed(32, 0x5e);
  const Result<crypto::SigningKey> key = crypto::SigningKey::from_seed(seed);
  ASSERT_TRUE(key);
  Head head;
  head.vault = tests::id_of_all<VaultId>(0x76);
  head.device = tests::id_of_all<DeviceId>(0xd0);
  head.signer = key->public_key();
  head.sequence = 2;
  head.previous = tests::id_of_all<Sha256>(0x99);
  head.created = Instant(std::chrono::microseconds(1'700'000'000'123'456));
  head.plan = tests::id_of_all<Sha256>(0x70);
  head.added = {{{ObjectKind::kPack, tests::id_of_all<Sha256>(1)}, 4096},
                {{ObjectKind::kIndex, tests::id_of_all<Sha256>(2)}, 300}};
  head.removed = {{ObjectKind::kPack, tests::id_of_all<Sha256>(3)}};
  head.sealed_summary = tests::bytes("sealed summary");

  const Result<Bytes> bytes = encode_head(head, *key);

  ASSERT_TRUE(bytes);
  const Bytes stored = tests::golden("head-v1.bin", *bytes);
  EXPECT_EQ(to_hex(*bytes), to_hex(stored));
  const SigningKeyId allowed[] = {key->public_key()};
  EXPECT_EQ(open_head(stored, allowed).value_or(Head{}), head);
}

}  // namespace
}  // namespace obhut::model
