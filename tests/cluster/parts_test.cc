// The small parts: URLs, forms, ranges, configuration, retention rules, statements, certificates.

#include <gtest/gtest.h>

#include "agent/base/time_text.h"
#include "agent/crypto/digest.h"
#include "agent/crypto/random.h"
#include "platform/local_files.h"
#include "service/cluster/accounts.h"
#include "service/cluster/config.h"
#include "service/cluster/http/message.h"
#include "service/cluster/notifier.h"
#include "service/cluster/objects/directory_store.h"
#include "service/cluster/objects/presign.h"
#include "service/cluster/retention_rules.h"
#include "service/cluster/sql/database.h"
#include "service/cluster/tls/authority.h"

namespace obhut::cluster {
namespace {

using namespace std::chrono_literals;

TEST(Target, IsSplitAndDecoded) {
  const auto target = http::split_target("/a/b%20c?x=1&y");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->first, "/a/b c");
  EXPECT_EQ(target->second, "x=1&y");
  EXPECT_EQ(http::split_target("/")->first, "/");
}

TEST(Target, RefusesWhatCouldMeanAnotherPath) {
  for (const char* bad : {"", "a", "//a", "/a//b", "/a/", "/a/./b", "/a/../b", "/%2e%2e/a",
                          "/a%2Fb", "/a%5Cb", "/a%00", "/a%", "/a%zz", "/\xff"}) {
    EXPECT_FALSE(http::split_target(bad)) << bad;
  }
}

TEST(Form, IsDecodedAndBounded) {
  const auto form = http::parse_form("a=1&b=x%3Dy&c=a+b&&d");
  ASSERT_TRUE(form);
  EXPECT_EQ(http::find(*form, "b"), "x=y");
  EXPECT_EQ(http::find(*form, "c"), "a b");
  EXPECT_EQ(http::find(*form, "d"), "");
  std::string many;
  for (int i = 0; i < 100; ++i) many += "a=1&";
  EXPECT_FALSE(http::parse_form(many));
}

TEST(Range, ReadsOneRangeAndIgnoresWhatItDoesNotKnow) {
  const auto range = [](const char* text) { return http::parse_range(text, 100); };
  EXPECT_EQ(range("bytes=0-9").range, (ByteRange{0, 10}));
  EXPECT_EQ(range("bytes=90-").range, (ByteRange{90, 10}));
  EXPECT_EQ(range("bytes=-10").range, (ByteRange{90, 10}));
  EXPECT_EQ(range("bytes=50-1000").range, (ByteRange{50, 50}));
  EXPECT_FALSE(range("bytes=100-").satisfiable);
  EXPECT_FALSE(range("bytes=-0").satisfiable);
  for (const char* whole :
       {"items=0-1", "bytes=0-1,3-4", "bytes=9-1", "bytes=x-", "bytes=", "bytes=-"}) {
    EXPECT_FALSE(range(whole).partial) << whole;
    EXPECT_EQ(range(whole).range, (ByteRange{0, 100})) << whole;
  }
}

TEST(Config, ReadsWhatInitWritesAsTheDefaults) {
  const Config defaults;
  const auto read = parse_config(config_text(defaults), "cluster.toml");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->port, defaults.port);
  EXPECT_EQ(read->retention.grace, defaults.retention.grace);
}

TEST(Config, EveryCommentedKeyIsKnown) {
  std::string text = config_text(Config{});
  std::string live;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    std::string line = text.substr(at, end - at);
    if (line.starts_with("# ") && line.find(" = ") != std::string::npos) line = line.substr(2);
    live += line + "\n";
    at = end + 1;
  }
  const auto read = parse_config(live, "cluster.toml");
  ASSERT_TRUE(read) << read.error().message << "\n" << live;
  EXPECT_EQ(read->database, "postgresql://obhut@db/obhut");
}

