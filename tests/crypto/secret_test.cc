#include "agent/crypto/secret.h"

#include <algorithm>
#include <type_traits>

#include <gtest/gtest.h>

#include "agent/crypto/random.h"

namespace obhut::crypto {
namespace {

static_assert(!std::is_copy_constructible_v<SecretBytes>);
static_assert(!std::is_copy_assignable_v<SecretBytes>);

TEST(SecretBytes, MovesWithoutLeavingAnythingBehind) {
  SecretBytes from(ByteView(Bytes{1, 2, 3}));
  const SecretBytes to = std::move(from);

  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): that is the promise
  EXPECT_EQ(to.size(), 3U);
  EXPECT_TRUE(equal(to.clone().view(), to.view()));
}

TEST(Wipe, OverwritesEveryByte) {
  Bytes bytes(100, 7);

  wipe(bytes);

  EXPECT_EQ(std::ranges::count(bytes, 0), 100);
}

TEST(EqualInConstantTime, Compares) {
  EXPECT_TRUE(equal_in_constant_time({}, {}));
  EXPECT_TRUE(equal_in_constant_time(Bytes{1, 2}, Bytes{1, 2}));
  EXPECT_FALSE(equal_in_constant_time(Bytes{1, 2}, Bytes{1, 3}));
  EXPECT_FALSE(equal_in_constant_time(Bytes{1, 2}, Bytes{1}));
}

TEST(Random, IsDifferentEveryTime) {
  EXPECT_NE(random_id<VaultId>(), random_id<VaultId>());
  EXPECT_FALSE(random_id<VaultId>().is_zero());
}

}  // namespace
}  // namespace obhut::crypto
