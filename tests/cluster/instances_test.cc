// Two instances on one database: what one changes the other's polls hear of, and what there is once
// is taken once.

#include <future>

#include <gtest/gtest.h>

#include "agent/base/time_text.h"
#include "agent/crypto/digest.h"
#include "agent/crypto/random.h"
#include "service/cluster/api/services.h"
#include "service/cluster/retention.h"
#include "tests/cluster/test_cluster.h"

namespace obhut::cluster::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

class Instances : public ::testing::Test {
 protected:
  TestCluster first;
  TestPartner partner = first.make_partner("alpha");
  std::unique_ptr<TestCluster> second = TestCluster::beside(first);

  std::future<Answered> poll(const TestDevice& device, const std::string& query) {
    auto polled = std::async(std::launch::async, [this, &device, query] {
      return second->call("GET", "/api/v1/device/plan?wait=50" + query, device.token);
    });
    while (waiting() == 0) std::this_thread::sleep_for(10ms);
    return polled;
  }
  std::uint64_t waiting() {
    const std::string text = second->call("GET", "/metrics", second->provider).text;
    const std::string name = "\nobhut_cluster_polls_waiting ";
    return std::stoull(text.substr(text.find(name) + name.size()));
  }
  Answered publish(const TestDevice& device, std::uint64_t version) {
    return first.call_raw("POST", "/api/v1/devices/" + device.id.text() + "/plans", partner.session,
                          first.plan_envelope(partner, device.id, version, {.keep_last = 3}),
                          {{"Content-Type", "application/json"}});
  }
};

// The poll itself would last for 50 seconds.
TEST_F(Instances, APlanPublishedAtOneWakesAPollAtTheOther) {
  const TestDevice device = first.make_device(partner);
  auto polled = poll(device, "&after=0");

  ASSERT_EQ(publish(device, 1).status, 201);

  ASSERT_EQ(polled.wait_for(15s), std::future_status::ready);
  const Answered answered = polled.get();
  EXPECT_EQ(answered.status, 200) << answered.text;
  EXPECT_EQ(answered.body["version"], 1);
}

TEST_F(Instances, AnotherCustomersPlanLetsThePollSleepOn) {
  const TestDevice device = first.make_device(partner);
  TestPartner other = first.make_partner("beta");
  const TestDevice others = first.make_device(other);
  auto polled = poll(device, "&after=0");

  ASSERT_EQ(first
                .call_raw("POST", "/api/v1/devices/" + others.id.text() + "/plans", other.session,
                          first.plan_envelope(other, others.id, 1, {.keep_last = 3}),
                          {{"Content-Type", "application/json"}})
                .status,
            201);
  EXPECT_EQ(polled.wait_for(2 * Changes::kLookEvery + 500ms), std::future_status::timeout);

  ASSERT_EQ(publish(device, 1).status, 201);
  EXPECT_EQ(polled.get().status, 200);
}

TEST_F(Instances, NewKeysOfThePartnerWakeAPollAtTheOther) {
  const TestDevice device = first.make_device(partner);
  ASSERT_EQ(publish(device, 1).status, 201);
  auto polled = poll(device, "&after=1&trust_serial=1");
  trust::TrustList list;
  list.partner = partner.id;
  list.serial = 2;
  list.issued = first.clock.now();
  list.root = partner.root.public_key();
  for (const crypto::SigningKey* key : {&partner.operator_a, &partner.operator_b}) {
    list.operators.push_back({key->public_key(), key == &partner.operator_a ? "a" : "b", 7,
                              first.clock.now() + std::chrono::years(5)});
  }

  ASSERT_EQ(first
                .call_raw("PUT", "/api/v1/partners/" + partner.id.text() + "/trust", first.provider,
                          trust::make_trust_list(list, partner.root),
                          {{"Content-Type", "application/json"}})
                .status,
            200);

  ASSERT_EQ(polled.wait_for(15s), std::future_status::ready);
  EXPECT_EQ(polled.get().status, 200);
}

TEST_F(Instances, ARemovedDevicesPollEndsAtTheOther) {
  const TestDevice device = first.make_device(partner);
  auto polled = poll(device, "&after=0");

  ASSERT_EQ(first.call("DELETE", "/api/v1/devices/" + device.id.text(), partner.session).status,
            204);

  ASSERT_EQ(polled.wait_for(15s), std::future_status::ready);
  EXPECT_EQ(polled.get().code(), "removed");
}

