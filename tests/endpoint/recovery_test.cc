// What a fresh installation in a lost one's place remembers, and what it does not do by itself.

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agent/crypto/digest.h"
#include "agent/crypto/random.h"
#include "agent/trust/device_id.h"
#include "agent/trust/receipt.h"
#include "agent/trust/token.h"
#include "agent/wire/json_codec.h"
#include "platform/local_files.h"
#include "service/endpoint/enrolment.h"
#include "service/endpoint/head_file.h"
#include "service/endpoint/vault_keeper.h"
#include "tests/support/fake_clock.h"
#include "tests/support/mem_store.h"

namespace obhut::endpoint {
namespace {

using namespace std::chrono_literals;

class RecoveryTest : public testing::Test {
 protected:
  RecoveryTest() {
    identity_.device = trust::device_id_of(key_.public_key());
    identity_.replaces = crypto::random_id<DeviceId>();
  }

  std::unique_ptr<VaultKeeper> keeper() {
    auto opened = VaultKeeper::open(state_, clock_, identity_, key_.clone(), folder_ + "/keys");
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  bool has_secret(const std::string& name) { return state_.secrets().load(name).has_value(); }

  /// Goes last: what is open cannot be removed everywhere.
  struct Folder {
    ~Folder() { EXPECT_TRUE(platform::remove_tree(path)); }
    std::string path = *platform::make_temporary_directory("obhut-recovery-");
  } whole_;
  const std::string& folder_ = whole_.path;
  StateFolder state_ = *StateFolder::open(folder_ + "/state");
  tests::FakeClock clock_;
  crypto::SigningKey key_ = crypto::SigningKey::generate();
  Identity identity_;
};

TEST_F(RecoveryTest, WhoReplacesNobodyWaitsForNothing) {
  identity_.replaces.reset();

  const auto fresh = keeper();

  EXPECT_FALSE(fresh->waiting());
  EXPECT_TRUE(fresh->cluster_vault());
  EXPECT_EQ(fresh->start_over().error().kind, ErrorKind::kConflict);
}

TEST_F(RecoveryTest, NoVaultIsMadeWhileTheLostOnesIsAwaited) {
  const auto waiting = keeper();
  const VaultId lost = crypto::random_id<VaultId>();
  waiting->await(lost);
  tests::MemStore store;

  EXPECT_TRUE(waiting->waiting());
  for (const Error& error :
       {waiting->cluster_vault().error(), waiting->show_recovery_key().error(),
        waiting->read_cluster(store, {}).error(), waiting->open_cluster(store, {}, {}).error()}) {
    EXPECT_EQ(error.kind, ErrorKind::kRefused);
    EXPECT_NE(error.message.find(lost.text()), std::string::npos) << error.message;
    EXPECT_NE(error.message.find("obhut key recover"), std::string::npos) << error.message;
  }
  EXPECT_FALSE(has_secret("vault.keyring"));
  EXPECT_FALSE(has_secret("recovery.key"));
  EXPECT_TRUE(keeper()->waiting()) << "after a restart too";
}

TEST_F(RecoveryTest, WhatWasBroughtIsKeptAndCountsAsConfirmed) {
  const seal::Keyring brought = seal::Keyring::generate();
  const vault::RecoveryKey paper = vault::RecoveryKey::generate();

  ASSERT_TRUE(keeper()->adopt(brought, {vault::SlotType::kRecovery, hash_of(paper)}));

  const auto after = keeper();
  EXPECT_FALSE(after->waiting());
  EXPECT_EQ(after->cluster_vault().value(), brought.vault());
  EXPECT_TRUE(after->recoverability().recoverable()) << "somebody holds the key";
  EXPECT_TRUE(after->confirm_recovery_key(paper));
  EXPECT_EQ(after->adopt(seal::Keyring::generate(), {}).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(after->cluster_vault().value(), brought.vault()) << "keys are never overwritten";
}

TEST_F(RecoveryTest, EveryWayInFromOutsideCounts) {
  for (const vault::SlotType type : {vault::SlotType::kEscrow, vault::SlotType::kPassphrase}) {
    ASSERT_TRUE(state_.secrets().remove("vault.keyring"));
    const auto waiting = keeper();
    ASSERT_TRUE(waiting->adopt(seal::Keyring::generate(), {type}));
    EXPECT_TRUE(keeper()->recoverability().recoverable()) << vault::to_string(type);
  }
}

TEST_F(RecoveryTest, ARecoveredVaultGetsThisDeviceAsSignerAndItsOwnMachineSlot) {
  tests::MemStore store;
  const crypto::SigningKey lost = crypto::SigningKey::generate();
  const seal::Keyring ring = seal::Keyring::generate();
  ASSERT_TRUE(vault::Vault::create_for_device(
      store, ring.clone(), vault::MachineSecret{crypto::SecretBytes(ByteView(Bytes(32, 1)))},
      trust::device_id_of(lost.public_key()), lost, clock_, {}));
  const auto heir = keeper();
  ASSERT_TRUE(heir->adopt(ring, {vault::SlotType::kPassphrase}));

  for (int time = 0; time < 2; ++time) {
    const auto vault = heir->open_cluster(store, {}, {});

    ASSERT_TRUE(vault) << vault.error().message;
    EXPECT_EQ((*vault)->signers().size(), 2U);
    EXPECT_EQ((*vault)->slots({})->size(), 2U) << "the lost machine's, and this one's once";
  }
}

TEST_F(RecoveryTest, GivingUpIsForGood) {
  ASSERT_TRUE(keeper()->start_over());

  const auto after = keeper();
  EXPECT_FALSE(after->waiting());
  const VaultId made = after->cluster_vault().value();
  EXPECT_EQ(keeper()->cluster_vault().value(), made);
}

TEST_F(RecoveryTest, AVaultThatWasTakenOverIsLaidAsideWithItsKeys) {
  identity_.replaces.reset();
  const auto alive = keeper();
  const VaultId lost = alive->cluster_vault().value();
  ASSERT_TRUE(alive->show_recovery_key());

  ASSERT_TRUE(alive->abandon(lost));
  const VaultId fresh = alive->cluster_vault().value();
  ASSERT_TRUE(alive->abandon(lost)) << "a second time it is another vault already";

  EXPECT_NE(fresh, lost);
  EXPECT_EQ(alive->cluster_vault().value(), fresh);
  EXPECT_EQ(keeper()->cluster_vault().value(), fresh);
  EXPECT_TRUE(has_secret("former-" + lost.text() + ".keyring"));
  EXPECT_FALSE(has_secret("recovery.key")) << "it would open the other vault";
  EXPECT_FALSE(alive->recoverability().recovery_key_made);
}

TEST_F(RecoveryTest, AReplacementThatIsReplacedItselfDoesNotWaitAgain) {
  ASSERT_TRUE(keeper()->adopt(seal::Keyring::generate(), {vault::SlotType::kEscrow}));
  const auto heir = keeper();
  ASSERT_TRUE(heir->abandon(heir->cluster_vault().value()));

  const auto after = keeper();

  EXPECT_FALSE(after->waiting());
  EXPECT_TRUE(after->cluster_vault());
  EXPECT_FALSE(after->recoverability().recoverable());
}

TEST_F(RecoveryTest, EveryVaultHasItsOwnMemoryOfHeads) {
  HeadFiles files(state_);
  const auto one = crypto::random_id<VaultId>();
  HeadFile* first = files.of(one).value();
  const wire::OwnHead head{7, crypto::random_id<Sha256>(), true};
  ASSERT_TRUE(first->remember(head));

  EXPECT_EQ(files.of(crypto::random_id<VaultId>()).value()->newest(), std::nullopt);
  EXPECT_EQ(files.of(one).value(), first);
  EXPECT_EQ(HeadFiles(state_).of(one).value()->newest(), head);
}

// ---- enrolment

/// A cluster that enrols whoever asks.
class Registrar final : public wire::Transport {
 public:
  Result<wire::Response> send(const wire::Request& request, std::stop_token) override {
    const auto body = nlohmann::json::parse(as_text(request.body));
    const std::string activation = body["activation"];
    const auto report = trust::read_activation(activation).value();
    trust::Receipt receipt;
    receipt.device = report.device;
    receipt.received_at = report.installed_at;
    receipt.subject = crypto::sha256(as_bytes(activation));
    receipt.workload = "w";
    receipt.activated_at = report.installed_at;
    const nlohmann::json reply = {{"device", report.device.text()},
                                  {"customer", report.customer.text()},
                                  {"partner", report.partner.text()},
                                  {"cluster_key", key_.public_key().text()},
                                  {"trust", ""},
                                  {"receipt", trust::make_receipt(receipt, key_)}};
    return wire::Response{201, {}, to_bytes(as_bytes(reply.dump()))};
  }

 private:
  crypto::SigningKey key_ = crypto::SigningKey::generate();
};

TEST_F(RecoveryTest, TheTokenSaysWhosePlaceIsTakenAndItIsKept) {
  const crypto::SigningKey root = crypto::SigningKey::generate();
  trust::RegistrationToken token;
  token.partner = crypto::random_id<PartnerId>();
  token.customer = crypto::random_id<CustomerId>();
  token.cluster = "https://cluster.example";
  token.root = root.public_key();
  token.secret = Bytes(32, 1);
  token.kind = "server";
  token.created = clock_.now();
  token.expires = clock_.now() + 24h;
  token.replaces = identity_.replaces;
  Registrar registrar;
  wire::ControlClient cluster(registrar, clock_, token.cluster);
  Enrolment enrolment = *Enrolment::open(state_, clock_);
  ASSERT_TRUE(enrolment.begin(trust::make_token(token, root)));
  ASSERT_TRUE(enrolment.finish(cluster, {}));

  EXPECT_EQ(enrolment.identity().replaces, identity_.replaces);
  Enrolment after = *Enrolment::open(state_, clock_);
  EXPECT_EQ(after.identity().replaces, identity_.replaces);
  EXPECT_TRUE(after.begin(trust::make_token(token, root))) << "its file is read at every start";
  token.replaces = crypto::random_id<DeviceId>();
  const Result<void> another = after.begin(trust::make_token(token, root));
  ASSERT_FALSE(another) << "it would change nothing, and look as if it had";
  EXPECT_EQ(another.error().kind, ErrorKind::kConflict);
}

// ---- what the cluster says

TEST(WireVaults, AreReadAndHeldToTheirTypes) {
  const std::string id(32, 'a');
  const auto list = [&](const std::string& sequence) {
    return wire::read_vaults(R"({"vaults":[{"id":")" + id +
                             R"(","created":"2026-01-01T00:00:00Z","head_sequence":)" + sequence +
                             R"(,"level":1}]})");
  };
  const auto read = list("3");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->at(0).id.text(), id);
  EXPECT_EQ(read->at(0).head_sequence, 3U);
  EXPECT_EQ(wire::read_vaults(R"({"vaults":[]})")->size(), 0U);
  for (const char* wrong : {"-1", "\"3\"", "null", "1.5"}) EXPECT_FALSE(list(wrong)) << wrong;
  EXPECT_FALSE(wire::read_vaults("{}"));
}

TEST(WireProblem, IsToldApartByItsCode) {
  const Error error = wire::error_of(
      wire::read_problem(403, R"({"code":"vault-taken-over","detail":"it was taken over"})"));
  EXPECT_EQ(error.kind, ErrorKind::kRefused);
  EXPECT_TRUE(wire::has_code(error, "vault-taken-over"));
  EXPECT_TRUE(wire::has_code(Error(error).within("key slot"), "vault-taken-over"));
  EXPECT_FALSE(wire::has_code(error, "taken-over"));
  EXPECT_FALSE(wire::has_code({ErrorKind::kRefused, "vault-taken-over"}, "vault-taken-over"));
}

}  // namespace
}  // namespace obhut::endpoint
