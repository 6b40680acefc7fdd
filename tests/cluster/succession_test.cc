// A device takes the place of a lost one: by a token that names it, and by nothing else.

#include <future>

#include <gtest/gtest.h>

#include "agent/crypto/random.h"
#include "tests/cluster/test_cluster.h"

namespace obhut::cluster::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

class Succession : public ::testing::Test {
 protected:
  TestCluster cluster;
  TestPartner partner = cluster.make_partner("alpha");

  TestDevice with_a_point() {
    TestDevice device = cluster.make_device(partner);
    EXPECT_EQ(cluster.back_up(device, {cluster.make_object(model::ObjectKind::kPack, 5000)}).status,
              201);
    return device;
  }
  std::string token_for(const DeviceId& replaced) {
    const auto token = cluster.sign_token(partner, 1, replaced);
    const Answered registered = cluster.register_token(partner, token.registration);
    EXPECT_EQ(registered.status, 201) << registered.text;
    EXPECT_EQ(registered.body["replaces"], replaced.text());
    return token.text;
  }
  TestDevice prepare(const std::string& token,
                     const Sha256& hardware = crypto::random_id<Sha256>()) {
    return cluster.prepare_device(partner, token, hardware, cluster.clock.now() - 1min);
  }
  /// Enrolled in place of `old`, and about to go on in its vault.
  TestDevice heir_of(const TestDevice& old) {
    TestDevice heir = prepare(token_for(old.id));
    const Answered enrolled = cluster.enrol(heir);
    EXPECT_EQ(enrolled.status, 201) << enrolled.text;
    heir.receipt = enrolled.body.value("receipt", "");
    cluster.get_access_token(heir);
    heir.vault = old.vault;
    heir.sequence = old.sequence;
    heir.head = old.head;
    heir.references = old.references;
    return heir;
  }
  json device(const TestDevice& of) {
    return cluster.call("GET", "/api/v1/devices/" + of.id.text(), partner.session).body;
  }
  std::vector<json> events(const std::string& type) {
    std::vector<json> all;
    const Answered answered =
        cluster.call("GET", "/api/v1/partners/" + partner.id.text() + "/ledger", partner.session);
    for (const json& row : answered.body["rows"]) {
      if (row["event"]["type"] == type) all.push_back(row["event"]);
    }
    return all;
  }
  std::set<std::string> alerts(const TestDevice& of) {
    std::set<std::string> codes;
    const Answered answered =
        cluster.call("GET", "/api/v1/devices/" + of.id.text() + "/alerts", partner.session);
    for (const json& alert : answered.body["alerts"]) codes.insert(alert["code"]);
    return codes;
  }
  /// What each route on the vault says to this device.
  std::set<std::string> codes_on_the_vault(const TestDevice& caller, const TestDevice& owner) {
    const std::string path = "/api/v1/device/vaults/" + owner.vault.text();
    const json object = {{"kind", "pack"}, {"sha256", owner.references.begin()->first.hash.text()}};
    json wish = object;
    wish["size"] = 5000;
    std::set<std::string> codes;
    const auto note = [&](const Answered& answered) {
      codes.insert(answered.code() + ":" + std::to_string(answered.status));
    };
    note(cluster.call("GET", path + "/heads", caller.token));
    note(cluster.call("GET", path + "/heads/" + owner.head.text(), caller.token));
    note(cluster.call("GET", path + "/objects?kind=key", caller.token));
    note(cluster.call("POST", path + "/tickets", caller.token, {{"objects", {wish}}}));
    note(cluster.call("POST", path + "/downloads", caller.token, {{"objects", {object}}}));
    note(cluster.call("POST", path + "/recovery", caller.token, {{"confirmed", true}}));
    note(cluster.call("POST", "/api/v1/device/vaults", caller.token,
                      {{"vault", owner.vault.text()}}));
    TestDevice writer;
    writer.id = caller.id;
    writer.key = caller.key.clone();
    writer.token = caller.token;
    writer.vault = owner.vault;
    writer.sequence = owner.sequence;
    writer.head = owner.head;
    writer.references = owner.references;
    note(cluster.commit(writer, cluster.make_head(writer, writer.references)));
    return codes;
  }
};

