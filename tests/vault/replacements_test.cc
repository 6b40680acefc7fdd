#include "agent/vault/replacements.h"

#include <gtest/gtest.h>

namespace obhut::vault {
namespace {

using model::ObjectKind;

model::ObjectName pack_number(std::uint8_t number) {
  Bytes bytes(Sha256::kSize, number);
  return {ObjectKind::kPack, *Sha256::from_bytes(bytes)};
}

Replacement replaced(std::uint8_t old, std::uint64_t until, std::initializer_list<int> by) {
  Replacement replacement{pack_number(old), until, {}};
  for (const int number : by) {
    replacement.by.push_back({pack_number(static_cast<std::uint8_t>(number)), 100});
  }
  return replacement;
}

model::ReferenceSet packs(std::initializer_list<int> numbers) {
  model::ReferenceSet set;
  for (const int number : numbers) set[pack_number(static_cast<std::uint8_t>(number))] = 100;
  return set;
}

TEST(Replacements, ReadWhatTheyWrote) {
  const std::vector<Replacement> list = {replaced(1, 7, {2, 3}), replaced(4, 9, {})};

  const auto again = parse_replacements(encode_replacements(list));

  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, list);
}

TEST(Replacements, RefuseWhatIsCutOffOrOfAnotherKind) {
  Bytes bytes = encode_replacements(std::vector<Replacement>{replaced(1, 7, {2})});
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(parse_replacements(ByteView(bytes).first(length))) << length;
  }
  bytes[2] = static_cast<std::uint8_t>(ObjectKind::kHead);
  EXPECT_FALSE(parse_replacements(bytes)) << "a head is never replaced";
}

TEST(Replacements, LeadHeadsOfTheirTimeToTheNewPacks) {
  Replacements replacements;
  replacements.add({replaced(1, 7, {2, 3}), replaced(2, 9, {4})});

  EXPECT_EQ(replacements.resolve(packs({1, 5}), 7), packs({3, 4, 5})) << "2 was replaced in turn";
  EXPECT_EQ(replacements.resolve(packs({1, 5}), 8), packs({1, 5})) << "a later head means 1 itself";
}

TEST(Replacements, GoByTheLaterOneOfTwo) {
  Replacements replacements;
  replacements.add({replaced(1, 9, {3})});
  replacements.add({replaced(1, 7, {2})});

  EXPECT_EQ(replacements.resolve(packs({1}), 5), packs({3}));
}

// The store may hold what somebody who has the keys made up.
TEST(Replacements, DoNotGoInCircles) {
  Replacements replacements;
  replacements.add({replaced(1, 7, {2}), replaced(2, 7, {1, 3})});

  EXPECT_EQ(replacements.resolve(packs({1}), 5), packs({3}));
}

}  // namespace
}  // namespace obhut::vault
