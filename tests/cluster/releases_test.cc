// Newer versions of the agent at the cluster: published by the provider, checked as agents would,
// fetched by devices.

#include "service/cluster/releases.h"

#include <gtest/gtest.h>

#include "agent/crypto/digest.h"
#include "agent/trust/release.h"
#include "tests/cluster/test_cluster.h"

namespace obhut::cluster::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Signers = std::vector<const crypto::SigningKey*>;

class ReleasesTest : public ::testing::Test {
 protected:
  TestCluster cluster;
  TestPartner partner = cluster.make_partner("alpha");
  TestDevice device = cluster.make_device(partner);
  crypto::SigningKey root_key = crypto::SigningKey::generate();
  crypto::SigningKey other_root_key = crypto::SigningKey::generate();
  crypto::SigningKey key_a = crypto::SigningKey::generate();
  crypto::SigningKey key_b = crypto::SigningKey::generate();
  std::string package = std::string(300'000, 'p');
  /// One for the whole test, which the turn of a second would make another document.
  const Instant today = std::chrono::floor<std::chrono::seconds>(cluster.clock.now());

  trust::ReleaseRoot root(std::uint64_t version = 1) {
    return {version,
            today,
            today + 24h * 365,
            {1, {root_key.public_key()}},
            {2, {key_a.public_key(), key_b.public_key()}}};
  }
  trust::ReleaseManifest manifest(std::uint64_t serial) {
    trust::ReleaseManifest manifest{serial, today, today + 24h * 30, 1, {}};
    manifest.packages.push_back({"linux", "x86_64", "deb",
                                 trust::ReleaseVersion::parse("9.1.0").value(),
                                 crypto::sha256(as_bytes(package)), package.size()});
    return manifest;
  }
  Answered publish_root(const trust::ReleaseRoot& of, const Signers& signers,
                        const std::string& session) {
    return cluster.call_raw("POST", "/api/v1/releases/roots", session,
                            trust::make_release_root(of, signers),
                            {{"Content-Type", "application/json"}});
  }
  Answered publish_root(const trust::ReleaseRoot& of, const Signers& signers) {
    return publish_root(of, signers, cluster.provider);
  }
  Answered publish(const std::string& text) {
    return cluster.call_raw("POST", "/api/v1/releases", cluster.provider, text,
                            {{"Content-Type", "application/json"}});
  }
  Answered publish(const trust::ReleaseManifest& of) {
    return publish(trust::make_release(of, Signers{&key_a, &key_b}));
  }
  static std::string package_path(const std::string& bytes) {
    return "/releases/packages/" + crypto::sha256(as_bytes(bytes)).text();
  }
  Answered upload(const std::string& path, const std::string& bytes, const std::string& session) {
    return cluster.call_raw("PUT", "/api/v1" + path, session, bytes,
                            {{"Content-Type", "application/octet-stream"}});
  }
  Answered fetch(const std::string& path, HeaderList headers = {}) {
    return cluster.call_raw("GET", "/api/v1/device" + path, device.token, "", std::move(headers));
  }
  std::size_t stored_packages() {
    std::size_t count = 0;
    const auto listed =
        cluster.cluster->services().store.list("releases/", [&](const objects::StoredObject&) {
          ++count;
          return true;
        });
    EXPECT_TRUE(listed);
    return count;
  }
  void publish_all() {
    EXPECT_EQ(publish_root(root(), {&root_key}).status, 201);
    EXPECT_EQ(upload(package_path(package), package, cluster.provider).status, 201);
    const Answered published = publish(manifest(1));
    EXPECT_EQ(published.status, 201) << published.text;
  }
};

TEST_F(ReleasesTest, ReachDevices) {
  EXPECT_EQ(fetch("/release").status, 404);
  publish_all();

  const std::string document = fetch("/release").body.value("document", "");
  const Answered roots = fetch("/release/roots?after=0");
  const std::string path = "/release" + package_path(package).substr(9);

  ASSERT_EQ(roots.body["roots"].size(), 1U) << roots.text;
  const auto trust = trust::ReleaseTrust::begin(roots.body["roots"][0].get<std::string>());
  EXPECT_TRUE(trust::verify_release(document, *trust, {}, cluster.clock.now()));
  EXPECT_EQ(fetch("/release/roots?after=1").body["roots"].size(), 0U);
  EXPECT_EQ(fetch(path).text, package);
  const Answered part = fetch(path, {{"Range", "bytes=10-19"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.text, package.substr(10, 10));
  EXPECT_EQ(fetch(path, {{"Range", "bytes=300000-"}}).status, 416);
  EXPECT_EQ(fetch("/release/packages/" + std::string(64, '0')).status, 404);
  const Answered seen = cluster.call("GET", "/api/v1/releases", cluster.provider);
  EXPECT_EQ(seen.body["release"]["serial"], 1) << seen.text;
  EXPECT_EQ(seen.body["root"]["version"], 1);
  EXPECT_EQ(seen.body["packages"].size(), 1U);
}

TEST_F(ReleasesTest, ArePublishedOnceAndOnlyByTheProvider) {
  publish_all();

  EXPECT_EQ(publish_root(root(2), {&root_key}, partner.session).status, 403);
  EXPECT_EQ(upload(package_path(package), package, partner.session).status, 403);
  EXPECT_EQ(upload(package_path(package), package, device.token).status, 401);
  EXPECT_EQ(cluster.call("GET", "/api/v1/releases", partner.session).status, 403);
  EXPECT_EQ(upload(package_path(package), package, cluster.provider).status, 200);
  EXPECT_EQ(publish(fetch("/release").body.value("document", "")).status, 200);
}

TEST_F(ReleasesTest, AreRefusedAsAnAgentWouldRefuseThem) {
  EXPECT_EQ(publish(manifest(1)).status, 409) << "no root yet";
  publish_all();
  const std::string good = trust::make_release(manifest(2), Signers{&key_a, &key_b});
  std::string torn = good;
  torn[torn.find("payload") + 20] ^= 1;
  trust::ReleaseManifest over = manifest(2);
  over.created = today - 48h;
  over.expires = today - 24h;
  trust::ReleaseManifest later = manifest(2);
  later.root = 2;
  trust::ReleaseManifest fork = manifest(1);
  fork.expires += 1h;

  EXPECT_EQ(publish(trust::make_release(manifest(2), Signers{&key_a})).status, 403);
  EXPECT_EQ(publish(trust::make_release(manifest(2), Signers{&key_a, &root_key})).status, 403);
  EXPECT_EQ(publish(torn).status, 422);
  EXPECT_EQ(publish(over).status, 403);
  EXPECT_EQ(publish(later).status, 403);
  EXPECT_EQ(publish(fork).status, 403);
  const std::string newest = trust::make_release(manifest(3), Signers{&key_a, &key_b});
  EXPECT_EQ(publish(newest).status, 201);
  EXPECT_EQ(publish(manifest(2)).status, 403) << "going back";
  EXPECT_EQ(publish("{}").status, 403);
  EXPECT_EQ(fetch("/release").body.value("document", ""), newest);
}

TEST_F(ReleasesTest, NameOnlyPackagesThatAreHere) {
  publish_all();
  package += "more";
  const Answered early = publish(manifest(2));
  EXPECT_EQ(early.status, 422);
  EXPECT_EQ(early.code(), "package-missing");

  const std::string cut = package.substr(0, package.size() - 1);
  const Answered other = upload(package_path(package), cut, cluster.provider);
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(other.code(), "wrong-content");
  EXPECT_EQ(publish(manifest(2)).status, 422);
  EXPECT_EQ(upload(package_path(package), package, cluster.provider).status, 201);
  trust::ReleaseManifest shorter = manifest(2);
  shorter.packages[0].size -= 1;
  EXPECT_EQ(publish(shorter).status, 422);
  EXPECT_EQ(publish(manifest(2)).status, 201);
}

TEST_F(ReleasesTest, PackagesGoOnceNothingNamesThem) {
  publish_all();
  const std::string old = package;
  const auto remove = [&](const std::string& bytes, const std::string& session) {
    return cluster.call("DELETE", "/api/v1" + package_path(bytes), session);
  };
  EXPECT_EQ(remove(old, cluster.provider).code(), "package-offered");
  EXPECT_EQ(remove("never uploaded", cluster.provider).status, 404);
  package += "newer";
  ASSERT_EQ(upload(package_path(package), package, cluster.provider).status, 201);
  ASSERT_EQ(publish(manifest(2)).status, 201);

  EXPECT_EQ(remove(old, partner.session).status, 403);
  EXPECT_EQ(remove(old, cluster.provider).status, 204);

  EXPECT_EQ(fetch("/release" + package_path(old).substr(9)).status, 404);
  EXPECT_EQ(fetch("/release" + package_path(package).substr(9)).text, package);
  EXPECT_EQ(remove(old, cluster.provider).status, 404) << "gone is gone";
  EXPECT_EQ(stored_packages(), 2U);
  ASSERT_TRUE(cluster.cluster->services().retention.run());
  EXPECT_EQ(stored_packages(), 1U);
  EXPECT_EQ(upload(package_path(old), old, cluster.provider).status, 201) << "and may come back";
}

TEST_F(ReleasesTest, RootsFollowEachOther) {
  publish_all();
  trust::ReleaseRoot next = root(2);
  next.roots = {1, {other_root_key.public_key()}};

  EXPECT_EQ(publish_root(next, {&root_key}).status, 403);
  EXPECT_EQ(publish_root(next, {&other_root_key}).status, 403);
  EXPECT_EQ(publish_root(root(3), {&root_key}).status, 403);
  EXPECT_EQ(publish_root(root(1), {&root_key}).status, 200) << "the same again";
  EXPECT_EQ(publish_root(next, {&root_key, &other_root_key}).status, 201);
  EXPECT_EQ(publish_root(next, {&other_root_key, &root_key}).status, 409);
  EXPECT_EQ(publish_root(root(3), {&root_key}).status, 403) << "the old key counts no more";
  EXPECT_EQ(fetch("/release/roots").body["roots"].size(), 2U);
}

}  // namespace
}  // namespace obhut::cluster::test
