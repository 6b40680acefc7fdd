#include "agent/plan/plan_codec.h"

#include <functional>

#include <gtest/gtest.h>

#include "tests/plan/example.h"

namespace obhut::plan {
namespace {

using nlohmann::json;

TEST(PlanCodec, ReadsAPlanAndFillsInWhatIsAbsent) {
  const Result<model::Plan> plan = parse_plan(example_plan().dump());

  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->name, "Standard");
  ASSERT_EQ(plan->sources.size(), 1U);
  EXPECT_EQ(plan->sources[0].paths, (std::vector<std::string>{"/srv/data", "/home"}));
  ASSERT_EQ(plan->targets.size(), 2U);
  EXPECT_EQ(plan->targets[0].retention.daily, 7U);
  EXPECT_EQ(plan->targets[1].retention.lock_days, 14U);
  EXPECT_EQ(plan->targets[1].path, "/mnt/backup");
  EXPECT_EQ(plan->schedule.missed, model::MissedRun::kRunSoon);
  EXPECT_EQ(plan->snapshot, model::SnapshotUse::kPreferred);
  ASSERT_TRUE(plan->escrow);
  EXPECT_EQ(plan->escrow->key.bytes()[0], 1);
  EXPECT_EQ(plan->alerts.no_backup_hours, 48U);
}

TEST(PlanCodec, WritesWhatItReads) {
  json value = example_plan();
  value["schedule"]["windows"] =
      json::parse(R"([{"days":["mon","sun"],"from":"22:00","to":"06:00"}])");
  value["schedule"]["start"] = "2026-01-05T04:45";
  value["schedule"]["jitter_minutes"] = 30;
  value["schedule"]["missed"] = "skip";
  value["limits"] = json::parse(R"({"upload_kbps":[{"from":"08:00","to":"24:00","kbps":2000}],
                                    "cpu":"idle","on_battery":"pause","metered":"pause"})");
  value["consistency"]["snapshot"] = "required";
  value["verification"] = json::parse(R"({"every_days":7,"test_restore_files":20})");
  value["alerts"] =
      json::parse(R"({"no_backup_hours":24,"failed_runs":3,"skipped_entries":false})");
  value["hooks"] = json::parse(R"({"before":["dump-db"],"after":["thaw"]})");
  value["targets"][1]["key"] = "nas";
  const model::Plan plan = parse_plan(value.dump()).value();

  const std::string text = serialize_plan(plan);

  EXPECT_EQ(parse_plan(text).value(), plan);
  EXPECT_EQ(serialize_plan(parse_plan(text).value()), text);
  EXPECT_EQ(plan.limits.upload[0].window.to, std::chrono::hours{24});
  EXPECT_EQ(plan.schedule.windows[0].days, 0b1000001);
}

// Agents of before there were updates refuse a member that they do not know.
TEST(PlanCodec, SaysNothingOfUpdatesWhereTheyAreOff) {
  json value = example_plan();
  const model::Plan silent = parse_plan(value.dump()).value();
  value["updates"] = "off";
  const model::Plan off = parse_plan(value.dump()).value();
  value["updates"] = "download";
  const model::Plan download = parse_plan(value.dump()).value();
  value["updates"] = "install";

  EXPECT_EQ(silent, off);
  EXPECT_FALSE(serialize_plan(off).contains("updates"));
  EXPECT_EQ(download.updates, model::UpdateRule::kDownload);
  EXPECT_EQ(parse_plan(serialize_plan(download)).value(), download);
  EXPECT_EQ(parse_plan(value.dump())->updates, model::UpdateRule::kInstall);
}

TEST(PlanCodec, NamesAProxyWithoutAPassword) {
  json value = example_plan();
  EXPECT_FALSE(serialize_plan(parse_plan(value.dump()).value()).contains("network"));
  for (const char* proxy :
       {"http://proxy:3128", "http://10.0.0.1:80", "http://[2001:db8::1]:8080"}) {
    value["network"]["proxy"] = proxy;
    const auto plan = parse_plan(value.dump());
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->proxy, proxy);
    EXPECT_EQ(parse_plan(serialize_plan(*plan)).value(), *plan);
  }
  for (const char* wrong :
       {"", "direct", "proxy:3128", "http://proxy", "https://proxy:3128",
        "http://anna:secret@proxy:3128", "http://proxy:3128/", "http://a b:1"}) {
    value["network"]["proxy"] = wrong;
    EXPECT_FALSE(parse_plan(value.dump())) << wrong;
  }
}

struct Refusal {
  const char* name;
  std::function<void(json&)> spoil;
  const char* expected;
};

