// What the daemon answers, as people read it.

#include "tools/cli/managed_output.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace obhut::cli {
namespace {

using nlohmann::json;

class ManagedOutput : public testing::Test {
 protected:
  SystemClock clock_;
  Context english_{.clock = clock_, .stop = {}};
  Context german_{.clock = clock_, .language = Language::kGerman, .stop = {}};
};

TEST_F(ManagedOutput, SaysWhyBackupsStandStill) {
  const json both = {{"paused", true}, {"reasons", {"asked", "battery"}}};

  EXPECT_EQ(pause_text(english_, both),
            "paused      until `obhut resume`\n"
            "paused      while the machine runs on its battery, as the plan says\n");
  EXPECT_EQ(pause_text(german_, {{"paused", true}, {"reasons", {"metered"}}}),
            "angehalten  solange das Netz getaktet ist, wie es der Plan will\n");
  EXPECT_EQ(pause_text(english_, {{"paused", false}, {"reasons", json::array()}}),
            "backups go on\n");
}

TEST_F(ManagedOutput, SaysThatABackupWaitsForTheEndOfAPause) {
  const json answer = {{"started", true}, {"pause", {{"paused", true}, {"reasons", {"asked"}}}}};

  EXPECT_EQ(outcome_text(english_, answer),
            "paused      until `obhut resume`\nthe backup begins when backups go on\n");
  EXPECT_EQ(outcome_text(english_, {{"started", true}, {"pause", {{"paused", false}}}}),
            "backup started\n");
}

TEST_F(ManagedOutput, ShowsProgressAndThatItStandsStill) {
  json event = {{"progress", {{"phase", "reading"}, {"files", 7}, {"bytes", 0}}},
                {"pause", {{"paused", false}}}};
  const std::string going = progress_text(english_, event);
  event["pause"]["paused"] = true;

  EXPECT_EQ(progress_text(english_, event), "paused, " + going);
  EXPECT_EQ(progress_text(german_, {{"pause", {{"paused", true}}}}), "angehalten");
}

// A hook's output must not steer the terminal of whoever reads it.
TEST_F(ManagedOutput, QuotesWhatAHookWrote) {
  const json outcome = {{"hooks",
                         {{{"name", "dump"},
                           {"phase", "before"},
                           {"exit", 3},
                           {"seconds", 1.25},
                           {"output", "one\n\x1b[2Jtwo"},
                           {"output_truncated", true},
                           {"error", "hook dump: exit code 3"}},
                          {{"name", "thaw"},
                           {"phase", "after"},
                           {"exit", nullptr},
                           {"error", "hook thaw: want a file, and no link to one"}}}}};

  EXPECT_EQ(outcome_text(english_, outcome),
            "hook dump (before): exit code 3, 1.2 s\n"
            "  | one\n"
            "  | \\x1b[2Jtwo\n"
            "  | … more was written\n"
            "hook thaw: want a file, and no link to one\n");
  EXPECT_TRUE(
      outcome_text(german_, outcome).starts_with("Hook dump (vorher): Rückgabewert 3, 1,2 s\n"));
}

}  // namespace
}  // namespace obhut::cli
