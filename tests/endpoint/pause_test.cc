// What holds backups up, for how long, and who learns of it.

#include <algorithm>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "platform/local_files.h"
#include "service/endpoint/pause_control.h"
#include "service/endpoint/pause_requests.h"
#include "tests/support/fake_clock.h"

namespace obhut::endpoint {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

class PauseTest : public testing::Test {
 protected:
  PauseTest() { outbox_ = *Outbox::open(state_, clock_, log_); }

  std::unique_ptr<PauseControl> control() {
    auto opened = PauseControl::open(
        state_, clock_, log_, *outbox_,
        {[this] { return limits_; }, [this] { return power_; }, [this] { return network_; }});
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  [[nodiscard]] std::string alert() const {
    for (const Alert& alert : outbox_->standing()) {
      if (alert.code == "backups-paused") return alert.severity;
    }
    return "";
  }

  /// Goes last: what is open cannot be removed everywhere.
  struct Folder {
    ~Folder() { EXPECT_TRUE(platform::remove_tree(path)); }
    std::string path = *platform::make_temporary_directory("obhut-pause-");
  } whole_;
  const std::string& folder_ = whole_.path;
  StateFolder state_ = *StateFolder::open(folder_ + "/state");
  tests::FakeClock clock_;
  Log log_ = Log::silent();
  std::unique_ptr<Outbox> outbox_;
  model::Limits limits_;
  platform::PowerSource power_ = platform::PowerSource::kMains;
  platform::NetworkCost network_ = platform::NetworkCost::kUnknown;
};

TEST_F(PauseTest, LastsUntilSomebodySaysOtherwise) {
  const auto pauses = control();
  int changes = 0;
  pauses->on_change([&] { ++changes; });
  ASSERT_TRUE(pauses->pause({}));
  clock_.advance(24h * 1000);
  pauses->look();

  EXPECT_TRUE(pauses->paused());
  EXPECT_TRUE(pauses->gate().paused());
  EXPECT_EQ(alert(), "warning");
  EXPECT_EQ(changes, 1);

  ASSERT_TRUE(pauses->resume());

  EXPECT_FALSE(pauses->paused());
  EXPECT_FALSE(pauses->view().asked);
  EXPECT_EQ(alert(), "");
  EXPECT_EQ(changes, 2);
}

TEST_F(PauseTest, EndsByItselfWhereAnEndWasSet) {
  const auto pauses = control();
  ASSERT_TRUE(pauses->pause(2h));
  EXPECT_EQ(alert(), "info");
  clock_.advance(2h - 1s);
  pauses->look();
  EXPECT_TRUE(pauses->paused());

  clock_.advance(1s);
  pauses->look();

  EXPECT_FALSE(pauses->paused());
  EXPECT_EQ(alert(), "");
}

TEST_F(PauseTest, OutlivesARestart) {
  ASSERT_TRUE(control()->pause(2h));
  clock_.advance(1h);

  const auto after = control();

  EXPECT_TRUE(after->paused());
  EXPECT_EQ(after->view().asked->until, clock_.now() + 1h);
  ASSERT_TRUE(after->resume());
  EXPECT_FALSE(control()->paused()) << "the end of it too";
}

TEST_F(PauseTest, IsOverAfterARestartThatCameTooLate) {
  ASSERT_TRUE(control()->pause(2h));
  clock_.advance(3h);

  EXPECT_FALSE(control()->paused());
  EXPECT_EQ(alert(), "");
}

TEST_F(PauseTest, IsNotMadeLongerByAClockThatWasSetBack) {
  const auto pauses = control();
  ASSERT_TRUE(pauses->pause(2h));
  clock_.advance(-24h * 365);
  pauses->look();
  clock_.advance(2h);
  pauses->look();

  EXPECT_FALSE(pauses->paused());
}

// Without being woken by the pause, it would look again after half a minute.
TEST_F(PauseTest, LooksAgainWhenItIsOver) {
  SystemClock real;
  auto opened =
      PauseControl::open(state_, real, log_, *outbox_, {[] { return model::Limits{}; }, {}, {}});
  ASSERT_TRUE(opened);
  PauseControl* pauses = opened->get();
  std::jthread running([&](const std::stop_token& stop) { pauses->run(stop); });

  ASSERT_TRUE(pauses->pause(1s));

  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (pauses->paused() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_FALSE(pauses->paused());
}

TEST_F(PauseTest, FollowsTheBatteryWhereThePlanSaysSo) {
  power_ = platform::PowerSource::kBattery;
  const auto pauses = control();
  EXPECT_FALSE(pauses->paused()) << "the plan does not mind";
  limits_.on_battery = model::PowerRule::kPause;
  pauses->look();
  EXPECT_TRUE(pauses->view().battery);
  EXPECT_TRUE(pauses->gate().paused());
  ASSERT_TRUE(pauses->resume());
  EXPECT_TRUE(pauses->paused()) << "the plan's rule is not the user's to lift";

  power_ = platform::PowerSource::kMains;
  pauses->look();

  EXPECT_FALSE(pauses->paused());
  EXPECT_EQ(alert(), "") << "a laptop on its battery is nothing to report";
}

TEST_F(PauseTest, FollowsTheNetworkWhereThePlanSaysSo) {
  limits_.metered = model::PowerRule::kPause;
  const auto pauses = control();
  EXPECT_FALSE(pauses->paused()) << "what cannot be known counts as free";

  network_ = platform::NetworkCost::kMetered;
  pauses->look();
  EXPECT_TRUE(pauses->view().metered);
  network_ = platform::NetworkCost::kFree;
  pauses->look();

  EXPECT_FALSE(pauses->paused());
}

TEST_F(PauseTest, GoesOnOnlyWhenNoReasonIsLeft) {
  limits_.on_battery = model::PowerRule::kPause;
  power_ = platform::PowerSource::kBattery;
  const auto pauses = control();
  ASSERT_TRUE(pauses->pause({}));
  power_ = platform::PowerSource::kMains;
  pauses->look();
  EXPECT_TRUE(pauses->paused());

  ASSERT_TRUE(pauses->resume());

  EXPECT_FALSE(pauses->paused());
}

TEST_F(PauseTest, IsToldWithItsReasons) {
  EXPECT_EQ(pause_json({}), json::parse(R"({"paused": false, "reasons": []})"));
  PauseView view;
  view.asked = {Instant{}, Instant{3600s}};
  view.battery = true;

  EXPECT_EQ(pause_json(view), json::parse(R"({"paused": true, "reasons": ["asked", "battery"],
                            "since": "1970-01-01T00:00:00Z", "until": "1970-01-01T01:00:00Z"})"));
}

}  // namespace
}  // namespace obhut::endpoint
