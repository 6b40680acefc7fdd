#include "service/cluster/licences.h"

#include "service/billing/event_text.h"
#include "service/cluster/ledger_store.h"

namespace obhut::cluster {

std::string_view clock_word(trust::ClockSource clock) {
  return clock == trust::ClockSource::kEndpoint ? "endpoint" : "receipt";
}

trust::ClockSource clock_of(std::string_view word) {
  return word == clock_word(trust::ClockSource::kEndpoint) ? trust::ClockSource::kEndpoint
                                                           : trust::ClockSource::kReceipt;
}

Result<void> begin_licence(sql::Session& session, const Customer& customer, const WorkloadId& id,
                           std::string_view kind, const Sha256& hardware,
                           const Activation& activation, Instant now) {
  TRY(
      session.exec("INSERT INTO workloads (id, customer, kind, hardware, activated, clock)"
                   " VALUES (:id, :customer, :kind, :hardware, :activated, :clock)",
                   {{"id", id},
                    {"customer", customer.id},
                    {"kind", kind},
                    {"hardware", hardware},
                    {"activated", activation.at},
                    {"clock", clock_word(activation.clock)}}));
  const auto clock = activation.clock == trust::ClockSource::kEndpoint
                         ? billing::ActivationClock::kEndpoint
                         : billing::ActivationClock::kReceipt;
  return append_event(session, customer.partner,
                      billing::workload_activated(
                          {"workload-activated-" + id.text(), activation.at, customer.number},
                          id.text(), kind, clock),
                      now);
}

Result<void> end_licence(sql::Session& session, const Customer& customer, const WorkloadId& id,
                         Instant now) {
  TRY(session.exec("UPDATE workloads SET removed = :now WHERE id = :id AND removed IS NULL",
                   {{"now", now}, {"id", id}}));
  return append_event(
      session, customer.partner,
      billing::workload_removed({"workload-removed-" + id.text(), now, customer.number}, id.text()),
      now);
}

}  // namespace obhut::cluster
