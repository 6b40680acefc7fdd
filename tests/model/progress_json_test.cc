// Progress as JSON: what consumers rely on.

#include "agent/model/progress_json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace obhut::model {
namespace {

using nlohmann::json;

ProgressView some_view() {
  ProgressView view;
  view.progress.job = "backup";
  view.progress.phase = "reading";
  view.progress.files_done = 7;
  view.progress.directories_done = 2;
  view.progress.bytes_done = 9000;
  view.progress.totals = TotalsKind::kExpected;
  view.progress.files_total = 20;
  view.progress.bytes_total = 40000;
  view.progress.read_bytes = 8000;
  view.progress.new_bytes = 4000;
  view.progress.errors = 1;
  view.progress.path = "/home/anna/letter.txt";
  view.estimate = {.elapsed = std::chrono::milliseconds(1250),
                   .bytes_per_second = 7200,
                   .files_per_second = 5,
                   .percent = 22,
                   .left = std::chrono::seconds(4)};
  return view;
}

// The documented object, member by member: other programs read it.
TEST(ProgressJson, HasTheDocumentedMembers) {
  const json expected = json::parse(R"({
    "type": "progress", "job": "backup", "phase": "reading", "target": null,
    "paused": false,
    "files_done": 7, "directories_done": 2, "bytes_done": 9000,
    "totals": "expected", "files_total": 20, "bytes_total": 40000,
    "packs_done": null, "packs_total": null, "points_done": null, "points_total": null,
    "read_bytes": 8000, "written_bytes": 0, "new_bytes": 4000, "stored_bytes": 0, "errors": 1,
    "seconds_elapsed": 1.25, "bytes_per_second": 7200, "files_per_second": 5,
    "percent": 22, "seconds_left": 4, "path": "/home/anna/letter.txt"})");

  EXPECT_EQ(progress_json(some_view(), ShowPath::kYes), expected);
}

TEST(ProgressJson, SaysNullForWhatIsNotKnown) {
  const json out = progress_json(ProgressView{}, ShowPath::kYes);

  for (const char* member : {"files_total", "bytes_total", "packs_total", "points_total", "percent",
                             "seconds_left", "path"}) {
    ASSERT_TRUE(out.contains(member)) << member;
    EXPECT_TRUE(out.at(member).is_null()) << member;
  }
  EXPECT_EQ(out.at("totals"), "unknown");
}

TEST(ProgressJson, KeepsThePathFromThoseWhomItIsNotFor) {
  EXPECT_TRUE(progress_json(some_view(), ShowPath::kNo).at("path").is_null());
}

TEST(ProgressJson, IsReadBack) {
  const json out = progress_json(some_view(), ShowPath::kYes);

  EXPECT_EQ(progress_json(progress_of(out), ShowPath::kYes), out);
}

TEST(ProgressJson, TakesNonsenseForUnknown) {
  const json nonsense = {{"files_done", "many"}, {"percent", -3.5},   {"totals", 7},
                         {"seconds_left", {}},   {"paused", "maybe"}, {"path", 3}};

  const ProgressView view = progress_of(nonsense);

  EXPECT_EQ(view.progress.files_done, 0u);
  EXPECT_EQ(view.progress.totals, TotalsKind::kUnknown);
  EXPECT_FALSE(view.progress.paused);
  EXPECT_FALSE(view.estimate.percent);
  EXPECT_FALSE(view.estimate.left);
  EXPECT_EQ(progress_of(json::array()).progress.job, "");
}

}  // namespace
}  // namespace obhut::model
