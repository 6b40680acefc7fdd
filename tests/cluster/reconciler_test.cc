// The ledger's levels against what the store really has.

#include "service/cluster/reconciler.h"

#include <gtest/gtest.h>

#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "service/cluster/api/services.h"
#include "service/cluster/kept_heads.h"
#include "tests/cluster/test_cluster.h"

namespace obhut::cluster::test {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

class ReconcilerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const TestObject& pack : packs) objects.push_back(pack);
    ASSERT_EQ(cluster.back_up(device, objects).status, 201);
  }
  ReconcileReport reconcile() {
    const auto report = cluster.cluster->services().reconciler.run({});
    EXPECT_TRUE(report) << report.error().detail;
    return report.value_or(ReconcileReport{});
  }
  std::string key_of(const model::ObjectName& name) {
    std::string key;
    const std::string prefix = std::string(model::folder_of(name.kind)) + "/" + name.hash.text();
    EXPECT_TRUE(cluster.cluster->store().list(prefix, [&](const objects::StoredObject& object) {
      key = object.key;
      return true;
    }));
    return key;
  }
  std::string path_of_key(const std::string& key) {
    const std::size_t slash = key.find('/');
    return cluster.folder + "/state/objects/" + key.substr(0, slash + 1) +
           key.substr(slash + 1, 2) + key.substr(slash);
  }
  json newest() {
    json newest;
    for (const json& event : cluster.events(partner)) {
      if (event["type"] == "storage.level") newest = event;
    }
    return newest;
  }
  std::uint64_t computed() {
    return cluster.cluster->database()
        .read([&](sql::Session& session) { return compute_level(session, device.vault); })
        .value();
  }

  TestCluster cluster;
  TestPartner partner = cluster.make_partner("alpha");
  TestDevice device = cluster.make_device(partner);
  std::vector<TestObject> packs{cluster.make_object(model::ObjectKind::kPack, 5'000),
                                cluster.make_object(model::ObjectKind::kPack, 3'000)};
  std::vector<TestObject> objects;
};

TEST_F(ReconcilerTest, FindsNothingWhereAllIsThere) {
  const json before = newest();
  const ReconcileReport report = reconcile();
  EXPECT_EQ(report.vaults, 1U);
  EXPECT_EQ(report.objects, 3U) << "two packs and a head";
  EXPECT_EQ(report.missing, 0U);
  EXPECT_EQ(report.unknown, 0U);
  EXPECT_TRUE(report.corrected.empty());
  EXPECT_EQ(newest(), before);
}

TEST_F(ReconcilerTest, AMissingObjectIsAnAlertAndACorrectingEventWithItsReason) {
  const std::uint64_t before = newest()["bytes"];
  ASSERT_TRUE(platform::remove_file(path_of_key(key_of(packs[0].name))));

  const ReconcileReport report = reconcile();

  EXPECT_EQ(report.missing, 1U);
  ASSERT_EQ(report.corrected.size(), 1U);
  EXPECT_EQ(report.corrected[0].vault, device.vault);
  EXPECT_EQ(report.corrected[0].from_bytes, before);
  EXPECT_EQ(report.corrected[0].to_bytes, before - 5'000);
  EXPECT_EQ(newest()["bytes"], before - 5'000);
  EXPECT_EQ(newest()["reason"], "object-missing");
  EXPECT_EQ(cluster.alerts(partner, device),
            (std::multiset<std::string>{"level-corrected", "object-missing"}));

  const ReconcileReport again = reconcile();
  EXPECT_EQ(again.missing, 0U) << "it is known by now";
  EXPECT_TRUE(again.corrected.empty());

  ASSERT_EQ(cluster.upload(device, packs[0]), 201) << "the next ticket asks for it again";
  EXPECT_EQ(newest()["bytes"], before);
  EXPECT_EQ(newest()["reason"], "object-mended");
  EXPECT_EQ(computed(), before);
}

TEST_F(ReconcilerTest, AnObjectOfAnotherSizeIsMissing) {
  const std::string path = path_of_key(key_of(packs[1].name));
  ASSERT_TRUE(platform::write_file(path, as_bytes("short")));
  EXPECT_EQ(reconcile().missing, 1U);
}

TEST_F(ReconcilerTest, AMissingHeadIsNotCharged) {
  const std::uint64_t before = newest()["bytes"];
  ASSERT_TRUE(platform::remove_file(path_of_key(key_of({model::ObjectKind::kHead, device.head}))));
  EXPECT_EQ(reconcile().missing, 1U);
  EXPECT_LT(newest()["bytes"], before);
  EXPECT_GE(newest()["bytes"], before - 2'000);
}

TEST_F(ReconcilerTest, ALevelThatSomebodyChangedIsCountedAnew) {
  const std::uint64_t before = newest()["bytes"];
  const auto changed = cluster.cluster->database().write([&](sql::Session& session) {
    return session.exec("UPDATE vaults SET level = level + 77 WHERE id = :id",
                        {{"id", device.vault}});
  });
  ASSERT_TRUE(changed);

  const ReconcileReport report = reconcile();

  ASSERT_EQ(report.corrected.size(), 1U);
  EXPECT_EQ(report.corrected[0].reason, "recounted");
  EXPECT_EQ(newest()["bytes"], before);
  ASSERT_EQ(cluster.back_up(device, {cluster.make_object(model::ObjectKind::kPack, 10)}).status,
            201);
  EXPECT_EQ(newest()["bytes"], computed());
}

TEST_F(ReconcilerTest, ALedgerThatSaysSomethingElseIsCorrectedByAnEvent) {
  const auto changed = cluster.cluster->database().write([&](sql::Session& session) {
    return session.exec("UPDATE levels SET bytes = bytes - 50 WHERE vault = :id",
                        {{"id", device.vault}});
  });
  ASSERT_TRUE(changed);
  const std::size_t before = cluster.events(partner).size();
  ASSERT_EQ(reconcile().corrected.size(), 1U);
  EXPECT_EQ(cluster.events(partner).size(), before + 1);
  EXPECT_EQ(newest()["bytes"], computed());
  EXPECT_EQ(newest()["reason"], "recounted");
}

TEST_F(ReconcilerTest, WhatNobodyKnowsIsCountedAndLeftAlone) {
  const std::string key = objects::new_key("packs", crypto::random_id<Sha256>());
  const std::string path = path_of_key(key);
  ASSERT_TRUE(platform::make_directories(platform::parent_of(path)));
  ASSERT_TRUE(platform::write_file(path, as_bytes("stray")));
  const ReconcileReport report = reconcile();
  EXPECT_EQ(report.unknown, 1U);
  EXPECT_EQ(report.unknown_bytes, 5U);
  EXPECT_TRUE(platform::exists(path));
  EXPECT_TRUE(report.corrected.empty());
}

TEST_F(ReconcilerTest, UploadsThatNoPointNamesAreKnownAndNotCharged) {
  const TestObject waiting = cluster.make_object(model::ObjectKind::kPack, 900);
  ASSERT_EQ(cluster.upload(device, waiting), 201);
  const ReconcileReport report = reconcile();
  EXPECT_EQ(report.unknown, 0U);
  EXPECT_EQ(report.objects, 3U);
  EXPECT_TRUE(report.corrected.empty());
}

TEST_F(ReconcilerTest, ADamagedObjectIsNotChargedUntilItIsSentAgain) {
  const std::uint64_t before = newest()["bytes"];
  const std::string path = path_of_key(key_of(packs[0].name));
  ASSERT_TRUE(platform::write_file(path, as_bytes(std::string(5'000, 'x'))));
  EXPECT_EQ(cluster.cluster->scrub().run(1000, {})->damaged, 1U);
  EXPECT_EQ(newest()["bytes"], before - 5'000);
  EXPECT_EQ(newest()["reason"], "object-damaged");
  ASSERT_EQ(cluster.upload(device, packs[0]), 201);
  EXPECT_EQ(newest()["bytes"], before);
}

TEST_F(ReconcilerTest, RunsOnDemandForTheProviderAlone) {
  EXPECT_EQ(cluster.call("POST", "/api/v1/reconciliation", partner.session).status, 403);
  ASSERT_TRUE(platform::remove_file(path_of_key(key_of(packs[0].name))));
  const Answered report = cluster.call("POST", "/api/v1/reconciliation", cluster.provider);
  EXPECT_EQ(report.status, 200) << report.text;
  EXPECT_EQ(report.body["missing"], 1);
  EXPECT_EQ(report.body["corrected"][0]["reason"], "object-missing");
}

TEST_F(ReconcilerTest, RunsOnceADay) {
  Reconciler& reconciler = cluster.cluster->services().reconciler;
  EXPECT_TRUE(reconciler.run_if_due({})->has_value());
  cluster.clock.move(23h);
  EXPECT_FALSE(reconciler.run_if_due({})->has_value());
  cluster.clock.move(2h);
  EXPECT_TRUE(reconciler.run_if_due({})->has_value());
  cluster.clock.move(-100h);
  EXPECT_TRUE(reconciler.run_if_due({})->has_value()) << "a clock that was set back";
}

}  // namespace
}  // namespace obhut::cluster::test
