#pragma once
// All events of a partner, each once, in the order in which the rules apply them.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "service/billing/event.h"
#include "service/billing/interner.h"
#include "service/billing/line_store.h"

namespace obhut::billing {

/// What the fold needs of an event, in 32 bytes: ten million of them are 320 MB. Names are numbers
/// (EventSet knows the names), and the id is looked up in the file where a bill shows it.
struct Event {
  std::int64_t at_us = 0;   ///< microseconds since 1970, UTC
  std::uint64_t value = 0;  ///< a level's bytes, an activation's kind, a created or changed mode
  std::uint32_t customer = 0;
  std::uint32_t object = 0;  ///< workload, or pair of vault and location, within the customer
  std::uint32_t position_low = 0;
  std::uint16_t position_high = 0;
  EventType type = EventType::kPartnerCancelled;
  Location location : 2 = Location::kLocal;
  bool receipt_clock : 1 = false;
  bool repeated : 1 = false;  ///< a later delivery, dropped before the fold

  [[nodiscard]] Instant at() const { return Instant{std::chrono::microseconds{at_us}}; }
  [[nodiscard]] Mode mode() const { return static_cast<Mode>(value); }
  [[nodiscard]] std::uint32_t kind() const { return static_cast<std::uint32_t>(value); }
  [[nodiscard]] std::uint64_t position() const {
    return (std::uint64_t{position_high} << 32) | position_low;
  }
};
static_assert(sizeof(Event) == 32);

/// The order of events in one customer: by instant, then by type, then by what they are about.
/// Equal ones stand by id.
struct CustomerEvents {
  std::string_view name;
  std::span<const Event> events;
  std::uint32_t workloads = 0;  ///< Event::object of a workload is below this
  std::uint32_t slots = 0;      ///< Event::object of a storage level is below this
};

/// What an event's own line says, where its numbers are not enough.
struct EventNames {
  std::string id;
  std::string object;  ///< the workload or the vault; "" where there is none
};

/// Immutable once read; looking up an id reads the file again, so that it serves one thread.
class EventSet {
 public:
  /// Reads JSON lines: one event a line, in any order, repeated any number of times.
  /// In: `name` is what error messages call the text.
  /// Errors: kInvalidInput naming file, line and field: no event, two events of one id with
  /// different content, a customer that is never created.
  static Result<EventSet> from_text(std::string name, std::string text);
  /// The same, from a file, in memory that grows by about 40 bytes an event.
  /// Errors: also kNotFound, kUnavailable.
  static Result<EventSet> from_file(const std::string& path);

  /// What error messages call the file.
  [[nodiscard]] const std::string& name() const { return name_; }
  /// Sorted by name (UTF-8 bytes).
  [[nodiscard]] std::span<const CustomerEvents> customers() const { return customers_; }
  [[nodiscard]] std::uint32_t kinds() const { return static_cast<std::uint32_t>(kinds_.size()); }
  [[nodiscard]] std::string_view kind_name(std::uint32_t kind) const { return kinds_.text(kind); }
  [[nodiscard]] std::size_t size() const { return events_.size(); }

  Result<std::string> id_of(const Event& event) const;
  Result<EventNames> names_of(const Event& event) const;

 private:
  friend class EventSetBuilder;
  EventSet() = default;

  std::string name_;
  std::unique_ptr<LineStore> lines_;
  std::vector<Event> events_;
  std::vector<CustomerEvents> customers_;
  Interner customer_names_;
  Interner kinds_;
};

}  // namespace obhut::billing
