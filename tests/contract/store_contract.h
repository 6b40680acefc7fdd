#pragma once
// What every Store promises, whatever is behind it. A suite for a new store instantiates it:
//
//   struct MemoryFixture { MemStore held; store::Store& store() { return held; } };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StoreContract, MemoryFixture);

#include <algorithm>
#include <thread>

#include <gtest/gtest.h>

#include "agent/crypto/digest.h"
#include "agent/store/store.h"
#include "tests/support/samples.h"

namespace obhut::tests {

inline model::ObjectName name_of(model::ObjectKind kind, ByteView body) {
  return {kind, crypto::sha256(body)};
}

template <class Fixture>
class StoreContract : public testing::Test {
 protected:
  store::Store& store() { return fixture_.store(); }
  /// A body that the store under test takes for an object of this kind.
  Bytes body(model::ObjectKind kind, std::size_t size, std::uint64_t seed) {
    if constexpr (requires { fixture_.body(kind, size, seed); }) {
      return fixture_.body(kind, size, seed);
    } else {
      return random_bytes(size, seed);
    }
  }
  Fixture fixture_;
};
TYPED_TEST_SUITE_P(StoreContract);

TYPED_TEST_P(StoreContract, GivesBackWhatWasPutOfEveryKind) {
  for (const model::ObjectKind kind : model::kAllObjectKinds) {
    const Bytes body = this->body(kind, 5000, 1);
    const model::ObjectName name = name_of(kind, body);

    const Result<void> put = this->store().put(name, body, {});
    const Result<Bytes> got = this->store().get(name, {0, body.size()}, {});

    ASSERT_TRUE(put) << put.error().message;
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(*got, body);
  }
}

TYPED_TEST_P(StoreContract, GivesExactlyTheRangeAskedFor) {
  const Bytes body = this->body(model::ObjectKind::kPack, 10'000, 2);
  const model::ObjectName name = name_of(model::ObjectKind::kPack, body);
  ASSERT_TRUE(this->store().put(name, body, {}));

  for (const ByteRange range :
       {ByteRange{0, 1}, ByteRange{1234, 4321}, ByteRange{9999, 1}, ByteRange{0, 10'000}}) {
    const Result<Bytes> got = this->store().get(name, range, {});
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_TRUE(equal(*got, ByteView(body).subspan(range.offset, range.length)));
  }
}

// A short answer would pass for a short file.
TYPED_TEST_P(StoreContract, RefusesARangeBeyondTheEnd) {
  const Bytes body = this->body(model::ObjectKind::kPack, 1000, 3);
  const model::ObjectName name = name_of(model::ObjectKind::kPack, body);
  ASSERT_TRUE(this->store().put(name, body, {}));

  for (const ByteRange range : {ByteRange{0, 1001}, ByteRange{1000, 1}, ByteRange{5000, 10},
                                ByteRange{std::uint64_t{1} << 63U, std::uint64_t{1} << 62U},
                                ByteRange{10, ~std::uint64_t{0}}}) {
    const Result<Bytes> got = this->store().get(name, range, {});
    ASSERT_FALSE(got) << range.offset << "+" << range.length;
    EXPECT_EQ(got.error().kind, ErrorKind::kCorrupt) << got.error().message;
  }
}

TYPED_TEST_P(StoreContract, SaysNotFoundForWhatItDoesNotHave) {
  const model::ObjectName name{model::ObjectKind::kPack, id_of_all<Sha256>(0x42)};

  const Result<Bytes> got = this->store().get(name, {0, 1}, {});
  const Result<std::optional<std::uint64_t>> size = this->store().size_of(name, {});

  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::kNotFound);
  ASSERT_TRUE(size);
  EXPECT_EQ(*size, std::nullopt);
}

TYPED_TEST_P(StoreContract, TakesTheSamePutTwice) {
  const Bytes body = this->body(model::ObjectKind::kIndex, 700, 4);
  const model::ObjectName name = name_of(model::ObjectKind::kIndex, body);

  EXPECT_TRUE(this->store().put(name, body, {}));
  EXPECT_TRUE(this->store().put(name, body, {}));

  EXPECT_EQ(this->store().get(name, {0, body.size()}, {}).value_or(Bytes{}), body);
  const Result<std::vector<store::ObjectInfo>> all =
      this->store().list(model::ObjectKind::kIndex, {});
  ASSERT_TRUE(all);
  EXPECT_EQ(std::ranges::count(*all, store::ObjectInfo{name, 700}), 1);
}

TYPED_TEST_P(StoreContract, ListsWhatWasPutOfTheKindInOrder) {
  std::vector<store::ObjectInfo> expected;
  for (std::uint64_t seed = 10; seed < 30; ++seed) {
    const Bytes body = this->body(model::ObjectKind::kPack, 100 + seed, seed);
    const model::ObjectName name = name_of(model::ObjectKind::kPack, body);
    ASSERT_TRUE(this->store().put(name, body, {}));
    expected.push_back({name, body.size()});
  }
  const Bytes other = this->body(model::ObjectKind::kIndex, 50, 31);
  ASSERT_TRUE(this->store().put(name_of(model::ObjectKind::kIndex, other), other, {}));
  std::ranges::sort(expected);

  const Result<std::vector<store::ObjectInfo>> packs =
      this->store().list(model::ObjectKind::kPack, {});
  ASSERT_TRUE(packs) << packs.error().message;

  EXPECT_EQ(*packs, expected);
  const Result<std::optional<std::uint64_t>> size = this->store().size_of(expected[3].name, {});
  ASSERT_TRUE(size);
  EXPECT_EQ(*size, expected[3].size);
}

TYPED_TEST_P(StoreContract, KeepsKindsApart) {
  const Bytes body = this->body(model::ObjectKind::kPack, 64, 5);
  ASSERT_TRUE(this->store().put(name_of(model::ObjectKind::kPack, body), body, {}));

  const Result<std::optional<std::uint64_t>> size =
      this->store().size_of(name_of(model::ObjectKind::kHead, body), {});

  ASSERT_TRUE(size);
  EXPECT_EQ(*size, std::nullopt);
}

TYPED_TEST_P(StoreContract, DoesNothingWhenAskedToStop) {
  const Bytes body = this->body(model::ObjectKind::kPack, 64, 6);
  const model::ObjectName name = name_of(model::ObjectKind::kPack, body);
  std::stop_source source;
  source.request_stop();

  const Result<void> put = this->store().put(name, body, source.get_token());

  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(this->store().size_of(name, {}).value_or(1), std::nullopt);
}

TYPED_TEST_P(StoreContract, ServesManyThreads) {
  std::atomic<int> failures = 0;
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (std::uint64_t i = 0; i < 10; ++i) {
          // Half of them the same in every thread.
          const std::uint64_t seed = i % 2 == 0 ? 1000 + i : 2000 + 100 * t + i;
          const Bytes body = this->body(model::ObjectKind::kPack, 3000, seed);
          const model::ObjectName name = name_of(model::ObjectKind::kPack, body);
          if (!this->store().put(name, body, {})) ++failures;
          if (this->store().get(name, {0, body.size()}, {}).value_or(Bytes{}) != body) ++failures;
        }
      });
    }
  }

  EXPECT_EQ(failures, 0);
  EXPECT_EQ(this->store().list(model::ObjectKind::kPack, {})->size(), 25U);
}

REGISTER_TYPED_TEST_SUITE_P(StoreContract, GivesBackWhatWasPutOfEveryKind,
                            GivesExactlyTheRangeAskedFor, RefusesARangeBeyondTheEnd,
                            SaysNotFoundForWhatItDoesNotHave, TakesTheSamePutTwice,
                            ListsWhatWasPutOfTheKindInOrder, KeepsKindsApart,
                            DoesNothingWhenAskedToStop, ServesManyThreads);

}  // namespace obhut::tests
