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
#include "service/cluster/ledger_check.h"
#include "tests/cluster/test_cluster.h"

namespace obhut::cluster::test {
namespace {

using namespace std::chrono_literals;

int run(const std::string& arguments) {
  const int status = std::system(
      (std::string(OBHUT_CLUSTER_PROGRAM) + " " + arguments + " >/dev/null 2>&1").c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
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

  /// Serves the folder in a process of its own; out: its id.
  pid_t spawn() {
    const pid_t child = fork();
    if (child == 0) {
      execl(OBHUT_CLUSTER_PROGRAM, "obhut-cluster", "run", "--state",
            (cluster.folder + "/state").c_str(), static_cast<char*>(nullptr));
      _exit(127);
    }
    return child;
  }
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

}  // namespace
}  // namespace obhut::cluster::test
