// Whoever holds a recovery key reads its vault, without a device, and nothing else.

#include "agent/trust/recovery_access.h"

#include <gtest/gtest.h>

#include "agent/trust/device_id.h"
#include "service/cluster/recovery_access.h"
#include "tests/cluster/test_cluster.h"

namespace obhut::cluster::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

class RecoveryAccessTest : public ::testing::Test {
 protected:
  TestCluster cluster;
  TestPartner partner = cluster.make_partner("alpha");
  TestDevice device = cluster.make_device(partner);
  TestObject pack = cluster.make_object(model::ObjectKind::kPack, 100);

  void SetUp() override { ASSERT_EQ(cluster.back_up(device, {pack}).status, 201); }

  /// Who knows nothing but a recovery key.
  static TestDevice reader_of(std::uint8_t seed) {
    TestDevice reader;
    reader.key = trust::recovery_access_key(Bytes(32, seed));
    reader.id = trust::device_id_of(reader.key.public_key());
    return reader;
  }
  Answered confirm(const TestDevice& of, const TestDevice& reader) {
    return cluster.call("POST", vault_path(of, "/recovery"), of.token,
                        {{"confirmed", true}, {"access_key", reader.key.public_key().text()}});
  }
  static std::string vault_path(const TestDevice& of, const std::string& rest) {
    return "/api/v1/device/vaults/" + of.vault.text() + rest;
  }
  Answered recovery(const TestDevice& reader) {
    return cluster.call("GET", "/api/v1/recovery", reader.token);
  }
  Answered heads(const TestDevice& of, const std::string& token) {
    return cluster.call("GET", vault_path(of, "/heads"), token);
  }
  Answered download(const TestDevice& of, const std::string& token) {
    return cluster.call(
        "POST", vault_path(of, "/downloads"), token,
        {{"objects",
          {{{"kind", "pack"}, {"sha256", pack.name.hash.text()}, {"size", pack.bytes.size()}}}}});
  }
};

TEST_F(RecoveryAccessTest, ReadsTheWholeVaultWithTheKeyAlone) {
  TestDevice reader = reader_of(7);
  ASSERT_EQ(confirm(device, reader).status, 204);
  EXPECT_EQ(confirm(device, reader).status, 204) << "again, by a device that lost the answer";

  cluster.get_access_token(reader);
  const Answered found = recovery(reader);
  ASSERT_EQ(found.status, 200) << found.text;
  EXPECT_EQ(found.body["vault"], device.vault.text());
  EXPECT_EQ(found.body["device"], device.id.text());
  EXPECT_EQ(found.body["head_sequence"], 1);
  const Answered listed = heads(device, reader.token);
  ASSERT_EQ(listed.status, 200) << listed.text;
  ASSERT_EQ(listed.body["heads"].size(), 1U);
  EXPECT_EQ(
      cluster.call_raw("GET", vault_path(device, "/heads/" + device.head.text()), reader.token, "")
          .status,
      200);
  const Answered objects =
      cluster.call("GET", vault_path(device, "/objects?kind=pack"), reader.token);
  EXPECT_EQ(objects.body["objects"].size(), 1U) << objects.text;
  const Answered links = download(device, reader.token);
  ASSERT_EQ(links.status, 200) << links.text;
  const Answered bytes =
      cluster.call_raw("GET", path_of(links.body["downloads"][0]["url"]), "", "");
  EXPECT_EQ(bytes.text, pack.bytes);
}

TEST_F(RecoveryAccessTest, TellsThePartner) {
  TestDevice reader = reader_of(7);
  ASSERT_EQ(confirm(device, reader).status, 204);
  EXPECT_FALSE(cluster.alerts(partner, device).contains(std::string(kRecoveryRead)));
  cluster.get_access_token(reader);
  EXPECT_TRUE(cluster.alerts(partner, device).contains(std::string(kRecoveryRead)));
}

TEST_F(RecoveryAccessTest, NeedsNoDeviceThatLives) {
  TestDevice reader = reader_of(7);
  ASSERT_EQ(confirm(device, reader).status, 204);
  ASSERT_EQ(cluster.call("DELETE", "/api/v1/devices/" + device.id.text(), partner.session).status,
            204);
  EXPECT_EQ(heads(device, device.token).status, 410) << "the device itself is out";

  cluster.get_access_token(reader);
  EXPECT_EQ(heads(device, reader.token).status, 200);
}

