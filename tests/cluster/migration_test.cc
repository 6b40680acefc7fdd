// A database of an older version is brought up to date, and what it held stays.

#include <gtest/gtest.h>

#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "service/cluster/devices.h"
#include "service/cluster/sql/database.h"
#include "service/cluster/sql/migrations.h"
#include "service/cluster/vaults.h"

namespace obhut::cluster {
namespace {

class Migration : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = platform::make_temporary_directory("obhut-migration-").value();
    const Bytes old = platform::read_file("tests/data/cluster-step-1.db", 1U << 20U).value();
    ASSERT_TRUE(platform::write_file(folder_ + "/cluster.db", old));
  }
  void TearDown() override { (void)platform::remove_tree(folder_); }  // ignored: temporary

  std::unique_ptr<sql::Database> open() {
    auto opened = sql::Database::open({"sqlite:" + folder_ + "/cluster.db", 2});
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }

  std::string folder_;
};

TEST_F(Migration, NumbersItsStepsWithoutAGap) {
  int number = 0;
  for (const sql::Migration& step : sql::migrations()) EXPECT_EQ(step.number, ++number);
  EXPECT_GE(number, 2);
}

TEST_F(Migration, KeepsWhatADatabaseOfTheFirstStepHeld) {
  const auto database = open();
  ASSERT_TRUE(database);

  const Answer<void> seen = database->read([](sql::Session& session) -> Answer<void> {
    const auto devices = session.query("SELECT id FROM devices");
    EXPECT_TRUE(devices);
    EXPECT_EQ(devices->size(), 1U);
    const Answer<Device> device = find_device(session, devices->front().id<DeviceId>(0));
    EXPECT_TRUE(device) << device.error().detail;
    EXPECT_EQ(device->replaced_by, std::nullopt);
    const auto vaults = session.query("SELECT id FROM vaults");
    EXPECT_EQ(vaults->size(), 1U);
    const Answer<Vault> vault = vault_of(session, vaults->front().id<VaultId>(0), *device);
    EXPECT_TRUE(vault) << vault.error().detail;
    EXPECT_EQ(vault->head_sequence, 1U);
    const auto tokens = session.query("SELECT hash, replaces FROM tokens");
    EXPECT_EQ(tokens->size(), 2U);
    for (const sql::Row& token : *tokens) EXPECT_TRUE(token.is_null(1));
    EXPECT_EQ(session.query("SELECT vault FROM vault_transfers")->size(), 0U);
    const auto stored = session.query("SELECT vault, location, bytes FROM stored_levels");
    EXPECT_EQ(stored->size(), 1U);
    EXPECT_EQ(stored->front().id<VaultId>(0), vault->id);
    EXPECT_EQ(stored->front().text(1), "provider");
    EXPECT_EQ(stored->front().count(2), vault->level);
    return {};
  });
  EXPECT_TRUE(seen);
}

TEST_F(Migration, IsDoneOnce) {
  ASSERT_TRUE(open());

  const auto again = open();

  ASSERT_TRUE(again);
  const Answer<void> seen = again->read([](sql::Session& session) -> Answer<void> {
    const auto steps = session.query("SELECT number FROM schema_version ORDER BY number");
    EXPECT_EQ(steps->size(), sql::migrations().size());
    return {};
  });
  EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace obhut::cluster
