// ARCHITECTURE.md section 5, as far as the cluster keeps it: each test tries to break one.

#include <random>

#include <gtest/gtest.h>

#include "agent/base/time_text.h"
#include "agent/crypto/digest.h"
#include "agent/crypto/random.h"
#include "platform/local_files.h"
#include "service/cluster/kept_heads.h"
#include "service/cluster/ledger_check.h"
#include "service/cluster/ledger_store.h"
#include "tests/cluster/test_cluster.h"

namespace obhut::cluster::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

class Invariants : public ::testing::Test {
 protected:
  TestCluster cluster;
  TestPartner partner = cluster.make_partner("alpha");

  void publish(const TestDevice& device, std::uint64_t version, const model::Retention& rules) {
    const Answered published =
        cluster.call_raw("POST", "/api/v1/devices/" + device.id.text() + "/plans", partner.session,
                         cluster.plan_envelope(partner, device.id, version, rules),
                         {{"Content-Type", "application/json"}});
    ASSERT_EQ(published.status, 201) << published.text;
  }
  RetentionReport retain() {
    const auto report = cluster.cluster->services().retention.run();
    EXPECT_TRUE(report) << report.error().detail;
    return report.value_or(RetentionReport{});
  }
  std::size_t points(const TestDevice& device) {
    return cluster.call("GET", "/api/v1/vaults/" + device.vault.text() + "/points", partner.session)
        .body["points"]
        .size();
  }
  std::size_t files() {
    std::size_t n = 0;
    (void)cluster.cluster->store().list("",
                                        [&](const objects::StoredObject&) { return ++n, true; });
    return n;
  }
  /// The last level of the vault in the ledger.
  std::uint64_t billed(const TestDevice& device) {
    std::uint64_t level = 0;
    EXPECT_TRUE(chain_all(cluster.cluster->database()));
    const auto rows = cluster.cluster->database().read(
        [&](sql::Session& session) { return read_ledger(session, partner.id, 0, 100'000); });
    for (const LedgerEntry& row : *rows) {
      const json event = json::parse(row.event);
      if (event["type"] == "storage.level" && event["vault"] == device.vault.text()) {
        level = event["bytes"];
      }
    }
    return level;
  }
  std::uint64_t computed(const TestDevice& device) {
    return cluster.cluster->database()
        .read([&](sql::Session& session) { return compute_level(session, device.vault); })
        .value();
  }
};

TEST_F(Invariants, TheEndpointsCredentialDeletesNothing) {
  TestDevice device = cluster.make_device(partner);
  const TestObject pack = cluster.make_object(model::ObjectKind::kPack, 1000);
  ASSERT_EQ(cluster.back_up(device, {pack}).status, 201);
  const std::size_t before = files();
  for (const api::Route& route : cluster.cluster->application().routes()) {
    std::string path = route.pattern;
    const auto put = [&](const std::string& name, const std::string& value) {
      const std::size_t at = path.find("{" + name + "}");
      if (at != std::string::npos) path.replace(at, name.size() + 2, value);
    };
    put("vault", device.vault.text());
    put("device", device.id.text());
    put("customer", partner.customer.text());
    put("partner", partner.id.text());
    put("sha256", device.head.text());
    put("hash", device.head.text());
    put("month", "2026-01");
    put("folder", "packs");
    put("name", pack.name.hash.text() + "." + std::string(32, '0'));
    EXPECT_GE(cluster.call("DELETE", path, device.token).status, 400) << path;
  }
  EXPECT_EQ(files(), before);
  EXPECT_EQ(points(device), 1u);
}

TEST_F(Invariants, AnUploadedObjectIsNeverOverwritten) {
  TestDevice device = cluster.make_device(partner);
  const TestObject pack = cluster.make_object(model::ObjectKind::kPack, 1000);
  const std::string first = path_of(cluster.ticket(device, pack)["url"]);
  const std::string second = path_of(cluster.ticket(device, pack)["url"]);
  ASSERT_NE(first, second) << "every attempt has a key of its own";
  ASSERT_EQ(cluster.call_raw("PUT", first, "", pack.bytes).status, 201);
  EXPECT_EQ(cluster.call_raw("PUT", first, "", std::string(1000, 'x')).status, 200)
      << "read, thrown away";
  EXPECT_EQ(cluster.call_raw("PUT", second, "", pack.bytes).status, 201);
  const Answered downloads = cluster.call(
      "POST", "/api/v1/device/vaults/" + device.vault.text() + "/downloads", device.token,
      {{"objects", {{{"kind", "pack"}, {"sha256", pack.name.hash.text()}}}}});
  EXPECT_EQ(cluster.call_raw("GET", path_of(downloads.body["downloads"][0]["url"]), "", "").text,
            pack.bytes);
}

TEST_F(Invariants, ACommitCannotNameAnotherVaultsPack) {
  TestDevice mine = cluster.make_device(partner);
  TestDevice theirs = cluster.make_device(partner);
  const TestObject pack = cluster.make_object(model::ObjectKind::kPack, 1000);
  ASSERT_EQ(cluster.upload(theirs, pack), 201);
  EXPECT_EQ(cluster.commit(mine, cluster.make_head(mine, {{pack.name, 1000}})).code(),
            "unknown-pack");
  const Answered downloads =
      cluster.call("POST", "/api/v1/device/vaults/" + mine.vault.text() + "/downloads", mine.token,
                   {{"objects", {{{"kind", "pack"}, {"sha256", pack.name.hash.text()}}}}});
  EXPECT_EQ(downloads.code(), "unknown-object");
}

TEST_F(Invariants, TheSequenceCannotBeRewoundOrRewritten) {
  TestDevice device = cluster.make_device(partner);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(cluster.back_up(device, {cluster.make_object(model::ObjectKind::kPack, 100)}).status,
              201);
  }
  TestDevice rewound;
  rewound.id = device.id;
  rewound.key = device.key.clone();
  rewound.vault = device.vault;
  rewound.token = device.token;
  for (std::uint64_t sequence = 0; sequence < 3; ++sequence) {
    rewound.sequence = sequence;
    rewound.head = sequence == 0 ? Sha256{} : device.head;
    EXPECT_EQ(cluster.commit(rewound, cluster.make_head(rewound, {}, true)).status, 409);
  }
  rewound.sequence = 9;
  rewound.head = device.head;
  EXPECT_EQ(cluster.commit(rewound, cluster.make_head(rewound, {}, true)).code(), "stale-parent")
      << "nor skipped";
  EXPECT_EQ(points(device), 3u);
}

// A stolen key commits nothing, often, and dates it years back: what counts is our clock.
TEST_F(Invariants, AFloodOfEmptyPointsFlushesNothing) {
  TestDevice device = cluster.make_device(partner);
  publish(device, 1, {.keep_last = 2, .lock_days = 14});
  const TestObject good = cluster.make_object(model::ObjectKind::kPack, 1000);
  ASSERT_EQ(cluster.back_up(device, {good}).status, 201);
  const std::uint64_t flood = 30;
  for (std::uint64_t i = 0; i < flood; ++i) {
    ASSERT_EQ(
        cluster
            .back_up(device, {}, i == 0 ? std::vector{good.name} : std::vector<model::ObjectName>{})
            .status,
        201);
  }
  cluster.clock.move(13 * 24h);
  EXPECT_EQ(retain().points_dropped, 0u);
  cluster.log_in(partner);
  cluster.get_access_token(device);
  EXPECT_EQ(points(device), flood + 1);
  EXPECT_EQ(cluster.ticket(device, good)["state"], "stored");
}

TEST_F(Invariants, DeletionTakesTwoPhasesAndACommitRevives) {
  TestDevice device = cluster.make_device(partner);
  publish(device, 1, {.keep_last = 1, .lock_days = 1});
  const TestObject old = cluster.make_object(model::ObjectKind::kPack, 1000);
  const TestObject base = cluster.make_object(model::ObjectKind::kPack, 2000);
  ASSERT_EQ(cluster.back_up(device, {old, base}).status, 201);
  ASSERT_EQ(cluster.back_up(device, {}, {old.name}).status, 201);
  cluster.clock.move(3 * 24h);
  const RetentionReport first = retain();
  EXPECT_EQ(first.points_dropped, 1u);
  EXPECT_EQ(first.objects_condemned, 1u);
  EXPECT_EQ(first.objects_deleted, 0u) << "only condemned yet";
  EXPECT_EQ(billed(device), computed(device)) << "condemned bytes are not charged";

  cluster.get_access_token(device);
  const Answered revived = cluster.back_up(device, {old});
  ASSERT_EQ(revived.status, 201) << revived.text;
  cluster.clock.move(8 * 24h);
  EXPECT_EQ(retain().objects_deleted, 0u) << "revived by the commit that named it";

  cluster.get_access_token(device);
  ASSERT_EQ(cluster.back_up(device, {}, {old.name}).status, 201);
  cluster.clock.move(3 * 24h);
  EXPECT_EQ(retain().objects_condemned, 1u);
  const std::size_t before = files();
  cluster.clock.move(8 * 24h);
  EXPECT_EQ(retain().objects_deleted, 1u);
  EXPECT_LT(files(), before);

  cluster.get_access_token(device);
  model::ReferenceSet wanted = device.references;
  wanted[old.name] = 1000;
  const Answered refused = cluster.commit(device, cluster.make_head(device, wanted));
  EXPECT_EQ(refused.code(), "unknown-pack") << "deleted: refused by name";
  EXPECT_EQ(cluster.back_up(device, {old}).status, 201) << "and uploaded again";
}

TEST_F(Invariants, UploadsThatNoCommitNamesGoInTheEnd) {
  TestDevice device = cluster.make_device(partner);
  ASSERT_EQ(cluster.upload(device, cluster.make_object(model::ObjectKind::kPack, 1000)), 201);
  TestObject key = cluster.make_object(model::ObjectKind::kKey, 200);
  ASSERT_EQ(cluster.upload(device, key), 201);
  (void)cluster.ticket(device, cluster.make_object(model::ObjectKind::kPack, 1000));
  EXPECT_EQ(billed(device), 0u) << "uploads never committed are not charged";
  cluster.clock.move(31 * 24h);
  EXPECT_EQ(retain().objects_condemned, 1u);
  cluster.clock.move(8 * 24h);
  EXPECT_EQ(retain().objects_deleted, 1u);
  EXPECT_EQ(files(), 1u) << "key slots stay";
}

TEST_F(Invariants, AMassChangeHoldsRetentionUntilThePartnerDecides) {
  Config config = TestCluster::default_config();
  config.hold.least_bytes = 10'000;
  TestCluster held(config);
  TestPartner owner = held.make_partner("gamma");
  TestDevice device = held.make_device(owner);
  const auto publish_there =
      held.call_raw("POST", "/api/v1/devices/" + device.id.text() + "/plans", owner.session,
                    held.plan_envelope(owner, device.id, 1, {.keep_last = 1, .lock_days = 1}),
                    {{"Content-Type", "application/json"}});
  ASSERT_EQ(publish_there.status, 201);
  const TestObject good = held.make_object(model::ObjectKind::kPack, 20'000);
  ASSERT_EQ(held.back_up(device, {good}).status, 201);
  // Everything encrypted by a stranger: all bytes new, all old ones gone.
  ASSERT_EQ(held.back_up(device, {held.make_object(model::ObjectKind::kPack, 20'000)}, {good.name})
                .status,
            201);
  held.clock.move(20 * 24h);
  const auto report = held.cluster->services().retention.run();
  EXPECT_EQ(report->held, 1u);
  EXPECT_EQ(report->points_dropped, 0u);
  const std::string vault = "/api/v1/vaults/" + device.vault.text();
  held.log_in(owner);
  const std::string session = owner.session;
  EXPECT_EQ(held.call("GET", vault, session).body["hold_reason"], "mass-change");
  EXPECT_EQ(held.call("DELETE", vault + "/hold", session).status, 204);
  EXPECT_EQ(held.cluster->services().retention.run()->points_dropped, 1u);
}

TEST_F(Invariants, AJumpOfTheClockDeletesNothing) {
  TestDevice device = cluster.make_device(partner);
  publish(device, 1, {.keep_last = 1, .lock_days = 1});
  for (int i = 0; i < 3; ++i) ASSERT_EQ(cluster.back_up(device, {}).status, 201);
  retain();
  cluster.clock.move(400 * 24h);
  const auto jumped = cluster.cluster->services().retention.run();
  ASSERT_FALSE(jumped);
  EXPECT_EQ(jumped.error().code, "clock-jumped");
  EXPECT_TRUE(cluster.cluster->services().retention.accept_clock());
  EXPECT_EQ(retain().points_dropped, 2u);
}

TEST_F(Invariants, APartnerDeletesPointsButNotLockedOrNewestOnes) {
  TestDevice device = cluster.make_device(partner);
  const TestObject pack = cluster.make_object(model::ObjectKind::kPack, 1000);
  ASSERT_EQ(cluster.back_up(device, {pack}).status, 201);
  const Sha256 first = device.head;
  ASSERT_EQ(cluster.back_up(device, {}, {pack.name}).status, 201);
  const std::string base = "/api/v1/vaults/" + device.vault.text() + "/points/";
  EXPECT_EQ(cluster.call("DELETE", base + first.text(), partner.session).code(), "locked");
  cluster.clock.move(15 * 24h);
  cluster.log_in(partner);
  const std::string session = partner.session;
  EXPECT_EQ(cluster.call("DELETE", base + device.head.text(), session).code(), "newest-point");
  EXPECT_EQ(cluster.call("DELETE", base + first.text(), session).status, 204);
  EXPECT_EQ(cluster.call("DELETE", base + first.text(), session).status, 404);
  EXPECT_EQ(billed(device), computed(device));
  EXPECT_EQ(cluster.call("DELETE", "/api/v1/devices/" + device.id.text(), session).status, 204);
  EXPECT_EQ(cluster.call("DELETE", base + device.head.text(), session).status, 204)
      << "of a removed device the newest too";
  EXPECT_EQ(billed(device), 0u);
}

// What is charged is what kept points need, whatever happened on the way.
TEST_F(Invariants, TheLevelInTheLedgerIsWhatKeptPointsNeed) {
  TestDevice device = cluster.make_device(partner);
  publish(device, 1, {.keep_last = 2, .daily = 2, .lock_days = 1});
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<TestObject> known;
  for (int round = 0; round < 25; ++round) {
    std::vector<TestObject> added;
    for (auto i = random() % 3; i > 0; --i) {
      added.push_back(cluster.make_object(
          random() % 2 == 0 ? model::ObjectKind::kPack : model::ObjectKind::kIndex,
          1 + random() % 3000));
    }
    // Some that were dropped come back.
    if (!known.empty() && random() % 3 == 0) {
      const TestObject& again = known[random() % known.size()];
      if (!device.references.contains(again.name)) added.push_back(again);
    }
    std::vector<model::ObjectName> dropped;
    for (const auto& [name, size] : device.references) {
      if (random() % 4 == 0) dropped.push_back(name);
    }
    const Answered committed = cluster.back_up(device, added, dropped);
    ASSERT_EQ(committed.status, 201) << committed.text;
    known.insert(known.end(), added.begin(), added.end());
    ASSERT_EQ(billed(device), computed(device)) << "after commit " << round;
    cluster.clock.move(std::chrono::hours(random() % 60));
    retain();
    ASSERT_EQ(billed(device), computed(device)) << "after retention " << round;
    cluster.get_access_token(device);
  }
}

TEST_F(Invariants, ForeignIdsDoNotExist) {
  TestPartner stranger = cluster.make_partner("beta");
  TestDevice device = cluster.make_device(partner);
  ASSERT_EQ(cluster.back_up(device, {cluster.make_object(model::ObjectKind::kPack, 100)}).status,
            201);
  TestDevice thief = cluster.make_device(stranger);
  for (const api::Route& route : cluster.cluster->application().routes()) {
    if (route.pattern.find('{') == std::string::npos || route.auth == api::Auth::kStore) continue;
    std::string path = route.pattern;
    const auto put = [&](const std::string& name, const std::string& value) {
      const std::size_t at = path.find("{" + name + "}");
      if (at != std::string::npos) path.replace(at, name.size() + 2, value);
    };
    put("vault", device.vault.text());
    put("device", device.id.text());
    put("customer", partner.customer.text());
    put("partner", partner.id.text());
    put("sha256", device.head.text());
    put("hash", device.head.text());
    put("month", "2026-01");
    const bool by_device = route.auth == api::Auth::kDevice || route.auth == api::Auth::kReader;
    std::string body;
    if (route.pattern.ends_with("/tickets")) {
      body = R"({"objects":[{"kind":"pack","sha256":")" + device.head.text() + R"(","size":1}]})";
    } else if (route.pattern.ends_with("/downloads")) {
      body = R"({"objects":[{"kind":"pack","sha256":")" + device.head.text() + R"("}]})";
    } else if (route.pattern.ends_with("/recovery")) {
      body = R"({"confirmed":true})";
    } else if (route.pattern.ends_with("/commits")) {
      thief.vault = device.vault;
      const Bytes head = cluster.make_head(thief, {});
      body = std::string(as_text(head));
    }
    std::string query = route.pattern.ends_with("/objects") ? "?kind=pack" : "";
    const Answered answered = cluster.call_raw(http::to_string(route.method), path + query,
                                               by_device ? thief.token : stranger.session, body);
    if (route.auth == api::Auth::kProvider) {
      EXPECT_EQ(answered.status, 403) << path;
    } else {
      EXPECT_EQ(answered.status, 404)
          << http::to_string(route.method) << " " << path << answered.text;
    }
  }
  EXPECT_EQ(
      cluster.call("POST", "/api/v1/device/vaults", thief.token, {{"vault", device.vault.text()}})
          .status,
      404);
}

TEST_F(Invariants, NobodyGetsInWithoutACredential) {
  for (const api::Route& route : cluster.cluster->application().routes()) {
    if (route.auth == api::Auth::kNobody) continue;
    std::string path = route.pattern;
    for (std::size_t at = path.find('{'); at != std::string::npos; at = path.find('{')) {
      path.replace(at, path.find('}') - at + 1, std::string(32, 'a'));
    }
    const int want = route.auth == api::Auth::kStore ? 403 : 401;
    EXPECT_EQ(cluster.call_raw(http::to_string(route.method), path, "", "").status, want) << path;
    if (want == 401) {
      EXPECT_EQ(cluster.call_raw(http::to_string(route.method), path, "made-up", "").status, 401);
    }
  }
}

TEST_F(Invariants, AViewerChangesNothing) {
  const std::string base = "/api/v1/partners/" + partner.id.text();
  ASSERT_EQ(cluster
                .call("POST", base + "/people", partner.session,
                      {{"email", "v@example.org"},
                       {"password", "correct horse battery"},
                       {"role", "viewer"}})
                .status,
            201);
  const std::string viewer =
      cluster
          .call("POST", "/api/v1/sessions", "",
                {{"email", "v@example.org"}, {"password", "correct horse battery"}})
          .body["token"];
  EXPECT_EQ(cluster.call("GET", base, viewer).status, 200);
  for (const api::Route& route : cluster.cluster->application().routes()) {
    const bool people = route.auth == api::Auth::kPerson || route.auth == api::Auth::kProvider;
    if (!people || route.method == http::Method::kGet) continue;
    if (route.pattern == "/api/v1/sessions/current") continue;
    EXPECT_EQ(cluster.call_raw(http::to_string(route.method), route.pattern, viewer, "").status,
              403)
        << route.pattern;
  }
  EXPECT_EQ(cluster.call("DELETE", "/api/v1/sessions/current", viewer).status, 204)
      << "may log out";
  EXPECT_EQ(cluster.call("GET", base, viewer).status, 401);
}

TEST_F(Invariants, ADeletedCustomerIsGoneWithEverythingWhenItsLocksEnd) {
  TestDevice device = cluster.make_device(partner);
  ASSERT_EQ(cluster.back_up(device, {cluster.make_object(model::ObjectKind::kPack, 1000)}).status,
            201);
  const std::string customer = "/api/v1/customers/" + partner.customer.text();
  EXPECT_EQ(cluster.call("DELETE", customer, partner.session).status, 204);
  EXPECT_EQ(cluster.call("GET", customer, partner.session).status, 404);
  EXPECT_EQ(cluster.call("GET", "/api/v1/vaults/" + device.vault.text(), partner.session).status,
            404);
  EXPECT_EQ(cluster.call("GET", "/api/v1/devices/" + device.id.text(), partner.session).status,
            404);
  EXPECT_EQ(cluster.call("GET", "/api/v1/device", device.token).status, 410);
  cluster.clock.move(10 * 24h);
  EXPECT_EQ(retain().keys_removed, 0u) << "the lock holds";
  EXPECT_EQ(files(), 2u);
  cluster.clock.move(5 * 24h);
  EXPECT_EQ(retain().keys_removed, 2u);
  EXPECT_EQ(files(), 0u);
  cluster.log_in(partner);
  const std::string session = partner.session;
  const Answered again =
      cluster.call("POST", "/api/v1/partners/" + partner.id.text() + "/customers", session,
                   {{"number", partner.number}, {"mode", "per_gb"}});
  EXPECT_EQ(again.status, 201) << "the number is free again";
}

TEST_F(Invariants, ADamagedObjectIsFoundReportedAndSentAgain) {
  TestDevice device = cluster.make_device(partner);
  const TestObject pack = cluster.make_object(model::ObjectKind::kPack, 5000);
  ASSERT_EQ(cluster.back_up(device, {pack}).status, 201);
  EXPECT_EQ(cluster.cluster->scrub().run(1000, {})->damaged, 0u);
  std::string damaged;
  (void)cluster.cluster->store().list("packs/", [&](const objects::StoredObject& object) {
    damaged = object.key;
    return true;
  });
  const std::string path =
      cluster.folder + "/state/objects/packs/" + damaged.substr(6, 2) + "/" + damaged.substr(6);
  {
    auto file = platform::LocalFile::open_for_appending(path);
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_TRUE(file->truncate(4999));
    ASSERT_TRUE(file->append(Bytes(1, 0)));
  }
  cluster.clock.move(1h);
  cluster.get_access_token(device);
  const auto found = cluster.cluster->scrub().run(1000, {});
  EXPECT_EQ(found->damaged, pack.bytes.back() == '\0' ? 0u : 1u);
  if (pack.bytes.back() == '\0') GTEST_SKIP() << "the byte happened to be the one written";
  const Answered alerts =
      cluster.call("GET", "/api/v1/devices/" + device.id.text() + "/alerts", partner.session);
  EXPECT_EQ(alerts.body["alerts"][0]["code"], "object-damaged");
  EXPECT_EQ(cluster.upload(device, pack), 201) << "asked for again";
  const Answered downloads = cluster.call(
      "POST", "/api/v1/device/vaults/" + device.vault.text() + "/downloads", device.token,
      {{"objects", {{{"kind", "pack"}, {"sha256", pack.name.hash.text()}}}}});
  EXPECT_EQ(cluster.call_raw("GET", path_of(downloads.body["downloads"][0]["url"]), "", "").text,
            pack.bytes);
}

TEST_F(Invariants, TheLedgerIsAChainThatShowsEveryChange) {
  TestDevice device = cluster.make_device(partner);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(cluster.back_up(device, {cluster.make_object(model::ObjectKind::kPack, 100)}).status,
              201);
  }
  const auto verify = [&] {
    return check_ledger(cluster.cluster->database(), partner.id,
                        cluster.cluster->state().cluster_key.public_key());
  };
  ASSERT_TRUE(verify());
  EXPECT_EQ(verify()->head.sequence, 5u) << "customer, activation, three levels";
  ASSERT_TRUE(cluster.cluster->database().write([&](sql::Session& session) {
    return session.exec(
        "UPDATE ledger SET event = REPLACE(event, 'storage', 'stirage')"
        " WHERE partner = :partner AND number = 4",
        {{"partner", partner.id}});
  }));
  const auto broken = verify();
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("4"), std::string::npos) << broken.error().message;
}

}  // namespace
}  // namespace obhut::cluster::test
