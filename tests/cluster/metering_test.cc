// What is metered beside commits: local vaults as their devices sign them, machines that present
// one identity, and limits.

#include <gtest/gtest.h>

#include "agent/base/time_text.h"
#include "agent/trust/measurement.h"
#include "service/cluster/level_changes.h"
#include "service/cluster/levels.h"
#include "service/cluster/vaults.h"
#include "tests/cluster/test_cluster.h"

namespace obhut::cluster::test {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

class Metering : public ::testing::Test {
 protected:
  std::vector<json> of_type(std::string_view type) {
    std::vector<json> found;
    for (const json& event : cluster.events(partner)) {
      if (event["type"] == type) found.push_back(event);
    }
    return found;
  }
  /// Bytes of the levels at a location, in order.
  std::vector<std::uint64_t> levels(std::string_view location) {
    std::vector<std::uint64_t> bytes;
    for (const json& event : of_type("storage.level")) {
      if (event["location"] == location) bytes.push_back(event["bytes"]);
    }
    return bytes;
  }

  TestCluster cluster;
  TestPartner partner = cluster.make_partner("alpha");
  TestDevice device = cluster.make_device(partner);
};

class LocalVaultsTest : public Metering {
 protected:
  std::string signed_by(const TestDevice& signer, std::uint64_t number, std::uint64_t bytes,
                        const VaultId& of) {
    return trust::make_measurement({signer.id, of, number, bytes, cluster.clock.now() - 48h},
                                   signer.key);
  }
  Answered send(const TestDevice& sender, const std::string& document) {
    return cluster.call("POST", "/api/v1/device/measurements", sender.token,
                        {{"measurement", document}});
  }
  Answered measure(std::uint64_t number, std::uint64_t bytes) {
    return send(device, signed_by(device, number, bytes, vault));
  }

