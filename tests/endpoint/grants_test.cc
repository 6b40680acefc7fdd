// Restore grants on a device: which paths they open, whom they are for, and how they end.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agent/crypto/random.h"
#include "platform/fold_case.h"
#include "platform/local_files.h"
#include "service/endpoint/grant_keeper.h"
#include "service/endpoint/grant_use.h"
#include "service/endpoint/outbox.h"
#include "tests/support/fake_clock.h"
#include "tests/trust/people.h"

namespace obhut::endpoint {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<model::RelPath> paths(std::initializer_list<const char*> texts) {
  std::vector<model::RelPath> parsed;
  for (const char* text : texts) parsed.push_back(model::RelPath::parse(text).value());
  return parsed;
}

std::optional<std::string> as_it_is(std::string_view /*name*/) {
  return std::nullopt;
}
std::optional<std::string> folded(std::string_view name) {
  return platform::fold_case(name);
}

TEST(GrantScopeTest, OpensWholeNamesAndWhatIsBelow) {
  const GrantScope scope(paths({"home/a", "srv/data.txt"}), as_it_is);

  EXPECT_TRUE(scope.covers("home/a"));
  EXPECT_TRUE(scope.covers("home/a/b/c"));
  EXPECT_TRUE(scope.covers("srv/data.txt"));
  for (const char* path : {"", "home", "home/ab", "home/ab/c", "home/a.txt", "home/A", "Home/a",
                           "srv/data.txt2", "srv", "x/home/a", "a"}) {
    EXPECT_FALSE(scope.covers(path)) << path;
  }
}

TEST(GrantScopeTest, LeadsThroughWhatLiesAboveAndNothingElse) {
  const GrantScope scope(paths({"home/a/docs"}), as_it_is);

  EXPECT_TRUE(scope.is_below(""));
  EXPECT_TRUE(scope.is_below("home"));
  EXPECT_TRUE(scope.is_below("home/a"));
  for (const char* path : {"home/a/docs", "home/a/do", "home/ab", "hom", "home/a/docs/x"}) {
    EXPECT_FALSE(scope.is_below(path)) << path;
  }
}

TEST(GrantScopeTest, SaysWhichOfItsPathsOpens) {
  const GrantScope scope(paths({"home/a", "home/b"}), as_it_is);

  EXPECT_EQ(scope.covering("home/b/x"), 1U);
  EXPECT_EQ(scope.covering("home/a"), 0U);
  EXPECT_EQ(scope.covering("home/c"), std::nullopt);
}

TEST(GrantScopeTest, MayBeTheWholeDevice) {
  const GrantScope scope(paths({""}), as_it_is);

  EXPECT_TRUE(scope.covers(""));
  EXPECT_TRUE(scope.covers("etc/shadow"));
}

// As on Windows, where "Users" and "USERS" are one.
TEST(GrantScopeTest, TellsNamesApartAsTheSystemDoes) {
  const GrantScope scope(paths({"C/Users/Änne"}), folded);

  EXPECT_TRUE(scope.covers("C/users/ÄNNE/letter"));
  EXPECT_TRUE(scope.is_below("c/USERS"));
  EXPECT_FALSE(scope.covers("C/Users/Änneke"));
}

TEST(GrantDestinationRule, DecidesWhereARestoreMayGo) {
  const trust::GrantDestination original{trust::DestinationRule::kOriginal};
  const trust::GrantDestination folder{trust::DestinationRule::kFolder, "/home/b/back"};
  const trust::GrantDestination any{trust::DestinationRule::kAnywhere};

  EXPECT_TRUE(allows(original, "restore", "/"));
  EXPECT_FALSE(allows(original, "restore", "/home/b"));
  EXPECT_FALSE(allows(original, "export", "/x.tar"));
  EXPECT_TRUE(allows(original, "preview", ""));
  std::vector<std::string> insides{"/home/b/back", "/home/b/back/", "/home/b/back/deep"};
  // Untidy words are understood where the system tidies them, and refused elsewhere.
  if (platform::absolute_path("/a/./b//c").value_or("") == "/a/b/c") {
    insides.emplace_back("/home/b/./back//x");
  }
  for (const std::string& inside : insides) {
    EXPECT_TRUE(allows(folder, "restore", inside)) << inside;
    EXPECT_TRUE(allows(folder, "export", inside)) << inside;
  }
  for (const char* outside :
       {"/", "", "/home/b", "/home/b/backup", "/home/b/back/../x", "home/b/back",
        "/home/b/back/../../b", "/home/b/back/../back/y", "/home/b/back/.."}) {
    EXPECT_FALSE(allows(folder, "restore", outside)) << outside;
    EXPECT_FALSE(allows(folder, "export", outside)) << outside;
  }
  EXPECT_TRUE(allows(any, "restore", "/anywhere"));
  EXPECT_TRUE(allows(any, "export", "/any.tar"));
}

class GrantKeeperTest : public testing::Test {
 protected:
  GrantKeeperTest() {
    grant_.id = trust::id_of<trust::GrantId>(1);
    grant_.partner = partner_.id;
    grant_.device = device_;
    grant_.scope = paths({"home/anna"});
    grant_.account = "bert";
    grant_.destination = {trust::DestinationRule::kAnywhere};
    grant_.not_before = partner_.now;
    grant_.expires = partner_.now + 24h;
    grant_.reason = "a test";
    now_ = partner_.now;
    reopen();
  }
  void reopen() {
    keeper_ = *GrantKeeper::open(
        state_, device_,
        [this] {
          return GrantKeeper::Judge{chain(), now_};
        },
        Log::silent());
  }
  [[nodiscard]] trust::TrustChain chain() const {
    trust::TrustList list = partner_.list();
    list.operators.push_back({key_.public_key(), "rita",
                              static_cast<std::uint8_t>(trust::OperatorRole::kRestore),
                              trust::at("2027-01-01T00:00:00Z")});
    if (revoked_) list.revoked = {key_.public_key()};
    return partner_.chain_with(list);
  }
  [[nodiscard]] std::string document() const { return trust::make_grant(grant_, key_); }
  [[nodiscard]] std::size_t open_for(const platform::Account& who) {
    return keeper_->open_for(who).size();
  }