TEST(Config, RefusesUnknownKeysAndWrongValuesByName) {
  for (const auto& [text, named] : std::initializer_list<std::pair<const char*, const char*>>{
           {"[listen]\nprot = 1", "listen.prot"},
           {"[listen]\nport = 70000", "listen.port"},
           {"[listen]\nport = \"1\"", "listen.port"},
           {"[tls]\nnames = [1]", "tls.names"},
           {"port = 1", "port"},
           {"[webhooks]\nallow_networks = [\"10.0.0.1/8\"]", "webhooks: 10.0.0.1/8"},
           {"[webhooks]\nrefuse_networks = \"10.0.0.0/8\"", "webhooks.refuse_networks"},
           {"[listen\n", "cluster.toml:"}}) {
    const auto read = parse_config(text, "cluster.toml");
    ASSERT_FALSE(read) << text;
    EXPECT_NE(read.error().message.find(named), std::string::npos) << read.error().message;
  }
}

std::vector<RetainedPoint> points_at(std::initializer_list<const char*> times) {
  std::vector<RetainedPoint> points;
  for (const char* time : times) {
    const Instant at = parse_time(time).value();
    points.push_back({points.size() + 1, at, at});
  }
  return points;
}
using Kept = std::set<std::uint64_t>;

TEST(RetentionRules, KeepTheNewestPointWhateverTheyAre) {
  model::Retention rules{.keep_last = 0, .daily = 1, .lock_days = 0};
  const auto points = points_at({"2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"});
  EXPECT_EQ(points_to_keep(points, rules, parse_time("2030-01-01T00:00:00Z").value()), (Kept{2}));
}

TEST(RetentionRules, KeepAllWithoutCounts) {
  const auto points = points_at({"2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"});
  EXPECT_EQ(points_to_keep(points, {.lock_days = 0}, parse_time("2030-01-01T00:00:00Z").value()),
            (Kept{1, 2}));
}

struct RuleCase {
  const char* name;
  model::Retention rules;
  Kept kept;
};
class RetentionRule : public ::testing::TestWithParam<RuleCase> {};

TEST_P(RetentionRule, KeepsTheNewestOfEachPeriod) {
  const auto points = points_at({
      "2023-12-31T10:00:00Z",  // 1
      "2024-01-15T10:00:00Z",  // 2
      "2024-02-28T10:00:00Z",  // 3
      "2024-02-29T10:00:00Z",  // 4  Thursday of ISO week 9
      "2024-03-03T23:59:59Z",  // 5  Sunday of week 9
      "2024-03-04T00:00:00Z",  // 6  Monday of week 10
      "2024-03-04T10:10:00Z",  // 7
      "2024-03-04T10:50:00Z",  // 8
      "2024-03-04T11:00:00Z",  // 9
  });
  EXPECT_EQ(points_to_keep(points, GetParam().rules, parse_time("2025-01-01T00:00:00Z").value()),
            GetParam().kept);
}

INSTANTIATE_TEST_SUITE_P(
    All, RetentionRule,
    ::testing::Values(
        RuleCase{"last", {.keep_last = 3, .lock_days = 0}, {7, 8, 9}},
        RuleCase{"hourly", {.hourly = 3, .lock_days = 0}, {6, 8, 9}},
        RuleCase{"daily", {.daily = 3, .lock_days = 0}, {4, 5, 9}},
        RuleCase{"weekly", {.weekly = 3, .lock_days = 0}, {2, 5, 9}},
        RuleCase{"monthly", {.monthly = 3, .lock_days = 0}, {2, 4, 9}},
        RuleCase{"yearly", {.yearly = 5, .lock_days = 0}, {1, 9}},
        RuleCase{"together", {.keep_last = 1, .daily = 2, .yearly = 2, .lock_days = 0}, {1, 5, 9}}),
    [](const auto& test) { return test.param.name; });

