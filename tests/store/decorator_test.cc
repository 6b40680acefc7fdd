#include <gtest/gtest.h>

#include "agent/crypto/digest.h"
#include "agent/store/measured_store.h"
#include "agent/store/retrying_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/mem_store.h"
#include "tests/support/samples.h"

namespace obhut::store {
namespace {

using tests::FakeClock;
using tests::FaultyStore;
using tests::MemStore;

ObjectName pack_of(ByteView body) {
  return {ObjectKind::kPack, crypto::sha256(body)};
}

// The request arrived, the answer did not: the usual way an upload fails on hotel Wi-Fi.
TEST(RetryingStore, StoresAPackOnceWhenTheFirstAnswerIsLost) {
  MemStore cluster;
  FaultyStore network(cluster);
  network.lose_answers(1);
  FakeClock clock;
  RetryingStore store(network, clock, {}, 3);
  const Bytes body = tests::bytes("sealed");

  const Result<void> put = store.put(pack_of(body), body, {});

  EXPECT_TRUE(put);
  EXPECT_EQ(cluster.count(ObjectKind::kPack), 1U);
  EXPECT_EQ(clock.sleeps(), 1U) << "one pause, in fake time, between the two attempts";
}

TEST(RetryingStore, GivesUpAfterItsAttemptsWithTheLastError) {
  MemStore cluster;
  FaultyStore network(cluster);
  network.fail_from(0, {ErrorKind::kUnavailable, "no route"});
  FakeClock clock;
  RetryingStore store(network, clock, {}, 4);

  const Result<Bytes> got = store.get(pack_of({}), {0, 1}, {});

  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(got.error().message, "no route (after 4 attempts)");
  EXPECT_EQ(network.calls(), 4U);
  EXPECT_EQ(clock.sleeps(), 3U);
}

TEST(RetryingStore, AsksOnceWhereAskingAgainCannotHelp) {
  for (const ErrorKind kind : {ErrorKind::kNotFound, ErrorKind::kCorrupt, ErrorKind::kRefused,
                               ErrorKind::kQuotaExceeded, ErrorKind::kCancelled}) {
    MemStore cluster;
    FaultyStore network(cluster);
    network.fail_next(1, {kind, "no"});
    FakeClock clock;
    RetryingStore store(network, clock, {}, 5);

    EXPECT_EQ(store.size_of(pack_of({}), {}).error().kind, kind);
    EXPECT_EQ(network.calls(), 1U);
  }
}

TEST(RetryingStore, WaitsLongerEachTime) {
  MemStore cluster;
  FaultyStore network(cluster);
  network.fail_next(6, {ErrorKind::kTimeout, "slow"});
  FakeClock clock;
  RetryingStore store(network, clock, {std::chrono::seconds(1), std::chrono::seconds(8)}, 10);

  ASSERT_TRUE(store.list(ObjectKind::kPack, {}));

  // 1 + 2 + 4 + 8 + 8 + 8 seconds, each spread over its upper half.
  EXPECT_GE(clock.slept(), std::chrono::milliseconds(15'500));
  EXPECT_LE(clock.slept(), std::chrono::seconds(31));
}

TEST(RetryingStore, StopsWaitingWhenAskedTo) {
  MemStore cluster;
  FaultyStore network(cluster);
  network.fail_from(0, {ErrorKind::kUnavailable, "no route"});
  FakeClock clock;
  RetryingStore store(network, clock, {}, 100);
  std::stop_source stop;
  stop.request_stop();

  EXPECT_EQ(store.get(pack_of({}), {0, 1}, stop.get_token()).error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(network.calls(), 1U);
}

TEST(MeasuredStore, CountsWhatWasAcknowledged) {
  MemStore cluster;
  FaultyStore network(cluster);
  MeasuredStore store(network);
  const Bytes body = tests::bytes("twelve bytes");

  ASSERT_TRUE(store.put(pack_of(body), body, {}));
  network.fail_next(1, {ErrorKind::kUnavailable, "no route"});
  ASSERT_FALSE(store.put(pack_of(body), body, {}));
  ASSERT_TRUE(store.get(pack_of(body), {2, 5}, {}));

  const Moved moved = store.moved();
  EXPECT_EQ(moved.put_bytes, 12U);
  EXPECT_EQ(moved.put_objects, 1U);
  EXPECT_EQ(moved.got_bytes, 5U);
  EXPECT_EQ(moved.requests, 3U);
}

TEST(Decorators, PassOnWhatIsExpected) {
  struct Listening final : Store {
    Result<void> put(const ObjectName&, ByteView, std::stop_token) override { return {}; }
    Result<Bytes> get(const ObjectName&, ByteRange, std::stop_token) override { return Bytes{}; }
    Result<std::optional<std::uint64_t>> size_of(const ObjectName&, std::stop_token) override {
      return std::nullopt;
    }
    Result<std::vector<ObjectInfo>> list(ObjectKind, std::stop_token) override {
      return std::vector<ObjectInfo>{};
    }
    void expect(std::span<const ObjectName> names) override { heard += names.size(); }
    std::size_t heard = 0;
  };
  Listening inner;
  FakeClock clock;
  RetryingStore retrying(inner, clock, {}, 3);
  MeasuredStore measured(retrying);

  measured.expect(std::vector<ObjectName>(7));

  EXPECT_EQ(inner.heard, 7U);
}

TEST(GetWhole, RefusesBytesThatAreNotTheirName) {
  MemStore store;
  const Bytes body = tests::bytes("honest");
  store.plant(pack_of(body), tests::bytes("forged"));

  const Result<Bytes> got = get_whole(store, pack_of(body), 100, {});

  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::kCorrupt);
}

TEST(GetWhole, RefusesWhatIsLargerThanItMayBe) {
  MemStore store;
  const Bytes body = tests::random_bytes(101, 1);
  ASSERT_TRUE(store.put(pack_of(body), body, {}));

  EXPECT_FALSE(get_whole(store, pack_of(body), 100, {}));
  EXPECT_TRUE(get_whole(store, pack_of(body), 101, {}));
}

}  // namespace
}  // namespace obhut::store
