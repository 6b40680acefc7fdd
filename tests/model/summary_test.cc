#include "agent/model/summary.h"

#include <gtest/gtest.h>

#include "agent/model/head.h"
#include "agent/seal/summary_seal.h"
#include "tests/support/samples.h"

namespace obhut::model {
namespace {

Summary sample() {
  Summary summary;
  summary.root = {{tests::id_of_all<BlobId>(1), 5, 6}, {tests::id_of_all<BlobId>(1), 20, 7}};
  summary.totals = {10, 3, 123'456};
  summary.stored_bytes = 1000;
  summary.new_bytes = 2000;
  summary.read_bytes = 3000;
  summary.new_files = 4;
  summary.changed_files = 5;
  summary.unchanged_files = 1;
  summary.skipped_entries = 2;
  summary.started = Instant(std::chrono::microseconds(1'700'000'000'000'001));
  summary.finished = Instant(std::chrono::microseconds(1'700'000'009'000'002));
  summary.consistency = Consistency::kSnapshot;
  summary.host = "kontor";
  summary.sources = {"/home", "/srv/\xff"};
  summary.extensions = {{3, {1, 2}}};
  return summary;
}

Head head_numbered(std::uint64_t sequence) {
  Head head;
  head.vault = tests::id_of_all<VaultId>(0x76);
  head.device = tests::id_of_all<DeviceId>(0xd0);
  head.sequence = sequence;
  return head;
}

TEST(Summary, GivesBackWhatWentIn) {
  const Result<Bytes> bytes = encode_summary(sample());
  ASSERT_TRUE(bytes);

  const Result<Summary> read = parse_summary(*bytes);

  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, sample());
  for (std::size_t cut = 0; cut < bytes->size(); ++cut) {
    ASSERT_FALSE(parse_summary(ByteView(*bytes).first(cut))) << cut;
  }
}

// A store that moves the summary of one point under the head of another.
TEST(Summary, OpensInItsOwnHeadOnly) {
  const seal::Keyring keyring = tests::sample_keyring();
  Head head = head_numbered(3);
  ASSERT_TRUE(seal::seal_summary(keyring, sample(), head));
  Head other = head_numbered(4);
  other.sealed_summary = head.sealed_summary;

  const Result<Summary> right = seal::open_summary(keyring, head);
  const Result<Summary> wrong = seal::open_summary(keyring, other);

  ASSERT_TRUE(right) << right.error().message;
  EXPECT_EQ(*right, sample());
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::kCrypto);
}

}  // namespace
}  // namespace obhut::model
