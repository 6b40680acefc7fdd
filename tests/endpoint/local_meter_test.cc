// What an endpoint measures of the vaults at its own places, and how it tells the cluster.

#include "service/endpoint/local_meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agent/crypto/random.h"
#include "agent/trust/measurement.h"
#include "platform/local_files.h"
#include "platform/machine.h"
#include "tests/support/fake_clock.h"
#include "tests/support/vault_bench.h"
#include "tests/wire/fake_cluster.h"

namespace obhut::endpoint {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using namespace std::chrono_literals;

class LocalMeterTest : public testing::Test {
 protected:
  LocalMeterTest() {
    identity_.device = device_;
    cluster_.before = [this](const wire::Request& request) { return answer(request); };
    keeper_ = *VaultKeeper::open(state_, clock_, identity_, key_.clone(), whole_.path + "/keys");
    meter_ = open();
  }

  std::unique_ptr<LocalMeter> open() {
    return *LocalMeter::open(state_, clock_, log_, *keeper_, identity_);
  }
  std::optional<Result<wire::Response>> answer(const wire::Request& request) {
    if (!request.url.ends_with("/measurements")) return std::nullopt;
    if (out_of_reach_) return fail(ErrorKind::kUnavailable, "the network is gone");
    const json body = json::parse(as_text(request.body));
    const auto read =
        trust::read_measurement(body["measurement"].get<std::string>(), key_.public_key());
    EXPECT_TRUE(read) << read.error().message;
    if (!refusal_.empty()) return wire::problem(refusal_ == "not-found" ? 404 : 403, refusal_);
    if (read->number <= newest_[read->vault]) {
      return wire::json_answer(
          409, json{{"code", "stale-measurement"}, {"number", newest_[read->vault]}}.dump());
    }
    newest_[read->vault] = read->number;
    taken_.push_back(read->bytes);
    if (while_taken_) std::exchange(while_taken_, nullptr)();
    return wire::json_answer(204, "");
  }

  /// A folder with a vault of this device and a file of so many random bytes in it.
  VaultId make_vault(const std::string& path, std::size_t bytes) {
    const auto store = store::LocalStore::create(path);
    EXPECT_TRUE(store) << store.error().message;
    back_up(path, bytes);
    return (*keeper_->read_local(**store, {}))->id();
  }
  void back_up(const std::string& path, std::size_t bytes) {
    const std::string source = whole_.path + "/source";
    EXPECT_TRUE(platform::make_directories(source));
    tests::write_file(source + "/file", tests::content_of(++seed_, bytes, false));
    auto store = *store::LocalStore::open(path);
    model::Target target;
    target.path = path;
    auto vault = *keeper_->open_local(*store, target, std::nullopt, {});
    pipeline::BackupOptions options;
    options.sources = {source};
    pipeline::BackupJob job(*vault, clock_, log_, std::move(options));
    const auto report = job.run({});
    EXPECT_TRUE(report) << report.error().message;
  }
  void measure(const std::string& path) {
    auto store = *store::LocalStore::open(path);
    auto vault = *keeper_->read_local(*store, {});
    ASSERT_TRUE(meter_->measure(path, *vault, {}));
  }
  Result<void> send() { return meter_->send(control_, {}); }
  void scan() { ASSERT_TRUE(meter_->scan_if_due({})); }
  std::uint64_t last() const { return taken_.empty() ? 0 : taken_.back(); }