  VaultId vault = crypto::random_id<VaultId>();
};

TEST_F(LocalVaultsTest, LevelsAreWhatTheDeviceSignedFromTheReceiptOn) {
  const Instant before = cluster.clock.now();
  ASSERT_EQ(measure(1, 5'000'000'000).status, 204);
  ASSERT_EQ(measure(2, 6'000'000'000).status, 204);
  ASSERT_EQ(measure(3, 6'000'000'000).status, 204) << "a weekly scan that finds what it knew";
  ASSERT_EQ(measure(4, 0).status, 204) << "somebody deleted the folder by hand";

  EXPECT_EQ(levels("local"), (std::vector<std::uint64_t>{5'000'000'000, 6'000'000'000, 0}));
  const json first = of_type("storage.level").front();
  EXPECT_EQ(first["vault"], vault.text());
  EXPECT_EQ(first["customer"], partner.number);
  EXPECT_GE(parse_time(first["at"].get<std::string>()), before)
      << "the device's clock is two days behind and nobody's business";
}

TEST_F(LocalVaultsTest, TheSameMeasurementAgainIsOne) {
  const std::string document = signed_by(device, 1, 700, vault);
  EXPECT_EQ(send(device, document).status, 204);
  EXPECT_EQ(send(device, document).status, 204);
  EXPECT_EQ(levels("local").size(), 1U);
}

TEST_F(LocalVaultsTest, AnOlderOneThatArrivesLateChangesNothingAndSaysWhatIsKnown) {
  const std::string late = signed_by(device, 4, 900, vault);
  ASSERT_EQ(measure(5, 100).status, 204);
  const Answered stale = send(device, late);
  EXPECT_EQ(stale.status, 409);
  EXPECT_EQ(stale.code(), "stale-measurement");
  EXPECT_EQ(stale.body["number"], 5);
  EXPECT_EQ(levels("local"), (std::vector<std::uint64_t>{100}));
  ASSERT_EQ(measure(6, 200).status, 204);
}

TEST_F(LocalVaultsTest, OnlyTheDeviceItselfSignsForItsVault) {
  ASSERT_EQ(measure(1, 100).status, 204);
  TestDevice other = cluster.make_device(partner);
  EXPECT_EQ(send(other, signed_by(device, 2, 0, vault)).code(), "malformed-measurement")
      << "another device's signature under this token";
  EXPECT_EQ(send(other, signed_by(other, 1, 0, vault)).status, 404) << "another device's vault";
  EXPECT_EQ(send(other, trust::make_measurement({device.id, vault, 2, 0, {}}, other.key)).code(),
            "foreign-measurement");
  EXPECT_EQ(send(device, signed_by(device, 1, 0, device.vault)).status, 404)
      << "a vault in the cluster is what the cluster measures";
  EXPECT_EQ(levels("local"), (std::vector<std::uint64_t>{100}));
}

TEST_F(LocalVaultsTest, AbsurdAndMalformedOnesAreRefused) {
  EXPECT_EQ(send(device, "no document").code(), "malformed-measurement");
  EXPECT_EQ(measure(1, trust::kMostMeasuredBytes + 1).code(), "malformed-measurement");
  EXPECT_EQ(measure(0, 5).code(), "malformed-measurement");
  EXPECT_EQ(send(device, signed_by(device, 1, 5, VaultId{})).code(), "foreign-measurement");
  EXPECT_EQ(
      cluster.call("POST", "/api/v1/device/measurements", device.token, json::object()).code(),
      "invalid-request");
  EXPECT_TRUE(levels("local").empty());
}

TEST_F(LocalVaultsTest, OneDeviceCannotMakeAnyNumberOfThem) {
  for (int i = 0; i < 64; ++i) {
    ASSERT_EQ(send(device, signed_by(device, 1, 5, crypto::random_id<VaultId>())).status, 204);
  }
  EXPECT_EQ(send(device, signed_by(device, 1, 5, vault)).code(), "too-many-vaults");
}

TEST_F(LocalVaultsTest, AreShownToPeopleAndNotTakenForVaultsInTheCluster) {
  ASSERT_EQ(measure(1, 4321).status, 204);
  const std::string of_device = "/api/v1/devices/" + device.id.text() + "/vaults";
  std::map<std::string, std::uint64_t> shown;
  const Answered listed = cluster.call("GET", of_device, partner.session);
  for (const json& each : listed.body["vaults"]) {
    shown[each["location"]] = each["stored_bytes"];
  }
  EXPECT_EQ(shown, (std::map<std::string, std::uint64_t>{{"local", 4321}, {"provider", 0}}));

  EXPECT_EQ(cluster.call("GET", "/api/v1/device/vaults", device.token).body["vaults"].size(), 1U)
      << "what an agent asks for is what it can open in the cluster";
  EXPECT_EQ(
      cluster.call("POST", "/api/v1/device/vaults", device.token, {{"vault", vault.text()}}).code(),
      "local-vault");
  TestDevice liar = cluster.make_device(partner);
  liar.vault = vault;
  liar.token = device.token;
  EXPECT_EQ(
      cluster
          .call(
              "POST", "/api/v1/device/vaults/" + vault.text() + "/tickets", device.token,
              {{"objects",
                {{{"kind", "pack"}, {"sha256", crypto::random_id<Sha256>().text()}, {"size", 5}}}}})
          .code(),
      "local-vault");
}

TEST_F(LocalVaultsTest, HaveReceiptsOfTheirDays) {
  ASSERT_EQ(measure(1, 4321).status, 204);
  cluster.clock.move(49h);
  cluster.get_access_token(device);
  const Answered receipts =
      cluster.call("GET", "/api/v1/device/vaults/" + vault.text() + "/receipts", device.token);
  ASSERT_GE(receipts.body["receipts"].size(), 1U) << receipts.text;
  const auto receipt = trust::read_receipt(receipts.body["receipts"][0].get<std::string>(),
                                           cluster.cluster->state().cluster_key.public_key());
  EXPECT_EQ(receipt->location, "local");
  EXPECT_EQ(receipt->bytes, 4321U);
}

TEST_F(LocalVaultsTest, OfARemovedDeviceStayChargedUntilThePartnerSaysThatTheyAreGone) {
  ASSERT_EQ(measure(1, 800).status, 204);
  const std::string path = "/api/v1/vaults/" + vault.text();
  EXPECT_EQ(cluster.call("DELETE", path, partner.session).code(), "device-lives");
  ASSERT_EQ(cluster.call("DELETE", "/api/v1/devices/" + device.id.text(), partner.session).status,
            204);
  EXPECT_EQ(levels("local"), (std::vector<std::uint64_t>{800}));
  TestPartner other = cluster.make_partner("beta");
  EXPECT_EQ(cluster.call("DELETE", path, other.session).status, 404);
  ASSERT_EQ(cluster.call("DELETE", path, partner.session).status, 204);
  EXPECT_EQ(levels("local"), (std::vector<std::uint64_t>{800, 0}));
  EXPECT_EQ(cluster.call("DELETE", "/api/v1/vaults/" + device.vault.text(), partner.session).code(),
            "vault-in-cluster");
}

TEST_F(LocalVaultsTest, AreHandedOverWithTheDeviceAndCountedFromAnew) {
  ASSERT_EQ(measure(7, 800).status, 204);
  const auto token = cluster.sign_token(partner, 1, device.id);
  ASSERT_EQ(cluster.register_token(partner, token.registration).status, 201);
  TestDevice heir =
      cluster.prepare_device(partner, token.text, crypto::random_id<Sha256>(), cluster.clock.now());
  ASSERT_EQ(cluster.enrol(heir).status, 201);
  cluster.get_access_token(heir);

  EXPECT_EQ(send(heir, signed_by(heir, 1, 900, vault)).status, 204);
  EXPECT_EQ(measure(8, 5).code(), "vault-taken-over");
  EXPECT_EQ(levels("local"), (std::vector<std::uint64_t>{800, 900}));
}

TEST_F(LocalVaultsTest, UsageIsToldOfOneDeviceAlone) {
  cluster.put_prices(partner);
  TestDevice other = cluster.make_device(partner);
  ASSERT_EQ(cluster.back_up(other, {cluster.make_object(model::ObjectKind::kPack, 9'000)}).status,
            201);
  ASSERT_EQ(measure(1, 4'321).status, 204);
  const std::string month = cluster.running_month();
  const std::string path = "/api/v1/partners/" + partner.id.text() + "/usage/" + month + "?device=";

  const Answered one = cluster.call("GET", path + device.id.text(), partner.session);
  const Answered two = cluster.call("GET", path + other.id.text(), partner.session);

  ASSERT_EQ(one.body["days"].size(), 1U) << one.text;
  ASSERT_EQ(one.body["days"][0]["storage"].size(), 1U);
  EXPECT_EQ(one.body["days"][0]["storage"][0]["max_bytes"], 4'321);
  EXPECT_EQ(one.body["days"][0]["storage"][0]["location"], "local");
  EXPECT_EQ(one.body["days"][0]["workloads"], (json{{"server", 1}}));
  ASSERT_EQ(two.body["days"].size(), 1U) << two.text;
  EXPECT_EQ(two.body["days"][0]["storage"][0]["location"], "provider");
  EXPECT_EQ(two.body["storage"], json::array());
  TestPartner stranger = cluster.make_partner("beta");
  const std::string theirs = "/api/v1/partners/" + stranger.id.text() + "/usage/" + month;
  cluster.put_prices(stranger);
  EXPECT_EQ(cluster.call("GET", theirs + "?device=" + device.id.text(), stranger.session).status,
            404);
}

class Clones : public Metering {
 protected:
  /// One poll of the machine, as agents make them all the time.
  void poll(TestDevice& machine) {
    ASSERT_EQ(cluster.call("GET", "/api/v1/device/plan?after=0&wait=0", machine.token).status, 204);
    cluster.clock.move(1min);
  }
  /// The same identity in another process.
  TestDevice twin() {
    TestDevice machine;
    machine.id = device.id;
    machine.key = device.key.clone();
    machine.vault = device.vault;
    cluster.get_access_token(machine);
    return machine;
  }
  std::size_t activations() { return of_type("workload.activated").size(); }
  std::size_t removals() { return of_type("workload.removed").size(); }
  bool shown_as_cloned() {
    return cluster.call("GET", "/api/v1/devices/" + device.id.text(), partner.session)
        .body["cloned"];
  }
};

TEST_F(Clones, TwoLiveSessionsOfOneIdentityAreTwoWorkloadsAndAnAlertOnce) {
  TestDevice copy = twin();
  for (int i = 0; i < 12; ++i) {
    poll(device);
    poll(copy);
  }
  EXPECT_EQ(activations(), 2U);
  EXPECT_EQ(of_type("workload.activated").back()["clock"], "receipt");
  EXPECT_EQ(cluster.alerts(partner, device).count("cloned-device"), 1U);
  EXPECT_TRUE(shown_as_cloned());
}

TEST_F(Clones, ThreeMachinesThatTakeTurnsAreSeenToo) {
  TestDevice second = twin();
  TestDevice third = twin();
  for (int i = 0; i < 4; ++i) {
    poll(device);
    poll(second);
    poll(third);
  }
  EXPECT_TRUE(shown_as_cloned());
}

TEST_F(Clones, ARestartIsNone) {
  for (int i = 0; i < 10; ++i) {
    device = twin();
    poll(device);
    poll(device);
  }
  EXPECT_EQ(activations(), 1U);
  EXPECT_FALSE(shown_as_cloned());
}

TEST_F(Clones, AMachineRestoredFromASnapshotIsNone) {
  // Of its disk: another process, behind the one that is gone. Of its memory: the process itself,
  // heard from once more after its successor.
  poll(device);
  TestDevice later = twin();
  for (int i = 0; i < 5; ++i) poll(later);
  for (int i = 0; i < 5; ++i) poll(device);
  TestDevice after_restart = twin();
  for (int i = 0; i < 5; ++i) poll(after_restart);
  EXPECT_EQ(activations(), 1U);
  EXPECT_TRUE(cluster.alerts(partner, device).empty());
}

TEST_F(Clones, SnapshotsOfManyDaysDoNotAddUp) {
  TestDevice later = twin();
  for (int i = 0; i < 6; ++i) {
    TestDevice& set_back = i % 2 == 0 ? device : later;
    cluster.clock.move(5h);
    cluster.get_access_token(set_back);
    for (int j = 0; j < 5; ++j) poll(set_back);
  }
  cluster.log_in(partner);
  EXPECT_FALSE(shown_as_cloned());
}

TEST_F(Clones, TwoCommitsOnOneParentAreTwoWorkloads) {
  TestDevice copy = twin();
  const TestObject pack = cluster.make_object(model::ObjectKind::kPack, 1000);
  ASSERT_EQ(cluster.back_up(device, {pack}).status, 201);
  EXPECT_EQ(cluster.commit(copy, cluster.make_head(copy, {})).code(), "forked");
  EXPECT_EQ(activations(), 2U);
  EXPECT_EQ(cluster.alerts(partner, device),
            (std::multiset<std::string>{"cloned-device", "forked-vault"}));
  EXPECT_EQ(cluster.commit(copy, cluster.make_head(copy, {}, true)).code(), "forked");
  EXPECT_EQ(activations(), 2U) << "counted once";
}

TEST_F(Clones, OneProcessThatForksItsVaultWasSetBackInItsMemory) {
  const TestObject pack = cluster.make_object(model::ObjectKind::kPack, 1000);
  TestDevice snapshot;
  snapshot.id = device.id;
  snapshot.key = device.key.clone();
  snapshot.vault = device.vault;
  snapshot.token = device.token;
  ASSERT_EQ(cluster.back_up(device, {pack}).status, 201);
  EXPECT_EQ(cluster.commit(snapshot, cluster.make_head(snapshot, {})).code(), "forked");
  EXPECT_EQ(activations(), 1U);
  EXPECT_EQ(cluster.alerts(partner, device), (std::multiset<std::string>{"forked-vault"}));
}

TEST_F(Clones, ThePartnerEndsTheSecondLicenceWhenOneMachineIsLeft) {
  TestDevice copy = twin();
  for (int i = 0; i < 6; ++i) {
    poll(device);
    poll(copy);
  }
  ASSERT_TRUE(shown_as_cloned());
  const std::string path = "/api/v1/devices/" + device.id.text() + "/clone";
  ASSERT_EQ(cluster.call("DELETE", path, partner.session).status, 204);
  EXPECT_EQ(removals(), 1U);
  EXPECT_TRUE(cluster.alerts(partner, device).empty());
  for (int i = 0; i < 6; ++i) poll(device);
  EXPECT_FALSE(shown_as_cloned());
  for (int i = 0; i < 6; ++i) {
    poll(device);
    poll(copy);
  }
  EXPECT_TRUE(shown_as_cloned()) << "it lives on after all";
  EXPECT_EQ(activations(), 3U);
}

TEST_F(Clones, RemovalEndsBothLicences) {
  TestDevice copy = twin();
  for (int i = 0; i < 6; ++i) {
    poll(device);
    poll(copy);
  }
  ASSERT_EQ(cluster.call("DELETE", "/api/v1/devices/" + device.id.text(), partner.session).status,
            204);
  EXPECT_EQ(removals(), 2U);
}

class QuotasTest : public Metering {
 protected:
  std::string of_customer() { return "/api/v1/customers/" + partner.customer.text() + "/quota"; }
  std::string of_vault() { return "/api/v1/vaults/" + device.vault.text() + "/quota"; }
  void limit(const std::string& path, const json& quota) {
    ASSERT_EQ(cluster.call("PUT", path, partner.session, quota).status, 204);
  }
  TestObject pack(std::size_t size) { return cluster.make_object(model::ObjectKind::kPack, size); }
  Answered ask(const TestDevice& whose, const std::vector<TestObject>& objects) {
    json list = json::array();
    for (const TestObject& object : objects) {
      list.push_back({{"kind", model::to_string(object.name.kind)},
                      {"sha256", object.name.hash.text()},
                      {"size", object.bytes.size()}});
    }
    return cluster.call("POST", "/api/v1/device/vaults/" + whose.vault.text() + "/tickets",
                        whose.token, {{"objects", list}});
  }
  json allowance() {
    return cluster
        .call("GET", "/api/v1/device/vaults/" + device.vault.text() + "/allowance", device.token)
        .body;
  }
};

TEST_F(QuotasTest, AreNoneUntilTheyAreSet) {
  EXPECT_EQ(cluster.call("GET", of_customer(), partner.session).body,
            (json{{"soft_bytes", nullptr}, {"hard_bytes", nullptr}}));
  EXPECT_EQ(allowance()["left_bytes"], nullptr);
  limit(of_customer(), {{"soft_bytes", 10}, {"hard_bytes", 20}});
  EXPECT_EQ(cluster.call("GET", of_customer(), partner.session).body,
            (json{{"soft_bytes", 10}, {"hard_bytes", 20}}));
  limit(of_customer(), json::object());
  EXPECT_EQ(allowance()["left_bytes"], nullptr);
}

TEST_F(QuotasTest, BadOnesAreRefused) {
  EXPECT_EQ(
      cluster.call("PUT", of_vault(), partner.session, {{"soft_bytes", 30}, {"hard_bytes", 20}})
          .code(),
      "invalid-quota");
  EXPECT_EQ(cluster.call("PUT", of_vault(), partner.session, {{"hard_bytes", -5}}).code(),
            "invalid-request");
  EXPECT_EQ(cluster.call("PUT", of_vault(), partner.session, {{"hard", 5}}).code(),
            "invalid-request");
  TestPartner other = cluster.make_partner("beta");
  EXPECT_EQ(cluster.call("PUT", of_vault(), other.session, {{"hard_bytes", 5}}).status, 404);
  EXPECT_EQ(cluster.call("PUT", of_vault(), device.token, {{"hard_bytes", 5}}).status, 401);
}

TEST_F(QuotasTest, AHardLimitRefusesTicketsBeforeAnythingIsUploaded) {
  limit(of_vault(), {{"hard_bytes", 10'000}});
  const Answered refused = ask(device, {pack(6'000), pack(4'001)});
  EXPECT_EQ(refused.status, 507);
  EXPECT_EQ(refused.code(), "quota-exceeded");
  EXPECT_EQ(refused.body["limit_bytes"], 10'000);
  EXPECT_EQ(refused.body["used_bytes"], 0);
  EXPECT_EQ(refused.body["needed_bytes"], 10'001);
  EXPECT_EQ(ask(device, {pack(6'000), pack(4'000)}).status, 200);
}

TEST_F(QuotasTest, WhatWasUploadedCanBeCommittedBeyondTheLimit) {
  const TestObject first = pack(5'000);
  cluster.upload(device, first);
  limit(of_vault(), {{"hard_bytes", 100}});
  const Answered done = cluster.back_up(device, {first});
  EXPECT_EQ(done.status, 201) << "a running point is not destroyed: " << done.text;
  EXPECT_EQ(allowance()["left_bytes"], 0);
  EXPECT_EQ(ask(device, {pack(1)}).code(), "quota-exceeded");
  EXPECT_EQ(ask(device, {first}).status, 200) << "what is stored needs no room";
}

TEST_F(QuotasTest, UploadsThatNoPointNamesCountOnce) {
  limit(of_vault(), {{"hard_bytes", 10'000}});
  const TestObject wanted = pack(6'000);
  ASSERT_EQ(ask(device, {wanted}).status, 200);
  ASSERT_EQ(ask(device, {wanted}).status, 507) << "asked for and not used yet";
  cluster.clock.move(61min);
  cluster.get_access_token(device);
  cluster.log_in(partner);
  ASSERT_EQ(ask(device, {wanted}).status, 200) << "the ticket expired";
}

TEST_F(QuotasTest, KeysAlwaysFind) {
  limit(of_vault(), {{"hard_bytes", 0}});
  EXPECT_EQ(ask(device, {cluster.make_object(model::ObjectKind::kKey, 300)}).status, 200);
}

TEST_F(QuotasTest, TheCustomersIsForAllOfItsVaults) {
  TestDevice other = cluster.make_device(partner);
  ASSERT_EQ(cluster.back_up(other, {pack(7'000)}).status, 201);
  limit(of_customer(), {{"hard_bytes", 10'000}});
  const json told = allowance();
  EXPECT_EQ(told["limit_is"], "the customer's");
  EXPECT_EQ(told["limit_bytes"], 10'000);
  EXPECT_LT(told["left_bytes"], 3'000);
  EXPECT_EQ(ask(device, {pack(3'000)}).code(), "quota-exceeded");
  EXPECT_EQ(ask(device, {pack(2'000)}).status, 200);
}

TEST_F(QuotasTest, TellHowMuchMoreTheMonthsBillTakes) {
  EXPECT_EQ(allowance()["room_bytes"], nullptr) << "no price list yet";
  cluster.put_prices(partner, 10'000);
  EXPECT_EQ(allowance()["room_bytes"], 0) << "the first byte is a whole GB";
  ASSERT_EQ(cluster.back_up(device, {pack(4'000)}).status, 201);
  const std::uint64_t level = allowance()["level_bytes"];
  EXPECT_EQ(allowance()["room_bytes"], 10'000 - level);

  const TestObject large = pack(25'000);
  ASSERT_EQ(cluster.back_up(device, {large}).status, 201);
  ASSERT_TRUE(follow_levels(cluster.cluster->database(), cluster.clock));
  const auto retained = cluster.cluster->database().write([&](sql::Session& session) {
    const Answer<Vault> vault = find_vault(session, device.vault);
    return set_level(session, *vault, 7'000, {"retention-test"}, cluster.clock.now());
  });
  ASSERT_TRUE(retained);
  EXPECT_EQ(allowance()["room_bytes"], 23'000) << "up to what stood before in the month";
}

TEST_F(QuotasTest, ASoftLimitIsAnAlertThatGoesWhenItIsKeptAgain) {
  limit(of_customer(), {{"soft_bytes", 5'000}});
  const TestObject large = pack(6'000);
  ASSERT_EQ(cluster.back_up(device, {large}).status, 201);
  EXPECT_EQ(cluster.alerts(partner, device), (std::multiset<std::string>{"quota-soft"}));
  limit(of_customer(), {{"soft_bytes", 50'000}});
  ASSERT_EQ(cluster.back_up(device, {pack(10)}).status, 201);
  EXPECT_TRUE(cluster.alerts(partner, device).empty());
}

}  // namespace
}  // namespace obhut::cluster::test
