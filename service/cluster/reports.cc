#include "service/cluster/reports.h"

#include <algorithm>
#include <array>

namespace obhut::cluster {
namespace {

constexpr std::size_t kLongestWord = 64;
/// Older ones are dropped: an endless report must not fill the database.
constexpr std::int64_t kKeptActivities = 2000;

/// Lower-case words with dashes: what cannot be one cannot be a file name that slipped in either.
bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= kLongestWord && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

Answer<void> check_words(std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    if (!is_word(word)) {
      return refuse(422, "invalid-word", "ids, kinds and codes are words of a-z, 0-9, - and _");
    }
  }
  return {};
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

}  // namespace

Answer<void> Reports::add_activities(const Device& device,
                                     const std::vector<Activity>& activities) {
  const Instant now = clock_.now();
  std::vector<sql::Params> rows;
  for (const Activity& activity : activities) {
    TRY(check_words({activity.id, activity.kind}));
    if (!is_one_of(activity.outcome, {"running", "done", "skipped", "failed", "cancelled"})) {
      return refuse(422, "invalid-outcome", "unknown outcome of an activity");
    }
    rows.push_back({{"device", device.id},
                    {"id", activity.id},
                    {"kind", activity.kind},
                    {"started", activity.started},
                    {"finished", activity.finished},
                    {"outcome", activity.outcome},
                    {"counts", activity.counts},
                    {"received", now},
                    {"grant_use", activity.grant}});
  }
  return database_.write([&](sql::Session& session) -> Answer<void> {
    for (const sql::Params& row : rows) {
      TRY(
          session.exec("INSERT INTO activities (device, id, kind, started, finished, outcome,"
                       " counts, received, grant_use) VALUES (:device, :id, :kind, :started,"
                       " :finished, :outcome, :counts, :received, :grant_use) ON CONFLICT (device, "
                       "id) DO UPDATE SET"
                       " finished = excluded.finished, outcome = excluded.outcome,"
                       " counts = excluded.counts, received = excluded.received",
                       row));
    }
    TRY(
        session.exec("DELETE FROM activities WHERE device = :device AND started <"
                     " (SELECT MIN(started) FROM (SELECT started FROM activities"
                     " WHERE device = :device ORDER BY started DESC LIMIT :kept) newest)",
                     {{"device", device.id}, {"kept", kKeptActivities}}));
    return {};
  });
}

Answer<void> Reports::add_alerts(const Device& device, const std::vector<Alert>& alerts) {
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<void> {
    for (const Alert& alert : alerts) {
      TRY(check_words({alert.id, alert.code}));
      if (!is_one_of(alert.severity, {"info", "warning", "critical"})) {
        return refuse(422, "invalid-severity", "severity is info, warning or critical");
      }
      // What the cluster raised itself no device may clear.
      if (alert.id.starts_with("cluster-")) {
        return refuse(422, "invalid-word", "ids of alerts that begin with cluster- are ours");
      }
      TRY(
          session.exec("INSERT INTO alerts (device, id, code, severity, since, cleared, raised_by,"
                       " received) VALUES (:device, :id, :code, :severity, :since, :cleared,"
                       " 'device', :received) ON CONFLICT (device, id) DO UPDATE SET"
                       " severity = excluded.severity, cleared = excluded.cleared,"
                       " received = excluded.received",
                       {{"device", device.id},
                        {"id", alert.id},
                        {"code", alert.code},
                        {"severity", alert.severity},
                        {"since", alert.since},
                        {"cleared", alert.cleared},
                        {"received", now}}));
    }
    return {};
  });
}

Answer<std::vector<Activity>> Reports::activities(const DeviceId& device, Instant before,
                                                  std::size_t limit) {
  return database_.read([&](sql::Session& session) -> Answer<std::vector<Activity>> {
    ASSIGN_OR_RETURN(
        const sql::Rows rows,
        session.query("SELECT id, kind, started, finished, outcome, counts, received,"
                      " grant_use FROM activities WHERE device = :device AND started < :before"
                      " ORDER BY started DESC, id LIMIT :limit",
                      {{"device", device}, {"before", before}, {"limit", limit}}));
    std::vector<Activity> activities;
    for (const sql::Row& row : rows) {
      activities.push_back({row.text(0), row.text(1), row.instant(2), row.maybe_instant(3),
                            row.text(4), row.text(5), row.instant(6), row.text(7)});
    }
    return activities;
  });
}

Answer<std::vector<Alert>> Reports::alerts(const DeviceId& device, std::size_t limit) {
  return database_.read([&](sql::Session& session) -> Answer<std::vector<Alert>> {
    ASSIGN_OR_RETURN(
        const sql::Rows rows,
        session.query("SELECT id, code, severity, since, cleared, raised_by FROM alerts"
                      " WHERE device = :device ORDER BY since DESC, id LIMIT :limit",
                      {{"device", device}, {"limit", limit}}));
    std::vector<Alert> alerts;
    for (const sql::Row& row : rows) {
      alerts.push_back({row.text(0), row.text(1), row.text(2), row.instant(3), row.maybe_instant(4),
                        row.text(5)});
    }
    return alerts;
  });
}

}  // namespace obhut::cluster
