#pragma once
// What waiting polls are woken by: changes made here at once, those of other instances on the same
// database within kLookEvery.

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>

#include "agent/base/log.h"
#include "service/cluster/notifier.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

/// Thread: any.
class Changes {
 public:
  /// One look is one row of one table, and most find it unchanged.
  static constexpr std::chrono::milliseconds kLookEvery{2'000};

  Changes(sql::Database& database, Notifier& notifier) : database_(database), notifier_(notifier) {}

  /// Tells this instance's polls once the transaction is committed, and the others' when they look.
  Result<void> announce(sql::Session& session, const std::string& topic);
  /// The same as a write of its own, or of the together() around it.
  Answer<void> announce(const std::string& topic);

  /// Where the changes stand now: what look() counts from. 0 where that is not known: then look()
  /// publishes all.
  std::uint64_t newest();
  /// Publishes what was announced after `seen`, by whichever instance. Out: where they stand now.
  Answer<std::uint64_t> look(std::uint64_t seen);
  /// Looks every kLookEvery until `stop`. `seen` was asked for before the first poll came in.
  void watch(std::uint64_t seen, const Log& log, std::stop_token stop);

 private:
  sql::Database& database_;
  Notifier& notifier_;
};

}  // namespace obhut::cluster
