#pragma once
// Reads stored objects again and compares their hashes, the longest unread first.

#include <cstdint>
#include <stop_token>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "service/cluster/objects/object_store.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

struct ScrubReport {
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;
  std::uint64_t damaged = 0;
};

class Scrub {
 public:
  Scrub(sql::Database& database, const Clock& clock, objects::ObjectStore& store, Log log)
      : database_(database), clock_(clock), store_(store), log_(std::move(log)) {}

  /// At most `limit` objects. A damaged one raises an alert at its device, and the next ticket for
  /// it asks the agent to send it again.
  Answer<ScrubReport> run(std::uint64_t limit, std::stop_token stop);

 private:
  Answer<bool> check(const sql::Row& row, ScrubReport& report);
  sql::Database& database_;
  const Clock& clock_;
  objects::ObjectStore& store_;
  Log log_;
};

}  // namespace obhut::cluster
