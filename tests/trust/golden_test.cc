// The bytes of every signed document, from fixed keys. Where one of these changes, endpoints and
// partners that are out there no longer understand each other. tests/data/trust/README.md says how
// they were made.
#include <array>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "agent/crypto/digest.h"
#include "agent/trust/assertion.h"
#include "agent/trust/device_id.h"
#include "agent/trust/envelope.h"
#include "agent/trust/escrow.h"
#include "agent/trust/grant.h"
#include "agent/trust/measurement.h"
#include "agent/trust/receipt.h"
#include "agent/trust/token.h"
#include "tests/trust/people.h"

namespace obhut::trust {
namespace {

const Instant kNow = at("2026-06-01T12:00:00Z");
constexpr const char* kPlan =
    R"({"name":"Golden","schedule":{"rrule":"FREQ=DAILY;BYHOUR=2","time_zone":"Europe/Berlin"},)"
    R"("schema":"obhut.plan/1","sources":[{"paths":["/srv/data"],"type":"files"}],)"
    R"("targets":[{"type":"cluster"}]})";

std::string golden(const std::string& name) {
  std::ifstream stream("tests/data/trust/" + name);
  std::stringstream text;
  text << stream.rdbuf();
  std::string out = text.str();
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

std::string trust_list() {
  const Partner partner;
  TrustList list = partner.list(3);
  list.expires = at("2027-02-01T00:00:00Z");
  list.revoked = {key_of(5).public_key()};
  list.successor = key_of(6).public_key();
  return make_trust_list(list, partner.root);
}

RegistrationToken token() {
  const Partner partner;
  return {partner.id,
          partner.customer,
          "https://backup.example",
          id_of<Sha256>(0xCA),
          partner.root.public_key(),
          Bytes(32, 7),
          "server",
          kNow,
          kNow + std::chrono::hours{24},
          3,
          make_trust_list(partner.list(), partner.root)};
}

std::string envelope() {
  const Partner partner;
  const std::array signers = {&partner.anna, &partner.bert};
  return make_envelope({partner.id, id_of<DeviceId>(0xD0), 7, kNow, kNow + std::chrono::hours{720},
                        kNow + std::chrono::hours{72}, kPlan},
                       signers);
}

RestoreGrant restore_grant() {
  return {id_of<GrantId>(0x6A),
          id_of<PartnerId>(0xA0),
          id_of<DeviceId>(0xD0),
          id_of<VaultId>(0xBA),
          {*model::RelPath::parse("home/anna"), model::RelPath()},
          "bert",
          {DestinationRule::kFolder, "/home/bert/back"},
          kNow,
          kNow + std::chrono::hours{24},
          "ticket 4711"};
}

std::string receipt(ReceiptKind kind) {
  Receipt out;
  out.kind = kind;
  out.device = id_of<DeviceId>(0xD0);
  out.received_at = kNow;
  out.subject = id_of<Sha256>(0x51);
  out.workload = "w-1";
  out.activated_at = kNow;
  out.vault = id_of<VaultId>(0xBA);
  out.head = id_of<Sha256>(0x53);
  out.sequence = 41;
  out.customer = "K-1001";
  out.location = "provider";
  out.day = "2026-03-05";
  out.bytes = 123'456'789'012;
  return make_receipt(out, key_of(20));
}

EscrowRequest escrow_request() {
  return {device_id_of(key_of(9).public_key()),
          id_of<PartnerId>(0xA0),
          id_of<VaultId>(0xBA),
          id_of<crypto::ExchangeKeyId>(0xEC),
          kNow,
          {Bytes(200, 0x51), Bytes(201, 0x52)}};
}

TEST(GoldenDocuments, AreWrittenByteForByteAsEver) {
  const std::string token_text = make_token(token(), key_of(4));
  const ActivationReport report{id_of<DeviceId>(0xD0),
                                {},
                                id_of<PartnerId>(0xA0),
                                id_of<CustomerId>(0xC0),
                                id_of<Sha256>(0x70),
                                "server",
                                kNow,
                                id_of<Sha256>(0x11)};
  const Assertion assertion{id_of<DeviceId>(0xD0),
                            "https://backup.example",
                            "n-123",
                            kNow,
                            kNow + std::chrono::minutes{2},
                            "j-1"};

  EXPECT_EQ(trust_list(), golden("trust.json"));
  EXPECT_EQ(token_text, golden("token.jws"));
  EXPECT_EQ(make_registration(token(), token_text, key_of(4)), golden("registration.jws"));
  RegistrationToken instead = token();
  instead.uses = 1;
  instead.replaces = id_of<DeviceId>(0xD0);
  const std::string instead_text = make_token(instead, key_of(1));
  EXPECT_EQ(instead_text, golden("token-replaces.jws"));
  EXPECT_EQ(make_registration(instead, instead_text, key_of(1)),
            golden("registration-replaces.jws"));
  EXPECT_EQ(make_assertion(assertion, key_of(9)), golden("assertion.jws"));
  Assertion of_a_process = assertion;
  of_a_process.instance = id_of<InstanceId>(0x1A);
  EXPECT_EQ(make_assertion(of_a_process, key_of(9)), golden("assertion-instance.jws"));
  EXPECT_EQ(make_measurement({id_of<DeviceId>(0xD0), id_of<VaultId>(0xBA), 7, 123'456'789, kNow},
                             key_of(9)),
            golden("measurement.jws"));
  EXPECT_EQ(make_activation(report, key_of(9)), golden("activation.jws"));
  EXPECT_EQ(make_escrow_request(escrow_request(), key_of(9)), golden("escrow-request.jws"));
  EXPECT_EQ(
      make_escrow_answer({crypto::sha256(as_bytes(golden("escrow-request.jws"))), Bytes(48, 0x5E)}),
      golden("escrow-answer.json"));
  EXPECT_EQ(receipt(ReceiptKind::kActivation), golden("receipt-activation.jws"));
  EXPECT_EQ(receipt(ReceiptKind::kCommit), golden("receipt-commit.jws"));
  EXPECT_EQ(receipt(ReceiptKind::kStorage), golden("receipt-storage.jws"));
  EXPECT_EQ(envelope(), golden("envelope.json"));
  EXPECT_EQ(make_grant(restore_grant(), key_of(7)), golden("grant.jws"));
}

TEST(GoldenDocuments, AreReadAsEver) {
  EXPECT_EQ(read_trust_list(golden("trust.json")).value().serial, 3U);
  EXPECT_EQ(read_token(golden("token.jws"), kNow).value().token.kind, "server");
  EXPECT_EQ(read_token(golden("token.jws"), kNow).value().token.replaces, std::nullopt);
  EXPECT_EQ(read_token(golden("token-replaces.jws"), kNow).value().token.replaces,
            id_of<DeviceId>(0xD0));
  EXPECT_EQ(read_assertion(golden("assertion.jws"), key_of(9).public_key(),
                           "https://backup.example", kNow)
                .value()
                .nonce,
            "n-123");
  EXPECT_EQ(read_assertion(golden("assertion-instance.jws"), key_of(9).public_key(),
                           "https://backup.example", kNow)
                .value()
                .instance,
            id_of<InstanceId>(0x1A));
  const auto measurement = read_measurement(golden("measurement.jws"), key_of(9).public_key());
  ASSERT_TRUE(measurement) << measurement.error().message;
  EXPECT_EQ(measurement->number, 7U);
  EXPECT_EQ(measurement->bytes, 123'456'789U);
  EXPECT_EQ(read_measurement(golden("measurement.jws"), key_of(8).public_key()).error().kind,
            ErrorKind::kRefused);
  EXPECT_EQ(read_activation(golden("activation.jws")).value().installed_at, kNow);
  EXPECT_EQ(read_receipt(golden("receipt-commit.jws"), key_of(20).public_key()).value().sequence,
            41U);
  const Result<SignedEscrowRequest> asked = read_escrow_request(golden("escrow-request.jws"));
  ASSERT_TRUE(asked) << asked.error().message;
  EXPECT_EQ(asked->request.slots[1], Bytes(201, 0x52));
  EXPECT_EQ(fingerprint_of(asked->hash), golden("escrow-fingerprint.txt"));
  EXPECT_EQ(read_escrow_answer(golden("escrow-answer.json")).value().request, asked->hash);
  const Result<SignedEnvelope> read = read_envelope(golden("envelope.json"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->envelope.version, 7U);
  EXPECT_EQ(read->signers.size(), 2U);
  const auto grant = read_grant(golden("grant.jws"));
  ASSERT_TRUE(grant) << grant.error().message;
  EXPECT_EQ(grant->grant.scope.size(), 2U);
  EXPECT_EQ(grant->grant.destination.folder, "/home/bert/back");
  EXPECT_EQ(grant->grant.account, "bert");
}

}  // namespace
}  // namespace obhut::trust
