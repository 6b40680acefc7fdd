#include "service/cluster/changes.h"

#include <condition_variable>
#include <mutex>
#include <vector>

#include "service/cluster/settings.h"

namespace obhut::cluster {
namespace {

// In the table of settings: the number of the newest change, and for each topic that of its own.
constexpr std::string_view kNewest = "changes";
constexpr std::string_view kTopic = "changed:";

Result<std::uint64_t> newest_in(sql::Session& session) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> row, setting(session, kNewest));
  return row ? row->count(0) : 0;
}

}  // namespace

Result<void> Changes::announce(sql::Session& session, const std::string& topic) {
  ASSIGN_OR_RETURN(const std::uint64_t newest, newest_in(session));
  const auto number = static_cast<std::int64_t>(newest + 1);
  TRY(keep_setting(session, kNewest, number));
  TRY(keep_setting(session, std::string(kTopic) + topic, number));
  session.after_commit([this, topic] { notifier_.publish(topic); });
  return {};
}

Answer<void> Changes::announce(const std::string& topic) {
  return database_.write([&](sql::Session& session) -> Answer<void> {
    TRY(announce(session, topic));
    return {};
  });
}

std::uint64_t Changes::newest() {
  return database_.read([](sql::Session& session) { return newest_in(session); }).value_or(0);
}

Answer<std::uint64_t> Changes::look(std::uint64_t seen) {
  std::vector<std::string> changed;
  const auto now = database_.read([&](sql::Session& session) -> Answer<std::uint64_t> {
    ASSIGN_OR_RETURN(const std::uint64_t newest, newest_in(session));
    if (newest == seen) return newest;
    // Values are text and compared here: as text, 10 would come before 9.
    ASSIGN_OR_RETURN(const sql::Rows rows,
                     session.query("SELECT name, value FROM settings WHERE name LIKE :topics",
                                   {{"topics", std::string(kTopic) + "%"}}));
    for (const sql::Row& row : rows) {
      // A database that was set back counts from lower numbers: then all polls look once.
      if (row.count(1) > seen || newest < seen) changed.push_back(row.text(0));
    }
    return newest;
  });
  for (const std::string& name : changed) notifier_.publish(name.substr(kTopic.size()));
  return now;
}

void Changes::watch(std::uint64_t seen, const Log& log, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any ended;
  bool failing = false;
  while (!stop.stop_requested()) {
    const Answer<std::uint64_t> now = look(seen);
    if (now) seen = *now;
    // Once, not every two seconds: whoever asks in between is told by its own request.
    if (!now && !failing) log.warn("changes unseen", field("error", now.error().detail));
    failing = !now;
    std::unique_lock lock(mutex);
    ended.wait_for(lock, stop, kLookEvery, [] { return false; });
  }
}

}  // namespace obhut::cluster
