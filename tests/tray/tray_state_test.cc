#include "tools/tray/tray_state.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"

namespace obhut::tray {
namespace {

using nlohmann::json;

const Instant kNow = *parse_time("2026-11-30T12:00:00Z");

Viewer viewer(cli::Language language = cli::Language::kEnglish) {
  return {language, "Nordlicht IT", kNow};
}

json good() {
  return {{"enrolment", {{"enrolled", true}}},
          {"alerts", json::array()},
          {"cluster", {{"reachable", true}}},
          {"schedule",
           {{"running", false},
            {"last_success", "2026-11-30T03:00:00Z"},
            {"next", "2026-12-01T03:00:00Z"}}},
          {"pause", {{"paused", false}, {"reasons", json::array()}}},
          {"plan", {{"name", "daily"}}}};
}

json alert(const char* code, const char* severity = "critical") {
  return {
      {"code", code}, {"severity", severity}, {"message", "m"}, {"since", "2026-11-30T11:00:00Z"}};
}

const MenuLine* line_of(const TrayView& view, Choice choice) {
  for (const MenuLine& line : view.menu) {
    if (line.choice == choice) return &line;
  }
  return nullptr;
}

TEST(TrayState, TellsAtAGlanceHowThingsStand) {
  const auto look = [](const json& status) { return view_of(status, viewer()).look; };
  EXPECT_EQ(look(good()), Look::kProtected);
  EXPECT_EQ(look(nullptr), Look::kNoDaemon);

  json status = good();
  status["enrolment"]["enrolled"] = false;
  EXPECT_EQ(look(status), Look::kNotSetUp);

  status = good();
  status["schedule"].erase("last_success");
  EXPECT_EQ(look(status), Look::kNotSetUp);

  status = good();
  status["schedule"]["running"] = true;
  EXPECT_EQ(look(status), Look::kRunning);

  status = good();
  status["pause"]["paused"] = true;
  EXPECT_EQ(look(status), Look::kPaused);

  status = good();
  status["alerts"].push_back(alert("backup-failed"));
  EXPECT_EQ(look(status), Look::kAttention);
}

TEST(TrayState, WaitsForAHiccupOfTheLineToPass) {
  json status = good();
  status["cluster"] = {{"reachable", false}, {"lost_since", "2026-11-30T11:55:00Z"}};
  EXPECT_EQ(view_of(status, viewer()).look, Look::kProtected);
  status["cluster"]["lost_since"] = "2026-11-30T11:40:00Z";
  EXPECT_EQ(view_of(status, viewer()).look, Look::kOffline);
  // The daemon's own alert about the line makes no second fuss.
  status["alerts"].push_back(alert("cluster-unreachable", "warning"));
  EXPECT_EQ(view_of(status, viewer()).look, Look::kOffline);
}

TEST(TrayState, TellsOfATrialInItsLastWeek) {
  json status = good();
  status["trial"] = {{"ends", "2026-12-20T00:00:00Z"}};
  EXPECT_EQ(view_of(status, viewer()).look, Look::kProtected);
  status["trial"] = {{"ends", "2026-12-05T00:00:00Z"}};
  EXPECT_EQ(view_of(status, viewer()).look, Look::kTrialEnding);
}

TEST(TrayState, OffersWhatMakesSenseNow) {
  const TrayView idle = view_of(good(), viewer());
  EXPECT_TRUE(line_of(idle, Choice::kBackUpNow)->enabled);
  EXPECT_NE(line_of(idle, Choice::kPauseHour), nullptr);
  EXPECT_EQ(line_of(idle, Choice::kResume), nullptr);
  EXPECT_FALSE(line_of(idle, Choice::kMessages)->enabled);

  json status = good();
  status["schedule"]["running"] = true;
  status["schedule"]["progress"] = {{"percent", 42}};
  const TrayView running = view_of(status, viewer());
  EXPECT_FALSE(line_of(running, Choice::kBackUpNow)->enabled);
  EXPECT_EQ(running.percent, 42U);
  EXPECT_NE(running.tooltip.find("42"), std::string::npos);

  status = good();
  status["pause"] = {{"paused", true}, {"reasons", {"asked"}}, {"since", "2026-11-30T11:00:00Z"}};
  const TrayView paused = view_of(status, viewer());
  EXPECT_NE(line_of(paused, Choice::kResume), nullptr);
  EXPECT_EQ(line_of(paused, Choice::kPauseHour), nullptr);

  // What the plan's rules hold up, nobody here can resume.
  status["pause"] = {{"paused", true}, {"reasons", {"battery"}}};
  EXPECT_EQ(line_of(view_of(status, viewer()), Choice::kResume), nullptr);

  status = good();
  status["enrolment"]["enrolled"] = false;
  EXPECT_FALSE(line_of(view_of(status, viewer()), Choice::kRestore)->enabled);
  EXPECT_NE(line_of(view_of(nullptr, viewer()), Choice::kQuit), nullptr);
}

TEST(TrayState, SpeaksBothLanguages) {
  json status = good();
  for (const char* code :
       {"backup-failed", "no-recent-backup", "not-recoverable", "quota-exceeded"}) {
    status["alerts"] = json::array({alert(code)});
    const std::string english = view_of(status, viewer()).tooltip;
    const std::string german = view_of(status, viewer(cli::Language::kGerman)).tooltip;
    EXPECT_NE(english.find("Needs attention"), std::string::npos);
    EXPECT_NE(german.find("Braucht Aufmerksamkeit"), std::string::npos);
  }
}

TEST(TrayState, TakesAnythingForAStatus) {
  for (const json& status :
       {json(3), json("x"), json::array(), json::object(), json{{"alerts", 3}, {"schedule", "x"}},
        json{{"alerts", {1, "x", json::object()}}, {"enrolment", {{"enrolled", "yes"}}}},
        json{{"enrolment", {{"enrolled", true}}},
             {"pause", {{"reasons", "x"}, {"paused", true}}}}}) {
    EXPECT_FALSE(view_of(status, viewer()).menu.empty());
    Notices notices;
    EXPECT_TRUE(notices.look(status, viewer()).empty());
  }
}

TEST(Notices, InterruptForNewsAndNothingElse) {
  Notices notices;
  json status = good();
  status["alerts"].push_back(alert("entries-skipped", "warning"));
  EXPECT_TRUE(notices.look(status, viewer()).empty()) << "stood there before we looked";
  EXPECT_TRUE(notices.look(status, viewer()).empty());

  status["alerts"].push_back(alert("backup-failed"));
  const std::vector<Notice> failed = notices.look(status, viewer());
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_TRUE(failed[0].urgent);
  EXPECT_EQ(failed[0].title, "Nordlicht IT");
  EXPECT_TRUE(notices.look(status, viewer()).empty()) << "told once";
  EXPECT_TRUE(notices.look(nullptr, viewer()).empty()) << "a restart of the daemon is no news";

  status["alerts"] = json::array();
  const std::vector<Notice> over = notices.look(status, viewer());
  ASSERT_EQ(over.size(), 1U) << "what nobody was told of ends quietly";
  EXPECT_FALSE(over[0].urgent);
  status["alerts"].push_back(alert("new-maximum", "info"));
  EXPECT_TRUE(notices.look(status, viewer()).empty());
}

TEST(Notices, CelebrateTheFirstBackup) {
  Notices notices;
  json status = good();
  status["schedule"].erase("last_success");
  EXPECT_TRUE(notices.look(status, viewer()).empty());
  EXPECT_EQ(notices.look(good(), viewer()).size(), 1U);
  EXPECT_TRUE(notices.look(good(), viewer()).empty());
}

TEST(Tomorrow, IsNeverFurtherThanThirtyHours) {
  for (int hour = 0; hour < 24; ++hour) {
    const auto left = until_tomorrow(kNow + std::chrono::hours(hour));
    EXPECT_GT(left, std::chrono::hours(5));
    EXPECT_LE(left, std::chrono::hours(31));
  }
}

}  // namespace
}  // namespace obhut::tray
