#include "agent/base/ids.h"

#include <gtest/gtest.h>

#include "agent/base/backoff.h"
#include "agent/base/bytes.h"

namespace obhut {
namespace {

TEST(Id, IsItsHexDigits) {
  const std::string text = "000102030405060708090a0b0c0d0eff";

  const std::optional<VaultId> id = VaultId::parse(text);

  ASSERT_TRUE(id);
  EXPECT_EQ(id->text(), text);
  EXPECT_EQ(VaultId::from_bytes(id->bytes()), id);
}

TEST(Id, HasOneSpelling) {
  EXPECT_FALSE(VaultId::parse("000102030405060708090A0B0C0D0EFF"));
  EXPECT_FALSE(VaultId::parse("00"));
  EXPECT_FALSE(VaultId::parse(std::string(34, '0')));
  EXPECT_FALSE(VaultId::parse(std::string(31, '0') + "g"));
  EXPECT_FALSE(VaultId::from_bytes(Bytes(15)));
}

TEST(ByteCount, AddsAndSubtracts) {
  EXPECT_EQ((ByteCount(3) + ByteCount(4)).value(), 7U);
  EXPECT_EQ((ByteCount(7) - ByteCount(4)).value(), 3U);
  EXPECT_LT(ByteCount(1), ByteCount(2));
}

// A wrapped count would be a wrong bill.
TEST(ByteCountDeathTest, AbortsRatherThanWrap) {
  EXPECT_DEATH(static_cast<void>(ByteCount(~std::uint64_t{0}) + ByteCount(1)), "broken promise");
  EXPECT_DEATH(static_cast<void>(ByteCount(1) - ByteCount(2)), "broken promise");
}

TEST(Backoff, DoublesUpToItsLongestWithinItsUpperHalf) {
  using std::chrono::milliseconds;
  const BackoffPolicy policy{milliseconds(100), milliseconds(1000)};

  EXPECT_EQ(backoff_delay(policy, 1, 0.0), milliseconds(50));
  EXPECT_EQ(backoff_delay(policy, 2, 0.5), milliseconds(150));
  EXPECT_EQ(backoff_delay(policy, 50, 0.0), milliseconds(500));
  EXPECT_LE(backoff_delay(policy, 50, 0.999), milliseconds(1000));
}

}  // namespace
}  // namespace obhut