TEST_F(Instances, ATokenOfThreeUsesEnrolsThreeHoweverManyAskAtOnce) {
  const std::string token = first.make_token(partner, 3);
  std::vector<TestDevice> devices;
  for (int i = 0; i < 8; ++i) {
    devices.push_back(first.prepare_device(partner, token, crypto::random_id<Sha256>(),
                                           first.clock.now() - 1min));
  }
  std::vector<std::future<std::string>> asked;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    asked.push_back(std::async(std::launch::async, [&, i] {
      TestCluster& instance = i % 2 == 0 ? first : *second;
      // An instance that lost every race says "ask again", as to an endpoint.
      while (true) {
        const Answered answered = instance.enrol(devices[i]);
        if (answered.status != 503) return answered.status == 201 ? "enrolled" : answered.code();
      }
    }));
  }
  std::map<std::string, int> outcomes;
  for (auto& answer : asked) ++outcomes[answer.get()];

  EXPECT_EQ(outcomes, (std::map<std::string, int>{{"enrolled", 3}, {"token-used-up", 5}}));
  const Answered tokens = first.call(
      "GET", "/api/v1/customers/" + partner.customer.text() + "/tokens", partner.session);
  EXPECT_EQ(tokens.body["tokens"][0]["used"], 3);
}

TEST_F(Instances, TwoHeadsOnOneParentGiveOnePoint) {
  TestDevice device = first.make_device(partner);
  ASSERT_EQ(first.back_up(device, {first.make_object(model::ObjectKind::kPack, 900)}).status, 201);
  for (int round = 0; round < 5; ++round) {
    std::vector<Bytes> heads;
    for (int i = 0; i < 2; ++i) {
      const TestObject pack = first.make_object(model::ObjectKind::kPack, 500);
      ASSERT_EQ(first.upload(device, pack), 201);
      model::ReferenceSet references = device.references;
      references[pack.name] = pack.bytes.size();
      heads.push_back(first.make_head(device, references, true));
    }
    std::vector<std::future<std::string>> asked;
    for (std::size_t i = 0; i < 2; ++i) {
      asked.push_back(std::async(std::launch::async, [&, i] {
        TestCluster& instance = i == 0 ? first : *second;
        while (true) {
          const Answered answered = instance.commit(device, heads[i]);
          if (answered.status != 503) return answered.status == 201 ? "committed" : answered.code();
        }
      }));
    }
    std::map<std::string, int> outcomes;
    for (auto& answer : asked) ++outcomes[answer.get()];

    ASSERT_EQ(outcomes, (std::map<std::string, int>{{"committed", 1}, {"forked", 1}}));
    const Answered points =
        first.call("GET", "/api/v1/device/vaults/" + device.vault.text() + "/heads", device.token);
    ASSERT_EQ(points.body["heads"].size(), device.sequence + 1);
    device.head = Sha256::parse(points.body["heads"].back()["sha256"].get<std::string>()).value();
    ++device.sequence;
  }
}

TEST_F(Instances, RetentionBearsClocksThatLieALittleApartAndStopsAtMore) {
  second->clock.move(-2min);
  Retention& here = first.cluster->services().retention;
  Retention& there = second->cluster->services().retention;
  ASSERT_TRUE(here.run());
  EXPECT_TRUE(there.run());
  EXPECT_TRUE(here.run());
  second->clock.move(-10min);

  const auto refused = there.run();

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "clock-jumped");
}

TEST_F(Instances, OneIdempotencyKeyAtBothAtOnceIsOneWrite) {
  const std::string path = "/api/v1/partners/" + partner.id.text() + "/customers";
  for (int round = 0; round < 10; ++round) {
    const std::string number = "N-" + std::to_string(round);
    std::vector<std::future<Answered>> asked;
    for (TestCluster* instance : {&first, second.get()}) {
      asked.push_back(std::async(std::launch::async, [&, instance] {
        return instance->call("POST", path, partner.session,
                              {{"number", number}, {"mode", "per_gb"}},
                              {{"Idempotency-Key", number}});
      }));
    }
    const Answered one = asked[0].get();
    const Answered other = asked[1].get();
    ASSERT_EQ(one.status, 201) << one.text;
    ASSERT_EQ(other.status, 201) << other.text;
    EXPECT_EQ(one.body["id"], other.body["id"]);
  }
}

}  // namespace
}  // namespace obhut::cluster::test
