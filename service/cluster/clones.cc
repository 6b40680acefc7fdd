#include "service/cluster/clones.h"

#include "agent/crypto/random.h"
#include "service/cluster/licences.h"
#include "service/cluster/tenants.h"

namespace obhut::cluster {
namespace {

/// Agents poll about once a minute: two at once return that often within three minutes.
constexpr std::int64_t kReturns = 3;
constexpr std::chrono::hours kWithin{1};
/// A process that was silent for so long is over.
constexpr std::chrono::days kForgotten{2};

}  // namespace

Answer<void> note_instance(sql::Session& session, const Device& device, const InstanceId& instance,
                           Instant now) {
  if (instance.is_zero() || instance == device.instance) return {};
  const sql::Params key{{"device", device.id}, {"instance", instance}};
  TRY(session.exec("DELETE FROM instances WHERE device = :device AND last_seen < :old",
                   {{"device", device.id}, {"old", now - kForgotten}}));
  ASSIGN_OR_RETURN(const std::optional<sql::Row> before,
                   session.query_one("SELECT last_seen FROM instances WHERE device = :device"
                                     " AND instance = :instance",
                                     key));
  TRY(session.exec(
      "INSERT INTO instances (device, instance, last_seen) VALUES (:device, :instance, :now)"
      " ON CONFLICT (device, instance) DO UPDATE SET last_seen = excluded.last_seen",
      {{"device", device.id}, {"instance", instance}, {"now", now}}));
  TRY(session.exec("UPDATE devices SET instance = :instance WHERE id = :device", key));
  if (!before) return {};
  ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                   session.query_one("SELECT returns, returns_since FROM devices WHERE id = :id",
                                     {{"id", device.id}}));
  const bool recent = now - row->instant(1) <= kWithin;
  const std::int64_t returns = recent ? row->integer(0) + 1 : 1;
  TRY(session.exec(
      "UPDATE devices SET returns = :returns, returns_since = :since WHERE id = :id",
      {{"returns", returns}, {"since", recent ? row->instant(1) : now}, {"id", device.id}}));
  if (returns < kReturns) return {};
  return count_clone(session, device, now);
}

Answer<void> count_clone(sql::Session& session, const Device& device, Instant now) {
  if (device.clone || device.removed) return {};
  ASSIGN_OR_RETURN(const Customer customer, find_customer(session, device.customer));
  const WorkloadId second = crypto::random_id<WorkloadId>();
  TRY(begin_licence(session, customer, second, device.kind, Sha256{},
                    {now, trust::ClockSource::kReceipt}, now));
  TRY(session.exec("UPDATE devices SET clone = :clone WHERE id = :id",
                   {{"clone", second}, {"id", device.id}}));
  TRY(raise_alert(session, device.id, kClonedDevice, "critical", now));
  return {};
}

Result<void> forget_instances(sql::Session& session, const DeviceId& device) {
  TRY(session.exec("DELETE FROM instances WHERE device = :device", {{"device", device}}));
  TRY(session.exec("UPDATE devices SET returns = 0 WHERE id = :device", {{"device", device}}));
  return {};
}

}  // namespace obhut::cluster