  struct Folder {
    ~Folder() { EXPECT_TRUE(platform::remove_tree(path)); }
    std::string path = *platform::make_temporary_directory("obhut-meter-");
  } whole_;
  std::string disk_ = whole_.path + "/disk";
  StateFolder state_ = *StateFolder::open(whole_.path + "/state");
  tests::FakeClock clock_;
  Log log_ = Log::silent();
  crypto::SigningKey key_ = crypto::SigningKey::generate();
  DeviceId device_ = crypto::random_id<DeviceId>();
  Identity identity_;
  wire::FakeCluster cluster_{wire::DeviceIdentity{device_, key_.clone()}};
  wire::ControlClient control_{cluster_, clock_, wire::FakeCluster::kUrl,
                               wire::DeviceIdentity{device_, key_.clone()}};
  std::unique_ptr<VaultKeeper> keeper_;
  std::unique_ptr<LocalMeter> meter_;
  std::map<VaultId, std::uint64_t> newest_;
  std::vector<std::uint64_t> taken_;
  std::string refusal_;
  bool out_of_reach_ = false;
  std::function<void()> while_taken_;
  std::uint64_t seed_ = 0;
};

TEST_F(LocalMeterTest, TellsWhatTheVaultHoldsOnce) {
  const VaultId vault = make_vault(disk_, 400'000);
  measure(disk_);
  ASSERT_TRUE(send());
  ASSERT_TRUE(send());

  EXPECT_EQ(taken_.size(), 1U);
  EXPECT_GT(last(), 400'000U);
  EXPECT_LT(last(), 450'000U);
  ASSERT_EQ(meter_->vaults().size(), 1U);
  EXPECT_EQ(meter_->vaults()[0].vault, vault);
  EXPECT_TRUE(meter_->vaults()[0].told);
}

TEST_F(LocalMeterTest, KeepsWhatItCouldNotTellOverARestart) {
  make_vault(disk_, 100'000);
  measure(disk_);
  out_of_reach_ = true;
  EXPECT_FALSE(send());
  meter_ = open();
  out_of_reach_ = false;
  ASSERT_TRUE(send());
  EXPECT_EQ(taken_.size(), 1U);
}

TEST_F(LocalMeterTest, CountsOnWhereTheMachineWasSetBack) {
  const VaultId vault = make_vault(disk_, 100'000);
  newest_[vault] = 41;
  measure(disk_);
  ASSERT_TRUE(send());
  EXPECT_EQ(newest_[vault], 42U);
  EXPECT_EQ(taken_.size(), 1U);
  back_up(disk_, 200'000);
  measure(disk_);
  ASSERT_TRUE(send());
  EXPECT_EQ(newest_[vault], 43U);
}

TEST_F(LocalMeterTest, WhatIsMeasuredWhileItTellsIsToldNext) {
  make_vault(disk_, 100'000);
  measure(disk_);
  while_taken_ = [&] {
    back_up(disk_, 200'000);
    measure(disk_);
  };
  ASSERT_TRUE(send());
  ASSERT_TRUE(send());
  EXPECT_EQ(taken_.size(), 2U);
  EXPECT_GT(last(), 300'000U) << "both points need their bytes";
}

TEST_F(LocalMeterTest, AWeeklyScanSeesWhatSomebodyDeletedByHand) {
  make_vault(disk_, 300'000);
  measure(disk_);
  scan();
  ASSERT_TRUE(send());
  ASSERT_TRUE(platform::remove_tree(disk_));
  clock_.advance(24h * 6);
  scan();
  ASSERT_TRUE(send());
  EXPECT_GT(last(), 0U) << "not due";
  clock_.advance(25h);
  scan();
  ASSERT_TRUE(send());

  EXPECT_EQ(taken_.size(), 2U);
  EXPECT_EQ(last(), 0U);
}

TEST_F(LocalMeterTest, AScanSeesASinglePackThatIsGone) {
  make_vault(disk_, 300'000);
  measure(disk_);
  scan();
  ASSERT_TRUE(send());
  const std::uint64_t before = last();
  const auto shards = platform::list_directory(disk_ + "/packs");
  ASSERT_TRUE(shards);
  for (const std::string& shard : *shards) {
    ASSERT_TRUE(platform::remove_tree(disk_ + "/packs/" + shard));
  }
  clock_.advance(24h * 8);
  scan();
  ASSERT_TRUE(send());
  EXPECT_EQ(taken_.size(), 2U);
  EXPECT_LT(last(), before - 250'000);
}

TEST_F(LocalMeterTest, ADiskThatWasTakenOutIsNotADeletion) {
  // Measured on another file system than the one that its place is on now.
  const std::string elsewhere = "/dev/shm/obhut-meter-" + device_.text();
  const auto here = platform::file_system_id(whole_.path);
  const auto there = platform::file_system_id("/dev/shm");
  if (!there || !here || *there == *here) GTEST_SKIP() << "one file system alone here";
  make_vault(elsewhere, 100'000);
  measure(elsewhere);
  scan();
  ASSERT_TRUE(send());
  json known = *state_.load("local-vaults.json").value();
  known["vaults"][0]["path"] = whole_.path + "/mount/backup";
  ASSERT_TRUE(state_.save("local-vaults.json", known));
  meter_ = open();
  clock_.advance(24h * 8);
  scan();
  ASSERT_TRUE(send());

  EXPECT_EQ(taken_.size(), 1U) << "the last measurement stands";
  EXPECT_TRUE(platform::remove_tree(elsewhere));
}

TEST_F(LocalMeterTest, AnotherVaultInItsPlaceIsMeasuredUnderItsOwnName) {
  const VaultId first = make_vault(disk_, 100'000);
  measure(disk_);
  scan();
  ASSERT_TRUE(send());
  ASSERT_TRUE(platform::remove_tree(disk_));
  const VaultId second = make_vault(disk_, 200'000);
  ASSERT_NE(first, second);
  measure(disk_);
  clock_.advance(24h * 8);
  scan();
  ASSERT_TRUE(send());

  std::map<VaultId, std::uint64_t> bytes;
  for (const LocalVault& vault : meter_->vaults()) bytes[vault.vault] = vault.bytes;
  EXPECT_EQ(bytes.at(first), 0U);
  EXPECT_GT(bytes.at(second), 200'000U);
}

TEST_F(LocalMeterTest, AskedForByAnotherInstallationItLetsGo) {
  for (const char* refusal : {"vault-taken-over", "not-found"}) {
    refusal_ = refusal;
    const std::string place = disk_ + refusal;
    make_vault(place, 10'000);
    measure(place);
    EXPECT_TRUE(send()) << refusal;
  }
  EXPECT_TRUE(taken_.empty());
  for (const LocalVault& vault : meter_->vaults()) EXPECT_TRUE(vault.told);
}

TEST_F(LocalMeterTest, AClockThatWasSetBackScansAtOnce) {
  make_vault(disk_, 100'000);
  measure(disk_);
  scan();
  ASSERT_TRUE(send());
  ASSERT_TRUE(platform::remove_tree(disk_));
  clock_.advance(-24h * 300);
  scan();
  ASSERT_TRUE(send());
  EXPECT_EQ(last(), 0U);
}

}  // namespace
}  // namespace obhut::endpoint