TEST(PlanCodec, RefusesEachMistakeWithItsPlace) {
  const Refusal cases[] = {
      {"no schema", [](json& p) { p.erase("schema"); }, "plan: /"},
      {"other schema", [](json& p) { p["schema"] = "obhut.plan/2"; }, "/schema"},
      {"unknown member", [](json& p) { p["command"] = "rm -rf /"; }, "command"},
      {"unknown member deep", [](json& p) { p["targets"][0]["retention"]["hurly"] = 1; },
       "/targets/0/retention"},
      {"no sources", [](json& p) { p["sources"] = json::array(); }, "/sources"},
      {"source type", [](json& p) { p["sources"][0]["type"] = "vm"; }, "/sources/0/type"},
      {"no paths", [](json& p) { p["sources"][0]["paths"] = json::array(); }, "/sources/0/paths"},
      {"relative path", [](json& p) { p["sources"][0]["paths"][1] = "home"; },
       "/sources/0/paths/1"},
      {"dotdot path", [](json& p) { p["sources"][0]["paths"][1] = "/home/../etc"; },
       "must not hold . or .."},
      {"slash behind", [](json& p) { p["sources"][0]["paths"][1] = "/home/"; },
       "must not end in a slash"},
      {"double slash", [](json& p) { p["sources"][0]["paths"][1] = "/home//x"; }, "empty name"},
      {"NUL in path", [](json& p) { p["sources"][0]["paths"][1] = std::string("/a\0b", 4); },
       "NUL"},
      {"overlap", [](json& p) { p["sources"][0]["paths"][1] = "/srv/data/x"; }, "overlap"},
      {"same path", [](json& p) { p["sources"][0]["paths"][1] = "/srv/data"; }, "overlap"},
      {"bad pattern",
       [](json& p) {
         p["sources"][0]["exclude"] = {"ok", "[x"};
       },
       "/sources/0/exclude/1"},
      {"bad include", [](json& p) { p["sources"][0]["include"] = {"!"}; }, "/sources/0/include/0"},
      {"no targets", [](json& p) { p["targets"] = json::array(); }, "/targets"},
      {"two clusters", [](json& p) { p["targets"][1] = p["targets"][0]; }, "/targets/1"},
      {"local without path", [](json& p) { p["targets"][1].erase("path"); }, "/targets/1/path"},
      {"cluster with path", [](json& p) { p["targets"][0]["path"] = "/x"; }, "/targets/0/path"},
      {"negative count", [](json& p) { p["targets"][0]["retention"]["daily"] = -1; }, "daily"},
      {"huge count", [](json& p) { p["targets"][0]["retention"]["daily"] = 5000000000; }, "daily"},
      {"fraction", [](json& p) { p["targets"][0]["retention"]["daily"] = 1.5; }, "daily"},
      {"text for number", [](json& p) { p["targets"][0]["retention"]["daily"] = "7"; }, "daily"},
      {"no schedule", [](json& p) { p.erase("schedule"); }, "schedule"},
      {"no zone", [](json& p) { p["schedule"].erase("time_zone"); }, "time_zone"},
      {"unknown zone", [](json& p) { p["schedule"]["time_zone"] = "Mars/Base"; }, "Mars/Base"},
      {"bad rule", [](json& p) { p["schedule"]["rrule"] = "FREQ=NEVER"; }, "/schedule"},
      {"never fires",
       [](json& p) { p["schedule"]["rrule"] = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"; },
       "never fires"},
      {"bad start", [](json& p) { p["schedule"]["start"] = "2026-02-30T00:00"; },
       "/schedule/start"},
      {"bad window",
       [](json& p) {
         p["schedule"]["windows"] = json::parse(R"([{"from":"25:00","to":"06:00"}])");
       },
       "/schedule/windows/0/from"},
      {"empty days",
       [](json& p) {
         p["schedule"]["windows"] = json::parse(R"([{"days":[],"from":"05:00","to":"06:00"}])");
       },
       "days"},
      {"long jitter", [](json& p) { p["schedule"]["jitter_minutes"] = 721; }, "jitter_minutes"},
      {"escrow hex", [](json& p) { p["escrow"]["key"] = "zz"; }, "/escrow/key"},
      {"escrow zero", [](json& p) { p["escrow"]["key"] = std::string(64, '0'); }, "/escrow/key"},
      {"hook path", [](json& p) { p["hooks"]["before"] = {"../evil"}; }, "/hooks/before/0"},
      {"hook command", [](json& p) { p["hooks"]["before"] = {"rm -rf"}; }, "/hooks/before/0"},
      {"updates word", [](json& p) { p["updates"] = "always"; }, "/updates"},
      {"updates flag", [](json& p) { p["updates"] = true; }, "/updates"},
      {"slow upload",
       [](json& p) {
         p["limits"]["upload_kbps"] = json::parse(R"([{"from":"08:00","to":"18:00","kbps":1}])");
       },
       "kbps"},
      {"long text", [](json& p) { p["name"] = std::string(100'000, 'x'); }, "4096"},
  };

  for (const Refusal& one : cases) {
    json value = example_plan();
    one.spoil(value);
    const Result<model::Plan> plan = parse_plan(value.dump());
    ASSERT_FALSE(plan) << one.name;
    EXPECT_EQ(plan.error().kind, ErrorKind::kInvalidInput) << one.name;
    EXPECT_NE(plan.error().message.find(one.expected), std::string::npos)
        << one.name << ": " << plan.error().message;
  }
}

TEST(PlanCodec, RefusesTextThatIsNoPlan) {
  const std::string plan = example_plan().dump();
  std::string twice = plan;
  twice.insert(1, R"("name":"Other",)");
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("null"), std::string("{"), plan + "x",
        plan.substr(0, plan.size() - 1), std::string(100'000, '['), std::string("\xff\xfe"), twice,
        std::string(300'000, ' ') + plan}) {
    const Result<model::Plan> read = parse_plan(text);
    ASSERT_FALSE(read) << text.substr(0, 60);
    EXPECT_EQ(read.error().kind, ErrorKind::kInvalidInput);
  }
}

TEST(PlanCodec, TakesPathsOfEitherSystem) {
  json value = example_plan();
  for (const char* path : {"/", "C:\\Users", "D:/Data", "\\\\nas\\share", "C:\\"}) {
    value["sources"][0]["paths"] = {path};
    EXPECT_TRUE(parse_plan(value.dump())) << path << parse_plan(value.dump()).error().message;
  }
  for (const char* path : {"C:", "C:\\a\\", "C:\\..\\x", "C:x", "\\x"}) {
    value["sources"][0]["paths"] = {path};
    EXPECT_FALSE(parse_plan(value.dump())) << path;
  }
}

}  // namespace
}  // namespace obhut::plan
