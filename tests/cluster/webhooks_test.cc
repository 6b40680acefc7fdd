// Webhooks: what happens is told at least once, signed, and nowhere but where it may be.

#include <atomic>
#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/crypto/digest.h"
#include "platform/atomic_file.h"
#include "service/billing/event_text.h"
#include "service/cluster/api/services.h"
#include "service/cluster/bills.h"
#include "service/cluster/ledger_store.h"
#include "service/cluster/level_changes.h"
#include "service/cluster/levels.h"
#include "service/cluster/retention.h"
#include "service/cluster/trials.h"
#include "service/cluster/webhook_queue.h"
#include "service/cluster/webhook_sender.h"
#include "tests/cluster/https_receiver.h"
#include "tests/cluster/openapi.h"
#include "tests/cluster/test_cluster.h"

namespace obhut::cluster::test {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
using Reaction = HttpsReceiver::Reaction;

constexpr auto kGigabyte = std::uint64_t{1'000'000'000};

Config config_with(const TestAuthority& authority, const std::vector<std::string>& allow) {
  Config config = TestCluster::default_config();
  config.webhooks.addresses = *outgoing::AddressPolicy::parse(allow, {});
  config.webhooks.ca_file = authority.file();
  return config;
}

class WebhookTest : public ::testing::Test {
 protected:
  explicit WebhookTest(const std::vector<std::string>& allow = {"127.0.0.0/8"})
      : cluster(config_with(authority, allow)) {
    cluster.put_prices(partner);
  }

  [[nodiscard]] std::string base() const { return "/api/v1/partners/" + partner.id.text(); }
  sql::Database& database() { return cluster.cluster->database(); }
  Webhooks& webhooks() { return cluster.cluster->services().webhooks; }

  json add(const TestPartner& owner, const std::string& url, const json& events,
           std::uint64_t threshold = 0) {
    const Answered made =
        cluster.call("POST", "/api/v1/partners/" + owner.id.text() + "/webhooks", owner.session,
                     {{"url", url}, {"events", events}, {"threshold_bytes", threshold}});
    EXPECT_EQ(made.status, 201) << made.text;
    return made.body;
  }
  json add(const json& events, std::uint64_t threshold = 0) {
    return add(partner, receiver.url(), events, threshold);
  }
  [[nodiscard]] std::string path_of(const json& hook) const {
    return base() + "/webhooks/" + hook["id"].get<std::string>();
  }
  json deliveries(const json& hook) {
    const Answered all = cluster.call("GET", path_of(hook) + "/deliveries", partner.session);
    EXPECT_EQ(all.status, 200) << all.text;
    return all.body["deliveries"];
  }
  /// The only delivery, once `good` is true of it.
  json delivery(const json& hook, const std::function<bool(const json&)>& good) {
    json last;
    for (int i = 0; i < 300; ++i) {
      last = deliveries(hook);
      if (last.size() == 1 && good(last[0])) return last[0];
      std::this_thread::sleep_for(100ms);
    }
    ADD_FAILURE() << "not so: " << last;
    return json::object();
  }
  json delivered(const json& hook) {
    return delivery(hook, [](const json& it) { return !it["delivered"].is_null(); });
  }
  json failed(const json& hook) {
    return delivery(hook,
                    [](const json& it) { return !it["last_error"].get<std::string>().empty(); });
  }
  /// Another error than that of the attempt `before`, which is told for as long as this one runs.
  json failed_after(const json& hook, const json& before) {
    return delivery(hook, [&](const json& it) {
      return it["attempts"] > before["attempts"] && it["last_error"] != before["last_error"];
    });
  }
  void tell(const PartnerId& owner, const std::string& event,
            std::string_view type = kMonthClosedEvent) {
    const auto done = database().write([&](sql::Session& session) {
      return announce(session, owner, type, event, "{}", cluster.clock.now());
    });
    ASSERT_TRUE(done) << done.error().message;
  }
  void close_january() {
    const auto done = database().write([&](sql::Session& session) -> Result<void> {
      const Instant at = *parse_time("2026-01-15T12:00:00Z");
      TRY(append_event(session, partner.id,
                       billing::customer_created({"made", at, "c1"}, billing::Mode::kPerGb), at));
      return append_event(session, partner.id,
                          billing::storage_level({"l1", at, "c1"}, "vault",
                                                 billing::Location::kProvider, 5 * kGigabyte),
                          at);
    });
    ASSERT_TRUE(done) << done.error().message;
    const Answered closed =
        cluster.call("POST", base() + "/bills/2026-01/closing", cluster.provider);
    ASSERT_EQ(closed.status, 200) << closed.text;
    bill_hash = closed.body["bill_sha256"];
  }

  TestAuthority authority;
  HttpsReceiver receiver{authority.leaf.pem, authority.leaf.key};
  TestCluster cluster;
  TestPartner partner = cluster.make_partner("alpha");
  std::string bill_hash;
};

TEST_F(WebhookTest, TellsOfAClosedMonthWithAnIdAndASignature) {
  const json hook = add({"month.closed"});
  const std::string secret = hook["secret"];

  close_january();

  const auto received = receiver.wait_for(1);
  ASSERT_EQ(received.size(), 1U);
  const Received& got = received[0];
  const json body = json::parse(got.body);
  EXPECT_EQ(body["type"], "month.closed");
  EXPECT_EQ(body["id"], "month-closed-" + partner.id.text() + "-2026-01");
  EXPECT_EQ(body["data"], json({{"month", "2026-01"},
                                {"bill_sha256", bill_hash},
                                {"currency", "EUR"},
                                {"amount_cents", 500},
                                {"customers", 1},
                                {"totals", {{{"customer", "c1"}, {"amount_cents", 500}}}}}));
  EXPECT_TRUE(parse_time(body["timestamp"].get<std::string>()));
  openapi().hold_message(got.body);
  EXPECT_EQ(got.path, "/hook");
  EXPECT_EQ(got.headers.at("content-type"), "application/json");
  EXPECT_EQ(body["id"], got.headers.at("webhook-id"));
  ASSERT_TRUE(secret.starts_with("whsec_"));
  const Bytes key = *from_base64(secret.substr(6));
  EXPECT_EQ(key.size(), 32U);
  const std::string text =
      got.headers.at("webhook-id") + "." + got.headers.at("webhook-timestamp") + "." + got.body;
  EXPECT_EQ(got.headers.at("webhook-signature"),
            "v1," + to_base64(crypto::hmac_sha256(key, as_bytes(text)).bytes()));
  const json sent = delivered(hook);
  EXPECT_EQ(sent["attempts"], 1);
  EXPECT_EQ(sent["event"], body["id"]);
  EXPECT_EQ(sent["next_attempt"], nullptr);
  const Answered shown = cluster.call("GET", path_of(hook), partner.session);
  EXPECT_FALSE(shown.body.contains("secret")) << "once, when it was made";
}

TEST_F(WebhookTest, IsSentAgainWithTheSameIdUntilItIsTaken) {
  std::atomic<int> count = 0;
  receiver.react([&](const Received&) {
    const int number = ++count;
    if (number == 1) return HttpsReceiver::answer(500);
    if (number == 2) return Reaction{};  // cut
    if (number == 3) return Reaction{"HTTP/1.1 200 OK\r\nContent-Le", Reaction::Then::kClose};
    return HttpsReceiver::answer(200);
  });
  const json hook = add({"month.closed"});
  cluster.clock.hold();
  tell(partner.id, "once");

  const json refused = failed(hook);
  EXPECT_EQ(refused["last_error"], "answered 500");
  EXPECT_EQ(receiver.wait_for(2, 1s).size(), 1U) << "not before its time";
  cluster.clock.move(6s);
  const json cut = failed_after(hook, refused);
  EXPECT_NE(cut["next_attempt"], nullptr);
  cluster.clock.move(11s);
  const json half = failed_after(hook, cut);
  EXPECT_EQ(half["last_error"], "the answer ended within its head");
  EXPECT_EQ(half["attempts"], 3);
  cluster.clock.move(21s);
  EXPECT_EQ(delivered(hook)["attempts"], 4);

  const auto received = receiver.wait_for(4);
  ASSERT_EQ(received.size(), 4U);
  for (const Received& got : received) {
    EXPECT_EQ(got.headers.at("webhook-id"), "once");
    EXPECT_EQ(got.body, received[0].body);
  }
  EXPECT_NE(received[3].headers.at("webhook-signature"),
            received[0].headers.at("webhook-signature"))
      << "signed at its own time";
}

TEST_F(WebhookTest, SurvivesARestartBetweenFactAndDelivery) {
  receiver.react([](const Received&) { return Reaction{"", Reaction::Then::kHang}; });
  const json hook = add({"month.closed"});
  close_january();
  ASSERT_EQ(receiver.wait_for(1).size(), 1U);

  receiver.react([](const Received&) { return HttpsReceiver::answer(200); });
  cluster.restart();

  const json sent = delivered(hook);
  const auto received = receiver.wait_for(2);
  ASSERT_EQ(received.size(), 2U);
  EXPECT_EQ(sent["event"], received[1].headers.at("webhook-id"));
  EXPECT_EQ(received[1].body, received[0].body);
}

TEST_F(WebhookTest, ARepeatedCauseIsToldOnce) {
  const json hook = add({"month.closed"});
  close_january();
  EXPECT_EQ(cluster.call("POST", base() + "/bills/2026-01/closing", cluster.provider).status, 200);
  tell(partner.id, "month-closed-" + partner.id.text() + "-2026-01");
  delivered(hook);
  tell(partner.id, "month-closed-" + partner.id.text() + "-2026-01");

  tell(partner.id, "later");

  ASSERT_EQ(receiver.wait_for(2).size(), 2U);
  EXPECT_EQ(receiver.wait_for(2).back().headers.at("webhook-id"), "later");
  EXPECT_EQ(deliveries(hook).size(), 2U);
}

TEST_F(WebhookTest, GoesToThoseThatWantTheTypeAndAreThePartners) {
  TestPartner other = cluster.make_partner("beta");
  add(partner, receiver.url("/a"), {"month.closed"});
  add(partner, receiver.url("/b"), {"trial.converted", "month.closed"});
  add(partner, receiver.url("/c"), {"trial.converted"});
  add(other, receiver.url("/d"), {"month.closed"});

  tell(partner.id, "one");

  std::set<std::string> paths;
  for (const Received& got : receiver.wait_for(2)) paths.insert(got.path);
  EXPECT_EQ(paths, (std::set<std::string>{"/a", "/b"}));
  EXPECT_EQ(receiver.wait_for(3, 2s).size(), 2U);
}

TEST_F(WebhookTest, AReceiverThatIsGoneIsSentNothingMore) {
  receiver.react([](const Received&) { return HttpsReceiver::answer(410); });
  const json hook = add({"month.closed"});
  tell(partner.id, "one");
  const json sent = delivery(hook, [](const json& it) { return !it["given_up"].is_null(); });
  EXPECT_EQ(sent["next_attempt"], nullptr);
  EXPECT_EQ(sent["last_error"], "answered 410: the webhook is disabled");

  tell(partner.id, "two");

  EXPECT_NE(cluster.call("GET", path_of(hook), partner.session).body["disabled"], nullptr);
  EXPECT_EQ(deliveries(hook).size(), 1U);
  EXPECT_EQ(cluster.call("POST", path_of(hook) + "/test", partner.session).code(),
            "webhook-disabled");
  EXPECT_EQ(
      cluster
          .call("POST", path_of(hook) + "/deliveries/" + sent["id"].get<std::string>() + "/again",
                partner.session)
          .code(),
      "webhook-disabled");
}

TEST_F(WebhookTest, FollowsNoRedirect) {
  receiver.react([&](const Received&) {
    return HttpsReceiver::answer(307, "Location: " + receiver.url("/elsewhere") + "\r\n");
  });
  const json hook = add({"month.closed"});
  cluster.clock.hold();
  tell(partner.id, "one");

  EXPECT_EQ(failed(hook)["last_error"], "answered 307: redirects are not followed");

  EXPECT_EQ(receiver.connections(), 1U);
}

TEST_F(WebhookTest, GoesThroughNoProxyOfTheEnvironment) {
  for (const char* name : {"https_proxy", "HTTPS_PROXY", "all_proxy"}) {
    setenv(name, "http://127.0.0.1:9", 1);
  }
  const json hook = add({"month.closed"});
  tell(partner.id, "one");

  delivered(hook);

  for (const char* name : {"https_proxy", "HTTPS_PROXY", "all_proxy"}) unsetenv(name);
}

TEST_F(WebhookTest, TellsNobodyWhoseCertificateIsUnknown) {
  const TestAuthority stranger;
  HttpsReceiver imposter(stranger.leaf.pem, stranger.leaf.key);
  const json hook = add(partner, imposter.url(), {"month.closed"});
  cluster.clock.hold();
  tell(partner.id, "one");

  const std::string error = failed(hook)["last_error"];

  EXPECT_NE(error.find("certificate"), std::string::npos) << error;
  EXPECT_EQ(imposter.wait_for(1, 0s).size(), 0U);
}

TEST_F(WebhookTest, TellsNobodyUnderAnotherName) {
  const tls::Certificate leaf = authority.issue("hooks.example.org");
  HttpsReceiver imposter(leaf.pem, leaf.key);
  const json hook = add(partner, imposter.url(), {"month.closed"});
  cluster.clock.hold();
  tell(partner.id, "one");

  failed(hook);

  EXPECT_EQ(imposter.wait_for(1, 0s).size(), 0U);
}

// More of them than one partner is served at once.
TEST_F(WebhookTest, SlowAndEndlessReceiversHoldUpNobody) {
  TestPartner other = cluster.make_partner("beta");
  receiver.react([](const Received& got) {
    if (got.path == "/slow") return Reaction{"", Reaction::Then::kHang};
    if (got.path == "/trickle") {
      return Reaction{"HTTP/1.1 200 OK\r\nX-Slow: ", Reaction::Then::kHang};
    }
    if (got.path == "/endless") {
      return Reaction{"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n",
                      Reaction::Then::kFlood};
    }
    return HttpsReceiver::answer(200);
  });
  json slow;
  json endless;
  for (int i = 0; i < 6; ++i) {
    slow = add(partner, receiver.url("/slow"), {"month.closed"});
    add(partner, receiver.url("/trickle"), {"month.closed"});
    endless = add(partner, receiver.url("/endless"), {"month.closed"});
  }
  cluster.clock.hold();
  tell(partner.id, "one");
  receiver.wait_for(WebhookQueue::kAtOnceOfPartner);
  add(other, receiver.url("/good"), {"month.closed"});

  tell(other.id, "two");

  const auto good = [&] {
    const auto received = receiver.wait_for(0);
    return std::ranges::any_of(received, [](const Received& got) { return got.path == "/good"; });
  };
  for (int i = 0; i < 300 && !good(); ++i) std::this_thread::sleep_for(20ms);
  EXPECT_TRUE(good());
  EXPECT_EQ(deliveries(slow)[0]["last_error"], "") << "still waited for, or not begun";
  delivered(endless);
  EXPECT_EQ(failed(slow)["last_error"], "no answer in time");
}

TEST_F(WebhookTest, IsGivenUpAfterThreeDaysAndStaysToBeSeenAndSentAgain) {
  std::atomic<int> status = 500;
  receiver.react([&](const Received&) { return HttpsReceiver::answer(status); });
  const json hook = add({"month.closed"});
  cluster.clock.hold();
  tell(partner.id, "one");
  json last = failed(hook);
  for (auto passed = 0h; passed <= 80h && last["given_up"].is_null(); passed += 6h) {
    ++status;
    cluster.clock.move(6h);
    cluster.log_in(partner);
    last = failed_after(hook, last);
  }
  EXPECT_NE(last["given_up"], nullptr);
  EXPECT_EQ(last["next_attempt"], nullptr);
  EXPECT_GE(last["attempts"], 11);
  status = 200;

  const Answered again = cluster.call(
      "POST", path_of(hook) + "/deliveries/" + last["id"].get<std::string>() + "/again",
      partner.session);

  ASSERT_EQ(again.status, 202) << again.text;
  EXPECT_EQ(again.body["given_up"], nullptr);
  EXPECT_EQ(delivered(hook)["attempts"], 1);
}

TEST_F(WebhookTest, IsTriedByAPing) {
  const json hook = add({"trial.converted"});

  const Answered sent = cluster.call("POST", path_of(hook) + "/test", partner.session);

  ASSERT_EQ(sent.status, 202) << sent.text;
  const auto received = receiver.wait_for(1);
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(json::parse(received[0].body)["type"], "ping");
  openapi().hold_message(received[0].body);
  EXPECT_EQ(sent.body["event"], received[0].headers.at("webhook-id"));
  EXPECT_EQ(delivered(hook)["id"], sent.body["id"]);
}

TEST_F(WebhookTest, HasOnePingOnItsWay) {
  receiver.react([](const Received&) { return HttpsReceiver::answer(500); });
  const json hook = add({"trial.converted"});
  const Answered first = cluster.call("POST", path_of(hook) + "/test", partner.session);

  const Answered second = cluster.call("POST", path_of(hook) + "/test", partner.session);

  EXPECT_EQ(second.body["id"], first.body["id"]);
}

TEST_F(WebhookTest, IsMadeListedAndDeleted) {
  const json first = add({"storage.maximum", "month.closed", "month.closed"}, 5);
  const json second = add({"trial.converted"});
  tell(partner.id, "one");
  delivered(first);

  const Answered list = cluster.call("GET", base() + "/webhooks", partner.session);

  ASSERT_EQ(list.body["webhooks"].size(), 2U);
  EXPECT_EQ(list.body["webhooks"][0]["events"], json({"month.closed", "storage.maximum"}));
  EXPECT_EQ(list.body["webhooks"][0]["threshold_bytes"], 5);
  EXPECT_NE(first["secret"], second["secret"]);
  EXPECT_EQ(cluster.call("DELETE", path_of(first), partner.session).status, 204);
  EXPECT_EQ(cluster.call("DELETE", path_of(first), partner.session).status, 404);
  EXPECT_EQ(cluster.call("GET", path_of(first), partner.session).status, 404);
  EXPECT_EQ(cluster.call("GET", path_of(first) + "/deliveries", partner.session).status, 404);
  EXPECT_EQ(cluster.call("GET", base() + "/webhooks", partner.session).body["webhooks"][0]["id"],
            second["id"]);
}

TEST_F(WebhookTest, HasItsSecretInNoTable) {
  const auto make = [&] {
    return cluster.call("POST", base() + "/webhooks", partner.session,
                        {{"url", receiver.url()}, {"events", {"month.closed"}}},
                        {{"Idempotency-Key", "k"}});
  };
  const Answered made = make();

  const Answered repeated = make();

  EXPECT_EQ(repeated.text, made.text);
  EXPECT_TRUE(repeated.headers.contains("idempotency-replayed"));
  const auto kept = database().read(
      [](sql::Session& session) { return session.query("SELECT body FROM idempotency"); });
  ASSERT_EQ(kept->size(), 1U);
  EXPECT_EQ(kept->front().text(0).find("whsec"), std::string::npos);
}

TEST_F(WebhookTest, IsRefusedWhereItCannotBeMeant) {
  const auto code = [&](const json& body) {
    return cluster.call("POST", base() + "/webhooks", partner.session, body).code();
  };
  EXPECT_EQ(code({{"url", receiver.url()}}), "invalid-request");
  EXPECT_EQ(code({{"url", receiver.url()}, {"events", json::array()}}), "invalid-request");
  EXPECT_EQ(code({{"url", receiver.url()}, {"events", {"month.opened"}}}), "invalid-request");
  EXPECT_EQ(code({{"url", receiver.url()}, {"events", {"ping"}}}), "invalid-request");
  EXPECT_EQ(code({{"url", receiver.url()}, {"events", {1}}}), "invalid-request");
  EXPECT_EQ(code({{"events", {"month.closed"}}}), "invalid-request");
  EXPECT_EQ(code({{"url", receiver.url()}, {"events", {"month.closed"}}, {"secret", "x"}}),
            "invalid-request");
  for (std::size_t i = 0; i < Webhooks::kMostOfPartner; ++i) add({"month.closed"});
  EXPECT_EQ(code({{"url", receiver.url()}, {"events", {"month.closed"}}}), "too-many-webhooks");
}

TEST_F(WebhookTest, IsNobodyElsesToSee) {
  const json hook = add({"month.closed"});
  tell(partner.id, "one");
  const std::string sent = delivered(hook)["id"];
  TestPartner other = cluster.make_partner("beta");
  const std::string id = hook["id"];

  for (const std::string& owner : {partner.id.text(), other.id.text()}) {
    const std::string path = "/api/v1/partners/" + owner + "/webhooks/" + id;
    EXPECT_EQ(cluster.call("GET", path, other.session).status, 404);
    EXPECT_EQ(cluster.call("DELETE", path, other.session).status, 404);
    EXPECT_EQ(cluster.call("POST", path + "/test", other.session).status, 404);
    EXPECT_EQ(cluster.call("GET", path + "/deliveries", other.session).status, 404);
    EXPECT_EQ(cluster.call("POST", path + "/deliveries/" + sent + "/again", other.session).status,
              404);
  }
  EXPECT_EQ(cluster.call("GET", base() + "/webhooks", other.session).status, 404);
  EXPECT_EQ(cluster
                .call("POST", base() + "/webhooks", other.session,
                      {{"url", receiver.url()}, {"events", {"month.closed"}}})
                .status,
            404);
  EXPECT_EQ(cluster.call("GET", "/api/v1/partners/" + other.id.text() + "/webhooks", other.session)
                .body["webhooks"],
            json::array());
}

TEST_F(WebhookTest, IsDeliveredOnceByTwoInstancesThatAreUp) {
  const auto second = TestCluster::beside(cluster);
  for (int i = 0; i < 5; ++i) {
    add(partner, receiver.url("/" + std::to_string(i)), {"month.closed"});
  }
  std::set<std::string> want;
  for (int event = 0; event < 8; ++event) {
    const std::string id = "event-" + std::to_string(event);
    tell(partner.id, id);
    for (int i = 0; i < 5; ++i) want.insert("/" + std::to_string(i) + " " + id);
  }

  receiver.wait_for(want.size());

  std::multiset<std::string> got;
  for (const Received& each : receiver.wait_for(want.size() + 1, 2s)) {
    got.insert(each.path + " " + each.headers.at("webhook-id"));
  }
  EXPECT_EQ(got, (std::multiset<std::string>(want.begin(), want.end())));
}

TEST_F(WebhookTest, ForgetsOldDeliveriesButNoneThatIsStillTried) {
  std::atomic<int> status = 200;
  receiver.react([&](const Received&) { return HttpsReceiver::answer(status); });
  const json hook = add({"month.closed"});
  tell(partner.id, "old");
  delivered(hook);
  WebhookQueue queue(database(), cluster.clock);
  EXPECT_EQ(*queue.forget_old(), 0U);
  cluster.clock.move(WebhookQueue::kKept - 1h);
  cluster.log_in(partner);
  status = 500;
  tell(partner.id, "new");
  cluster.clock.move(2h);

  EXPECT_EQ(*queue.forget_old(), 1U);

  ASSERT_EQ(deliveries(hook).size(), 1U);
  EXPECT_EQ(deliveries(hook)[0]["event"], "new");
}

// ---- addresses

class ClosedNetwork : public WebhookTest {
 protected:
  ClosedNetwork() : WebhookTest({}) {}
};

TEST_F(ClosedNetwork, RefusesAddressesThatAreNotPublic) {
  const std::pair<std::string, const char*> table[] = {
      {"https://127.0.0.1:8443/hook", "127.0.0.1"},
      {"https://localhost/", "localhost: "},
      {"https://0x7f.1/", "127.0.0.1"},
      {"https://2130706433/", "127.0.0.1"},
      {"https://[::1]/", "::1"},
      {"https://[::ffff:10.0.0.1]/", "10.0.0.1"},
      {"https://169.254.169.254/latest/meta-data", "169.254.169.254"},
      {"https://192.168.1.1/", "192.168.1.1"},
      {"https://100.64.0.1/", "100.64.0.1"},
      {"https://[fd00::1]/", "fd00::1"},
      {"http://93.184.216.34/", "https://"},
      {"https://93.184.216.34:22/", "port"},
      {"https://user:word@93.184.216.34/", "password"},
      {"https://93.184.216.34/#part", "fragment"},
      {"no address", "ASCII"},
  };
  for (const auto& [url, named] : table) {
    const Answered refused = cluster.call("POST", base() + "/webhooks", partner.session,
                                          {{"url", url}, {"events", {"month.closed"}}});
    EXPECT_EQ(refused.status, 422) << url;
    EXPECT_EQ(refused.code(), "webhook-address") << url;
    const std::string detail = refused.body.value("detail", "");
    EXPECT_NE(detail.find(named), std::string::npos) << url << ": " << detail;
  }
  EXPECT_EQ(cluster.call("GET", base() + "/webhooks", partner.session).body["webhooks"],
            json::array());
  EXPECT_EQ(cluster
                .call("POST", base() + "/webhooks", partner.session,
                      {{"url", "https://93.184.216.34/"}, {"events", {"month.closed"}}})
                .status,
            201);
}

// The name was public when it was looked up, and is ours when it is connected to.
TEST_F(ClosedNetwork, ConnectsToNoAddressThatHasBecomeOurs) {
  const auto public_once = [](const std::string&) -> Result<std::vector<outgoing::Address>> {
    return std::vector{*outgoing::Address::parse("93.184.216.34")};
  };
  Webhooks rebound(database(), cluster.clock, crypto::SecretBytes(32), {}, public_once);
  const std::string localhost = "https://localhost" + receiver.url().substr(17);
  const auto url = rebound.check_url(localhost);
  ASSERT_TRUE(url) << url.error().detail;
  const auto hook = rebound.add(partner.id, *url, {"month.closed"}, 0);
  ASSERT_TRUE(hook);

  cluster.clock.hold();
  tell(partner.id, "one");

  const std::string error = failed({{"id", hook->id.text()}})["last_error"];
  EXPECT_NE(error.find("is no public address (loopback)"), std::string::npos) << error;
  EXPECT_EQ(receiver.connections(), 0U);
}

TEST_F(ClosedNetwork, SaysWhichFileOfAuthoritiesHoldsNone) {
  ASSERT_TRUE(platform::write_file(authority.folder + "/empty.pem", as_bytes("nothing")));
  WebhookConfig config;
  config.ca_file = authority.folder + "/empty.pem";

  const auto opened =
      WebhookSender::open(config, database(), cluster.clock, webhooks(), Log::silent());

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kInvalidInput);
  EXPECT_NE(opened.error().message.find("empty.pem"), std::string::npos);
  config.ca_file = authority.folder + "/missing.pem";
  EXPECT_FALSE(WebhookSender::open(config, database(), cluster.clock, webhooks(), Log::silent()));
}

// ---- conversions

class Conversions : public WebhookTest {
 protected:
  void start_trial(const CustomerId& customer) {
    const Answered started =
        cluster.call("POST", "/api/v1/customers/" + customer.text() + "/trial", partner.session);
    ASSERT_EQ(started.status, 204) << started.text;
  }
  void remove(const CustomerId& customer) {
    ASSERT_TRUE(cluster.cluster->services().retention.delete_customer(customer));
  }
  std::uint64_t convert() {
    const auto done = convert_trials(database(), cluster.clock.now(), Log::silent());
    EXPECT_TRUE(done) << done.error().message;
    return done.value_or(999);
  }
};

TEST_F(Conversions, AreForetoldToTheDevice) {
  cluster.put_prices(partner);
  TestDevice device = cluster.make_device(partner);
  const auto ends = [&] {
    return cluster.call("GET", "/api/v1/device/trial", device.token).body.at("ends");
  };
  EXPECT_TRUE(ends().is_null());
  start_trial(partner.customer);
  const json end = ends();
  ASSERT_TRUE(end.is_string());
  const Instant at = *parse_time(end.get<std::string>());
  EXPECT_GT(at, cluster.clock.now() + std::chrono::days(27));
  EXPECT_LT(at, cluster.clock.now() + std::chrono::days(30));
  cluster.clock.move(at - cluster.clock.now() + 1s);
  EXPECT_EQ(convert(), 1U);
  cluster.get_access_token(device);
  EXPECT_TRUE(ends().is_null()) << "over";
}

TEST_F(Conversions, AreToldOnceWhenTheTrialIsOver) {
  const json hook = add({"trial.converted"});
  cluster.clock.hold();
  const Instant began = cluster.clock.now();
  start_trial(partner.customer);
  EXPECT_EQ(convert(), 0U);
  cluster.clock.move(27 * 24h);
  EXPECT_EQ(convert(), 0U);
  cluster.clock.move(26h);

  EXPECT_EQ(convert(), 1U);
  EXPECT_EQ(convert(), 0U);

  cluster.log_in(partner);
  EXPECT_EQ(delivered(hook)["event"], "trial-converted-" + partner.customer.text());
  const std::string text = receiver.wait_for(1).front().body;
  openapi().hold_message(text);
  const json body = json::parse(text);
  EXPECT_EQ(body["type"], "trial.converted");
  EXPECT_EQ(body["data"]["customer"], partner.number);
  EXPECT_EQ(body["data"]["trial_started"], format_time(began));
  const auto end = parse_time(body["data"]["converted"].get<std::string>());
  ASSERT_TRUE(end);
  EXPECT_NEAR(static_cast<double>((*end - began) / 1s), 28.0 * 86400, 3700) << "a local time";
}

TEST_F(Conversions, AreNoneWhereTheCustomerWasDeletedInItsTrial) {
  const CustomerId early = cluster.make_customer(partner, "early");
  const CustomerId late = cluster.make_customer(partner, "late");
  start_trial(early);
  start_trial(late);
  remove(early);
  cluster.clock.move(29 * 24h);
  remove(late);

  EXPECT_EQ(convert(), 1U) << "the one that was charged for a day";
}

TEST_F(Conversions, AreNoneWhereTheNumberHadItsTrialBefore) {
  const CustomerId first = cluster.make_customer(partner, "again");
  remove(first);
  cluster.clock.move(1s);
  const CustomerId second = cluster.make_customer(partner, "again");
  start_trial(second);
  cluster.clock.move(29 * 24h);

  EXPECT_EQ(convert(), 0U);
}

TEST_F(Conversions, WaitForAPriceListThatSaysHowLongATrialIs) {
  TestPartner other = cluster.make_partner("beta");
  const Answered started =
      cluster.call("POST", "/api/v1/customers/" + other.customer.text() + "/trial", other.session);
  ASSERT_EQ(started.status, 204);
  cluster.clock.move(29 * 24h);
  EXPECT_EQ(convert(), 0U);
  ASSERT_TRUE(cluster.cluster->services().tenants.put_prices(
      other.id, *cluster.cluster->services().tenants.prices(partner.id)));

  EXPECT_EQ(convert(), 1U);
}

// ---- maxima

class Maxima : public WebhookTest {
 protected:
  /// In one transaction.
  void record(std::string_view when, billing::Location location,
              const std::vector<std::pair<const TestDevice*, double>>& levels) {
    const Instant at = *parse_time(when);
    const auto done = database().write([&](sql::Session& session) -> Answer<void> {
      ASSIGN_OR_RETURN(const Customer customer, find_customer(session, partner.customer));
      for (const auto& [of, gigabytes] : levels) {
        ASSIGN_OR_RETURN(Vault vault, find_vault(session, of->vault));
        vault.location = location;
        const std::string event = "l" + std::to_string(++events);
        TRY(record_level(session, customer, vault,
                         static_cast<std::uint64_t>(gigabytes * kGigabyte), {event}, at));
      }
      return {};
    });
    EXPECT_TRUE(done) << done.error().detail;
  }
  /// Out: as told().
  std::vector<double> level(std::string_view when, double gigabytes, const TestDevice& of,
                            billing::Location location = billing::Location::kProvider) {
    record(when, location, {{&of, gigabytes}});
    return told();
  }
  /// What the hook was told of since the last call, in GB.
  std::vector<double> told() {
    const auto followed = follow_levels(database(), cluster.clock);
    EXPECT_TRUE(followed) << followed.error().message;
    const auto rows = database().read([&](sql::Session& session) {
      return session.query(
          "SELECT body FROM webhook_deliveries WHERE webhook = :webhook"
          " ORDER BY created",
          {{"webhook", hook["id"].get<std::string>()}});
    });
    std::vector<double> all;
    for (const sql::Row& row : *rows) {
      const json body = json::parse(row.text(0));
      all.push_back(body["data"]["bytes"].get<double>() / kGigabyte);
    }
    std::vector<double> fresh(all.begin() + static_cast<std::ptrdiff_t>(seen), all.end());
    seen = all.size();
    return fresh;
  }
  std::uint64_t peak(std::string_view month, std::string_view location = "provider") {
    const auto row = database().read([&](sql::Session& session) {
      return session.query_one(
          "SELECT bytes FROM month_peaks WHERE customer = :customer"
          " AND location = :location AND month = :month",
          {{"customer", partner.customer}, {"location", location}, {"month", month}});
    });
    return *row ? (*row)->count(0) : 0;
  }