TEST(RetentionRules, LockTodayAndAsPromised) {
  const Instant now = parse_time("2024-03-15T00:00:00Z").value();
  auto points = points_at({"2024-02-01T00:00:00Z", "2024-03-02T00:00:00Z", "2024-03-10T00:00:00Z",
                           "2024-03-14T00:00:00Z"});
  model::Retention rules{.keep_last = 1, .lock_days = 14};
  EXPECT_EQ(points_to_keep(points, rules, now), (Kept{2, 3, 4})) << "13 days old is locked";

  points[0].locked_until = now + 1s;
  rules.lock_days = 0;
  EXPECT_EQ(points_to_keep(points, rules, now), (Kept{1, 4}))
      << "a shorter lock takes back no promise";
}

// The thief of a device's key backs up nothing, a thousand times, to push the good points out.
TEST(RetentionRules, AFloodOfPointsFlushesNothingWithinTheLock) {
  const Instant begin = parse_time("2024-03-01T00:00:00Z").value();
  std::vector<RetainedPoint> points;
  for (std::uint64_t i = 1; i <= 10; ++i) points.push_back({i, begin, begin + 14 * 24h});
  for (std::uint64_t i = 11; i <= 1010; ++i) points.push_back({i, begin + 24h, begin + 15 * 24h});

  const Kept kept = points_to_keep(points, {.keep_last = 3, .lock_days = 14}, begin + 13 * 24h);

  for (std::uint64_t i = 1; i <= 10; ++i) EXPECT_TRUE(kept.contains(i));
}

class UrlSigner : public ::testing::Test {
 protected:
  Instant now = parse_time("2026-01-01T00:00:00Z").value();
  objects::UrlSigner signer{crypto::SecretBytes(Bytes(32, 1))};
  Sha256 hash = crypto::sha256(as_bytes("x"));
  objects::SignedUse use{objects::UrlUse::kPut, objects::new_key("packs", hash), now + 1h, 5, hash};
  Result<objects::SignedUse> verify(std::string url, objects::UrlUse wanted, Instant at) {
    const std::size_t mark = url.find('?');
    return signer.verify(wanted, url.substr(0, mark), url.substr(mark + 1), at);
  }
};

TEST_F(UrlSigner, AcceptsItsOwnUrlUntilItExpires) {
  const std::string url = signer.sign(use);
  const auto verified = verify(url, objects::UrlUse::kPut, now);
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(*verified, use);
  EXPECT_FALSE(verify(url, objects::UrlUse::kPut, now + 1h));
  EXPECT_FALSE(verify(url, objects::UrlUse::kGet, now)) << "another method";
}

TEST_F(UrlSigner, RefusesEveryChangedByte) {
  const std::string url = signer.sign(use);
  for (std::size_t i = 0; i < url.size(); ++i) {
    std::string changed = url;
    changed[i] = changed[i] == '1' ? '2' : '1';
    if (changed == url) continue;
    EXPECT_FALSE(verify(changed, objects::UrlUse::kPut, now)) << changed;
  }
  EXPECT_FALSE(verify(url + "&x=1", objects::UrlUse::kPut, now));
  const objects::UrlSigner other{crypto::SecretBytes(Bytes(32, 2))};
  const std::string foreign = other.sign(use);
  EXPECT_FALSE(verify(foreign, objects::UrlUse::kPut, now));
}

class DirectoryStoreTest : public ::testing::Test {
 protected:
  std::string folder = platform::make_temporary_directory("obhut-objects").value();
  std::unique_ptr<objects::DirectoryStore> store = objects::DirectoryStore::open(folder).value();
  ~DirectoryStoreTest() override { (void)platform::remove_tree(folder); }
  Bytes bytes = to_bytes(as_bytes("sealed bytes"));
  Sha256 hash = crypto::sha256(bytes);
  std::string key = objects::new_key("packs", hash);
};

