// Device assertions, activation reports and receipts.
#include <gtest/gtest.h>

#include "agent/trust/assertion.h"
#include "agent/trust/jws.h"
#include "agent/trust/receipt.h"
#include "agent/trust/recovery_access.h"
#include "tests/trust/people.h"

namespace obhut::trust {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const Instant kNow = at("2026-06-01T12:00:00Z");
constexpr std::string_view kCluster = "https://backup.example";

Assertion assertion() {
  Assertion out;
  out.device = id_of<DeviceId>(0xD0);
  out.audience = kCluster;
  out.nonce = "n-123";
  out.issued = kNow;
  out.expires = kNow + minutes{2};
  out.id = "j-1";
  return out;
}

TEST(Assertion, ProvesDeviceAudienceAndNonce) {
  const crypto::SigningKey key = key_of(9);
  const std::string text = make_assertion(assertion(), key);

  EXPECT_EQ(claimed_device(text).value(), id_of<DeviceId>(0xD0));
  const Result<Assertion> read =
      read_assertion(text, key.public_key(), kCluster, kNow + seconds{30});

  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->nonce, "n-123");
  EXPECT_EQ(read->id, "j-1");
  EXPECT_EQ(read->expires, kNow + minutes{2});
}

TEST(Assertion, IsRefusedForAnotherKeyAudienceOrTime) {
  const crypto::SigningKey key = key_of(9);
  const std::string text = make_assertion(assertion(), key);
  Assertion endless = assertion();
  endless.expires = kNow + minutes{6};
  Assertion backwards = assertion();
  backwards.expires = kNow;

  const auto kind = [&](const std::string& one, const SigningKeyId& by, std::string_view audience,
                        Instant now) {
    return read_assertion(one, by, audience, now).error().kind;
  };
  EXPECT_EQ(kind(text, key_of(10).public_key(), kCluster, kNow), ErrorKind::kRefused);
  EXPECT_EQ(kind(text, key.public_key(), "https://other.example", kNow), ErrorKind::kRefused);
  EXPECT_EQ(kind(text, key.public_key(), kCluster, kNow + minutes{4}), ErrorKind::kRefused);
  EXPECT_EQ(kind(text, key.public_key(), kCluster, kNow - minutes{3}), ErrorKind::kRefused);
  EXPECT_EQ(kind(make_assertion(endless, key), key.public_key(), kCluster, kNow),
            ErrorKind::kRefused);
  EXPECT_EQ(kind(make_assertion(backwards, key), key.public_key(), kCluster, kNow),
            ErrorKind::kRefused);
}

TEST(Assertion, IsRefusedInOtherShapes) {
  const crypto::SigningKey key = key_of(9);
  const std::string device(32, 'd');
  const std::string other(32, 'e');
  const std::string payloads[] = {
      "{}",
      "[]",
      "",
      R"({"iss":")" + device + R"(","sub":")" + other +
          R"(","aud":"a","nonce":"n","iat":1,"exp":2,"jti":"j"})",
      R"({"iss":")" + device + R"(","sub":")" + device +
          R"(","aud":["a"],"nonce":"n","iat":1,"exp":2,"jti":"j"})",
      R"({"iss":")" + device + R"(","sub":")" + device +
          R"(","aud":"a","nonce":"n","iat":-1,"exp":2,"jti":"j"})",
      R"({"iss":")" + device + R"(","sub":")" + device +
          R"(","aud":"a","nonce":"n","iat":1,"exp":18446744073709551615,"jti":"j"})",
      R"({"iss":")" + device + R"(","sub":")" + device +
          R"(","aud":"a","nonce":"n","iat":1,"exp":2,"jti":"j","admin":true})",
  };
  for (const std::string& payload : payloads) {
    const std::string text = sign_compact(key, kAssertionType, payload);
    EXPECT_FALSE(read_assertion(text, key.public_key(), "a", kNow)) << payload;
    EXPECT_FALSE(claimed_device(text)) << payload;
  }
  EXPECT_FALSE(claimed_device(std::string(5000, 'a')));
}

