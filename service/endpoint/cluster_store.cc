#include "service/endpoint/cluster_store.h"

#include "agent/plan/schedule.h"
#include "agent/store/retrying_store.h"
#include "agent/store/throttled_store.h"
#include "agent/wire/http_store.h"

namespace obhut::endpoint {

namespace {

unsigned attempts(ClusterStore::Patience patience) {
  return patience == ClusterStore::Patience::kBackground ? 8 : 3;
}

std::uint64_t bytes_per_second(const trust::AcceptedPlan* plan, Instant now) {
  if (plan == nullptr) return 0;
  const Result<std::optional<std::uint32_t>> kbps = plan::upload_limit_at(plan->plan, now);
  // A time zone that this machine lacks must not stop backups: then there is no limit.
  return kbps && *kbps ? **kbps * std::uint64_t{125} : 0;
}

}  // namespace

struct ClusterStore::Layers {
  Layers(wire::ControlClient& control, wire::Transport& transport, wire::HeadMemory& memory,
         const wire::HttpStore::Place& place, Clock& clock,
         std::shared_ptr<const trust::AcceptedPlan> plan, Patience patience)
      : http(control, transport, memory, place),
        retrying(http, clock, {}, attempts(patience)),
        throttled(retrying, clock, [plan = std::move(plan), &clock] {
          return bytes_per_second(plan.get(), clock.now());
        }) {}
  wire::HttpStore http;
  store::RetryingStore retrying;
  store::ThrottledStore throttled;
};

ClusterStore::ClusterStore(std::unique_ptr<Layers> layers) : layers_(std::move(layers)) {}
ClusterStore::~ClusterStore() = default;
store::Store& ClusterStore::store() {
  return layers_->throttled;
}

Result<std::unique_ptr<ClusterStore>> ClusterStore::open(
    const EngineParts& parts, const VaultId& vault, std::shared_ptr<const trust::AcceptedPlan> plan,
    Patience patience) {
  ASSIGN_OR_RETURN(HeadFile * memory, parts.heads.of(vault));
  const wire::HttpStore::Place place{vault, parts.identity.device,
                                     parts.keeper.writer().key.public_key(),
                                     parts.identity.cluster_key};
  return std::unique_ptr<ClusterStore>(new ClusterStore(std::make_unique<Layers>(
      parts.control, parts.transport, *memory, place, parts.clock, std::move(plan), patience)));
}

}  // namespace obhut::endpoint
