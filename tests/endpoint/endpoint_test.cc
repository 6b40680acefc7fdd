#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agent/crypto/digest.h"
#include "agent/crypto/random.h"
#include "agent/trust/device_id.h"
#include "agent/trust/receipt.h"
#include "agent/trust/token.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "service/endpoint/config.h"
#include "service/endpoint/enrolment.h"
#include "service/endpoint/head_file.h"
#include "service/endpoint/local_control.h"
#include "service/endpoint/outbox.h"
#include "service/endpoint/requests.h"
#include "service/endpoint/source_filter.h"
#include "service/endpoint/trusted_time.h"
#include "tests/support/fake_clock.h"

namespace obhut::endpoint {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

class EndpointTest : public testing::Test {
 protected:
  EndpointTest() : folder_(*platform::make_temporary_directory("obhut-endpoint-")) {}
  ~EndpointTest() override { EXPECT_TRUE(platform::remove_tree(folder_)); }

  StateFolder state() { return *StateFolder::open(folder_ + "/state"); }

  std::string folder_;
  tests::FakeClock clock_;
};

TEST_F(EndpointTest, OneStateFolderHasOneDaemon) {
  const Result<StateFolder> first = StateFolder::open(folder_ + "/state");

  const Result<StateFolder> second = StateFolder::open(folder_ + "/state");

  ASSERT_TRUE(first);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
}

TEST_F(EndpointTest, DamagedStateIsNamedAndNotGuessed) {
  StateFolder folder = state();
  ASSERT_TRUE(folder.save_text("identity.json", "{\"device\":"));

  const Result<Enrolment> enrolment = Enrolment::open(folder, clock_);

  ASSERT_FALSE(enrolment);
  EXPECT_EQ(enrolment.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(enrolment.error().message.find("identity.json"), std::string::npos);
}

// ---- time

TEST_F(EndpointTest, TrustedTimeNeverGoesBack) {
  StateFolder folder = state();
  TrustedTime time = *TrustedTime::open(folder, clock_);
  const Instant seen = time.now(clock_.now());
  clock_.advance(-48h);

  EXPECT_EQ(time.now(std::nullopt), seen);
  TrustedTime after_restart = *TrustedTime::open(folder, clock_);
  EXPECT_EQ(after_restart.now(std::nullopt), seen);
}

TEST_F(EndpointTest, TrustedTimeIsCorrectedByTheClusterWithinThreeDays) {
  StateFolder folder = state();
  TrustedTime time = *TrustedTime::open(folder, clock_);
  const Instant local = clock_.now();

  EXPECT_EQ(time.now(local + 48h), local + 48h);
  EXPECT_LE(time.now(local + 24h * 400), local + 72h) << "a cluster that lies";
}

// A clock that was wrong for a moment must not refuse every plan ever after.
TEST_F(EndpointTest, AClockFarAheadLeavesNoTrace) {
  StateFolder folder = state();
  TrustedTime time = *TrustedTime::open(folder, clock_);
  const Instant real = clock_.now();
  clock_.advance(24h * 1000);
  (void)time.now(real);
  clock_.advance(-24h * 1000);

  EXPECT_EQ(time.now(real), real);
}

// ---- enrolment

/// A cluster that answers enrolments, or does not.
class Registrar final : public wire::Transport {
 public:
  Result<wire::Response> send(const wire::Request& request, std::stop_token) override {
    ++asked;
    if (!reachable) return fail(ErrorKind::kUnavailable, "no line");
    const json body = json::parse(as_text(request.body));
    const auto report = trust::read_activation(body["activation"].get<std::string>());
    if (!report) return fail(ErrorKind::kInternal, report.error().message);
    reports.push_back(*report);
    trust::Receipt receipt;
    receipt.device = report->device;
    receipt.received_at = report->installed_at + 1h;
    receipt.subject = crypto::sha256(as_bytes(body["activation"].get<std::string>()));
    if (lie_about_subject) receipt.subject = Sha256{};
    receipt.workload = report->device.text();
    receipt.activated_at = report->installed_at;
    const json reply = {{"device", report->device.text()},
                        {"customer", report->customer.text()},
                        {"partner", report->partner.text()},
                        {"cluster_key", key.public_key().text()},
                        {"trust", ""},
                        {"receipt", trust::make_receipt(receipt, key)}};
    return wire::Response{201, {}, to_bytes(as_bytes(reply.dump()))};
  }

  bool reachable = true;
  bool lie_about_subject = false;
  int asked = 0;
  std::vector<trust::ActivationReport> reports;
  crypto::SigningKey key = crypto::SigningKey::generate();
};

class EnrolmentTest : public EndpointTest {
 protected:
  std::string token(const CustomerId& customer) {
    trust::RegistrationToken token;
    token.partner = partner_;
    token.customer = customer;
    token.cluster = "https://cluster.example";
    token.root = root_.public_key();
    token.secret = Bytes(32);
    crypto::fill_random(token.secret);
    token.kind = "server";
    token.created = clock_.now();
    token.expires = clock_.now() + 24h;
    return trust::make_token(token, root_);
  }

  PartnerId partner_ = crypto::random_id<PartnerId>();
  CustomerId customer_ = crypto::random_id<CustomerId>();
  crypto::SigningKey root_ = crypto::SigningKey::generate();
  Registrar registrar_;
  wire::ControlClient cluster_{registrar_, clock_, "https://cluster.example"};
};

TEST_F(EnrolmentTest, IsActivatedOnceAndForAllBeforeAnybodyHearsOfIt) {
  StateFolder folder = state();
  const std::string text = token(customer_);
  Instant installed;
  {
    Enrolment enrolment = *Enrolment::open(folder, clock_);
    installed = clock_.now();
    ASSERT_TRUE(enrolment.begin(text));
    EXPECT_EQ(registrar_.asked, 0);
  }  // power cut
  clock_.advance(30min);
  Enrolment enrolment = *Enrolment::open(folder, clock_);
  ASSERT_TRUE(enrolment.pending());
  ASSERT_TRUE(enrolment.begin(text)) << "the token's file is read again at every start";

  ASSERT_TRUE(enrolment.finish(cluster_, {}));

  EXPECT_EQ(registrar_.reports.at(0).installed_at, installed);
  EXPECT_EQ(enrolment.identity().activated_at, installed);
  EXPECT_TRUE(Enrolment::open(folder, clock_)->enrolled());
  EXPECT_FALSE(platform::exists(folder.path("activation.json"))) << "the token is a secret";
}

TEST_F(EnrolmentTest, ReportsTheSameBytesUntilTheReceiptArrives) {
  StateFolder folder = state();
  Enrolment enrolment = *Enrolment::open(folder, clock_);
  ASSERT_TRUE(enrolment.begin(token(customer_)));
  registrar_.reachable = false;
  EXPECT_FALSE(enrolment.finish(cluster_, {}));
  registrar_.reachable = true;
  Enrolment other = enrolment.again();  // its answer is lost with the process

  ASSERT_TRUE(other.finish(cluster_, {}));

  EXPECT_EQ(other.identity().device, trust::device_id_of(enrolment.device_key().public_key()));
}

TEST_F(EnrolmentTest, KeepsItsKeyAndDateWhenTheTokenIsReplaced) {
  StateFolder folder = state();
  Enrolment enrolment = *Enrolment::open(folder, clock_);
  const Instant installed = clock_.now();
  ASSERT_TRUE(enrolment.begin(token(customer_)));
  const SigningKeyId key = enrolment.device_key().public_key();
  clock_.advance(1h);

  ASSERT_TRUE(enrolment.begin(token(customer_)));
  ASSERT_TRUE(enrolment.finish(cluster_, {}));

  EXPECT_EQ(enrolment.device_key().public_key(), key);
  EXPECT_EQ(registrar_.reports.at(0).installed_at, installed);
}

TEST_F(EnrolmentTest, BelongsToOneCustomer) {
  StateFolder folder = state();
  Enrolment enrolment = *Enrolment::open(folder, clock_);
  ASSERT_TRUE(enrolment.begin(token(customer_)));
  ASSERT_TRUE(enrolment.finish(cluster_, {}));

  const Result<void> same = enrolment.begin(token(customer_));
  const Result<void> other = enrolment.begin(token(crypto::random_id<CustomerId>()));

  EXPECT_TRUE(same);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::kConflict);
}

TEST_F(EnrolmentTest, TakesATokenThoughItsClockIsTwoDaysAhead) {
  StateFolder folder = state();
  const std::string text = token(customer_);
  clock_.advance(48h);
  Enrolment enrolment = *Enrolment::open(folder, clock_);

  EXPECT_TRUE(enrolment.begin(text));
}

TEST_F(EnrolmentTest, BelievesNoReceiptForAnotherActivation) {
  StateFolder folder = state();
  Enrolment enrolment = *Enrolment::open(folder, clock_);
  ASSERT_TRUE(enrolment.begin(token(customer_)));
  registrar_.lie_about_subject = true;

  const Result<void> finished = enrolment.finish(cluster_, {});

  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().kind, ErrorKind::kRefused);
  EXPECT_TRUE(Enrolment::open(folder, clock_)->pending());
}

