#pragma once
// Progress as JSON: on the local socket, in the status, and as lines of `--json --progress always`.
//
//   {"type": "progress", "job": "backup", "phase": "reading", "target": null, "paused": false,
//    "files_done": 7, "directories_done": 2, "bytes_done": 9000,
//    "totals": "expected", "files_total": 20, "bytes_total": 40000,
//    "packs_done": null, "packs_total": null, "points_done": null, "points_total": null,
//    "read_bytes": 9000, "written_bytes": 0, "new_bytes": 4000, "stored_bytes": 0, "errors": 0,
//    "seconds_elapsed": 1.2, "bytes_per_second": 7500, "files_per_second": 5,
//    "percent": 22, "seconds_left": 4, "path": "/home/anna/letter.txt"}
//
// All members are there in every object, null where nothing is known, "path" also where it is not
// for the reader. Phases: backup: preparing, reading, committing, done · restore: restoring, done ·
// check: preparing, reading, points, done · repair: preparing, reading, points, done ·
// prune: preparing, removing, copying, done. Members and phases may be added; these keep their
// meaning.

#include <nlohmann/json_fwd.hpp>

#include "agent/model/job_progress.h"

namespace obhut::model {

enum class ShowPath : std::uint8_t { kNo, kYes };

nlohmann::json progress_json(const ProgressView& view, ShowPath path);
/// In: what progress_json() made; a member that is missing or of another type counts as unknown.
ProgressView progress_of(const nlohmann::json& object);

}  // namespace obhut::model
