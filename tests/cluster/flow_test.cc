// The way of one device: enrolment, access, plan, upload, commit, restore; and what each step
// refuses.

#include <algorithm>
#include <future>

#include <gtest/gtest.h>

#include "agent/base/time_text.h"
#include "agent/crypto/digest.h"
#include "agent/crypto/random.h"
#include "tests/cluster/test_cluster.h"

namespace obhut::cluster::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

class Flow : public ::testing::Test {
 protected:
  TestCluster cluster;
  TestPartner partner = cluster.make_partner("alpha");
  std::string vault_path(const TestDevice& device) {
    return "/api/v1/device/vaults/" + device.vault.text();
  }
  std::vector<json> events() {
    std::vector<json> all;
    const Answered answered =
        cluster.call("GET", "/api/v1/partners/" + partner.id.text() + "/ledger", partner.session);
    for (const json& row : answered.body["rows"]) all.push_back(row["event"]);
    return all;
  }
};

TEST_F(Flow, ADeviceEnrolsBacksUpAndReadsBack) {
  TestDevice device = cluster.make_device(partner);
  const TestObject pack = cluster.make_object(model::ObjectKind::kPack, 700'000);
  const TestObject index = cluster.make_object(model::ObjectKind::kIndex, 3'000);

  const Answered committed = cluster.back_up(device, {pack, index});

  ASSERT_EQ(committed.status, 201) << committed.text;
  const auto receipt = trust::read_receipt(committed.body["receipt"].get<std::string>(),
                                           cluster.cluster->state().cluster_key.public_key());
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_EQ(receipt->head, device.head);
  EXPECT_EQ(receipt->sequence, 1u);

  const Answered downloads =
      cluster.call("POST", vault_path(device) + "/downloads", device.token,
                   {{"objects", {{{"kind", "pack"}, {"sha256", pack.name.hash.text()}}}}});
  ASSERT_EQ(downloads.status, 200) << downloads.text;
  const std::string url = path_of(downloads.body["downloads"][0]["url"]);
  EXPECT_EQ(cluster.call_raw("GET", url, "", "").text, pack.bytes);
  const Answered part = cluster.call_raw("GET", url, "", "", {{"Range", "bytes=100-299"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.text, pack.bytes.substr(100, 200));
  EXPECT_EQ(cluster.call_raw("GET", url, "", "", {{"Range", "bytes=700000-"}}).status, 416);

  const Answered heads = cluster.call("GET", vault_path(device) + "/heads", device.token);
  ASSERT_EQ(heads.body["heads"].size(), 1u);
  const Answered head = cluster.call_raw("GET", vault_path(device) + "/heads/" + device.head.text(),
                                         device.token, "");
  EXPECT_EQ(crypto::sha256(as_bytes(head.text)), device.head);
}

TEST_F(Flow, EnrolmentIsIdempotentForAKeyAndCountsOneUse) {
  const std::string token = cluster.make_token(partner, 1);
  const TestDevice device = cluster.prepare_device(partner, token, crypto::random_id<Sha256>(),
                                                   cluster.clock.now() - 1min);
  const Answered first = cluster.enrol(device);
  const Answered again = cluster.enrol(device);
  ASSERT_EQ(first.status, 201) << first.text;
  EXPECT_EQ(again.status, 200) << again.text;
  EXPECT_EQ(first.body["receipt"], again.body["receipt"]);
  const Answered tokens = cluster.call(
      "GET", "/api/v1/customers/" + partner.customer.text() + "/tokens", partner.session);
  EXPECT_EQ(tokens.body["tokens"][0]["used"], 1);
}

TEST_F(Flow, EnrolmentRefusesTokensThatAreUnknownUsedUpExpiredOrRevoked) {
  const auto try_with = [&](const std::string& token) {
    return cluster
        .enrol(cluster.prepare_device(partner, token, crypto::random_id<Sha256>(),
                                      cluster.clock.now()))
        .code();
  };
  EXPECT_EQ(try_with("made.up.token"), "token-unknown");
  const std::string once = cluster.make_token(partner, 1);
  EXPECT_EQ(try_with(once), "");
  EXPECT_EQ(try_with(once), "token-used-up");
  const std::string revoked = cluster.make_token(partner, 5);
  const std::string path = "/api/v1/customers/" + partner.customer.text() + "/tokens/" +
                           crypto::sha256(as_bytes(revoked)).text();
  EXPECT_EQ(cluster.call("DELETE", path, partner.session).status, 204);
  EXPECT_EQ(try_with(revoked), "token-revoked");
  const std::string old = cluster.make_token(partner, 5, 1h);
  cluster.clock.move(2h);
  EXPECT_EQ(try_with(old), "token-expired");
}

TEST_F(Flow, AnActivationOfAnotherKeyOrTokenIsRefused) {
  TestDevice device = cluster.prepare_device(partner, cluster.make_token(partner, 2),
                                             crypto::random_id<Sha256>(), cluster.clock.now());
  TestDevice other = cluster.prepare_device(partner, cluster.make_token(partner, 2),
                                            crypto::random_id<Sha256>(), cluster.clock.now());
  std::swap(device.activation, other.activation);
  EXPECT_EQ(cluster.enrol(device).code(), "activation-mismatch") << "another key's";
  std::swap(device.activation, other.activation);
  std::swap(device.registration_token, other.registration_token);
  EXPECT_EQ(cluster.enrol(device).code(), "activation-mismatch") << "another token's";
}

// BILLING.md rule 10.
TEST_F(Flow, TheActivationDateIsTheEndpointsWhereItCanBeTrue) {
  const std::string token = cluster.make_token(partner, 4);
  const auto clock_of = [&](Instant installed) {
    const TestDevice device =
        cluster.prepare_device(partner, token, crypto::random_id<Sha256>(), installed);
    const Answered enrolled = cluster.enrol(device);
    const auto receipt = trust::read_receipt(enrolled.body["receipt"].get<std::string>(),
                                             cluster.cluster->state().cluster_key.public_key());
    return std::pair(receipt->clock, receipt->activated_at);
  };
  cluster.clock.move(30min);
  const Instant good = cluster.clock.now() - 10min;
  EXPECT_EQ(clock_of(good), std::pair(trust::ClockSource::kEndpoint, good));
  EXPECT_EQ(clock_of(cluster.clock.now() - 48h).first, trust::ClockSource::kReceipt)
      << "back-dated to before the token";
  EXPECT_EQ(clock_of(cluster.clock.now() + 48h).first, trust::ClockSource::kReceipt)
      << "two days ahead";
  EXPECT_EQ(clock_of(cluster.clock.now() - 40min).first, trust::ClockSource::kReceipt)
      << "after the token was made, before the customer lived";
  int endpoint = 0;
  for (const json& event : events()) {
    if (event["type"] == "workload.activated" && event["clock"] == "endpoint") ++endpoint;
  }
  EXPECT_EQ(endpoint, 1);
}

// BILLING.md rule 5.
TEST_F(Flow, AReinstallationIsTheSameWorkloadUntilBothLive) {
  const std::string token = cluster.make_token(partner, 2);
  const Sha256 hardware = crypto::random_id<Sha256>();
  TestDevice first = cluster.prepare_device(partner, token, hardware, cluster.clock.now() - 2min);
  TestDevice second = cluster.prepare_device(partner, token, hardware, cluster.clock.now() - 1min);
  const Answered one = cluster.enrol(first);
  const Answered two = cluster.enrol(second);
  EXPECT_EQ(one.body["workload"], two.body["workload"]);
  cluster.get_access_token(second);
  const auto activations = [&] {
    int n = 0;
    for (const json& event : events()) n += event["type"] == "workload.activated" ? 1 : 0;
    return n;
  };
  EXPECT_EQ(activations(), 1);

  cluster.get_access_token(first);  // the old installation lives after all: a cloned image

  EXPECT_EQ(activations(), 2);
  const Answered alerts =
      cluster.call("GET", "/api/v1/devices/" + first.id.text() + "/alerts", partner.session);
  EXPECT_EQ(alerts.body["alerts"][0]["code"], "cloned-device");
}

TEST_F(Flow, AssertionsNeedOneOfOurNoncesOnce) {
  TestDevice device = cluster.make_device(partner);
  const std::string nonce = cluster.call("GET", "/api/v1/nonce", "").body["nonce"];
  EXPECT_EQ(cluster.exchange(device, nonce).status, 200);
  EXPECT_EQ(cluster.exchange(device, nonce).code(), "nonce-used");
  EXPECT_EQ(cluster.exchange(device, "made-up").code(), "nonce-unknown");
  const std::string old = cluster.call("GET", "/api/v1/nonce", "").body["nonce"];
  cluster.clock.move(6min);
  EXPECT_EQ(cluster.exchange(device, old).code(), "nonce-unknown");
  TestDevice thief = cluster.prepare_device(partner, "x", Sha256{}, cluster.clock.now());
  thief.id = device.id;
  const std::string fresh = cluster.call("GET", "/api/v1/nonce", "").body["nonce"];
  EXPECT_EQ(cluster.exchange(thief, fresh).code(), "invalid-assertion") << "another key";
}

TEST_F(Flow, AccessTokensExpireAndCannotBeMadeUp) {
  TestDevice device = cluster.make_device(partner);
  std::string forged = device.token;
  forged[10] = forged[10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(cluster.call("GET", "/api/v1/device", forged).status, 401);
  EXPECT_EQ(cluster.call("GET", "/api/v1/device", partner.session).status, 401)
      << "a person is no device";
  EXPECT_EQ(cluster.call("GET", "/api/v1/partners", device.token).status, 401)
      << "a device is no person";
  cluster.clock.move(61min);
  EXPECT_EQ(cluster.call("GET", "/api/v1/device", device.token).status, 401);
}

TEST_F(Flow, APlanReachesAWaitingPollAtOnce) {
  TestDevice device = cluster.make_device(partner);
  const auto begin = std::chrono::steady_clock::now();
  auto poll = std::async(std::launch::async, [&] {
    return cluster.call("GET", "/api/v1/device/plan?after=0&wait=30", device.token);
  });
  std::this_thread::sleep_for(300ms);
  const std::string plans = "/api/v1/devices/" + device.id.text() + "/plans";
  const std::string envelope = cluster.plan_envelope(partner, device.id, 1, {.keep_last = 3});
  const Answered published = cluster.call_raw("POST", plans, partner.session, envelope,
                                              {{"Content-Type", "application/json"}});
  ASSERT_EQ(published.status, 201) << published.text;

  const Answered polled = poll.get();
  EXPECT_EQ(polled.status, 200) << polled.text;
  EXPECT_EQ(polled.body["version"], 1);
  EXPECT_EQ(polled.body["envelope"], envelope);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  EXPECT_EQ(cluster.call("GET", "/api/v1/device/plan?after=1", device.token).status, 204);
  EXPECT_EQ(cluster.call("GET", "/api/v1/device/plan?after=1&wait=1", device.token).status, 204);
}

TEST_F(Flow, PlansAreRefusedByTheWordOfTheGate) {
  TestDevice device = cluster.make_device(partner);
  TestDevice other = cluster.make_device(partner);
  const std::string plans = "/api/v1/devices/" + device.id.text() + "/plans";
  const auto publish = [&](const std::string& envelope) {
    return cluster.call_raw("POST", plans, partner.session, envelope,
                            {{"Content-Type", "application/json"}});
  };
  const std::string good = cluster.plan_envelope(partner, device.id, 2, {.keep_last = 3});
  EXPECT_EQ(publish(good).status, 201);
  EXPECT_EQ(publish(good).status, 200) << "repeated";
  EXPECT_EQ(publish(cluster.plan_envelope(partner, device.id, 1, {.keep_last = 3})).code(),
            "older-version");
  EXPECT_EQ(publish(cluster.plan_envelope(partner, other.id, 3, {.keep_last = 3})).code(),
            "other-device");
  EXPECT_EQ(publish(cluster.plan_envelope(partner, device.id, 3, {.keep_last = 1})).code(),
            "needs-two-operators")
      << "cutting retention";
  EXPECT_EQ(publish("{}").code(), "unsigned");
  EXPECT_EQ(publish("plan").code(), "malformed-envelope");
  TestPartner stranger = cluster.make_partner("beta");
  EXPECT_NE(publish(cluster.plan_envelope(stranger, device.id, 3, {.keep_last = 3})).status, 201);
  EXPECT_EQ(cluster.call("GET", plans, partner.session).body["version"], 2)
      << "the last good plan stays";
}

TEST_F(Flow, UploadsAreWhatTheirTicketsSayOnce) {
  TestDevice device = cluster.make_device(partner);
  const TestObject object = cluster.make_object(model::ObjectKind::kPack, 5000);
  const json ticket = cluster.ticket(device, object);
  ASSERT_EQ(ticket["state"], "upload");
  const std::string url = path_of(ticket["url"]);
  const auto put = [&](const std::string& target, std::string_view body) {
    return cluster.call_raw("PUT", target, "", body,
                            {{"Content-Type", "application/octet-stream"}});
  };
  EXPECT_EQ(put(url, object.bytes.substr(1)).code(), "wrong-length");
  EXPECT_EQ(put(url, object.bytes + "x").code(), "wrong-length");
  EXPECT_EQ(put(url, std::string(5000, 'x')).code(), "wrong-content");
  EXPECT_EQ(put(url + "0", object.bytes).code(), "bad-url");
  std::string other_key = url;
  other_key[other_key.find('.') + 1] = other_key[other_key.find('.') + 1] == 'a' ? 'b' : 'a';
  EXPECT_EQ(put(other_key, object.bytes).code(), "bad-url");
  EXPECT_EQ(cluster.call_raw("GET", url, "", "").code(), "bad-url") << "another method";
  EXPECT_EQ(cluster.call_raw("DELETE", url, "", "").status, 405);
  EXPECT_EQ(cluster.call_raw("POST", url, "", object.bytes).status, 405);
  EXPECT_EQ(
      cluster
          .call_raw("PUT", url, "", "5\r\nhello\r\n0\r\n\r\n", {{"Transfer-Encoding", "chunked"}})
          .code(),
      "length-required");

  EXPECT_EQ(put(url, object.bytes).status, 201);
  EXPECT_EQ(put(url, object.bytes).status, 200) << "the answer was lost, perhaps";
  EXPECT_EQ(cluster.ticket(device, object)["state"], "stored");
  const Answered listed = cluster.call(
      "GET", vault_path(device) + "/objects?kind=pack&state=uncommitted", device.token);
  ASSERT_EQ(listed.body["objects"].size(), 1u);
  EXPECT_EQ(listed.body["objects"][0]["size"], 5000);

  const TestObject late = cluster.make_object(model::ObjectKind::kPack, 100);
  const std::string late_url = path_of(cluster.ticket(device, late)["url"]);
  cluster.clock.move(61min);
  EXPECT_EQ(put(late_url, late.bytes).code(), "bad-url") << "expired";
}

TEST_F(Flow, CommitsAreRefusedByName) {
  TestDevice device = cluster.make_device(partner);
  const TestObject pack = cluster.make_object(model::ObjectKind::kPack, 1000);
  const TestObject absent = cluster.make_object(model::ObjectKind::kPack, 1000);
  ASSERT_EQ(cluster.upload(device, pack), 201);

  const Answered unknown =
      cluster.commit(device, cluster.make_head(device, {{pack.name, 1000}, {absent.name, 1000}}));
  EXPECT_EQ(unknown.code(), "unknown-pack");
  ASSERT_EQ(unknown.body["objects"].size(), 1u);
  EXPECT_EQ(unknown.body["objects"][0]["sha256"], absent.name.hash.text());
  EXPECT_EQ(cluster.commit(device, cluster.make_head(device, {{pack.name, 999}})).code(),
            "wrong-size");

  Bytes flipped = cluster.make_head(device, {{pack.name, 1000}});
  flipped.back() ^= 1;
  EXPECT_EQ(cluster.commit(device, flipped).code(), "bad-signature");
  EXPECT_EQ(cluster.commit(device, Bytes(100, 1)).code(), "malformed-head");

  TestDevice foreign = cluster.make_device(partner);
  foreign.token = device.token;
  EXPECT_EQ(cluster.commit(foreign, cluster.make_head(foreign, {})).status, 422)
      << "another device's head under our token";

  ASSERT_EQ(cluster.back_up(device, {pack}).status, 201);
  TestDevice behind;
  behind.id = device.id;
  behind.key = device.key.clone();
  behind.vault = device.vault;
  behind.token = device.token;
  EXPECT_EQ(cluster.commit(behind, cluster.make_head(behind, {})).code(), "forked")
      << "a second first head: two commits on one parent";
  behind.sequence = 4;
  behind.head = crypto::random_id<Sha256>();
  const Answered stale = cluster.commit(behind, cluster.make_head(behind, {}, true));
  EXPECT_EQ(stale.code(), "stale-parent");
  EXPECT_EQ(stale.body["head"], device.head.text());
  const Answered alerts =
      cluster.call("GET", "/api/v1/devices/" + device.id.text() + "/alerts", partner.session);
  EXPECT_EQ(alerts.body["alerts"][0]["code"], "forked-vault");
}

TEST_F(Flow, TheSameHeadAgainGivesTheSameReceiptAndNoNewEvent) {
  TestDevice device = cluster.make_device(partner);
  const TestObject pack = cluster.make_object(model::ObjectKind::kPack, 1000);
  cluster.upload(device, pack);
  const Bytes head = cluster.make_head(device, {{pack.name, 1000}});
  const Answered first = cluster.commit(device, head);
  const std::size_t before = events().size();
  const Answered again = cluster.commit(device, head);
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(first.body, again.body);
  EXPECT_EQ(events().size(), before);
}

TEST_F(Flow, AnEscrowSlotMakesAVaultRecoverable) {
  TestDevice device = cluster.make_device(partner);
  const auto recoverable = [&] {
    return cluster.call("GET", "/api/v1/vaults/" + device.vault.text(), partner.session)
        .body["recoverable"]
        .get<bool>();
  };
  const auto slot = [&](char type) {
    TestObject object{{model::ObjectKind::kKey, {}},
                      std::string("OBHUTKEY\x01\x00", 10) + type + std::string(100, 'x')};
    object.name.hash = crypto::sha256(as_bytes(object.bytes));
    return object;
  };
  EXPECT_EQ(cluster.upload(device, slot('\x01')), 201);
  EXPECT_FALSE(recoverable()) << "a slot that only the machine opens";
  EXPECT_EQ(cluster.upload(device, slot('\x04')), 201);
  EXPECT_TRUE(recoverable());
}

TEST_F(Flow, ReportsTakeWordsAndNumbersOnly) {
  TestDevice device = cluster.make_device(partner);
  const json good = {{{"id", "a1"},
                      {"kind", "backup"},
                      {"started", "2026-01-01T00:00:00Z"},
                      {"finished", nullptr},
                      {"outcome", "running"},
                      {"counts", {{"files", 12}}}}};
  EXPECT_EQ(cluster.call("POST", "/api/v1/device/activities", device.token, good).status, 204);
  json named = good;
  named[0]["kind"] = "/home/anna/diary.txt";
  EXPECT_EQ(cluster.call("POST", "/api/v1/device/activities", device.token, named).status, 422);
  json text = good;
  text[0]["counts"]["files"] = "diary";
  EXPECT_EQ(cluster.call("POST", "/api/v1/device/activities", device.token, text).status, 422);
  json ended = good;
  ended[0]["outcome"] = "done";
  ended[0]["finished"] = "2026-01-01T00:10:00Z";
  EXPECT_EQ(cluster.call("POST", "/api/v1/device/activities", device.token, ended).status, 204);
  const Answered shown =
      cluster.call("GET", "/api/v1/devices/" + device.id.text() + "/activities", partner.session);
  ASSERT_EQ(shown.body["activities"].size(), 1u);
  EXPECT_EQ(shown.body["activities"][0]["outcome"], "done");
  const json alert = {{{"id", "x"},
                       {"code", "no-backup"},
                       {"severity", "warning"},
                       {"since", "2026-01-01T00:00:00+02:00"}}};
  EXPECT_EQ(cluster.call("POST", "/api/v1/device/alerts", device.token, alert).status, 204);
  json ours = alert;
  ours[0]["id"] = "cluster-forked-vault";
  EXPECT_EQ(cluster.call("POST", "/api/v1/device/alerts", device.token, ours).status, 422);
}

TEST_F(Flow, ARemovedDeviceIsToldSoEverywhere) {
  TestDevice device = cluster.make_device(partner);
  ASSERT_EQ(cluster.back_up(device, {cluster.make_object(model::ObjectKind::kPack, 100)}).status,
            201);
  auto poll = std::async(std::launch::async, [&] {
    return cluster.call("GET", "/api/v1/device/plan?after=0&wait=30", device.token);
  });
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(cluster.call("DELETE", "/api/v1/devices/" + device.id.text(), partner.session).status,
            204);
  EXPECT_EQ(poll.get().code(), "removed") << "also a poll that waits";
  EXPECT_EQ(cluster.call("GET", "/api/v1/device", device.token).code(), "removed");
  EXPECT_EQ(cluster.enrol(device).code(), "removed");
  EXPECT_EQ(events().back()["type"], "workload.removed");
  EXPECT_EQ(
      cluster.call("GET", "/api/v1/vaults/" + device.vault.text() + "/points", partner.session)
          .body["points"]
          .size(),
      1u)
      << "its recovery points stay";
}

TEST_F(Flow, RepeatedWritesWithOneIdempotencyKeyAreOne) {
  const std::string path = "/api/v1/partners/" + partner.id.text() + "/customers";
  const json body = {{"number", "K-7"}, {"mode", "per_gb"}};
  const HeaderList key = {{"Idempotency-Key", "abc"}};
  const Answered first = cluster.call("POST", path, partner.session, body, key);
  const Answered again = cluster.call("POST", path, partner.session, body, key);
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(first.body, again.body);
  EXPECT_EQ(
      cluster.call("POST", path, partner.session, {{"number", "K-8"}, {"mode", "per_gb"}}, key)
          .code(),
      "idempotency-key-reused");
  EXPECT_EQ(cluster.call("POST", path, partner.session, body).code(), "customer-exists");
}

// The process may die between any two statements: as long as all of them are one transaction, what
// counts is that the write goes where its answer cannot be kept.
TEST_F(Flow, AWriteWhoseAnswerCannotBeKeptIsNotDone) {
  const std::string path = "/api/v1/partners/" + partner.id.text() + "/customers";
  const json body = {{"number", "K-7"}, {"mode", "per_gb"}};
  const HeaderList key = {{"Idempotency-Key", "abc"}};
  const std::size_t before = events().size();
  ASSERT_TRUE(cluster.cluster->database().write([](sql::Session& session) {
    return session.exec("ALTER TABLE idempotency RENAME COLUMN created TO elsewhere");
  }));
  const Answered failed = cluster.call("POST", path, partner.session, body, key);
  ASSERT_TRUE(cluster.cluster->database().write([](sql::Session& session) {
    return session.exec("ALTER TABLE idempotency RENAME COLUMN elsewhere TO created");
  }));
  const std::size_t between = events().size();

  const Answered done = cluster.call("POST", path, partner.session, body, key);

  EXPECT_EQ(failed.status, 500) << failed.text;
  EXPECT_EQ(between, before) << "nothing in the ledger";
  EXPECT_EQ(done.status, 201) << done.text;
  EXPECT_EQ(events().size(), before + 1);
}

TEST_F(Flow, RefusalsAreAnsweredAgainAsTheyWere) {
  const std::string path = "/api/v1/partners/" + partner.id.text() + "/customers";
  const json taken = {{"number", partner.number}, {"mode", "per_gb"}};
  const HeaderList key = {{"Idempotency-Key", "abc"}};
  EXPECT_EQ(cluster.call("POST", path, partner.session, taken, key).code(), "customer-exists");
  ASSERT_EQ(cluster.call("DELETE", "/api/v1/customers/" + partner.customer.text(), partner.session)
                .status,
            204);

  EXPECT_EQ(cluster.call("POST", path, partner.session, taken, key).code(), "customer-exists")
      << "though the number is free now";
  EXPECT_EQ(cluster.call("POST", path, partner.session, taken).status, 201);
}

TEST_F(Flow, KeysAreTheCallersOwn) {
  const HeaderList key = {{"Idempotency-Key", "abc"}};
  const json body = {{"number", "K-7"}, {"mode", "per_gb"}};
  const TestPartner other = cluster.make_partner("beta");
  const auto path = [](const TestPartner& whose) {
    return "/api/v1/partners/" + whose.id.text() + "/customers";
  };
  const Answered first = cluster.call("POST", path(partner), partner.session, body, key);
  const Answered second = cluster.call("POST", path(other), other.session, body, key);
  EXPECT_EQ(first.status, 201) << first.text;
  EXPECT_EQ(second.status, 201) << second.text;
  EXPECT_NE(first.body["id"], second.body["id"]);
}

TEST_F(Flow, APartnersCancellationStandsInTheLedgerOnce) {
  const std::string path = "/api/v1/partners/" + partner.id.text() + "/cancellation";
  const HeaderList key = {{"Idempotency-Key", "abc"}};
  EXPECT_EQ(cluster.call("POST", path, partner.session, nullptr, key).status, 204);
  EXPECT_EQ(cluster.call("POST", path, partner.session, nullptr, key).status, 204);
  cluster.clock.move(1h);
  EXPECT_EQ(cluster.call("POST", path, partner.session).status, 204) << "without a key as well";
  const auto cancelled = std::ranges::count_if(
      events(), [](const json& event) { return event["type"] == "partner.cancelled"; });
  EXPECT_EQ(cancelled, 1);
}

TEST_F(Flow, LoginsAreThrottled) {
  const auto login = [&](const char* password) {
    return cluster.call("POST", "/api/v1/sessions", "",
                        {{"email", "alpha@example.org"}, {"password", password}});
  };
  cluster.clock.hold();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(login("wrong").status, 401);
  const Answered blocked = login("correct horse battery");
  EXPECT_EQ(blocked.status, 429);
  EXPECT_TRUE(blocked.headers.contains("retry-after"));
  cluster.clock.move(20min);
  EXPECT_EQ(login("correct horse battery").status, 200);
}

TEST_F(Flow, BillsComeFromTheLedger) {
  TestDevice device = cluster.make_device(partner);
  ASSERT_EQ(cluster.back_up(device, {cluster.make_object(model::ObjectKind::kPack, 1000)}).status,
            201);
  const std::string base = "/api/v1/partners/" + partner.id.text();
  const std::string month = cluster.running_month();
  EXPECT_EQ(cluster.call("GET", base + "/bills/" + month, partner.session).code(), "no-prices");
  const json prices = {{"currency", "EUR"},
                       {"time_zone", "Europe/Berlin"},
                       {"policies",
                        {{{"from", "2020-01"},
                          {"gb_bytes", 1000000000},
                          {"gb_step", "1"},
                          {"trial_days", 28},
                          {"trial_free", json::array()}}}},
                       {"prices",
                        {{{"mode", "per_workload"},
                          {"product", "workload/server"},
                          {"from", "2020-01"},
                          {"micro", 12500000}},
                         {{"mode", "per_workload"},
                          {"product", "storage/provider"},
                          {"from", "2020-01"},
                          {"micro", 50000}}}}};
  EXPECT_EQ(cluster.call("PUT", base + "/prices", partner.session, prices).status, 403);
  EXPECT_EQ(cluster.call("PUT", base + "/prices", cluster.provider, prices).status, 204);
  const Answered bill = cluster.call("GET", base + "/bills/" + month, partner.session);
  ASSERT_EQ(bill.status, 200) << bill.text;
  ASSERT_EQ(bill.body["lines"].size(), 2u) << bill.text;
  EXPECT_EQ(bill.body["totals"][0]["amount_cents"], 1250 + 5);
  const Answered csv =
      cluster.call("GET", base + "/bills/" + month + "?format=csv", partner.session);
  EXPECT_EQ(csv.headers.at("content-type"), "text/csv; charset=utf-8");
  EXPECT_EQ(cluster.call("GET", base + "/bills/2026-13", partner.session).code(), "invalid-month");
}

TEST_F(Flow, ARestartForgetsNothing) {
  TestDevice device = cluster.make_device(partner);
  const TestObject pack = cluster.make_object(model::ObjectKind::kPack, 1000);
  ASSERT_EQ(cluster.back_up(device, {pack}).status, 201);

  cluster.restart();

  EXPECT_EQ(cluster.call("GET", vault_path(device) + "/heads", device.token).body["heads"].size(),
            1u)
      << "access tokens and sessions outlive the process";
  EXPECT_EQ(cluster.ticket(device, pack)["state"], "stored");
  EXPECT_EQ(cluster.back_up(device, {cluster.make_object(model::ObjectKind::kPack, 10)}).status,
            201);
}

}  // namespace
}  // namespace obhut::cluster::test