TEST_F(Succession, ADeviceGoesOnWhereTheOneItReplacesStopped) {
  const TestDevice old = with_a_point();
  const json before = device(old);
  cluster.clock.move(24h * 40);
  cluster.log_in(partner);

  TestDevice heir = heir_of(old);

  const json after = device(heir);
  EXPECT_EQ(after["workload"], before["workload"]);
  EXPECT_EQ(after["activated"], before["activated"]) << "the first date, on other hardware too";
  const auto receipt =
      trust::read_receipt(heir.receipt, cluster.cluster->state().cluster_key.public_key());
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_EQ(receipt->workload, before["workload"].get<std::string>());
  EXPECT_EQ(events("workload.activated").size(), 1U) << "one licence";
  EXPECT_EQ(device(old)["state"], "superseded");
  EXPECT_EQ(device(old)["replaced_by"], heir.id.text());
  const json vaults = cluster.call("GET", "/api/v1/device/vaults", heir.token).body["vaults"];
  ASSERT_EQ(vaults.size(), 1U);
  EXPECT_EQ(vaults[0]["id"], old.vault.text());
  EXPECT_EQ(vaults[0]["head_sequence"], 1);
  const Answered heads =
      cluster.call("GET", "/api/v1/device/vaults/" + old.vault.text() + "/heads", heir.token);
  EXPECT_EQ(heads.body["heads"][0]["sha256"], old.head.text());
  const Answered committed =
      cluster.back_up(heir, {cluster.make_object(model::ObjectKind::kPack, 700)});
  EXPECT_EQ(committed.status, 201) << committed.text;
}

TEST_F(Succession, TheOldCredentialIsRefusedOnTheVault) {
  TestDevice old = with_a_point();
  const TestObject late = cluster.make_object(model::ObjectKind::kPack, 900);
  const std::string url = path_of(cluster.ticket(old, late)["url"]);

  const TestDevice heir = heir_of(old);

  EXPECT_EQ(codes_on_the_vault(old, heir), std::set<std::string>{"vault-taken-over:403"});
  EXPECT_EQ(
      cluster.call_raw("PUT", url, "", late.bytes, {{"Content-Type", "application/octet-stream"}})
          .code(),
      "ticket-used-up")
      << "a ticket that it held";
  EXPECT_TRUE(cluster.call("GET", "/api/v1/device/vaults", old.token).body["vaults"].empty());
  EXPECT_TRUE(alerts(old).contains("vault-taken-over"));
}

// BILLING.md rule 5: hardware joins licences. Whoever builds a machine with a copied machine id
// must not come by another one's backups.
TEST_F(Succession, HardwareAloneMovesNoVault) {
  const Sha256 hardware = crypto::random_id<Sha256>();
  TestDevice old = prepare(cluster.make_token(partner, 1), hardware);
  cluster.enrol(old);
  cluster.get_access_token(old);
  old.vault = crypto::random_id<VaultId>();
  cluster.call("POST", "/api/v1/device/vaults", old.token, {{"vault", old.vault.text()}});
  ASSERT_EQ(cluster.back_up(old, {cluster.make_object(model::ObjectKind::kPack, 500)}).status, 201);

  TestDevice twin = prepare(cluster.make_token(partner, 1), hardware);
  ASSERT_EQ(cluster.enrol(twin).status, 201);
  cluster.get_access_token(twin);

  EXPECT_EQ(device(twin)["workload"], device(old)["workload"]) << "one licence";
  EXPECT_EQ(codes_on_the_vault(twin, old), std::set<std::string>{"not-found:404"});
  EXPECT_TRUE(cluster.call("GET", "/api/v1/device/vaults", twin.token).body["vaults"].empty());
  EXPECT_EQ(cluster.call("GET", "/api/v1/device/vaults", old.token).body["vaults"].size(), 1U);
}

TEST_F(Succession, AnOldInstallationThatLivesIsAWorkloadOfItsOwn) {
  TestDevice old = with_a_point();
  TestDevice heir = heir_of(old);

  cluster.get_access_token(old);

  EXPECT_NE(device(old)["workload"], device(heir)["workload"]);
  EXPECT_EQ(device(old)["state"], "active");
  EXPECT_EQ(events("workload.activated").size(), 2U);
  EXPECT_TRUE(alerts(old).contains("cloned-device"));
  EXPECT_EQ(codes_on_the_vault(old, heir), std::set<std::string>{"vault-taken-over:403"});
  old.vault = crypto::random_id<VaultId>();
  old.sequence = 0;
  old.head = {};
  old.references.clear();
  EXPECT_EQ(cluster.call("POST", "/api/v1/device/vaults", old.token, {{"vault", old.vault.text()}})
                .status,
            201);
  EXPECT_EQ(cluster.back_up(old, {cluster.make_object(model::ObjectKind::kPack, 500)}).status, 201);
  const TestDevice second = heir_of(old);
  EXPECT_EQ(device(second)["workload"], device(old)["workload"]) << "it may be lost in its turn";
  EXPECT_EQ(cluster.call("GET", "/api/v1/device/vaults", heir.token).body["vaults"].size(), 1U);
}

TEST_F(Succession, RepeatedEnrolmentChangesNothingMore) {
  const TestDevice old = with_a_point();
  TestDevice heir = prepare(token_for(old.id));
  const Answered first = cluster.enrol(heir);
  ASSERT_EQ(first.status, 201) << first.text;

  const Answered again = cluster.enrol(heir);

  EXPECT_EQ(again.status, 200) << again.text;
  EXPECT_EQ(again.body["receipt"], first.body["receipt"]);
  EXPECT_EQ(cluster.enrol(prepare(heir.registration_token)).code(), "token-used-up");
  EXPECT_EQ(events("workload.activated").size(), 1U);
}