TEST_F(RecoveryAccessTest, OpensNothingElse) {
  TestDevice other = cluster.make_device(partner);
  ASSERT_EQ(cluster.back_up(other, {pack}).status, 201);
  TestDevice reader = reader_of(7);
  ASSERT_EQ(confirm(device, reader).status, 204);
  cluster.get_access_token(reader);

  EXPECT_EQ(heads(other, reader.token).status, 404);
  EXPECT_EQ(download(other, reader.token).status, 404);
  for (const api::Route& route : cluster.cluster->application().routes()) {
    const bool reads = route.auth == api::Auth::kReader || route.auth == api::Auth::kRecovery;
    if (reads || route.auth == api::Auth::kNobody || route.auth == api::Auth::kStore) continue;
    std::string path = route.pattern;
    const std::size_t at = path.find("{vault}");
    if (at != path.npos) path.replace(at, 7, device.vault.text());
    EXPECT_EQ(cluster.call_raw(http::to_string(route.method), path, reader.token, "").status, 401)
        << http::to_string(route.method) << " " << path;
  }
}

TEST_F(RecoveryAccessTest, IsNoDevicesTokenAndNoPersons) {
  EXPECT_EQ(cluster.call("GET", "/api/v1/recovery", device.token).status, 401);
  EXPECT_EQ(cluster.call("GET", "/api/v1/recovery", partner.session).status, 401);
  EXPECT_EQ(cluster.call("GET", "/api/v1/recovery", "obr1.AAAA").status, 401);
  TestDevice reader = reader_of(7);
  ASSERT_EQ(confirm(device, reader).status, 204);
  cluster.get_access_token(reader);
  // One kind's seal is not the other's.
  const std::string body = reader.token.substr(reader.token.find('.'));
  EXPECT_EQ(heads(device, "obd2" + body).status, 401);
  const std::string device_body = device.token.substr(device.token.find('.'));
  EXPECT_EQ(heads(device, "obr1" + device_body).status, 401);
  cluster.clock.move(2h);
  EXPECT_EQ(heads(device, reader.token).status, 401) << "an hour is over";
}

TEST_F(RecoveryAccessTest, ProvesItsKeyOnce) {
  TestDevice reader = reader_of(7);
  const auto nonce = [&] {
    return cluster.call("GET", "/api/v1/nonce", "").body.value("nonce", "");
  };
  EXPECT_EQ(cluster.exchange(reader, nonce()).status, 401) << "not confirmed yet";
  ASSERT_EQ(confirm(device, reader).status, 204);
  TestDevice impostor = reader_of(8);
  impostor.id = reader.id;
  EXPECT_EQ(cluster.exchange(impostor, nonce()).status, 401) << "another key under the same id";
  const std::string once = nonce();
  EXPECT_EQ(cluster.exchange(reader, once).status, 200);
  const Answered again = cluster.exchange(reader, once);
  EXPECT_EQ(again.status, 401);
  EXPECT_EQ(again.code(), "nonce-used");
}

TEST_F(RecoveryAccessTest, ReadsTheVaultOfWhoNamedIt) {
  TestDevice other = cluster.make_device(partner);
  TestDevice reader = reader_of(7);
  ASSERT_EQ(confirm(device, reader).status, 204);
  const Answered taken = confirm(other, reader);
  EXPECT_EQ(taken.status, 409) << taken.text;
  EXPECT_EQ(taken.code(), "access-key-exists");
  const std::string key = reader_of(9).key.public_key().text();
  EXPECT_EQ(cluster
                .call("POST", vault_path(device, "/recovery"), other.token,
                      {{"confirmed", true}, {"access_key", key}})
                .status,
            404)
      << "another's vault";
  EXPECT_EQ(cluster
                .call("POST", vault_path(device, "/recovery"), device.token,
                      {{"confirmed", true}, {"access_key", std::string(64, '0')}})
                .status,
            422);
}

TEST_F(RecoveryAccessTest, EndsWithTheCustomer) {
  TestDevice reader = reader_of(7);
  ASSERT_EQ(confirm(device, reader).status, 204);
  cluster.get_access_token(reader);
  ASSERT_EQ(cluster.call("DELETE", "/api/v1/customers/" + partner.customer.text(), partner.session)
                .status,
            204);
  EXPECT_EQ(heads(device, reader.token).status, 404);
  const std::string nonce = cluster.call("GET", "/api/v1/nonce", "").body.value("nonce", "");
  EXPECT_EQ(cluster.exchange(reader, nonce).status, 404);
}

}  // namespace
}  // namespace obhut::cluster::test