TEST_F(DirectoryStoreTest, GivesBackWhatItTook) {
  ASSERT_TRUE(objects::write_all(*store, key, bytes, hash));
  EXPECT_EQ(objects::read_all(*store, key, 100).value(), bytes);
  EXPECT_EQ(store->size_of(key).value(), bytes.size());
  std::vector<std::string> keys;
  const auto note = [&](const objects::StoredObject& found) {
    EXPECT_EQ(found.size, bytes.size());
    return keys.push_back(found.key), true;
  };
  ASSERT_TRUE(store->list("", note));
  ASSERT_TRUE(store->list("packs/", note));
  ASSERT_TRUE(store->list(key.substr(0, 8), note));
  EXPECT_EQ(keys, (std::vector<std::string>{key, key, key}));
  const char other = key[6] == '0' ? '1' : '0';
  ASSERT_TRUE(store->list("heads/", note));
  ASSERT_TRUE(store->list(std::string("packs/") + other, note));
  ASSERT_TRUE(store->list(key.substr(0, 9) + (key[9] == '0' ? '1' : '0'), note));
  EXPECT_EQ(keys.size(), 3U);
}

TEST_F(DirectoryStoreTest, StoresNothingOfWrongLengthOrContent) {
  const Sha256 other = crypto::sha256(as_bytes("else"));
  EXPECT_FALSE(objects::write_all(*store, key, bytes, other));
  EXPECT_FALSE(store->size_of(key).value());
  auto writer = store->create(key, bytes.size() + 1, hash).value();
  ASSERT_TRUE(writer->write(bytes));
  EXPECT_FALSE(writer->finish());
  writer = store->create(key, bytes.size() - 1, hash).value();
  EXPECT_FALSE(writer->write(bytes));
  writer.reset();
  EXPECT_FALSE(store->size_of(key).value());
}

TEST_F(DirectoryStoreTest, OverwritesNothing) {
  ASSERT_TRUE(objects::write_all(*store, key, bytes, hash));
  const auto again = store->create(key, bytes.size(), hash);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kConflict);
}

TEST_F(DirectoryStoreTest, LeavesTheFolderAlone) {
  for (const char* bad : {"../x", "packs/../../etc/passwd", "packs/x", "/etc/passwd", ""}) {
    EXPECT_FALSE(store->create(bad, 1, hash)) << bad;
    EXPECT_FALSE(store->open(bad, {0, 1})) << bad;
    EXPECT_FALSE(store->remove(bad)) << bad;
  }
}

TEST(Statements, AreCountedByTheirColumns) {
  EXPECT_EQ(sql::count_columns("SELECT a FROM t"), 1u);
  EXPECT_EQ(sql::count_columns("SELECT a, b, c FROM t WHERE x IN (1, 2)"), 3u);
  EXPECT_EQ(sql::count_columns("SELECT COALESCE(a, b), (SELECT c, d FROM e) FROM t"), 2u);
  EXPECT_EQ(sql::count_columns("SELECT 'x, y', b FROM t"), 2u);
}

class DatabaseTest : public ::testing::Test {
 protected:
  std::string folder = platform::make_temporary_directory("obhut-sql").value();
  std::unique_ptr<sql::Database> database =
      sql::Database::open({"sqlite:" + folder + "/x.db", 2}).value();
  ~DatabaseTest() override { (void)platform::remove_tree(folder); }
};

TEST_F(DatabaseTest, KeepsLargeNumbersTextAndNothing) {
  const std::int64_t large = 9'007'199'254'740'993;
  ASSERT_TRUE(database->write([&](sql::Session& session) -> Result<void> {
    TRY(session.exec("INSERT INTO login_failures (subject, failures, last) VALUES (:s, :f, :l)",
                     {{"s", "it's; \"x\" ü"}, {"f", large}, {"l", -1}}));
    return {};
  }));
  const auto row = database->read([](sql::Session& session) {
    return session.query_one(
        "SELECT subject, failures, last, NULL, SUM(failures) FROM login_failures");
  });
  ASSERT_TRUE(row);
  EXPECT_EQ((**row).text(0), "it's; \"x\" ü");
  EXPECT_EQ((**row).integer(1), large);
  EXPECT_EQ((**row).integer(2), -1);
  EXPECT_TRUE((**row).is_null(3));
  EXPECT_EQ((**row).integer(4), large);
}