  struct Folder {
    ~Folder() { EXPECT_TRUE(platform::remove_tree(path)); }
    std::string path = *platform::make_temporary_directory("obhut-grants-");
  } whole_;
  StateFolder state_ = *StateFolder::open(whole_.path + "/state");
  trust::Partner partner_;
  crypto::SigningKey key_ = trust::key_of(7);
  DeviceId device_ = trust::id_of<DeviceId>(0xD0);
  trust::RestoreGrant grant_;
  Instant now_{};
  bool revoked_ = false;
  std::unique_ptr<GrantKeeper> keeper_;
  platform::Account anna_{"uid:1000", "anna"};
  platform::Account bert_{"uid:1001", "bert"};
};

TEST_F(GrantKeeperTest, KeepsAGrantForTheAccountThatItNamesWhoeverBringsIt) {
  ASSERT_TRUE(keeper_->add(document(), &anna_));

  EXPECT_EQ(open_for(bert_), 1U);
  EXPECT_EQ(open_for(anna_), 0U);
  EXPECT_THAT(keeper_->listed_for(&anna_), IsEmpty());
  EXPECT_THAT(keeper_->listed_for(nullptr), SizeIs(1)) << "an administrator sees all";
  reopen();
  EXPECT_EQ(open_for(bert_), 1U) << "after a restart, too";
}

TEST_F(GrantKeeperTest, KnowsAnAccountByItsNumber) {
  grant_.account = "uid:1001";
  ASSERT_TRUE(keeper_->add(document(), &bert_));

  EXPECT_EQ(open_for(bert_), 1U);
  EXPECT_EQ(open_for(anna_), 0U);
  EXPECT_EQ(open_for({"uid:10011", "uid"}), 0U);
}

TEST_F(GrantKeeperTest, KeepsOneForAnybodyForEachWhoBringsIt) {
  grant_.account.reset();
  EXPECT_EQ(keeper_->add(document(), nullptr).error().kind, ErrorKind::kRefused)
      << "root needs none";
  ASSERT_TRUE(keeper_->add(document(), &anna_));

  EXPECT_EQ(open_for(anna_), 1U);
  EXPECT_EQ(open_for(bert_), 0U);
  ASSERT_TRUE(keeper_->add(document(), &bert_));
  EXPECT_EQ(open_for(bert_), 1U);
  EXPECT_TRUE(keeper_->drop("01", &bert_));
  EXPECT_EQ(open_for(anna_), 1U) << "one's own";
}

TEST_F(GrantKeeperTest, TakesTheSameOneOnce) {
  ASSERT_TRUE(keeper_->add(document(), &bert_));
  ASSERT_TRUE(keeper_->add(document() + "\n", &bert_));

  EXPECT_THAT(keeper_->listed_for(nullptr), SizeIs(1));
}

TEST_F(GrantKeeperTest, WaitsForItsTimeAndEndsWithIt) {
  grant_.not_before = partner_.now + 1h;
  const auto added = keeper_->add(document(), &bert_);
  ASSERT_TRUE(added);
  EXPECT_FALSE(added->open);
  EXPECT_EQ(open_for(bert_), 0U);
  now_ = grant_.not_before;
  EXPECT_EQ(open_for(bert_), 1U);

  now_ = grant_.expires;
  EXPECT_EQ(open_for(bert_), 0U);
  keeper_->look();
  EXPECT_TRUE(keeper_->empty());
}

// Somebody turns the clock back to have an expired grant again.
TEST_F(GrantKeeperTest, DoesNotComeBackWithAClockThatIsTurnedBack) {
  ASSERT_TRUE(keeper_->add(document(), &bert_));
  now_ = grant_.expires + 1s;
  EXPECT_EQ(open_for(bert_), 0U);
  now_ = partner_.now;
  EXPECT_EQ(open_for(bert_), 0U) << "not even before it was forgotten";

  now_ = grant_.expires + 1s;
  keeper_->look();
  now_ = partner_.now;
  EXPECT_EQ(keeper_->add(document(), &bert_).error().kind, ErrorKind::kRefused);
  reopen();
  EXPECT_EQ(keeper_->add(document(), &bert_).error().kind, ErrorKind::kRefused);
}

TEST_F(GrantKeeperTest, RemembersHowLateItWas) {
  ASSERT_TRUE(keeper_->add(document(), &bert_));
  now_ = grant_.expires - 1s;
  keeper_->look();
  reopen();
  now_ = partner_.now;
  grant_.id = trust::id_of<trust::GrantId>(2);
  grant_.expires -= 1h;
  ASSERT_TRUE(keeper_->add(document(), &bert_)) << "another one goes by its own time";

  const auto stored = state_.load("grants.json").value()->at("grants");
  ASSERT_EQ(stored.size(), 2U);
  EXPECT_EQ(stored[0]["seen"], format_time_micro(partner_.now + 24h - 1s));
}

TEST_F(GrantKeeperTest, EndsWhereThePartnerTakesItBack) {
  ASSERT_TRUE(keeper_->add(document(), &bert_));

  keeper_->take_back({grant_.id, trust::id_of<trust::GrantId>(9)});

  EXPECT_EQ(open_for(bert_), 0U);
  EXPECT_EQ(keeper_->add(document(), &bert_).error().kind, ErrorKind::kRefused);
  reopen();
  EXPECT_EQ(open_for(bert_), 0U);
}

TEST_F(GrantKeeperTest, EndsWithTheOperatorWhoSignedIt) {
  ASSERT_TRUE(keeper_->add(document(), &bert_));

  revoked_ = true;

  EXPECT_EQ(open_for(bert_), 0U);
}

TEST_F(GrantKeeperTest, IsGivenBackByItsHolderAlone) {
  ASSERT_TRUE(keeper_->add(document(), &bert_));

  EXPECT_EQ(keeper_->drop("01", &anna_).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(keeper_->drop("", &bert_).error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(keeper_->drop("0101", &bert_));
  EXPECT_EQ(open_for(bert_), 0U);
  EXPECT_TRUE(keeper_->add(document(), &bert_)) << "and may be taken again";
}

TEST_F(GrantKeeperTest, TakesNoneThatIsNotForThisDevice) {
  grant_.device = trust::id_of<DeviceId>(0xD1);

  EXPECT_EQ(keeper_->add(document(), &bert_).error().kind, ErrorKind::kRefused);
  EXPECT_EQ(keeper_->add("not.a.grant", &bert_).error().kind, ErrorKind::kInvalidInput);
}

class UsesTest : public testing::Test {
 protected:
  wire::ActivityReport use(int number) const {
    wire::ActivityReport activity{std::to_string(number), "grant-restore", clock_.now(),
                                  clock_.now(),           "running",       {}};
    activity.grant = wire::GrantReport{"a.b.c", "uid:1", {0, 2}, "folder"};
    return activity;
  }
  std::size_t waiting() { return state_.load("outbox.json").value()->at("activities").size(); }
  struct Folder {
    ~Folder() { EXPECT_TRUE(platform::remove_tree(path)); }
    std::string path = *platform::make_temporary_directory("obhut-uses-");
  } whole_;
  StateFolder state_ = *StateFolder::open(whole_.path + "/state");
  tests::FakeClock clock_;
  std::unique_ptr<Outbox> outbox_ = *Outbox::open(state_, clock_, Log::silent());
};

// Nobody may push out of the outbox what was restored by a grant while the line is down.
TEST_F(UsesTest, AreNeverDroppedAndTooManyAreRefused) {
  ASSERT_TRUE(outbox_->add_use(use(0)));
  for (std::size_t i = 0; i < Outbox::kMostActivities + 5; ++i) {
    outbox_->add({"plain" + std::to_string(i), "backup", clock_.now(), clock_.now(), "done", {}});
  }
  const auto stored = state_.load("outbox.json").value()->at("activities");
  EXPECT_EQ(stored.size(), Outbox::kMostActivities + 1);
  EXPECT_EQ(stored[0]["id"], "0");
  EXPECT_EQ(stored[0]["grant"]["paths"], (std::vector<int>{0, 2}));

  for (std::size_t i = 1; i < Outbox::kMostUses; ++i) {
    ASSERT_TRUE(outbox_->add_use(use(static_cast<int>(i))));
  }
  EXPECT_EQ(outbox_->add_use(use(100'000)).error().kind, ErrorKind::kThrottled);
  wire::ActivityReport ended = use(3);
  ended.outcome = "done";
  EXPECT_TRUE(outbox_->add_use(ended)) << "the end of one that began";
  EXPECT_EQ(waiting(), Outbox::kMostActivities + Outbox::kMostUses);
}

TEST_F(UsesTest, SurviveARestart) {
  ASSERT_TRUE(outbox_->add_use(use(7)));

  outbox_ = *Outbox::open(state_, clock_, Log::silent());
  outbox_->raise("any", "info", "to have it written");

  const auto stored = state_.load("outbox.json").value()->at("activities");
  ASSERT_EQ(stored.size(), 1U);
  EXPECT_EQ(stored[0]["grant"]["document"], "a.b.c");
  EXPECT_EQ(stored[0]["grant"]["account"], "uid:1");
  EXPECT_EQ(stored[0]["grant"]["destination"], "folder");
}

}  // namespace
}  // namespace obhut::endpoint
