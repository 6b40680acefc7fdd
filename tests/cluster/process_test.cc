// The program itself: exit codes, and kill -9 in the middle of commits.

#include <csignal>
#include <cstdio>
#include <map>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/crypto/digest.h"
#include "agent/crypto/random.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "service/cluster/kept_heads.h"
#include "service/cluster/ledger_check.h"
#include "tests/cluster/https_receiver.h"
#include "tests/cluster/test_cluster.h"

namespace obhut::cluster::test {
namespace {

using namespace std::chrono_literals;

int run(const std::string& arguments) {
  const int status = std::system(
      (std::string(OBHUT_CLUSTER_PROGRAM) + " " + arguments + " >/dev/null 2>&1").c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Serves the cluster's folder in a process of its own; out: its id.
pid_t spawn_for(const TestCluster& cluster) {
  const pid_t child = fork();
  if (child == 0) {
    execl(OBHUT_CLUSTER_PROGRAM, "obhut-cluster", "run", "--state",
          (cluster.folder + "/state").c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  return child;
}

class Process : public ::testing::Test {
 protected:
  std::string folder = platform::make_temporary_directory("obhut-process").value();
  std::string state = folder + "/state";
  ~Process() override { (void)platform::remove_tree(folder); }
};

TEST_F(Process, EndsWithTheDocumentedExitCodes) {
  EXPECT_EQ(run("version"), 0);
  EXPECT_EQ(run(""), 2);
  EXPECT_EQ(run("frobnicate"), 2);
  EXPECT_EQ(run("run --state " + state), 3) << "no state folder";
  EXPECT_EQ(run("init --listen nonsense --state " + state), 2);
  EXPECT_EQ(run("init --listen 127.0.0.1:0 --state " + state), 0);
  EXPECT_EQ(run("init --state " + state), 3) << "holds a cluster already";
  EXPECT_EQ(run("user add --email x@example.org --state " + state + " < /dev/null"), 2)
      << "no password";
  EXPECT_EQ(run("ledger verify --state " + state), 0);
  EXPECT_EQ(run("ledger verify --partner nobody --state " + state), 2);
  EXPECT_EQ(run("ledger export --partner " + std::string(32, 'a') + " --out " + folder +
                "/export --state " + state),
            2)
      << "no such partner";
  EXPECT_FALSE(platform::exists(folder + "/export"));
  EXPECT_EQ(run("bill close --state " + state), 2) << "no month";
  EXPECT_EQ(run("bill close --month 2026-13 --state " + state), 2);
  EXPECT_EQ(run("bill close --month 2026-01 --state " + state), 0) << "of nobody";
  EXPECT_EQ(run("retention run --state " + state), 0);
  EXPECT_EQ(run("scrub run --state " + state), 0);
  EXPECT_EQ(run("rate --events /nonexistent --prices /nonexistent --month 2026-01"), 2);
  ASSERT_TRUE(platform::write_file(state + "/cluster.toml", as_bytes("[listen]\nprot = 1\n")));
  EXPECT_EQ(run("run --state " + state), 2) << "an unknown key";
}

// A cluster that is killed whenever it likes, and a device that goes on regardless.
class Killed : public ::testing::Test {
 protected:
  TestCluster cluster;
  TestPartner partner = cluster.make_partner("alpha");

  pid_t spawn() { return spawn_for(cluster); }
};

TEST_F(Killed, AtAnyInstantACommitIsWholeOrNotThere) {
  TestDevice device = cluster.make_device(partner);
  const std::uint16_t port = cluster.port;
  ASSERT_TRUE(cluster.hand_over(port)) << "the in-process server stops, its port goes to the child";
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::uint64_t acknowledged = 0;
  int kills = 0;
  while (kills < 12) {
    const pid_t child = spawn();
    const bool up = cluster.wait_until_up(20s);
    if (!up) kill(child, SIGKILL);
    ASSERT_TRUE(up);
    std::jthread killer([&, after = std::chrono::milliseconds(50 + random() % 400)] {
      std::this_thread::sleep_for(after);
      kill(child, SIGKILL);
    });
    while (cluster.try_back_up(device)) ++acknowledged;
    killer.join();
    int status = 0;
    waitpid(child, &status, 0);
    ++kills;
  }
  cluster.take_back();
  EXPECT_GT(acknowledged, 0u);
  // The last kill may have fallen between a commit and its answer: the device asks again.
  EXPECT_TRUE(cluster.try_back_up(device));
  const Answered heads =
      cluster.call("GET", "/api/v1/device/vaults/" + device.vault.text() + "/heads", device.token);
  EXPECT_EQ(heads.body["heads"].size(), device.sequence) << "all that was acknowledged is there";
  EXPECT_EQ(heads.body["heads"].back()["sha256"], device.head.text());
  const auto ledger = check_ledger(cluster.cluster->database(), partner.id,
                                   cluster.cluster->state().cluster_key.public_key());
  EXPECT_TRUE(ledger) << ledger.error().message;
  const auto checked = cluster.cluster->database().read(
      [&](sql::Session& session) { return compute_level(session, device.vault); });
  EXPECT_EQ(cluster.call("GET", "/api/v1/vaults/" + device.vault.text(), partner.session)
                .body["stored_bytes"],
            *checked);
  EXPECT_EQ(cluster.cluster->scrub().run(100'000, {})->damaged, 0u);
}

TEST_F(Killed, LedgersAreVerifiedAndExportedBesideAService) {
  const std::string where = " --state " + cluster.folder + "/state";
  const std::string out = cluster.folder + "/export";

  EXPECT_EQ(run("ledger verify" + where), 0);
  EXPECT_EQ(run("ledger export --partner " + partner.id.text() + " --out " + out + where), 0);
  EXPECT_TRUE(platform::exists(out + "/export.json"));
  EXPECT_EQ(run("ledger export --partner " + partner.id.text() + " --out " + out + where), 3)
      << "is there already";
  EXPECT_EQ(run("bill close --month 2026-01" + where), 2) << "the partner has no price list";
}

// Whoever saw no answer asks again with the same key, and is told the same: never that the customer
// exists already, which is what a write without its answer would leave.
TEST_F(Killed, AtAnyInstantAWriteAndItsAnswerAreBothThereOrNeither) {
  const std::uint16_t port = cluster.port;
  ASSERT_TRUE(cluster.hand_over(port));
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string path = "/api/v1/partners/" + partner.id.text() + "/customers";
  int made = 0;
  int repeated = 0;
  bool open = false;  // the newest number was sent and not answered
  for (int kills = 0; kills < 12; ++kills) {
    const pid_t child = spawn();
    const bool up = cluster.wait_until_up(20s);
    if (!up) kill(child, SIGKILL);
    ASSERT_TRUE(up);
    std::jthread killer([&, after = std::chrono::milliseconds(20 + random() % 200)] {
      std::this_thread::sleep_for(after);
      kill(child, SIGKILL);
    });
    while (true) {
      TlsClient client = cluster.connect();
      const std::string number = "N-" + std::to_string(made);
      const auto reply =
          client.request("POST", path,
                         {{"Authorization", "Bearer " + partner.session},
                          {"Idempotency-Key", number},
                          {"Content-Type", "application/json"}},
                         nlohmann::json{{"number", number}, {"mode", "per_gb"}}.dump());
      if (!reply) break;
      ASSERT_EQ(reply->status, 201) << reply->body;
      if (open && reply->headers.contains("idempotency-replayed")) ++repeated;
      open = false;
      ++made;
    }
    open = true;
    killer.join();
    int status = 0;
    waitpid(child, &status, 0);
  }
  cluster.take_back();
  EXPECT_GT(made, 0);
  RecordProperty("made", made);
  RecordProperty("repeated", repeated);
  const Answered ledger =
      cluster.call("GET", "/api/v1/partners/" + partner.id.text() + "/ledger", partner.session);
  std::map<std::string, int> times;
  for (const nlohmann::json& row : ledger.body["rows"]) {
    if (row["event"]["type"] == "customer.created") ++times[row["event"]["customer"]];
  }
  for (const auto& [number, count] : times) EXPECT_EQ(count, 1) << number;
}

class KilledSender : public ::testing::Test {
 protected:
  static Config config_with(const TestAuthority& authority) {
    Config config = TestCluster::default_config();
    config.webhooks.addresses = *outgoing::AddressPolicy::parse({"127.0.0.0/8"}, {});
    config.webhooks.ca_file = authority.file();
    return config;
  }
  /// As config_with(), for the process.
  void write_webhooks_configuration() const {
    const std::string file = cluster.folder + "/state/cluster.toml";
    std::string text(as_text(platform::read_file(file, 1U << 20U).value()));
    text += "allow_networks = [\"127.0.0.0/8\"]\nca_file = \"" + authority.file() + "\"\n";
    ASSERT_TRUE(platform::write_file(file, as_bytes(text), 0600));
  }

  TestAuthority authority;
  HttpsReceiver receiver{authority.leaf.pem, authority.leaf.key};
  TestCluster cluster{config_with(authority)};
  TestPartner partner = cluster.make_partner("alpha");
};

// The last section of what init writes is that of the webhooks.
TEST_F(KilledSender, InTheMiddleOfADeliveryMakesItAgain) {
  receiver.react([](const Received&) {
    return HttpsReceiver::Reaction{"", HttpsReceiver::Reaction::Then::kHang};
  });
  const std::uint16_t port = cluster.port;
  ASSERT_TRUE(cluster.hand_over(port));
  write_webhooks_configuration();
  const pid_t child = spawn_for(cluster);
  const bool up = cluster.wait_until_up(20s);
  if (!up) kill(child, SIGKILL);
  ASSERT_TRUE(up);
  const std::string hooks = "/api/v1/partners/" + partner.id.text() + "/webhooks";
  const Answered made = cluster.call("POST", hooks, partner.session,
                                     {{"url", receiver.url()}, {"events", {"month.closed"}}});
  EXPECT_EQ(made.status, 201) << made.text;
  const std::string hook = hooks + "/" + made.body.value("id", "");
  EXPECT_EQ(cluster.call("POST", hook + "/test", partner.session).status, 202);
  EXPECT_EQ(receiver.wait_for(1).size(), 1U);

  kill(child, SIGKILL);

  int status = 0;
  waitpid(child, &status, 0);
  receiver.react([](const Received&) { return HttpsReceiver::answer(204); });
  cluster.clock.move(61s);
  cluster.take_back();
  const auto received = receiver.wait_for(2);
  ASSERT_EQ(received.size(), 2U);
  EXPECT_EQ(received[1].headers.at("webhook-id"), received[0].headers.at("webhook-id"));
  EXPECT_EQ(received[1].body, received[0].body);
}

}  // namespace
}  // namespace obhut::cluster::test
