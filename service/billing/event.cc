#include "service/billing/event.h"

#include <array>
#include <string>

#include "agent/base/text.h"
#include "agent/base/time_text.h"

namespace obhut::billing {
namespace {

constexpr std::array<std::string_view, kEventTypes> kTypeNames = {
    "customer.created",   "customer.mode",    "customer.deleted", "trial.started",
    "workload.activated", "workload.removed", "storage.level",    "partner.cancelled"};
constexpr std::array<std::string_view, 2> kModeNames = {"per_gb", "per_workload"};
constexpr std::array<std::string_view, kLocations> kLocationNames = {"local", "provider", "vendor"};
constexpr std::array<std::string_view, 2> kClockNames = {"endpoint", "receipt"};

template <class Enum, std::size_t N>
std::optional<Enum> find_name(const std::array<std::string_view, N>& names, std::string_view text) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

std::unexpected<Error> fault(std::string_view field, std::string_view what) {
  return fail(ErrorKind::kInvalidInput,
              "field \"" + std::string(field) + "\": " + std::string(what));
}

std::string quoted(std::string_view text) {
  return "\"" + printable(text) + "\"";
}

class Fields {
 public:
  explicit Fields(std::span<const JsonField> fields) : fields_(fields) {}

  const JsonField* find(std::string_view name) const {
    for (const JsonField& field : fields_) {
      if (field.name == name) return &field;
    }
    return nullptr;
  }
  Result<std::string_view> string(std::string_view name) const {
    const JsonField* field = find(name);
    if (field == nullptr) return fault(name, "is missing");
    if (field->kind != JsonKind::kString) return fault(name, "must be a string");
    return field->text;
  }
  Result<std::uint64_t> integer(std::string_view name) const {
    const JsonField* field = find(name);
    if (field == nullptr) return fault(name, "is missing");
    const JsonInteger parsed = field->kind == JsonKind::kNumber
                                   ? json_integer(field->text)
                                   : JsonInteger{JsonInteger::Fault::kNotAnInteger, 0};
    if (parsed.fault == JsonInteger::Fault::kNotAnInteger) {
      return fault(name, "must be an integer of at least 0, without fraction or exponent");
    }
    if (parsed.fault == JsonInteger::Fault::kTooLarge) {
      return fault(name, "is larger than 18446744073709551615");
    }
    return parsed.value;
  }
  template <class Enum, std::size_t N>
  Result<Enum> word(std::string_view name, const std::array<std::string_view, N>& words) const {
    ASSIGN_OR_RETURN(const std::string_view text, string(name));
    if (const auto value = find_name<Enum>(words, text)) return *value;
    std::string what = "must be one of";
    for (std::string_view known : words) what += " " + std::string(known);
    return fault(name, what + ", not " + quoted(text));
  }

 private:
  std::span<const JsonField> fields_;
};

Result<void> read_activation(const Fields& fields, EventView& event) {
  ASSIGN_OR_RETURN(event.object, fields.string("workload"));
  ASSIGN_OR_RETURN(event.kind, fields.string("kind"));
  if (fields.find("clock") == nullptr) return {};
  ASSIGN_OR_RETURN(event.clock, fields.word<ActivationClock>("clock", kClockNames));
  return {};
}

Result<void> read_level(const Fields& fields, EventView& event) {
  ASSIGN_OR_RETURN(event.object, fields.string("vault"));
  ASSIGN_OR_RETURN(event.location, fields.word<Location>("location", kLocationNames));
  ASSIGN_OR_RETURN(event.bytes, fields.integer("bytes"));
  return {};
}

Result<void> read_further(const Fields& fields, EventView& event) {
  switch (event.type) {
    case EventType::kCustomerCreated:
    case EventType::kCustomerMode: {
      ASSIGN_OR_RETURN(event.mode, fields.word<Mode>("mode", kModeNames));
      return {};
    }
    case EventType::kWorkloadActivated:
      return read_activation(fields, event);
    case EventType::kWorkloadRemoved: {
      ASSIGN_OR_RETURN(event.object, fields.string("workload"));
      return {};
    }
    case EventType::kStorageLevel:
      return read_level(fields, event);
    case EventType::kCustomerDeleted:
    case EventType::kTrialStarted:
    case EventType::kPartnerCancelled:
      return {};
  }
  return {};
}

}  // namespace

std::string_view to_string(EventType type) {
  return kTypeNames[static_cast<std::size_t>(type)];
}
std::string_view to_string(Mode mode) {
  return kModeNames[static_cast<std::size_t>(mode)];
}
std::string_view to_string(Location location) {
  return kLocationNames[static_cast<std::size_t>(location)];
}
std::string_view to_string(ActivationClock clock) {
  return kClockNames[static_cast<std::size_t>(clock)];
}
std::optional<EventType> parse_event_type(std::string_view text) {
  return find_name<EventType>(kTypeNames, text);
}
std::optional<Mode> parse_mode(std::string_view text) {
  return find_name<Mode>(kModeNames, text);
}
std::optional<Location> parse_location(std::string_view text) {
  return find_name<Location>(kLocationNames, text);
}

Result<EventView> event_of(std::span<const JsonField> members) {
  const Fields fields(members);
  EventView event;
  ASSIGN_OR_RETURN(event.id, fields.string("id"));
  ASSIGN_OR_RETURN(const std::string_view type, fields.string("type"));
  const std::optional<EventType> known = parse_event_type(type);
  if (!known) return fault("type", "unknown event type " + quoted(type));
  event.type = *known;
  ASSIGN_OR_RETURN(const std::string_view at, fields.string("at"));
  const std::optional<Instant> instant = parse_time(at);
  if (!instant) {
    return fault("at",
                 "must be an RFC 3339 instant of at most six fraction digits, not " + quoted(at));
  }
  event.at = *instant;
  if (event.type != EventType::kPartnerCancelled) {
    ASSIGN_OR_RETURN(event.customer, fields.string("customer"));
  }
  TRY(read_further(fields, event));
  return event;
}

}  // namespace obhut::billing
