#pragma once
// A plan for the tests to vary.

#include <string>

#include <nlohmann/json.hpp>

namespace obhut::plan {

inline nlohmann::json example_plan() {
  return nlohmann::json::parse(R"({
    "schema": "obhut.plan/1",
    "name": "Standard",
    "sources": [{"type": "files", "paths": ["/srv/data", "/home"], "exclude": ["*.tmp"]}],
    "targets": [{"type": "cluster",
                 "retention": {"keep_last": 3, "daily": 7, "weekly": 4, "lock_days": 14}},
                {"type": "local", "path": "/mnt/backup", "retention": {"daily": 3}}],
    "schedule": {"rrule": "FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "time_zone": "Europe/Berlin"},
    "escrow": {"key": "0101010101010101010101010101010101010101010101010101010101010101",
               "name": "Partner"}
  })");
}

}  // namespace obhut::plan
