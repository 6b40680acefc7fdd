// Who sees what goes on, and that looking holds nothing up.

#include "service/endpoint/activities.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "service/endpoint/progress_events.h"
#include "tests/support/fake_clock.h"

namespace obhut::endpoint {
namespace {

using tests::FakeClock;

model::JobProgress job_named(const char* job, const char* phase = "reading") {
  model::JobProgress progress;
  progress.job = job;
  progress.phase = phase;
  progress.path = "/home/anna/secret-project";
  return progress;
}

class ActivitiesTest : public testing::Test {
 protected:
  FakeClock clock_;
  Activities activities_{clock_};
};

TEST_F(ActivitiesTest, ShowEverybodyTheBackupAndAdministratorsAll) {
  const Activities::Running backup(activities_, Audience::kAnybody,
                                   [] { return job_named("backup"); });
  const Activities::Running restore(activities_, Audience::kAdministrator,
                                    [] { return job_named("restore"); });

  const nlohmann::json anybody = activities_json(activities_, Audience::kAnybody);
  const nlohmann::json administrator = activities_json(activities_, Audience::kAdministrator);

  ASSERT_EQ(anybody.size(), 1u);
  EXPECT_EQ(anybody[0].at("job"), "backup");
  EXPECT_EQ(anybody.dump().find("secret"), std::string::npos) << "names are not for everybody";
  ASSERT_EQ(administrator.size(), 2u);
  EXPECT_EQ(administrator[1].at("job"), "restore");
  EXPECT_EQ(administrator[0].at("path"), "/home/anna/secret-project");
}

TEST_F(ActivitiesTest, AreGoneWithTheirJob) {
  {
    const Activities::Running running(activities_, Audience::kAnybody,
                                      [] { return job_named("backup"); });
    EXPECT_TRUE(activities_.running("backup"));
    EXPECT_FALSE(activities_.running("restore"));
  }
  EXPECT_FALSE(activities_.running("backup"));
  EXPECT_TRUE(activities_.views(Audience::kAdministrator).empty());
}

TEST_F(ActivitiesTest, RememberHowTheLastOneEndedThatEndedWell) {
  const char* phase = "reading";
  {
    const Activities::Running cut_off(activities_, Audience::kAnybody,
                                      [&] { return job_named("backup", phase); });
  }
  EXPECT_FALSE(activities_.ended("backup"));
  {
    const Activities::Running whole(activities_, Audience::kAnybody,
                                    [&] { return job_named("backup", phase); });
    phase = model::kDonePhase;
  }

  const auto ended = activities_.ended("backup");

  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->progress.estimate.percent, 100u);
}

TEST_F(ActivitiesTest, TellARateToWhoeverLooks) {
  std::uint64_t read = 0;
  Activities::Running running(activities_, Audience::kAnybody, [&] {
    model::JobProgress progress = job_named("backup");
    progress.read_bytes = read;
    return progress;
  });
  clock_.advance(std::chrono::seconds(10));
  read = 50'000'000;

  EXPECT_NEAR(static_cast<double>(running.view().progress.estimate.bytes_per_second), 5e6, 1e4);
}

TEST_F(ActivitiesTest, LetFewWatchWhoMayOnlyLook) {
  std::vector<std::unique_ptr<Activities::Watcher>> watchers;
  for (unsigned i = 0; i < Activities::Watcher::kMost; ++i) {
    watchers.push_back(std::make_unique<Activities::Watcher>(activities_, Audience::kAnybody));
    EXPECT_TRUE(watchers.back()->granted());
  }
  EXPECT_FALSE(Activities::Watcher(activities_, Audience::kAnybody).granted());
  EXPECT_TRUE(Activities::Watcher(activities_, Audience::kAdministrator).granted());
  watchers.pop_back();
  EXPECT_TRUE(Activities::Watcher(activities_, Audience::kAnybody).granted());
}

}  // namespace
}  // namespace obhut::endpoint
