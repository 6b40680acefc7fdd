#include "agent/trust/release.h"

#include <functional>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agent/trust/jws.h"
#include "tests/trust/people.h"

namespace obhut::trust {
namespace {

using nlohmann::json;
using Signers = std::vector<const crypto::SigningKey*>;

ReleaseVersion version(std::string_view text) {
  return ReleaseVersion::parse(text).value();
}

class ReleaseTest : public testing::Test {
 protected:
  [[nodiscard]] ReleaseRoot root(std::uint64_t number = 1) const {
    ReleaseRoot root;
    root.version = number;
    root.created = at("2026-01-01T00:00:00Z");
    root.expires = at("2027-01-01T00:00:00Z");
    root.roots = {2, {root_a_.public_key(), root_b_.public_key(), root_c_.public_key()}};
    root.release = {2, {release_a_.public_key(), release_b_.public_key()}};
    return root;
  }
  [[nodiscard]] ReleaseManifest manifest(std::uint64_t serial = 5) const {
    ReleaseManifest manifest;
    manifest.serial = serial;
    manifest.created = at("2026-05-01T00:00:00Z");
    manifest.expires = at("2026-07-01T00:00:00Z");
    manifest.root = 1;
    manifest.packages = {{"linux", "x86_64", "deb", version("1.2.3"), id_of<Sha256>(1), 1000},
                         {"linux", "x86_64", "rpm", version("1.2.3"), id_of<Sha256>(2), 2000},
                         {"windows", "x86_64", "msi", version("1.2.4"), id_of<Sha256>(3), 3000}};
    return manifest;
  }
  [[nodiscard]] ReleaseTrust trusted(const ReleaseRoot& first) const {
    return ReleaseTrust::begin(make_release_root(first, both_roots_)).value();
  }
  [[nodiscard]] ReleaseTrust trusted() const { return trusted(root()); }
  [[nodiscard]] std::string document() const { return make_release(manifest(), both_); }
  /// The payload with something else in it, signed as it ought to be.
  [[nodiscard]] std::string with(const std::function<void(json&)>& change) const {
    json payload = json::parse(open_document(document(), kReleaseType).value().payload);
    change(payload);
    return sign_document(both_, kReleaseType, payload.dump());
  }
  [[nodiscard]] std::string root_with(const std::function<void(json&)>& change) const {
    const std::string text = make_release_root(root(), both_roots_);
    json payload = json::parse(open_document(text, kReleaseRootType).value().payload);
    change(payload);
    return sign_document(both_roots_, kReleaseRootType, payload.dump());
  }
  [[nodiscard]] std::string refusal(const std::string& text, const ReleaseMemory& seen = {},
                                    const std::optional<ReleaseTrust>& trust = {},
                                    Instant now = at("2026-06-01T00:00:00Z")) const {
    const auto verified = verify_release(text, trust ? *trust : trusted(), seen, now);
    EXPECT_FALSE(verified);
    return verified ? "" : verified.error().message;
  }

