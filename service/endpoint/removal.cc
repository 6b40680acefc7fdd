#include "service/endpoint/removal.h"

#include <array>
#include <thread>

#include "agent/wire/cpprest_transport.h"
#include "platform/local_files.h"
#include "service/endpoint/enrolment.h"
#include "service/endpoint/plan_sync.h"
#include "service/endpoint/state_folder.h"

namespace obhut::endpoint {
namespace {

/// A removal must not hang on a network that is gone.
constexpr std::chrono::seconds kPatience{10};
constexpr const char* kSoftwareRemoved = "software-removed";

}  // namespace

Result<void> report_removal(const Config& config, Clock& clock, const Log& log) {
  if (!platform::exists(config.state)) return {};
  ASSIGN_OR_RETURN(StateFolder state, StateFolder::open(config.state));
  ASSIGN_OR_RETURN(const Enrolment enrolment, Enrolment::open(state, clock));
  if (!enrolment.enrolled()) return {};
  const Identity& identity = enrolment.identity();
  const std::string plans_proxy = kept_proxy(state, identity);
  wire::CpprestTransport transport(
      {.ca_pem = {}, .spki_pin = identity.ca_pin},
      [&](const std::string& url) { return ways_out(config, plans_proxy, url); });
  wire::ControlClient cluster(transport, clock, identity.cluster,
                              wire::DeviceIdentity{identity.device, enrolment.device_key()});
  std::stop_source patience;
  const std::jthread watch([&](const std::stop_token& done) {
    if (clock.sleep_for(kPatience, done)) patience.request_stop();
  });
  const std::array alerts{
      wire::AlertReport{kSoftwareRemoved, kSoftwareRemoved, "warning", clock.now(), std::nullopt}};
  Result<void> told = cluster.report_alerts(alerts, patience.get_token());
  if (told) log.info("removal reported");
  return told;
}

}  // namespace obhut::endpoint