ActivationReport report() {
  ActivationReport out;
  out.device = id_of<DeviceId>(0xD0);
  out.partner = id_of<PartnerId>(0xA0);
  out.customer = id_of<CustomerId>(0xC0);
  out.token_hash = id_of<Sha256>(0x70);
  out.kind = "server";
  out.installed_at = kNow + std::chrono::microseconds{123456};
  out.hardware = id_of<Sha256>(0x11);
  return out;
}

// The value was computed by Python's cryptography.
TEST(RecoveryAccess, ComesOfTheRecoveryKeyAlone) {
  Bytes key(32);
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(recovery_access_key(key).public_key().text(),
            "ddca6c8faebbfad999e0b07caaf5247a7bef550187f3561f9c3a2d7a057335a8");
  key[31] ^= 1U;
  EXPECT_NE(recovery_access_key(key).public_key().text(),
            "ddca6c8faebbfad999e0b07caaf5247a7bef550187f3561f9c3a2d7a057335a8");
}

TEST(Activation, ProvesThatTheDeviceHoldsItsKeyAndKeepsMicroseconds) {
  const crypto::SigningKey key = key_of(9);

  const Result<ActivationReport> read = read_activation(make_activation(report(), key));

  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->device_key, key.public_key());
  EXPECT_EQ(read->installed_at, report().installed_at);
  EXPECT_EQ(read->hardware, report().hardware);
  EXPECT_EQ(make_activation(report(), key), make_activation(report(), key))
      << "sent again, same bytes";
}

TEST(Activation, IsRefusedWithAnotherTypeOrChanged) {
  const crypto::SigningKey key = key_of(9);
  std::string text = make_activation(report(), key);
  text[text.size() / 2] = text[text.size() / 2] == 'A' ? 'B' : 'A';

  EXPECT_FALSE(read_activation(text));
  EXPECT_FALSE(read_activation(make_assertion(assertion(), key)));
}

TEST(Receipt, CountersignsActivationsAndCommits) {
  const crypto::SigningKey cluster = key_of(20);
  Receipt activation;
  activation.device = id_of<DeviceId>(0xD0);
  activation.received_at = kNow + seconds{5};
  activation.subject = id_of<Sha256>(0x51);
  activation.workload = "w-1";
  activation.activated_at = kNow;
  activation.clock = ClockSource::kReceipt;
  Receipt commit;
  commit.kind = ReceiptKind::kCommit;
  commit.device = activation.device;
  commit.received_at = kNow;
  commit.subject = id_of<Sha256>(0x52);
  commit.vault = id_of<VaultId>(0xBA);
  commit.head = id_of<Sha256>(0x53);
  commit.sequence = 41;

  for (const Receipt& one : {activation, commit}) {
    const std::string text = make_receipt(one, cluster);
    EXPECT_EQ(read_receipt(text, cluster.public_key()).value(), one);
    EXPECT_EQ(read_receipt(text, key_of(21).public_key()).error().kind, ErrorKind::kRefused);
  }
}

TEST(Receipt, IsRefusedWhereAMemberOfTheOtherKindIsInIt) {
  const crypto::SigningKey cluster = key_of(20);
  Receipt commit;
  commit.kind = ReceiptKind::kCommit;
  std::string payload = open_compact(make_receipt(commit, cluster), kReceiptType)->payload;
  payload.insert(1, R"("workload":"w-1",)");

  EXPECT_FALSE(read_receipt(sign_compact(cluster, kReceiptType, payload), cluster.public_key()));
  EXPECT_FALSE(read_receipt(
      sign_compact(cluster, kReceiptType, R"({"schema":"obhut.receipt/1","kind":"gift"})"),
      cluster.public_key()));
}

}  // namespace
}  // namespace obhut::trust
