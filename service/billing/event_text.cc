#include "service/billing/event_text.h"

#include "agent/base/check.h"
#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "service/billing/json_reader.h"

namespace obhut::billing {
namespace {

class EventWriter {
 public:
  EventWriter(std::string_view id, EventType type, Instant at) {
    text("id", id);
    text("type", to_string(type));
    text("at", format_time_micro(at));
  }
  EventWriter(const EventHead& head, EventType type) : EventWriter(head.id, type, head.at) {
    text("customer", head.customer);
  }

  EventWriter& text(std::string_view name, std::string_view value) {
    CHECK(is_utf8(value));
    start(name);
    append_json_string(out_, value);
    return *this;
  }
  EventWriter& number(std::string_view name, std::uint64_t value) {
    start(name);
    out_ += std::to_string(value);
    return *this;
  }
  std::string take() { return std::move(out_) + "}"; }

 private:
  void start(std::string_view name) {
    out_.push_back(out_.empty() ? '{' : ',');
    append_json_string(out_, name);
    out_.push_back(':');
  }
  std::string out_;
};

}  // namespace

std::string customer_created(const EventHead& head, Mode mode) {
  return EventWriter(head, EventType::kCustomerCreated).text("mode", to_string(mode)).take();
}

std::string customer_mode(const EventHead& head, Mode mode) {
  return EventWriter(head, EventType::kCustomerMode).text("mode", to_string(mode)).take();
}

std::string customer_deleted(const EventHead& head) {
  return EventWriter(head, EventType::kCustomerDeleted).take();
}

std::string trial_started(const EventHead& head) {
  return EventWriter(head, EventType::kTrialStarted).take();
}

std::string workload_activated(const EventHead& head, std::string_view workload,
                               std::string_view kind, ActivationClock clock) {
  return EventWriter(head, EventType::kWorkloadActivated)
      .text("workload", workload)
      .text("kind", kind)
      .text("clock", to_string(clock))
      .take();
}

std::string workload_removed(const EventHead& head, std::string_view workload) {
  return EventWriter(head, EventType::kWorkloadRemoved).text("workload", workload).take();
}

std::string storage_level(const EventHead& head, std::string_view vault, Location location,
                          std::uint64_t bytes, std::string_view reason) {
  EventWriter writer(head, EventType::kStorageLevel);
  writer.text("vault", vault).text("location", to_string(location)).number("bytes", bytes);
  if (!reason.empty()) writer.text("reason", reason);
  return writer.take();
}

std::string partner_cancelled(std::string_view id, Instant at) {
  return EventWriter(id, EventType::kPartnerCancelled, at).take();
}

}  // namespace obhut::billing