TEST_F(Succession, OnlyADeviceOfTheCustomerThatStillHasItsPlaceCanBeReplaced) {
  const TestDevice old = with_a_point();
  TestPartner stranger = cluster.make_partner("beta");
  const TestDevice foreign = cluster.make_device(stranger);
  const auto refusal = [&](const DeviceId& device) {
    return cluster.register_token(partner, cluster.sign_token(partner, 1, device).registration)
        .code();
  };
  EXPECT_EQ(refusal(crypto::random_id<DeviceId>()), "replaces-unknown");
  EXPECT_EQ(refusal(foreign.id), "replaces-unknown") << "another tenant's looks the same";
  const CustomerId own = std::exchange(partner.customer, cluster.make_customer(partner, "K-other"));
  const DeviceId sibling = cluster.make_device(partner).id;
  partner.customer = own;
  EXPECT_EQ(refusal(sibling), "replaces-unknown") << "another customer's";
  TestDevice late = prepare(token_for(old.id));
  const TestDevice heir = heir_of(old);

  const Answered refused = cluster.enrol(late);

  EXPECT_EQ(refused.code(), "device-replaced") << "of two tokens the first one counts";
  EXPECT_NE(refused.text.find(heir.id.text()), std::string::npos) << "names the way out";
  EXPECT_EQ(refusal(old.id), "device-replaced");
  const json vaults = cluster.call("GET", "/api/v1/device/vaults", heir.token).body["vaults"];
  EXPECT_EQ(vaults.size(), 1U);
}

TEST_F(Succession, OfTwoThatComeAtOnceOneTakesThePlace) {
  const TestDevice old = with_a_point();
  std::vector<TestDevice> heirs;
  for (int i = 0; i < 4; ++i) heirs.push_back(prepare(token_for(old.id)));
  std::vector<std::future<Answered>> answers;
  for (const TestDevice& heir : heirs) {
    answers.push_back(std::async(std::launch::async, [&] { return cluster.enrol(heir); }));
  }

  std::map<std::string, int> codes;
  for (std::future<Answered>& answered : answers) ++codes[answered.get().code()];

  EXPECT_EQ(codes[""], 1);
  EXPECT_EQ(codes["device-replaced"] + codes["conflict"], 3);
  EXPECT_EQ(events("workload.activated").size(), 1U);
  std::size_t owners = 0;
  for (TestDevice& heir : heirs) {
    if (device(heir)["state"] != "active") continue;
    cluster.get_access_token(heir);
    owners += cluster.call("GET", "/api/v1/device/vaults", heir.token).body["vaults"].size();
  }
  EXPECT_EQ(owners, 1U);
}

TEST_F(Succession, ForARemovedDeviceALicenceBeginsAnew) {
  const TestDevice old = with_a_point();
  ASSERT_EQ(cluster.call("DELETE", "/api/v1/devices/" + old.id.text(), partner.session).status,
            204);
  cluster.clock.move(1h);

  const TestDevice heir = heir_of(old);

  EXPECT_NE(device(heir)["workload"], device(old)["workload"]);
  const std::vector<json> activations = events("workload.activated");
  ASSERT_EQ(activations.size(), 2U);
  EXPECT_EQ(activations[1]["workload"], device(heir)["workload"]);
  EXPECT_EQ(device(old)["state"], "removed");
  EXPECT_EQ(cluster.call("GET", "/api/v1/device/vaults", heir.token).body["vaults"][0]["id"],
            old.vault.text())
      << "its points stay until they are deleted";
}

TEST_F(Succession, TheNewHardwareIsTheWorkloadsFromThenOn) {
  const TestDevice old = with_a_point();
  const Sha256 hardware = crypto::random_id<Sha256>();
  TestDevice mistaken = prepare(cluster.make_token(partner, 1), hardware);
  ASSERT_EQ(cluster.enrol(mistaken).status, 201);  // enrolled first with a token that names nobody
  TestDevice heir = prepare(token_for(old.id), hardware);
  ASSERT_EQ(cluster.enrol(heir).status, 201);

  TestDevice again = prepare(cluster.make_token(partner, 1), hardware);
  ASSERT_EQ(cluster.enrol(again).status, 201);

  EXPECT_EQ(device(heir)["workload"], device(old)["workload"]);
  EXPECT_EQ(device(again)["workload"], device(old)["workload"]);
  EXPECT_NE(device(mistaken)["workload"], device(old)["workload"])
      << "only the partner ends its licence";
}

}  // namespace
}  // namespace obhut::cluster::test