// ---- reports

TEST_F(EndpointTest, AnAlertIsRaisedOnceAndSurvivesARestart) {
  StateFolder folder = state();
  {
    const auto outbox = *Outbox::open(folder, clock_, Log::silent());
    outbox->raise("backup-failed", "critical", "one");
    clock_.advance(1h);
    outbox->raise("backup-failed", "critical", "two");
  }
  const auto outbox = *Outbox::open(folder, clock_, Log::silent());

  const std::vector<Alert> standing = outbox->standing();

  ASSERT_EQ(standing.size(), 1u);
  EXPECT_EQ(standing[0].message, "two");
  EXPECT_EQ(standing[0].since, clock_.now() - 1h);
  outbox->clear("backup-failed");
  EXPECT_TRUE(outbox->standing().empty());
}

TEST_F(EndpointTest, HeadsAreRememberedAndNeverReplacedByOlderOnes) {
  StateFolder folder = state();
  const auto vault = crypto::random_id<VaultId>();
  const wire::OwnHead first{1, crypto::random_id<Sha256>(), true};
  const wire::OwnHead second{2, crypto::random_id<Sha256>(), true};
  {
    const auto file = *HeadFile::open(folder, vault);
    ASSERT_TRUE(file->remember(second));
    ASSERT_TRUE(file->remember(first));
  }

  EXPECT_EQ((*HeadFile::open(folder, vault))->newest(), second);
}

