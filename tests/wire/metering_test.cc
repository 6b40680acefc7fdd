// What an endpoint asks and tells about what is metered.

#include <gtest/gtest.h>

#include "agent/crypto/random.h"
#include "agent/wire/control_client.h"
#include "tests/support/fake_clock.h"
#include "tests/wire/fake_cluster.h"

namespace obhut::wire {
namespace {

class MeteringClient : public ::testing::Test {
 protected:
  void answers(Response response) {
    cluster_.before = [this, response](const Request& request) -> std::optional<Result<Response>> {
      if (!request.url.ends_with("/allowance") && !request.url.ends_with("/measurements")) {
        return std::nullopt;
      }
      ++asked_;
      return response;
    };
  }

  crypto::SigningKey key_ = crypto::SigningKey::generate();
  DeviceId device_ = crypto::random_id<DeviceId>();
  VaultId vault_ = crypto::random_id<VaultId>();
  tests::FakeClock clock_;
  FakeCluster cluster_{DeviceIdentity{device_, key_.clone()}};
  ControlClient control_{cluster_, clock_, FakeCluster::kUrl,
                         DeviceIdentity{device_, key_.clone()}};
  int asked_ = 0;
};

TEST_F(MeteringClient, ReadsAnAllowanceWithAndWithoutLimits) {
  answers(json_answer(200, R"({"left_bytes":5,"room_bytes":7,"limit_is":"the vault's"})"));
  const Result<Allowance> limited = control_.allowance(vault_, {});
  ASSERT_TRUE(limited) << limited.error().message;
  EXPECT_EQ(limited->left_bytes, 5U);
  EXPECT_EQ(limited->room_bytes, 7U);
  answers(json_answer(200, R"({"left_bytes":null,"room_bytes":null})"));
  const Result<Allowance> free = control_.allowance(vault_, {});
  ASSERT_TRUE(free) << free.error().message;
  EXPECT_EQ(free->left_bytes, std::nullopt);
  EXPECT_EQ(free->room_bytes, std::nullopt);
  answers(json_answer(200, R"({"left_bytes":"many"})"));
  EXPECT_EQ(control_.allowance(vault_, {}).error().kind, ErrorKind::kCorrupt);
}

TEST_F(MeteringClient, LearnsTheNumberOfANewerMeasurement) {
  answers(json_answer(204, ""));
  EXPECT_EQ(control_.report_measurement("signed", {}).value(), std::nullopt);
  answers(json_answer(409, R"({"code":"stale-measurement","number":41})"));
  EXPECT_EQ(control_.report_measurement("signed", {}).value(), 41U);
  answers(problem(409, "conflict"));
  EXPECT_EQ(control_.report_measurement("signed", {}).error().kind, ErrorKind::kConflict);
  answers(problem(404, "not-found"));
  EXPECT_EQ(control_.report_measurement("signed", {}).error().kind, ErrorKind::kNotFound);
  answers(problem(507, "quota-exceeded"));
  EXPECT_EQ(control_.report_measurement("signed", {}).error().kind, ErrorKind::kQuotaExceeded);
  EXPECT_EQ(asked_, 5);
}

}  // namespace
}  // namespace obhut::wire