TEST_F(DatabaseTest, RollsBackWhatFailsAndRunsNoActionForIt) {
  int acted = 0;
  const Result<void> failed = database->write([&](sql::Session& session) -> Result<void> {
    session.after_commit([&] { ++acted; });
    TRY(session.exec("INSERT INTO settings (name, value) VALUES ('a', 'b')"));
    return fail(ErrorKind::kRefused, "on second thoughts");
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "on second thoughts");
  EXPECT_EQ(acted, 0);
  const auto rows = database->read(
      [](sql::Session& session) { return session.query("SELECT name FROM settings"); });
  EXPECT_TRUE(rows->empty());
}

TEST_F(DatabaseTest, NamesABrokenConstraint) {
  const auto insert = [&] {
    return database->write([](sql::Session& session) {
      return session.exec("INSERT INTO settings (name, value) VALUES ('a', 'b')");
    });
  };
  ASSERT_TRUE(insert());
  EXPECT_EQ(insert().error().kind, ErrorKind::kConflict);
  EXPECT_EQ(database
                ->write([](sql::Session& session) {
                  return session.exec(
                      "INSERT INTO sessions (token, person, created, expires)"
                      " VALUES ('t', 'nobody', 1, 1)");
                })
                .error()
                .kind,
            ErrorKind::kConflict)
      << "foreign keys hold";
}

TEST_F(DatabaseTest, OpensAgainAndRefusesWhatANewerVersionMigrated) {
  ASSERT_TRUE(database->write([](sql::Session& session) {
    return session.exec("INSERT INTO schema_version (number) VALUES (999)");
  }));
  database.reset();
  EXPECT_FALSE(sql::Database::open({"sqlite:" + folder + "/x.db", 1}));
}

TEST(Certificates, HaveTheNamesAndFitTheirKeys) {
  const Instant now = parse_time("2026-01-01T00:00:00Z").value();
  const auto ca = tls::make_authority("x", now).value();
  const auto leaf = tls::issue_server(ca, {"a.example", "10.0.0.1", "::1"}, now).value();
  const auto facts = tls::read_certificate(leaf.pem).value();
  EXPECT_EQ(facts.names, (std::vector<std::string>{"a.example", "10.0.0.1", "::1"}));
  EXPECT_EQ(facts.not_after, now + 365 * 24h);
  EXPECT_TRUE(tls::key_fits(leaf.pem, leaf.key));
  EXPECT_FALSE(tls::key_fits(leaf.pem, ca.key));
  EXPECT_FALSE(tls::issue_server(ca, {"x,DNS:evil"}, now));
  EXPECT_FALSE(tls::read_certificate("garbage"));
}

TEST(Passwords, MatchThemselvesAlone) {
  const std::string stored = hash_password("correct horse").value();
  EXPECT_TRUE(check_password("correct horse", stored));
  EXPECT_FALSE(check_password("correct horsf", stored));
  EXPECT_FALSE(check_password("correct horse", "scrypt$99$8$1$AA$AA"));
  EXPECT_FALSE(check_password("correct horse", "x"));
  EXPECT_NE(stored, hash_password("correct horse").value()) << "salted";
}

TEST(Notifier, WakesWhoSubscribedBeforeTheChange) {
  Notifier notifier;
  int woken = 0;
  const auto early = notifier.subscribe({"a"});
  const auto other = notifier.subscribe({"b"});
  notifier.publish("a");
  early->on_change([&] { ++woken; });
  other->on_change([&] { woken += 100; });
  EXPECT_EQ(woken, 1) << "changed between looking and sleeping";
  const auto late = notifier.subscribe({"a"});
  late->on_change([&] { ++woken; });
  EXPECT_EQ(woken, 1);
  notifier.publish("a");
  EXPECT_EQ(woken, 2);
}

}  // namespace
}  // namespace obhut::cluster