// ---- sources

TEST(SourceFilterTest, EachSourcesPatternsHoldBelowItsOwnPaths) {
  model::Plan plan;
  plan.sources.resize(2);
  plan.sources[0].paths = {"/srv"};
  plan.sources[0].exclude = {"*.tmp", "/cache/"};
  plan.sources[1].paths = {"/srv/keep"};
  const auto filter = *SourceFilter::make(plan);

  EXPECT_FALSE(filter->wants("/srv/a.tmp", false));
  EXPECT_FALSE(filter->wants("/srv/cache", true));
  EXPECT_TRUE(filter->wants("/srv/a.txt", false));
  EXPECT_TRUE(filter->wants("/srv/keep/a.tmp", false)) << "the innermost source decides";
  EXPECT_TRUE(filter->wants("/srv2/a.tmp", false));
}

TEST(SourceFilterTest, EachSourceIsWalkedAsItSays) {
  model::Plan plan;
  plan.sources.resize(2);
  plan.sources[0].paths = {"/srv", "/home"};
  plan.sources[0].one_file_system = true;
  plan.sources[1].paths = {"/var"};
  plan.sources[1].skip_cachedir_tag = true;
  const auto filter = *SourceFilter::make(plan);

  for (const char* path : {"/srv", "/home"}) {
    ASSERT_TRUE(filter->rules_of(path).has_value());
    EXPECT_TRUE(filter->rules_of(path)->one_file_system);
    EXPECT_FALSE(filter->rules_of(path)->skip_caches);
  }
  ASSERT_TRUE(filter->rules_of("/var").has_value());
  EXPECT_FALSE(filter->rules_of("/var")->one_file_system);
  EXPECT_TRUE(filter->rules_of("/var")->skip_caches);
  EXPECT_FALSE(filter->rules_of("/var/log").has_value());
}

// ---- local control

