// Store's contract over HTTPS, tickets and pre-signed addresses, against a real cluster; and what a
// device must not be able to do there.

#include <gtest/gtest.h>

#include "agent/crypto/random.h"
#include "agent/model/head.h"
#include "tests/contract/store_contract.h"
#include "tests/wire/live_cluster.h"

namespace obhut::wire {
namespace {

class MemoryOfHeads final : public HeadMemory {
 public:
  std::optional<OwnHead> newest() override { return newest_; }
  Result<void> remember(const OwnHead& head) override {
    if (head.acknowledged) newest_ = head;
    return {};
  }

 private:
  std::optional<OwnHead> newest_;
};

LiveCluster& live_cluster() {
  static LiveCluster cluster;
  return cluster;
}

struct HttpFixture {
  SystemClock clock;
  LiveCluster::Device device = live_cluster().new_device();
  MemoryOfHeads memory;
  ControlClient control{live_cluster().transport(), clock, live_cluster().url(),
                        DeviceIdentity{device.identity.device, device.identity.key.clone()}};
  UploadPace pace{clock, [] { return 0U; }};
  HttpStore held{control, live_cluster().transport(), memory, pace,
                 HttpStore::Place{device.vault, device.identity.device,
                                  device.identity.key.public_key(), device.cluster_key}};

  store::Store& store() { return held; }

  /// The cluster reads heads; of everything else it sees only bytes.
  Bytes body(model::ObjectKind kind, std::size_t size, std::uint64_t seed) {
    if (kind != model::ObjectKind::kHead) return tests::random_bytes(size, seed);
    model::Head head;
    head.vault = device.vault;
    head.device = device.identity.device;
    head.signer = device.identity.key.public_key();
    head.sequence = 1;
    head.created = Instant(std::chrono::hours(24) * 20'000);
    head.full = true;
    head.sealed_summary = tests::random_bytes(size, seed);
    return *model::encode_head(head, device.identity.key);
  }
};

}  // namespace
}  // namespace obhut::wire

namespace obhut::tests {
INSTANTIATE_TYPED_TEST_SUITE_P(Http, StoreContract, wire::HttpFixture);
}  // namespace obhut::tests

namespace obhut::wire {
namespace {

TEST(HttpStoreLive, CommitsOnlyWhatFollowsTheNewestHead) {
  HttpFixture device;
  const Bytes first = device.body(model::ObjectKind::kHead, 100, 1);
  const Bytes rival = device.body(model::ObjectKind::kHead, 100, 2);
  ASSERT_TRUE(device.held.put({model::ObjectKind::kHead, crypto::sha256(first)}, first, {}));

  const Result<void> again =
      device.held.put({model::ObjectKind::kHead, crypto::sha256(first)}, first, {});
  const Result<void> forked =
      device.held.put({model::ObjectKind::kHead, crypto::sha256(rival)}, rival, {});

  EXPECT_TRUE(again) << "a lost answer is asked for again";
  ASSERT_FALSE(forked);
  EXPECT_EQ(forked.error().kind, ErrorKind::kConflict) << forked.error().message;
}

TEST(HttpStoreLive, AnotherDevicesVaultDoesNotExist) {
  HttpFixture owner;
  HttpFixture thief;
  const Bytes body = tests::random_bytes(5000, 9);
  const model::ObjectName name{model::ObjectKind::kPack, crypto::sha256(body)};
  ASSERT_TRUE(owner.held.put(name, body, {}));

  const auto listed = thief.control.objects(owner.device.vault, model::ObjectKind::kPack, {});
  const auto downloads = thief.control.downloads(owner.device.vault, {&name, 1}, {});
  const UploadWish wish{{model::ObjectKind::kPack, Sha256{}}, 10};
  const auto tickets = thief.control.tickets(owner.device.vault, {&wish, 1}, {});

  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(downloads);
  EXPECT_FALSE(tickets);
}

TEST(HttpStoreLive, AStolenDeviceIdIsWorthNothingWithoutItsKey) {
  HttpFixture owner;
  ControlClient thief(live_cluster().transport(), owner.clock, live_cluster().url(),
                      DeviceIdentity{owner.device.identity.device, crypto::SigningKey::generate()});

  const auto device = thief.device({});

  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().kind, ErrorKind::kRefused) << device.error().message;
}

TEST(HttpStoreLive, WrongBytesUnderATicketAreNotStored) {
  HttpFixture device;
  const Bytes body = tests::random_bytes(5000, 10);
  const UploadWish wish{{model::ObjectKind::kPack, crypto::sha256(body)}, body.size()};
  const auto tickets = device.control.tickets(device.device.vault, {&wish, 1}, {});
  ASSERT_TRUE(tickets);
  const Bytes other = tests::random_bytes(5000, 11);
  Request put;
  put.method = Method::kPut;
  put.url = tickets->front().url;
  put.headers = tickets->front().headers;
  put.body = other;

  const Result<Response> response = live_cluster().transport().send(put, {});

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_GE(response->status, 400);
  EXPECT_EQ(device.held.size_of(wish.name, {}).value_or(1), std::nullopt);
  EXPECT_TRUE(device.held.put(wish.name, body, {})) << "the right ones still are";
}

}  // namespace
}  // namespace obhut::wire
