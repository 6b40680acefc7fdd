// The receipts that an endpoint keeps: fetched once, checked, and read again.

#include "service/endpoint/receipt_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agent/crypto/random.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "tests/support/fake_clock.h"
#include "tests/wire/fake_cluster.h"

namespace obhut::endpoint {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

class ReceiptKeeperTest : public testing::Test {
 protected:
  ReceiptKeeperTest() {
    identity_.device = device_;
    identity_.cluster_key = cluster_key_.public_key();
    identity_.receipt = "the activation's";
    cluster_.before = [this](const wire::Request& request) { return answer(request); };
  }

  std::optional<Result<wire::Response>> answer(const wire::Request& request) {
    const std::size_t at = request.url.find("/receipts");
    if (at == std::string::npos) return std::nullopt;
    asked_.push_back(request.url.substr(at));
    if (out_of_reach_) return fail(ErrorKind::kUnavailable, "the network is gone");
    const std::size_t after = request.url.find("?after=");
    const std::string day = after == std::string::npos ? "" : request.url.substr(after + 7);
    json page = json::array();
    for (const auto& [its_day, text] : offered_) {
      if (its_day > day && page.size() < 2) page.push_back(text);
    }
    return wire::json_answer(200, json{{"receipts", page}}.dump());
  }
  trust::Receipt receipt(const std::string& day, std::uint64_t bytes) const {
    trust::Receipt receipt;
    receipt.kind = trust::ReceiptKind::kStorage;
    receipt.device = device_;
    receipt.vault = vault_;
    receipt.customer = "K-1";
    receipt.location = "provider";
    receipt.day = day;
    receipt.bytes = bytes;
    return receipt;
  }
  void offer(const trust::Receipt& receipt, const crypto::SigningKey& key) {
    offered_.emplace_back(receipt.day, trust::make_receipt(receipt, key));
  }
  Result<void> collect() { return keeper_.collect(control_, std::array{vault_}, {}); }
  std::vector<std::string> days() const {
    std::vector<std::string> days;
    for (const trust::Receipt& kept : keeper_.kept()) {
      days.push_back(kept.day + " " + std::to_string(kept.bytes));
    }
    return days;
  }
  std::vector<std::string> alerts() {
    std::vector<std::string> codes;
    for (const Alert& alert : outbox_->standing()) codes.push_back(alert.code);
    return codes;
  }

  struct Folder {
    ~Folder() { EXPECT_TRUE(platform::remove_tree(path)); }
    std::string path = *platform::make_temporary_directory("obhut-receipts-");
  } whole_;
  StateFolder state_ = *StateFolder::open(whole_.path + "/state");
  tests::FakeClock clock_;
  Log log_ = Log::silent();
  std::unique_ptr<Outbox> outbox_ = *Outbox::open(state_, clock_, log_);
  crypto::SigningKey cluster_key_ = crypto::SigningKey::generate();
  crypto::SigningKey key_ = crypto::SigningKey::generate();
  DeviceId device_ = crypto::random_id<DeviceId>();
  VaultId vault_ = crypto::random_id<VaultId>();
  Identity identity_;
  wire::FakeCluster cluster_{wire::DeviceIdentity{device_, key_.clone()}};
  wire::ControlClient control_{cluster_, clock_, wire::FakeCluster::kUrl,
                               wire::DeviceIdentity{device_, key_.clone()}};
  ReceiptKeeper keeper_{state_, clock_, log_, *outbox_, identity_};
  std::vector<std::pair<std::string, std::string>> offered_;
  std::vector<std::string> asked_;
  bool out_of_reach_ = false;
};

TEST_F(ReceiptKeeperTest, FetchesPageByPageAndNothingTwice) {
  for (const char* day : {"2026-03-01", "2026-03-02", "2026-03-03"}) {
    offer(receipt(day, 100), cluster_key_);
  }

  ASSERT_TRUE(collect());

  EXPECT_THAT(days(), ElementsAre("2026-03-01 100", "2026-03-02 100", "2026-03-03 100"));
  EXPECT_THAT(asked_,
              ElementsAre("/receipts", "/receipts?after=2026-03-02", "/receipts?after=2026-03-03"));
  EXPECT_EQ(as_text(*platform::read_file(platform::join(keeper_.folder(), "activation.jws"), 100)),
            "the activation's");
  asked_.clear();
  ASSERT_TRUE(collect());
  EXPECT_TRUE(asked_.empty()) << "not every five seconds";
  clock_.advance(ReceiptKeeper::kEvery);
  offer(receipt("2026-03-04", 200), cluster_key_);
  ASSERT_TRUE(collect());
  EXPECT_THAT(asked_, ElementsAre("/receipts?after=2026-03-03", "/receipts?after=2026-03-04"));
  EXPECT_EQ(days().back(), "2026-03-04 200");
}

TEST_F(ReceiptKeeperTest, AsksAgainSoonAfterAFailure) {
  out_of_reach_ = true;
  EXPECT_FALSE(collect());
  const std::size_t tries = asked_.size();
  EXPECT_TRUE(collect()) << "not due";
  EXPECT_EQ(asked_.size(), tries);
  clock_.advance(ReceiptKeeper::kAfterFailure);
  out_of_reach_ = false;
  offer(receipt("2026-03-01", 1), cluster_key_);

  EXPECT_TRUE(collect());
  EXPECT_THAT(days(), ElementsAre("2026-03-01 1"));
}

TEST_F(ReceiptKeeperTest, KeepsNoneThatTheClusterDidNotSign) {
  offer(receipt("2026-03-01", 100), crypto::SigningKey::generate());

  EXPECT_TRUE(collect());

  EXPECT_TRUE(days().empty());
  EXPECT_THAT(alerts(), ElementsAre("storage-receipt-refused"));
  offered_.clear();
  offer(receipt("2026-03-01", 100), cluster_key_);
  clock_.advance(ReceiptKeeper::kEvery);
  EXPECT_TRUE(collect());
  EXPECT_TRUE(alerts().empty());
}

TEST_F(ReceiptKeeperTest, KeepsNoneOfAnotherVaultOrThatNamesAFileElsewhere) {
  trust::Receipt other = receipt("2026-03-01", 100);
  other.vault = crypto::random_id<VaultId>();
  trust::Receipt climbing = receipt("../../x", 100);
  trust::Receipt commit = receipt("2026-03-01", 100);
  commit.kind = trust::ReceiptKind::kCommit;
  for (const trust::Receipt& bad : {other, climbing, commit}) {
    offered_.clear();
    offer(bad, cluster_key_);
    offered_.back().first = "2026-03-01";
    EXPECT_TRUE(collect());
    EXPECT_TRUE(days().empty()) << bad.day;
    EXPECT_THAT(alerts(), ElementsAre("storage-receipt-refused"));
    clock_.advance(ReceiptKeeper::kEvery);
  }
  EXPECT_EQ(platform::list_directory(keeper_.folder())->size(), 1U) << "the activation's alone";
}

TEST_F(ReceiptKeeperTest, LeavesOutFilesThatWereChanged) {
  offer(receipt("2026-03-01", 100), cluster_key_);
  offer(receipt("2026-03-02", 100), cluster_key_);
  ASSERT_TRUE(collect());
  const std::string file =
      platform::join(keeper_.folder(), "2026-03-01-provider-" + vault_.text() + ".jws");
  Bytes text = *platform::read_file(file, 8192);
  text[text.size() / 2] ^= 1;
  ASSERT_TRUE(platform::write_file(file, text));

  EXPECT_THAT(days(), ElementsAre("2026-03-02 100"));
}

}  // namespace
}  // namespace obhut::endpoint
