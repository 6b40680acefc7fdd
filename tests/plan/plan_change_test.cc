#include "agent/plan/plan_change.h"

#include <functional>

#include <gtest/gtest.h>

#include "agent/plan/plan_codec.h"
#include "tests/plan/example.h"

namespace obhut::plan {
namespace {

using nlohmann::json;

model::Plan plan_of(const json& value) {
  const Result<model::Plan> plan = parse_plan(value.dump());
  EXPECT_TRUE(plan) << plan.error().message;
  return *plan;
}

std::vector<ChangeKind> kinds(const std::function<void(json&)>& before,
                              const std::function<void(json&)>& after) {
  json old_value = example_plan();
  before(old_value);
  json new_value = old_value;
  after(new_value);
  std::vector<ChangeKind> out;
  for (const ChangeReason& reason : plan_change_risk(plan_of(old_value), plan_of(new_value))) {
    out.push_back(reason.kind);
  }
  return out;
}

std::vector<ChangeKind> kinds(const std::function<void(json&)>& after) {
  return kinds([](json&) {}, after);
}

using Kinds = std::vector<ChangeKind>;

TEST(PlanChange, FindsNothingInHarmlessChanges) {
  const std::function<void(json&)> harmless[] = {
      [](json&) {},
      [](json& p) { p["name"] = "Other"; },
      [](json& p) { p["targets"][0]["retention"]["daily"] = 30; },
      [](json& p) { p["targets"][0]["retention"]["lock_days"] = 60; },
      [](json& p) { p["targets"][0]["retention"] = json::object(); },
      [](json& p) { p["targets"][1]["retention"]["monthly"] = 12; },
      [](json& p) { p["sources"][0]["paths"].push_back("/etc"); },
      [](json& p) { p["sources"][0]["paths"] = {"/"}; },
      [](json& p) { p["sources"][0]["exclude"] = json::array(); },
      [](json& p) {
        p["sources"][0]["exclude"] = {"*.tmp", "node_modules/", "*.iso", "/var/cache"};
      },
      [](json& p) { p["schedule"]["rrule"] = "FREQ=DAILY;BYHOUR=5"; },
      [](json& p) { p["escrow"]["name"] = "Renamed"; },
      [](json& p) {
        p["sources"] = json::parse(R"([{"type":"files","paths":["/home"],"exclude":["*.tmp"]},
                                                   {"type":"files","paths":["/srv"]}])");
      },
  };

  for (std::size_t i = 0; i < std::size(harmless); ++i) {
    EXPECT_EQ(kinds(harmless[i]), Kinds{}) << "case " << i;
  }
}

TEST(PlanChange, FindsShorterRetention) {
  const Kinds shorter{ChangeKind::kShorterRetention};
  EXPECT_EQ(kinds([](json& p) { p["targets"][0]["retention"]["daily"] = 6; }), shorter);
  EXPECT_EQ(kinds([](json& p) { p["targets"][0]["retention"]["lock_days"] = 13; }), shorter);
  EXPECT_EQ(kinds([](json& p) { p["targets"][1]["retention"]["lock_days"] = 0; }), shorter);
  EXPECT_EQ(kinds([](json& p) { p["targets"][0]["retention"].erase("weekly"); }), shorter);
  EXPECT_EQ(kinds([](json& p) { p["targets"][0]["retention"] = json::object(); },
                  [](json& p) { p["targets"][0]["retention"]["daily"] = 100'000; }),
            shorter)
      << "from everything to a number";
}

TEST(PlanChange, FindsRemovedSourcesAndTargets) {
  EXPECT_EQ(kinds([](json& p) { p["sources"][0]["paths"] = {"/home"}; }),
            Kinds{ChangeKind::kSourceRemoved});
  EXPECT_EQ(kinds([](json& p) {
              p["sources"][0]["paths"] = {"/home/anna", "/srv/data"};
            }),
            Kinds{ChangeKind::kSourceRemoved})
      << "a part of it is not it";
  EXPECT_EQ(kinds([](json& p) { p["targets"].erase(1); }), Kinds{ChangeKind::kTargetRemoved});
  EXPECT_EQ(kinds([](json& p) { p["targets"][1]["path"] = "/mnt/other"; }),
            Kinds{ChangeKind::kTargetRemoved});
}

TEST(PlanChange, FindsNarrowedSources) {
  const std::function<void(json&)> narrowed[] = {
      [](json& p) { p["sources"][0]["include"] = {"*.nothing"}; },
      [](json& p) { p["sources"][0]["one_file_system"] = true; },
      [](json& p) { p["sources"][0]["skip_cachedir_tag"] = true; },
  };
  for (const auto& change : narrowed) {
    EXPECT_EQ(kinds(change), (Kinds{ChangeKind::kSourceNarrowed, ChangeKind::kSourceNarrowed}))
        << "once for each path";
  }
  EXPECT_EQ(kinds(
                [](json& p) {
                  p["sources"][0]["include"] = {"*.doc", "*.xls"};
                },
                [](json& p) { p["sources"][0]["include"] = {"*.doc"}; }),
            (Kinds{ChangeKind::kSourceNarrowed, ChangeKind::kSourceNarrowed}));
  EXPECT_EQ(kinds([](json& p) { p["sources"][0]["include"] = {"*.doc"}; },
                  [](json& p) {
                    p["sources"][0]["include"] = {"*.doc", "*.xls"};
                  }),
            Kinds{});
}

TEST(PlanChange, FindsExcludesThatTakeNearlyEverything) {
  for (const char* pattern :
       {"*", "/", "**", "/*", "/**", "**/*", "*/", "*.*", "?*", "[!a]*", "*[a-z]*", "[A-Z]*", ".*",
        "/*/*", "*/**", "**/?*", "[[:alnum:]]*", "\\**", "*x*"}) {
    const Kinds found = kinds([&](json& p) { p["sources"][0]["exclude"].push_back(pattern); });
    const bool literal_star = std::string_view(pattern) == "\\**";
    EXPECT_EQ(found.empty(), literal_star) << pattern;
    for (const ChangeKind kind : found) EXPECT_EQ(kind, ChangeKind::kBroadExclude) << pattern;
  }
}

// The source moves into a wider one, and an exclude takes it out there.
TEST(PlanChange, FindsAnExcludeThatCoversAWholeSource) {
  const Kinds found = kinds([](json& p) {
    p["sources"][0]["paths"] = {"/srv", "/home"};
    p["sources"][0]["exclude"] = {"*.tmp", "/data/"};
  });

  EXPECT_EQ(found, Kinds{ChangeKind::kBroadExclude});
}

TEST(PlanChange, FindsAnEscrowKeyThatChanges) {
  const Kinds changed{ChangeKind::kEscrowChanged};
  EXPECT_EQ(kinds([](json& p) { p.erase("escrow"); }), changed);
  EXPECT_EQ(kinds([](json& p) { p["escrow"]["key"] = std::string(64, '2'); }), changed);
  EXPECT_EQ(kinds([](json& p) { p.erase("escrow"); },
                  [](json& p) { p["escrow"] = example_plan()["escrow"]; }),
            changed)
      << "a new reader of every backup";
}

}  // namespace
}  // namespace obhut::plan