  using Told = std::vector<double>;
  TestDevice device = cluster.make_device(partner);
  json hook = add({"storage.maximum"}, 10 * kGigabyte);
  int events = 0;
  std::size_t seen = 0;
};

TEST_F(Maxima, AreToldWhenTheThresholdIsPassedAndThenByTenthsOrWholeGigabytes) {
  const auto to = [&](std::string_view when, double gigabytes) {
    return level(when, gigabytes, device);
  };
  EXPECT_EQ(to("2026-03-02T10:00:00Z", 5), Told{});
  EXPECT_EQ(to("2026-03-02T11:00:00Z", 10), Told{}) << "not above it";
  EXPECT_EQ(to("2026-03-02T12:00:00Z", 10.1), Told{10.1});
  EXPECT_EQ(to("2026-03-03T10:00:00Z", 11), Told{});
  EXPECT_EQ(to("2026-03-03T11:00:00Z", 11.1), Told{}) << "a GB, and less than a tenth";
  EXPECT_EQ(to("2026-03-03T12:00:00Z", 11.2), Told{11.2});
  EXPECT_EQ(to("2026-03-04T10:00:00Z", 3), Told{});
  EXPECT_EQ(to("2026-03-04T11:00:00Z", 11.2), Told{}) << "no new maximum";
  EXPECT_EQ(to("2026-03-04T12:00:00Z", 100), Told{100});
  EXPECT_EQ(to("2026-03-05T10:00:00Z", 109.9), Told{});
  EXPECT_EQ(to("2026-03-05T11:00:00Z", 110), Told{110});
  EXPECT_EQ(peak("2026-03"), 110 * kGigabyte);
}

TEST_F(Maxima, SumACustomersVaultsByLocation) {
  const TestDevice second = cluster.make_device(partner);
  EXPECT_EQ(level("2026-03-02T10:00:00Z", 6, device), Told{});
  EXPECT_EQ(level("2026-03-02T11:00:00Z", 6, second, billing::Location::kLocal), Told{});
  EXPECT_EQ(level("2026-03-02T12:00:00Z", 6, second), Told{12});
  EXPECT_EQ(peak("2026-03"), 12 * kGigabyte);
  EXPECT_EQ(peak("2026-03", "local"), 6 * kGigabyte);
}

TEST_F(Maxima, OfAMonthBeginWithWhatIsStoredAtItsFirstInstant) {
  EXPECT_EQ(level("2026-03-30T10:00:00Z", 12, device), Told{12});
  // April begins in Berlin at 22:00.
  EXPECT_EQ(level("2026-03-31T21:59:59Z", 12.5, device), Told{});
  EXPECT_EQ(level("2026-03-31T22:00:00Z", 12.4, device), Told{}) << "less than it began with";
  EXPECT_EQ(peak("2026-04"), 125 * kGigabyte / 10);
  EXPECT_EQ(level("2026-04-10T10:00:00Z", 12.6, device), Told{}) << "it began above the threshold";
  EXPECT_EQ(level("2026-04-10T11:00:00Z", 13.7, device), Told{});
  EXPECT_EQ(level("2026-04-10T12:00:00Z", 13.75, device), Told{13.75}) << "a tenth more than that";
  EXPECT_EQ(level("2026-05-10T10:00:00Z", 1, device), Told{});
  EXPECT_EQ(level("2026-06-10T10:00:00Z", 10.5, device), Told{10.5}) << "passed once more";
  EXPECT_EQ(peak("2026-05"), 1375 * kGigabyte / 100);
}

TEST_F(Maxima, AreMeasuredForEachHookByItsOwnThreshold) {
  const json low = hook;
  hook = add({"storage.maximum"}, 20 * kGigabyte);
  EXPECT_EQ(level("2026-03-02T10:00:00Z", 19.5, device), Told{});
  EXPECT_EQ(level("2026-03-02T11:00:00Z", 20.1, device), Told{20.1})
      << "less than a tenth more than what the other was told";
  hook = low;
  seen = 0;
  EXPECT_EQ(told(), Told{19.5});
}

TEST_F(Maxima, OfAHookMadeLaterBeginWithWhatIsThere) {
  level("2026-03-02T10:00:00Z", 50, device);
  hook = add({"storage.maximum"}, 10 * kGigabyte);
  seen = 0;
  EXPECT_EQ(level("2026-03-03T10:00:00Z", 51, device), Told{});
  EXPECT_EQ(level("2026-03-03T11:00:00Z", 54, device), Told{});
  EXPECT_EQ(level("2026-03-03T12:00:00Z", 55, device), Told{55});
}

TEST_F(Maxima, NameTheCustomerByNumberAlone) {
  level("2026-03-02T10:00:00Z", 11, device);

  const auto received = receiver.wait_for(1);

  ASSERT_EQ(received.size(), 1U);
  openapi().hold_message(received[0].body);
  EXPECT_EQ(json::parse(received[0].body)["data"], json({{"customer", partner.number},
                                                         {"location", "provider"},
                                                         {"month", "2026-03"},
                                                         {"bytes", 11 * kGigabyte},
                                                         {"threshold_bytes", 10 * kGigabyte},
                                                         {"at", "2026-03-02T10:00:00Z"}}));
}

TEST_F(Maxima, FollowCommits) {
  hook = add({"storage.maximum"}, 1000);
  ASSERT_EQ(cluster.back_up(device, {cluster.make_object(model::ObjectKind::kPack, 5000)}).status,
            201);

  EXPECT_EQ(told().size(), 1U);
}

// Moved from one vault to the other: never stored twice, as on the bill.
TEST_F(Maxima, CountWithWhatAnInstantEnds) {
  const TestDevice second = cluster.make_device(partner);
  EXPECT_EQ(level("2026-03-02T10:00:00Z", 11, device), Told{11});

  record("2026-03-03T10:00:00Z", billing::Location::kProvider, {{&second, 11}, {&device, 0}});

  EXPECT_EQ(told(), Told{});
  EXPECT_EQ(peak("2026-03"), 11 * kGigabyte);
}

// A list that was good once, read by a program that reads more strictly.
TEST_F(Maxima, AreNotKnownWherePricesCannotBeRead) {
  const auto spoiled = database().write([&](sql::Session& session) {
    return session.exec("UPDATE partners SET prices = 'spoiled' WHERE id = :id",
                        {{"id", partner.id}});
  });
  ASSERT_TRUE(spoiled);

  EXPECT_EQ(level("2026-03-02T10:00:00Z", 11, device), Told{});
  EXPECT_EQ(cluster.back_up(device, {cluster.make_object(model::ObjectKind::kPack, 5000)}).status,
            201);
}

}  // namespace
}  // namespace obhut::cluster::test