TEST(LocalControlTest, TellsAdministratorsFromOthers) {
  platform::Peer other;
  other.uid = 1000;
  platform::Peer own;
  own.uid = 500;
  platform::Peer root;
  root.administrator = true;

  EXPECT_EQ(audience_of(other, 500), Audience::kAnybody);
  EXPECT_EQ(audience_of(own, 500), Audience::kAdministrator);
  EXPECT_EQ(audience_of(root, 500), Audience::kAdministrator);
}

TEST_F(EndpointTest, OthersMayLookAndRestoreAndNothingElse) {
  Config config;
  config.state = folder_ + "/state";
  const auto daemon = *Daemon::make(config, clock_, Log::silent());
  for (const char* command : {"status", "watch", "points", "ls", "find", "restore", "export"}) {
    EXPECT_TRUE(check_asker(*daemon, Audience::kAnybody, command, {})) << command;
  }
  EXPECT_TRUE(check_asker(*daemon, Audience::kAnybody, "backup", {}));
  EXPECT_FALSE(check_asker(*daemon, Audience::kAnybody, "backup", {{"wait", true}}));
  EXPECT_TRUE(check_asker(*daemon, Audience::kAnybody, "pause", {{"seconds", 3600U}}));
  for (const char* command : {"verify", "plan", "billing", "pause", "key-show", "enroll", ""}) {
    EXPECT_FALSE(check_asker(*daemon, Audience::kAnybody, command, {})) << command;
    EXPECT_TRUE(check_asker(*daemon, Audience::kAdministrator, command, {})) << command;
  }
  const nlohmann::json theirs = {{"target", "/tmp/a vault of theirs"}};
  EXPECT_FALSE(check_asker(*daemon, Audience::kAnybody, "points", theirs));
  EXPECT_TRUE(check_asker(*daemon, Audience::kAdministrator, "points", theirs));
}

TEST(LocalControlTest, ExitCodesTellUsageRefusalAndReachApart) {
  EXPECT_EQ(exit_code_of(ErrorKind::kInvalidInput), 2);
  EXPECT_EQ(exit_code_of(ErrorKind::kCorrupt), 3);
  EXPECT_EQ(exit_code_of(ErrorKind::kRefused), 4);
  EXPECT_EQ(exit_code_of(ErrorKind::kTimeout), 5);
}

// ---- settings

TEST_F(EndpointTest, SettingsHaveDefaultsAndTyposAreNamed) {
  const std::string file = folder_ + "/agent.toml";
  EXPECT_EQ(load_config(file)->state, platform::standard_places().state)
      << "a missing file is an empty one";
  ASSERT_TRUE(platform::write_file(file, as_bytes("state = \"/srv/obhut\"\nlog = \"debug\"\n")));
  EXPECT_EQ(load_config(file)->state, "/srv/obhut");

  EXPECT_EQ(load_config(file)->hook_limit, 15min);
  ASSERT_TRUE(
      platform::write_file(file, as_bytes("hooks = \"/opt/hooks\"\nhook_limit = \"2h\"\n")));
  EXPECT_EQ(load_config(file)->hooks, "/opt/hooks");
  EXPECT_EQ(load_config(file)->hook_limit, 2h);

  EXPECT_TRUE(load_config(file)->updates);
  ASSERT_TRUE(platform::write_file(
      file, as_bytes("updates = \"no\"\nrelease_root = \"/opt/root.json\"\n")));
  EXPECT_FALSE(load_config(file)->updates);
  EXPECT_EQ(load_config(file)->release_root, "/opt/root.json");

  for (const char* wrong : {"stat = \"/x\"", "state = 7", "state = ", "updates = \"maybe\"",
                            "log = \"loud\"", "hook_limit = \"0s\"", "hook_limit = \"soon\""}) {
    ASSERT_TRUE(platform::write_file(file, as_bytes(wrong)));
    const Result<Config> config = load_config(file);
    ASSERT_FALSE(config) << wrong;
    EXPECT_EQ(config.error().kind, ErrorKind::kInvalidInput) << wrong;
    EXPECT_NE(config.error().message.find("agent.toml"), std::string::npos) << wrong;
  }
}

}  // namespace
}  // namespace obhut::endpoint
