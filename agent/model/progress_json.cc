#include "agent/model/progress_json.h"

#include <cmath>

#include <nlohmann/json.hpp>

namespace obhut::model {
namespace {

using nlohmann::json;

json known(bool is_known, std::uint64_t value) {
  return is_known ? json(value) : json(nullptr);
}

std::uint64_t number(const json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_number_unsigned() ? at->get<std::uint64_t>() : 0;
}

std::string text(const json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

TotalsKind totals_of(const std::string& word) {
  for (const TotalsKind kind : {TotalsKind::kAtLeast, TotalsKind::kExpected, TotalsKind::kExact}) {
    if (word == to_string(kind)) return kind;
  }
  return TotalsKind::kUnknown;
}

void put_estimate(json& out, const ProgressEstimate& estimate) {
  out["seconds_elapsed"] = static_cast<double>(estimate.elapsed.count()) / 1000;
  out["bytes_per_second"] = estimate.bytes_per_second;
  out["files_per_second"] = estimate.files_per_second;
  out["percent"] = known(estimate.percent.has_value(), estimate.percent.value_or(0));
  out["seconds_left"] = estimate.left ? json(estimate.left->count()) : json(nullptr);
}

ProgressEstimate estimate_of(const json& object) {
  ProgressEstimate estimate;
  const auto elapsed = object.find("seconds_elapsed");
  if (elapsed != object.end() && elapsed->is_number()) {
    estimate.elapsed = std::chrono::milliseconds(std::llround(elapsed->get<double>() * 1000));
  }
  estimate.bytes_per_second = number(object, "bytes_per_second");
  estimate.files_per_second = number(object, "files_per_second");
  const auto is_number = [&](const char* name) {
    const auto at = object.find(name);
    return at != object.end() && at->is_number_integer();
  };
  if (is_number("percent")) estimate.percent = static_cast<unsigned>(number(object, "percent"));
  if (is_number("seconds_left")) {
    estimate.left = std::chrono::seconds(object.at("seconds_left").get<std::int64_t>());
  }
  return estimate;
}

}  // namespace

json progress_json(const ProgressView& view, ShowPath path) {
  const JobProgress& at = view.progress;
  const bool totals = at.totals != TotalsKind::kUnknown;
  json out = {{"type", "progress"},
              {"job", at.job},
              {"phase", at.phase},
              {"target", at.target.empty() ? json(nullptr) : json(at.target)},
              {"paused", at.paused},
              {"files_done", at.files_done},
              {"directories_done", at.directories_done},
              {"bytes_done", at.bytes_done},
              {"totals", to_string(at.totals)},
              {"files_total", known(totals, at.files_total)},
              {"bytes_total", known(totals, at.bytes_total)},
              {"packs_done", known(at.packs_total > 0, at.packs_done)},
              {"packs_total", known(at.packs_total > 0, at.packs_total)},
              {"points_done", known(at.points_total > 0, at.points_done)},
              {"points_total", known(at.points_total > 0, at.points_total)},
              {"read_bytes", at.read_bytes},
              {"written_bytes", at.written_bytes},
              {"new_bytes", at.new_bytes},
              {"stored_bytes", at.stored_bytes},
              {"errors", at.errors},
              {"path", nullptr}};
  if (path == ShowPath::kYes && !at.path.empty()) out["path"] = at.path;
  put_estimate(out, view.estimate);
  return out;
}

ProgressView progress_of(const json& object) {
  ProgressView view;
  if (!object.is_object()) return view;
  JobProgress& at = view.progress;
  at.job = text(object, "job");
  at.phase = text(object, "phase");
  at.target = text(object, "target");
  const auto paused = object.find("paused");
  at.paused = paused != object.end() && paused->is_boolean() && paused->get<bool>();
  at.files_done = number(object, "files_done");
  at.directories_done = number(object, "directories_done");
  at.bytes_done = number(object, "bytes_done");
  at.totals = totals_of(text(object, "totals"));
  at.files_total = number(object, "files_total");
  at.bytes_total = number(object, "bytes_total");
  at.packs_done = number(object, "packs_done");
  at.packs_total = number(object, "packs_total");
  at.points_done = number(object, "points_done");
  at.points_total = number(object, "points_total");
  at.read_bytes = number(object, "read_bytes");
  at.written_bytes = number(object, "written_bytes");
  at.new_bytes = number(object, "new_bytes");
  at.stored_bytes = number(object, "stored_bytes");
  at.errors = number(object, "errors");
  at.path = text(object, "path");
  view.estimate = estimate_of(object);
  return view;
}

}  // namespace obhut::model
