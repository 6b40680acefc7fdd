#include "tools/cli/scrubber.h"

#include <algorithm>
#include <cctype>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/crypto/signing.h"
#include "agent/vault/recovery_key.h"

namespace obhut::cli {
namespace {

using nlohmann::json;

const KnownPaths kPaths{.sources = {"/srv/data", "/srv/data/inner/"},
                        .ours = {"/var/lib/obhut", "/srv/data/vault"}};

std::string scrub(const std::string& text) {
  return Scrubber(FileNames::kHidden, kPaths).text(text);
}

/// Where `secret` stands in `line`, in the middle of what else a log says.
void expect_hidden(const std::string& before, const std::string& secret,
                   const std::string& after = "") {
  const std::string shown = scrub(before + secret + after);
  EXPECT_EQ(shown.find(secret), std::string::npos) << shown;
  EXPECT_TRUE(shown.starts_with(before)) << shown;
  EXPECT_TRUE(shown.ends_with(after)) << shown;
}

TEST(Scrubber, HidesKeysInEveryEncoding) {
  // Many: whether one is found must not hang on the bytes it happens to have.
  for (int i = 0; i < 200; ++i) {
    const crypto::SigningKey key = crypto::SigningKey::generate();
    const ByteView seed = key.seed().view();
    const std::string base32 = to_base32(seed);
    for (const std::string& secret : {to_base64url(seed), to_base64(seed), base32}) {
      const std::string shown = scrub("info key is " + secret + " of 3");
      EXPECT_EQ(shown, "info key is <hidden> of 3") << secret;
    }
    EXPECT_EQ(scrub("seed_file {" + to_hex(seed) + "}"),
              "seed_file {" + to_hex(seed).substr(0, 8) + "…}");
  }
}

// Keys of no ordinary looks.
TEST(Scrubber, HidesKeysThatHaveHardlyAnySmallLetters) {
  expect_hidden("key ", "H6wIWWQBn04X7TXTTUQGF2T-_N-VO35BESHBN75_YN4", " read");
  expect_hidden("key ", "H6wIWWQBn04X7TXTTUQGF2T+/N+VO35BESHBN75/YN4=", " read");
  expect_hidden("key ", "HqwIWWQBnaqXqTXTTUxyzFTzzNzVOxxBESHBNxxxYNa", " read");
}

TEST(Scrubber, HidesRecoveryKeysInEverySpelling) {
  for (int i = 0; i < 50; ++i) {
    const std::string key = vault::RecoveryKey::generate().text();
    std::string small = key;
    for (char& c : small) c = static_cast<char>(std::tolower(c));
    std::string spaced = key;
    std::ranges::replace(spaced, '-', ' ');
    std::string bare = key;
    std::erase(bare, '-');
    for (const std::string& spelling : {key, small, spaced, bare, key.substr(0, 34)}) {
      expect_hidden("typed \"", spelling, "\" twice");
    }
  }
}

TEST(Scrubber, HidesTokens) {
  const std::string token =
      "eyJhbGciOiJFZERTQSJ9.eyJzY2hlbWEiOiJvYmh1dC50b2tlbi8xIn0.c2lnbmF0dXJlLW9mLWl0";
  expect_hidden("read ", token, " from it");
  expect_hidden("sent Bearer ", "abcdef012345");
  expect_hidden("Proxy-Authorization: ", "Basic dXNlcjpwYXNz");
  expect_hidden("token=", "letmein", " n=1");
  expect_hidden("refused token: ", "Xy77");
}

TEST(Scrubber, HidesWhatIsSaidToBeASecret) {
  expect_hidden("passphrase: ", "correct horse battery staple");
  expect_hidden("proxy_password = \"", "two words", "\" # set");
  expect_hidden(R"(why="bad {\"password\": \")", "hunter 2", R"(\"}" n=1)");
  expect_hidden("{\"pin\": \"", "4711", "\"}");
  expect_hidden("PIN=", "4711");
}

TEST(Scrubber, HidesPasswordsInUrls) {
  EXPECT_EQ(scrub("proxy = \"http://user:p@ss/wo rd@proxy:3128\""),
            "proxy = \"http://<hidden>@proxy:3128\"");
  EXPECT_EQ(scrub("via http://user:pass@proxy:3128 now"), "via http://<hidden>@proxy:3128 now");
  EXPECT_EQ(scrub("proxy=user:pass@proxy:3128"), "proxy=<hidden>@proxy:3128");
  EXPECT_EQ(scrub("https://s3.example/b/k?X-Amz-Signature=abc&d=1 failed"),
            "https://s3.example/b/k?<hidden> failed");
}

TEST(Scrubber, HidesPrivateKeysAcrossLines) {
  const std::string shown = scrub(
      "Nov 30 obhutd: -----BEGIN PRIVATE KEY-----\nNov 30 obhutd: MC4CAQAw\n"
      "Nov 30 obhutd: -----END PRIVATE KEY-----\nnext\n");
  EXPECT_EQ(shown, "Nov 30 obhutd: <hidden>\nnext\n");
  EXPECT_EQ(scrub("-----BEGIN RSA PRIVATE KEY-----\nabc"), "<hidden>");
}

TEST(Scrubber, HidesWhatIsKnownByHeart) {
  Scrubber scrubber(FileNames::kKept, {}, {"xyzzy", "abc"});
  EXPECT_EQ(scrubber.text("said xyzzy, abc"), "said <hidden>, abc");
  EXPECT_EQ(scrubber.secrets_hidden(), 1U);
}

TEST(Scrubber, LeavesWhatSupportNeeds) {
  for (const std::string line : {
           "2026-11-30T14:03:02.270Z info enrolled device=c57e3848d5323171",
           "vault c57e3848d5323171c57e3848d5323171 is open",
           "uuid 8c9f3a52-1b2d-4c3e-9f60-0a1b2c3d4e5f of the disk",
           "warn cannot reach https://backup.example:8443/api/v1/devices: connection refused",
           "token_file = \"/etc/obhut/token\"  # silent enrolment",
           "token: expired on 2026-11-30",
           "passphrase=true recovery_key=false",
           "read /var/lib/obhut/plan.json and /usr/lib/x86_64-linux-gnu/libcrypto.so.3",
           "hook ran hook=dump-database phase=before exit=0",
           "-----BEGIN CERTIFICATE-----",
           "this is a line with many four letters word each that must stay here",
           "Nov 30 14:03:02 host obhut-restore@3-17.service: done, mail to a@example.org",
       }) {
    EXPECT_EQ(scrub(line), line);
  }
}

TEST(Scrubber, HidesNamesBelowSourcesAndElsewhere) {
  EXPECT_EQ(scrub("open /srv/data: permission denied"), "open /srv/data: permission denied");
  for (const std::string line : {
           "open /srv/data/tax fraud 2026.ods: permission denied",
           "open /home/anna/tax fraud 2026.ods: permission denied",
           "why=\"open /srv/data/tax \\\"fraud\\\" 2026.ods: permission denied\" n=1",
           "seal srv/data/tax fraud.ods: wrong tag",
           "path=/srv/data/fraud n=1",
           "open /srv/data/a: fraud.ods",
           "open D:/tax/fraud.ods: permission denied",
       }) {
    const std::string shown = scrub(line);
    EXPECT_EQ(shown.find("fraud"), std::string::npos) << shown;
    EXPECT_NE(shown.find("<path:"), std::string::npos) << shown;
  }
  const std::string shown = scrub("why=\"open /srv/data/inner/x y: permission denied\" n=1");
  EXPECT_TRUE(shown.starts_with("why=\"open /srv/data/inner/<path:")) << shown;
  EXPECT_TRUE(shown.ends_with(">: permission denied\" n=1")) << shown;
}

TEST(Scrubber, NamesTheSameFileTheSameWay) {
  EXPECT_EQ(scrub("path=/srv/data/a n=1"), scrub("path=/srv/data/a n=1"));
  EXPECT_NE(scrub("path=/srv/data/a n=1"), scrub("path=/srv/data/b n=1"));
}

TEST(Scrubber, KeepsWhatIsOursBelowASource) {
  EXPECT_EQ(scrub("no answer on /var/lib/obhut; is it there?"),
            "no answer on /var/lib/obhut; is it there?");
  EXPECT_EQ(scrub("/srv/data/vault notes").find("notes"), std::string::npos);
  EXPECT_EQ(scrub("/srv/data of Anna/fraud").find("fraud"), std::string::npos);
  EXPECT_EQ(scrub("write /srv/data/vault/packs/ab: disk full"),
            "write /srv/data/vault/packs/ab: disk full");
}

TEST(Scrubber, KeepsNamesWhereAsked) {
  Scrubber scrubber(FileNames::kKept, kPaths);
  EXPECT_EQ(scrubber.text("open /srv/data/a b: no"), "open /srv/data/a b: no");
  EXPECT_EQ(scrubber.text("http://u:p@h/"), "http://<hidden>@h/");
}

TEST(Scrubber, CleansJsonByTheNamesOfItsMembers) {
  const std::string id(64, 'a');
  json value = {{"id", id},
                {"note", id},
                {"recovery_key_made", true},
                {"pin", 4711},
                {"path", "/srv/data/a: b c"},
                {"deep", {{{"token", "short"}, {"path", "/usr/bin/obhut"}}}}};
  Scrubber scrubber(FileNames::kHidden, kPaths);
  scrubber.clean(value);
  EXPECT_EQ(value["id"], id);
  EXPECT_EQ(value["note"], "aaaaaaaa…");
  EXPECT_EQ(value["recovery_key_made"], true);
  EXPECT_EQ(value["pin"], "<hidden>");
  EXPECT_EQ(value["path"].get<std::string>().find("b c"), std::string::npos) << value;
  EXPECT_EQ(value["deep"][0]["token"], "<hidden>");
  EXPECT_EQ(value["deep"][0]["path"], "/usr/bin/obhut");
}

TEST(Scrubber, TakesAnyBytes) {
  std::string odd = "\xff\xfe \" \\ = : / -----BEGIN \n";
  odd.push_back('\0');
  odd += "://?@ Bearer \" token= passphrase:\\";
  for (std::size_t size = 0; size <= odd.size(); ++size) {
    EXPECT_LE(scrub(odd.substr(0, size)).size(), odd.size() + 200);
  }
}

}  // namespace
}  // namespace obhut::cli
