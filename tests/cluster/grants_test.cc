// Restore grants at the cluster: published by their partner, fetched once by their device, taken
// back, and what was done by them.

#include "service/cluster/grants.h"

#include <future>

#include <gtest/gtest.h>

#include "agent/crypto/random.h"
#include "agent/trust/grant.h"
#include "tests/cluster/test_cluster.h"

namespace obhut::cluster::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

class GrantsTest : public ::testing::Test {
 protected:
  TestCluster cluster;
  TestPartner partner = cluster.make_partner("alpha");
  TestDevice device = cluster.make_device(partner);

  trust::RestoreGrant grant_for(const TestDevice& of) {
    trust::RestoreGrant grant;
    grant.id = crypto::random_id<trust::GrantId>();
    grant.partner = partner.id;
    grant.device = of.id;
    grant.scope = {*model::RelPath::parse("home/anna"), *model::RelPath::parse("srv")};
    grant.account = "bert";
    grant.destination = {trust::DestinationRule::kAnywhere};
    grant.not_before = std::chrono::floor<std::chrono::seconds>(cluster.clock.now());
    grant.expires = grant.not_before + 24h;
    grant.reason = "ticket 4711";
    return grant;
  }
  std::string document(const trust::RestoreGrant& grant) {
    return trust::make_grant(grant, partner.operator_a);
  }
  static std::string path(const TestDevice& of) {
    return "/api/v1/devices/" + of.id.text() + "/grants";
  }
  Answered publish(const TestDevice& of, const std::string& text, const std::string& session) {
    return cluster.call_raw("POST", path(of), session, text,
                            {{"Content-Type", "application/jose"}});
  }
  Answered publish(const std::string& text) { return publish(device, text, partner.session); }
  std::string code_of(const std::string& text) {
    const Answered published = publish(text);
    EXPECT_EQ(published.status, 201) << published.text;
    return published.body.value("code", "");
  }
  Answered fetch(const TestDevice& as, const std::string& code) {
    return cluster.call("POST", "/api/v1/device/grants", as.token, {{"code", code}});
  }
  Answered fetch(const std::string& code) { return fetch(device, code); }
  json listed() { return cluster.call("GET", path(device), partner.session).body["grants"]; }
  std::set<std::string> revoked(const TestDevice& as) {
    std::set<std::string> ids;
    const Answered answered = cluster.call("GET", "/api/v1/device/grants/revoked", as.token);
    for (const json& one : answered.body["revoked"]) ids.insert(one["id"]);
    return ids;
  }
};