  crypto::SigningKey root_a_ = key_of(1), root_b_ = key_of(2), root_c_ = key_of(3);
  crypto::SigningKey release_a_ = key_of(4), release_b_ = key_of(5), stranger_ = key_of(6);
  Signers both_roots_{&root_a_, &root_b_};
  Signers both_{&release_a_, &release_b_};
};

TEST_F(ReleaseTest, IsProvedByTheThresholdOfItsKeys) {
  const auto verified =
      verify_release(" " + document() + "\r\n", trusted(), {}, at("2026-06-01T00:00:00Z"));

  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->manifest.serial, 5U);
  ASSERT_EQ(verified->manifest.packages.size(), 3U);
  const ReleasePackage* package = find_package(verified->manifest, "linux", "x86_64", "rpm");
  ASSERT_NE(package, nullptr);
  EXPECT_EQ(package->sha256, id_of<Sha256>(2));
  EXPECT_EQ(package->size, 2000U);
  EXPECT_EQ(package->version.text(), "1.2.3");
  EXPECT_EQ(find_package(verified->manifest, "linux", "aarch64", "deb"), nullptr);
}

TEST_F(ReleaseTest, WantsAsManyDifferentKeysAsTheRootSays) {
  EXPECT_TRUE(refusal(make_release(manifest(), Signers{&release_a_})).contains("fewer than 2"));
  EXPECT_TRUE(
      refusal(make_release(manifest(), Signers{&release_a_, &stranger_})).contains("fewer than 2"));
  EXPECT_TRUE(refusal(make_release(manifest(), both_roots_)).contains("fewer than 2"))
      << "root keys sign no releases";
  EXPECT_TRUE(
      verify_release(make_release(manifest(), Signers{&stranger_, &release_b_, &release_a_}),
                     trusted(), {}, at("2026-06-01T00:00:00Z")))
      << "others may sign beside them";
}

TEST_F(ReleaseTest, CountsNoKeyTwice) {
  EXPECT_TRUE(refusal(make_release(manifest(), Signers{&release_a_, &release_a_}))
                  .contains("signed twice by one key"));
  const std::string one = make_release(manifest(), Signers{&release_a_});
  EXPECT_EQ(cosign_document(one, kReleaseType, release_a_, kMaxReleaseSignatures).error().kind,
            ErrorKind::kConflict);
  const std::string text =
      root_with([](json& root) { root["release"]["keys"][1] = root["release"]["keys"][0]; });
  EXPECT_TRUE(read_release_root(text).error().message.contains("holds a key twice"));
}

TEST_F(ReleaseTest, IsSignedByOneAfterTheOther) {
  const std::string one = make_release(manifest(), Signers{&release_a_});

  const auto two = cosign_document(one, kReleaseType, release_b_, kMaxReleaseSignatures);

  ASSERT_TRUE(two) << two.error().message;
  EXPECT_EQ(*two, document());
  EXPECT_EQ(cosign_document(one, kReleaseRootType, release_b_, kMaxReleaseSignatures).error().kind,
            ErrorKind::kInvalidInput)
      << "one kind of document does not pass for another";
}

TEST_F(ReleaseTest, EndsWhenItOrItsRootExpires) {
  EXPECT_TRUE(verify_release(document(), trusted(), {}, at("2026-06-30T23:59:59Z")));
  EXPECT_TRUE(refusal(document(), {}, {}, at("2026-07-01T00:00:00Z")).contains("expired on"));
  ReleaseRoot over = root();
  over.expires = at("2026-05-20T00:00:00Z");
  EXPECT_TRUE(refusal(document(), {}, trusted(over)).contains("release root 1 expired on"));
}

TEST_F(ReleaseTest, NeverGoesBackAndNeverForks) {
  const Sha256 hash = read_release(document())->hash;

  EXPECT_TRUE(verify_release(document(), trusted(), {5, hash}, at("2026-06-01T00:00:00Z")));
  EXPECT_TRUE(
      verify_release(document(), trusted(), {4, id_of<Sha256>(9)}, at("2026-06-01T00:00:00Z")));
  EXPECT_TRUE(refusal(document(), {6, hash}).contains("going back"));
  EXPECT_TRUE(refusal(document(), {5, id_of<Sha256>(9)}).contains("another one with this serial"));
}

TEST_F(ReleaseTest, WantsTheRootThatItNames) {
  ReleaseManifest later = manifest();
  later.root = 2;

  EXPECT_TRUE(refusal(make_release(later, both_)).contains("wants release root 2"));
}

TEST_F(ReleaseTest, IsRefusedWhereAnythingInItIsNotAsItOughtToBe) {
  const auto package = [](auto change) {
    return [change](json& value) { change(value["packages"][0]); };
  };
  const std::vector<std::pair<std::string, std::function<void(json&)>>> table{
      {"is unknown", [](json& value) { value["note"] = "x"; }},
      {"is missing", [](json& value) { value.erase("serial"); }},
      {"serial", [](json& value) { value["serial"] = 0; }},
      {"serial", [](json& value) { value["serial"] = -1; }},
      {"serial", [](json& value) { value["serial"] = 1.5; }},
      {"another schema", [](json& value) { value["schema"] = "obhut.release/2"; }},
      {"expires", [](json& value) { value["expires"] = value["created"]; }},
      {"at most 366 days", [](json& value) { value["expires"] = "2027-06-01T00:00:00Z"; }},
      {"created", [](json& value) { value["created"] = "yesterday"; }},
      {"root", [](json& value) { value["root"] = 0; }},
      {"at most 64", [](json& value) { value["packages"] = "none"; }},
      {"at most 64",
       [](json& value) {
         const json one = value["packages"][0];
         while (value["packages"].size() <= kMaxReleasePackages) value["packages"].push_back(one);
       }},
      {"two for linux", [](json& value) { value["packages"].push_back(value["packages"][0]); }},
      {"is unknown", package([](json& one) { one["url"] = "https://example.org/x.deb"; })},
      {"kind", package([](json& one) { one["kind"] = "msi"; })},
      {"kind", package([](json& one) { one["system"] = "windows"; })},
      {"kind", package([](json& one) { one["system"] = "plan9"; })},
      {"architecture", package([](json& one) { one["architecture"] = "../x"; })},
      {"size", package([](json& one) { one["size"] = 0; })},
      {"size", package([](json& one) { one["size"] = kLargestPackage + 1; })},
      {"sha256", package([](json& one) { one["sha256"] = std::string(64, 'G'); })},
      {"no version", package([](json& one) { one["version"] = "1"; })},
      {"no version", package([](json& one) { one["version"] = "1.2.3.4.5"; })},
      {"no version", package([](json& one) { one["version"] = "1.02"; })},
      {"no version", package([](json& one) { one["version"] = "1.2.3-1"; })},
      {"no version", package([](json& one) { one["version"] = "1..3"; })},
      {"no version", package([](json& one) { one["version"] = "1.2."; })},
      {"no version", package([](json& one) { one["version"] = "1.1234567"; })},
      {"no version", package([](json& one) { one["version"] = "-1.2"; })},
      {"version", package([](json& one) { one["version"] = 1; })},
  };
  for (const auto& [why, change] : table) {
    const auto read = read_release(with(change));
    ASSERT_FALSE(read) << why;
    EXPECT_EQ(read.error().kind, ErrorKind::kInvalidInput) << why;
    EXPECT_TRUE(read.error().message.contains(why)) << why << ": " << read.error().message;
  }
}

TEST_F(ReleaseTest, IsRefusedUnreadWhereItIsTooLong) {
  EXPECT_TRUE(read_release(std::string(kReleaseLimit + 1, '{')).error().message.contains("128"));
}

TEST_F(ReleaseTest, RootsAreRefusedWhereAnythingInThemIsNotAsItOughtToBe) {
  const std::vector<std::pair<std::string, std::function<void(json&)>>> table{
      {"is unknown", [](json& value) { value["note"] = "x"; }},
      {"is unknown", [](json& value) { value["roots"]["note"] = "x"; }},
      {"version", [](json& value) { value["version"] = 0; }},
      {"threshold", [](json& value) { value["roots"]["threshold"] = 0; }},
      {"threshold", [](json& value) { value["release"]["threshold"] = 3; }},
      {"1 to 8 keys", [](json& value) { value["release"]["keys"] = json::array(); }},
      {"64 lower-case", [](json& value) { value["release"]["keys"][0] = "x"; }},
      {"64 lower-case", [](json& value) { value["release"]["keys"][0] = 7; }},
      {"not a JSON object", [](json& value) { value["release"] = 7; }},
      {"expires", [](json& value) { value["expires"] = value["created"]; }},
  };
  for (const auto& [why, change] : table) {
    const auto read = read_release_root(root_with(change));
    ASSERT_FALSE(read) << why;
    EXPECT_EQ(read.error().kind, ErrorKind::kInvalidInput) << why;
    EXPECT_TRUE(read.error().message.contains(why)) << why << ": " << read.error().message;
  }
}

TEST_F(ReleaseTest, TheFirstRootIsSignedByItsOwnKeys) {
  EXPECT_EQ(ReleaseTrust::begin(make_release_root(root(), Signers{&root_a_})).error().kind,
            ErrorKind::kRefused);
  EXPECT_EQ(ReleaseTrust::begin(make_release_root(root(), both_)).error().kind,
            ErrorKind::kRefused);
  EXPECT_TRUE(ReleaseTrust::begin(make_release_root(root(), Signers{&root_c_, &root_a_})));
}

TEST_F(ReleaseTest, ANewRootIsSignedByTheOneBeforeAndByItself) {
  ReleaseRoot next = root(2);
  next.roots = {2, {root_c_.public_key(), stranger_.public_key()}};
  next.release = {1, {stranger_.public_key()}};
  const std::vector<std::pair<std::string, Signers>> table{
      {"keys of the root before", {&root_c_, &stranger_}},
      {"root keys that it names", {&root_a_, &root_b_}},
      {"root keys that it names", {&root_a_, &root_b_, &root_c_}},
      {"keys of the root before", {&release_a_, &release_b_, &root_c_, &stranger_}},
  };
  for (const auto& [why, signers] : table) {
    ReleaseTrust trust = trusted();
    const auto taken = trust.advance(make_release_root(next, signers));
    ASSERT_FALSE(taken) << why;
    EXPECT_TRUE(taken.error().message.contains(why)) << taken.error().message;
    EXPECT_EQ(trust.root().version, 1U);
  }
  ReleaseTrust trust = trusted();

  const auto taken =
      trust.advance(make_release_root(next, Signers{&root_a_, &root_c_, &stranger_}));

  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(trust.root().version, 2U);
  EXPECT_TRUE(refusal(document(), {}, trust).contains("fewer than 1"))
      << "release keys that it does not name count no more";
}

TEST_F(ReleaseTest, RootsComeOneAfterTheOther) {
  ReleaseTrust trust = trusted();

  EXPECT_FALSE(trust.advance(make_release_root(root(1), both_roots_)));
  EXPECT_FALSE(trust.advance(make_release_root(root(3), both_roots_)));
  ReleaseRoot over = root(2);
  over.expires = at("2026-02-01T00:00:00Z");
  EXPECT_TRUE(trust.advance(make_release_root(over, both_roots_)));
  EXPECT_TRUE(refusal(document(), {}, trust).contains("release root 2 expired"));
  EXPECT_TRUE(trust.advance(make_release_root(root(3), both_roots_)))
      << "whoever slept through a root is not shut out";
  EXPECT_FALSE(trust.advance(make_release_root(root(2), both_roots_)));
  EXPECT_TRUE(verify_release(document(), trust, {}, at("2026-06-01T00:00:00Z")));
}

TEST_F(ReleaseTest, TakesNothingThatIsNotNewerThanWhatRuns) {
  const ReleaseManifest of = manifest();
  const ReleasePackage& package = of.packages[0];

  EXPECT_TRUE(check_newer(package, version("1.2.2")));
  EXPECT_TRUE(check_newer(package, version("0.9")));
  EXPECT_EQ(check_newer(package, version("1.2.3")).error().kind, ErrorKind::kRefused);
  EXPECT_EQ(check_newer(package, version("1.2.3.0")).error().kind, ErrorKind::kRefused);
  EXPECT_EQ(check_newer(package, version("1.10")).error().kind, ErrorKind::kRefused);
}

}  // namespace
}  // namespace obhut::trust