TEST_F(GrantsTest, AreFetchedOnceWithTheirCode) {
  const std::string text = document(grant_for(device));
  const std::string code = code_of(text);
  ASSERT_EQ(code.size(), 9U) << code;
  EXPECT_EQ(code.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ-"), std::string::npos) << code;

  std::string typed = code;
  for (char& c : typed) {
    if (c == '0') c = 'o';
    if (c == '1') c = 'L';
    if (c == '-') c = ' ';
  }
  const Answered fetched = fetch(" " + typed);

  ASSERT_EQ(fetched.status, 200) << fetched.text;
  EXPECT_EQ(fetched.body["document"], text);
  const Answered again = fetch(code);
  EXPECT_EQ(again.status, 410);
  EXPECT_EQ(again.code(), "code-used");
  EXPECT_FALSE(listed()[0]["fetched"].is_null());
}

TEST_F(GrantsTest, AnswerTheSameForTheSameDocument) {
  const trust::RestoreGrant grant = grant_for(device);
  const std::string code = code_of(document(grant));

  const Answered again = publish(document(grant));
  EXPECT_EQ(again.status, 200) << again.text;
  EXPECT_EQ(again.body["code"], code);
  trust::RestoreGrant other = grant;
  other.reason = "another";
  EXPECT_EQ(publish(document(other)).status, 409);
  EXPECT_EQ(listed().size(), 1U);

  EXPECT_EQ(fetch(code).status, 200);
  EXPECT_FALSE(publish(document(grant)).body.contains("code")) << "nothing is left to fetch";
}

TEST_F(GrantsTest, HaveTheSameCodeAfterARestartAndNoneThatIsStored) {
  const std::string text = document(grant_for(device));
  const std::string code = code_of(text);
  cluster.restart();

  EXPECT_EQ(publish(text).body["code"], code);
  const std::string compact = code.substr(0, 4) + code.substr(5);
  const Answer<void> seen =
      cluster.cluster->database().read([&](sql::Session& session) -> Answer<void> {
        for (const char* statement :
             {"SELECT body, subject FROM idempotency", "SELECT document, id FROM grants"}) {
          const auto rows = session.query(statement);
          for (const sql::Row& row : *rows) {
            EXPECT_EQ(row.text(0).find(code), std::string::npos);
            EXPECT_EQ(row.text(0).find(compact), std::string::npos);
          }
        }
        return {};
      });
  EXPECT_TRUE(seen);
}

TEST_F(GrantsTest, AreRefusedWhereTheDeviceWouldRefuseThem) {
  trust::RestoreGrant grant = grant_for(device);
  EXPECT_EQ(publish(trust::make_grant(grant, partner.root)).status, 403);
  EXPECT_EQ(publish(trust::make_grant(grant, crypto::SigningKey::generate())).status, 403);
  EXPECT_EQ(publish("nonsense").status, 422);
  EXPECT_EQ(publish(std::string(2000, 'x')).status, 422);
  const TestDevice other = cluster.make_device(partner);
  EXPECT_EQ(publish(other, document(grant), partner.session).status, 403) << "for another device";
  grant.expires = grant.not_before + 1s;
  cluster.clock.move(2s);
  EXPECT_EQ(publish(document(grant)).status, 403) << "expired";
  EXPECT_TRUE(listed().empty());
}

TEST_F(GrantsTest, AreOfOnePartnerAlone) {
  TestPartner stranger = cluster.make_partner("beta");
  const trust::RestoreGrant grant = grant_for(device);
  const std::string code = code_of(document(grant));
  const std::string one = path(device) + "/" + grant.id.text();

  EXPECT_EQ(publish(device, document(grant_for(device)), stranger.session).status, 404);
  EXPECT_EQ(cluster.call("GET", path(device), stranger.session).status, 404);
  EXPECT_EQ(cluster.call("DELETE", one, stranger.session).status, 404);
  EXPECT_EQ(cluster.call("GET", path(device), device.token).status, 401) << "no person";
  EXPECT_EQ(cluster.call("POST", "/api/v1/device/grants", partner.session, {{"code", code}}).status,
            401)
      << "no device";
  const TestDevice theirs = cluster.make_device(stranger);
  EXPECT_EQ(fetch(theirs, code).code(), "unknown-code");
  EXPECT_EQ(fetch(code).status, 200) << "nothing of that took it";
}

TEST_F(GrantsTest, AreForTheirOwnDeviceAlone) {
  const TestDevice sibling = cluster.make_device(partner);
  const trust::RestoreGrant grant = grant_for(device);
  const std::string code = code_of(document(grant));

  EXPECT_EQ(fetch(sibling, code).code(), "unknown-code");
  EXPECT_EQ(cluster.call("DELETE", path(sibling) + "/" + grant.id.text(), partner.session).status,
            404);
  EXPECT_EQ(cluster.call("DELETE", path(device) + "/" + grant.id.text(), partner.session).status,
            204);
  EXPECT_TRUE(revoked(sibling).empty());
  EXPECT_EQ(revoked(device), std::set<std::string>{grant.id.text()});
}

TEST_F(GrantsTest, MayBeReadAndNotMadeByWhoOnlyReads) {
  EXPECT_EQ(cluster
                .call("POST", "/api/v1/partners/" + partner.id.text() + "/people", partner.session,
                      {{"email", "viewer@example.org"},
                       {"password", "a long enough password"},
                       {"role", "viewer"}})
                .status,
            201);
  const std::string viewer =
      cluster
          .call("POST", "/api/v1/sessions", "",
                {{"email", "viewer@example.org"}, {"password", "a long enough password"}})
          .body.value("token", "");
  code_of(document(grant_for(device)));

  EXPECT_EQ(publish(device, document(grant_for(device)), viewer).status, 403);
  const Answered list = cluster.call("GET", path(device), viewer);
  ASSERT_EQ(list.status, 200);
  EXPECT_FALSE(list.body["grants"][0].contains("code"));
}

TEST_F(GrantsTest, AreTakenBackForGood) {
  const trust::RestoreGrant grant = grant_for(device);
  const std::string code = code_of(document(grant));
  const std::string one = path(device) + "/" + grant.id.text();

  EXPECT_EQ(cluster.call("DELETE", one, partner.session).status, 204);
  const json first = listed()[0]["revoked"];
  EXPECT_EQ(cluster.call("DELETE", one, partner.session).status, 204) << "again changes nothing";

  EXPECT_EQ(listed()[0]["revoked"], first);
  EXPECT_EQ(fetch(code).code(), "grant-revoked");
  EXPECT_FALSE(publish(document(grant)).body.contains("code"));
  EXPECT_EQ(revoked(device).size(), 1U);
  cluster.clock.move(25h);
  cluster.get_access_token(device);
  EXPECT_TRUE(revoked(device).empty()) << "it has ended by itself";
}

TEST_F(GrantsTest, CannotBeGuessed) {
  const std::string code = code_of(document(grant_for(device)));
  for (std::int64_t i = 0; i < Grants::kGuesses; ++i) {
    EXPECT_EQ(fetch("0000-000" + std::to_string(i % 10)).code(), "unknown-code") << i;
  }

  const Answered held = fetch(code);
  EXPECT_EQ(held.status, 429) << "the right one, too";
  EXPECT_TRUE(held.headers.contains("retry-after"));
  EXPECT_EQ(cluster.alerts(partner, device).count("grant-code-guessing"), 1U);
  const TestDevice sibling = cluster.make_device(partner);
  EXPECT_EQ(fetch(sibling, code).status, 404) << "each device by itself";

  cluster.clock.move(61min);
  cluster.get_access_token(device);
  EXPECT_EQ(fetch(code).status, 200);
  EXPECT_EQ(cluster.alerts(partner, device).count("grant-code-guessing"), 0U);
}

TEST_F(GrantsTest, AreGivenToOneOfManyWhoAskAtOnce) {
  const std::string code = code_of(document(grant_for(device)));
  std::vector<std::future<int>> asking;
  for (int i = 0; i < 8; ++i) {
    asking.push_back(std::async(std::launch::async, [&] { return fetch(code).status; }));
  }
  int given = 0;
  for (auto& one : asking) given += one.get() == 200 ? 1 : 0;

  EXPECT_EQ(given, 1);
}

TEST_F(GrantsTest, StandInTheActivitiesThatUsedThem) {
  const trust::RestoreGrant grant = grant_for(device);
  const std::string text = document(grant);
  const json use = {
      {"document", text}, {"account", "uid:1001"}, {"paths", {1}}, {"destination", "elsewhere"}};
  const auto report = [&](const json& with) {
    return cluster.call("POST", "/api/v1/device/activities", device.token,
                        json::array({{{"id", "use-1"},
                                      {"kind", "grant-restore"},
                                      {"started", "2026-06-01T12:00:00Z"},
                                      {"finished", "2026-06-01T12:00:05Z"},
                                      {"outcome", "done"},
                                      {"counts", {{"files", 3}}},
                                      {"grant", with}}}));
  };

  // A file that was handed over by itself: the cluster sees the grant for the first time.
  ASSERT_EQ(report(use).status, 204);

  const Answered seen =
      cluster.call("GET", "/api/v1/devices/" + device.id.text() + "/activities", partner.session);
  const json told = seen.body["activities"][0]["grant"];
  EXPECT_EQ(told["id"], grant.id.text());
  EXPECT_EQ(told["reason"], "ticket 4711");
  EXPECT_EQ(told["account"], "uid:1001");
  EXPECT_EQ(told["name"], "bert");
  EXPECT_EQ(told["scope"], json({"/srv"}));
  EXPECT_EQ(told["destination"], "elsewhere");

  const auto refused = [&](const char* member, const json& value) {
    json bad = use;
    bad[member] = value;
    return report(bad).status;
  };
  EXPECT_EQ(refused("paths", {2}), 422);
  EXPECT_EQ(refused("account", "Anna Müller"), 422) << "no name of the device's comes in by it";
  EXPECT_EQ(refused("destination", "/home/anna"), 422);
  EXPECT_EQ(refused("document", "nonsense"), 422);
  EXPECT_EQ(refused("document", document(grant_for(cluster.make_device(partner)))), 422);
}

// A device that makes words up, by a key of its own.
TEST_F(GrantsTest, TellNothingInTheWordsOfAKeyThatIsNotThePartners) {
  const std::string forged = trust::make_grant(grant_for(device), crypto::SigningKey::generate());
  EXPECT_EQ(cluster
                .call("POST", "/api/v1/device/activities", device.token,
                      json::array({{{"id", "use-1"},
                                    {"kind", "grant-export"},
                                    {"started", "2026-06-01T12:00:00Z"},
                                    {"outcome", "done"},
                                    {"grant",
                                     {{"document", forged},
                                      {"account", "S-1-5-21-1-2-3-1001"},
                                      {"paths", {0}},
                                      {"destination", "folder"}}}}}))
                .status,
            204);

  const json told =
      cluster.call("GET", "/api/v1/devices/" + device.id.text() + "/activities", partner.session)
          .body["activities"][0]["grant"];
  EXPECT_EQ(told["reason"], "");
  EXPECT_EQ(told["scope"], json::array());
  EXPECT_FALSE(told.contains("name"));
}

TEST_F(GrantsTest, GoWithTheirCustomer) {
  code_of(document(grant_for(device)));
  EXPECT_EQ(cluster.call("DELETE", "/api/v1/customers/" + partner.customer.text(), partner.session)
                .status,
            204);

  const Answer<void> seen =
      cluster.cluster->database().read([&](sql::Session& session) -> Answer<void> {
        EXPECT_TRUE(session.query("SELECT id FROM grants")->empty());
        return {};
      });
  EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace obhut::cluster::test
