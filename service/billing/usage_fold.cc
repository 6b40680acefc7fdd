#include "service/billing/usage_fold.h"

#include <algorithm>
#include <limits>
#include <string>

#include "agent/base/check.h"
#include "agent/base/text.h"

namespace obhut::billing {
namespace {

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

/// A span of time, its end excluded. Empty where the end is not after the start.
struct Span {
  Instant start{};
  Instant end{};
  [[nodiscard]] bool empty() const { return end <= start; }
  [[nodiscard]] bool contains(Instant at) const { return start <= at && at < end; }
};

Span common(Span a, Span b) {
  return {std::max(a.start, b.start), std::min(a.end, b.end)};
}

/// True where some instant of `span` lies outside `free`.
bool reaches_outside(Span span, Span free) {
  if (span.empty()) return false;
  return free.empty() || span.start < free.start || free.end < span.end;
}

struct Workload {
  std::uint32_t activation = kNone;  ///< that began the present activity; kNone: not active
  std::uint32_t place = 0;           ///< in the list of active workloads
  std::uint32_t counted = kNone;     ///< that began the last activity that counts
};

/// A vault's level at one location. It holds only in the life that reported it.
struct Level {
  std::uint64_t bytes = 0;
  std::uint32_t life = 0;
};

struct LocationState {
  Wide sum = 0;
  std::optional<Instant> rose;  ///< first above zero in this life
  std::uint32_t last = kNone;   ///< storage event
};

class UsageFold {
 public:
  UsageFold(const CustomerEvents& customer, const MonthFrame& frame, const PriceList& prices)
      : customer_(customer),
        events_(customer.events),
        frame_(frame),
        prices_(prices),
        month_{frame.start, frame.end},
        workloads_(customer.workloads),
        levels_(customer.slots) {}

  Result<CustomerUsage> run() {
    std::size_t begin = 0;
    bool entered = false;
    while (begin < events_.size() && events_[begin].at() < frame_.end) {
      const Instant at = events_[begin].at();
      std::size_t end = begin + 1;
      while (end < events_.size() && events_[end].at_us == events_[begin].at_us) ++end;
      if (!entered && at >= frame_.start) {
        entered = true;
        enter_month();
      }
      hold_levels_until(at);
      TRY(apply_instant(begin, end));
      level_since_ = at;
      note_first_use(at);
      begin = end;
    }
    if (!entered) enter_month();
    hold_levels_until(frame_.end);
    while (!active_.empty()) end_activity(active_.back(), frame_.end);
    for (const Workload& workload : workloads_) {
      if (workload.counted != kNone) usage_.activations.push_back(workload.counted);
    }
    return std::move(usage_);
  }

 private:
  /// The mode in force at the first instant of the month, where the customer lives then: a change
  /// within this month comes into force with the next one.
  void enter_month() {
    if (alive_) usage_.mode = mode_;
  }

  /// All events of one instant, in order; but where the customer lives as the instant begins, its
  /// deletions go before all else.
  Result<void> apply_instant(std::size_t begin, std::size_t end) {
    const bool lived = alive_;
    if (lived) {
      for (std::size_t i = begin; i < end; ++i) {
        if (events_[i].type == EventType::kCustomerDeleted) TRY(apply(i));
      }
    }
    for (std::size_t i = begin; i < end; ++i) {
      if (lived && events_[i].type == EventType::kCustomerDeleted) continue;
      TRY(apply(i));
    }
    return {};
  }

  Result<void> apply(std::size_t i) {
    const Event& event = events_[i];
    const auto index = static_cast<std::uint32_t>(i);
    if (!alive_ && event.type != EventType::kCustomerCreated) {
      notice(index, NoticeCode::kNotAlive);
      return {};
    }
    switch (event.type) {
      case EventType::kCustomerCreated:
        create(event);
        break;
      case EventType::kCustomerMode:
        if (event.at() < frame_.start) mode_ = event.mode();
        break;
      case EventType::kCustomerDeleted:
        remove_customer(event.at());
        break;
      case EventType::kTrialStarted:
        return start_trial(index);
      case EventType::kWorkloadActivated:
        activate(index);
        break;
      case EventType::kWorkloadRemoved:
        if (workloads_[event.object].activation != kNone) end_activity(event.object, event.at());
        break;
      case EventType::kStorageLevel:
        set_level(index);
        break;
      case EventType::kPartnerCancelled:
        break;
    }
    return {};
  }

  void create(const Event& event) {
    if (alive_) return;
    alive_ = true;
    ++life_;
    life_start_ = event.at();
    mode_ = event.mode();
    if (event.at() >= frame_.start && !usage_.mode) usage_.mode = mode_;
  }

  void remove_customer(Instant at) {
    while (!active_.empty()) end_activity(active_.back(), at);
    for (LocationState& location : locations_) location = {};
    trial_ = {};
    alive_ = false;
    // What ended with the last month was not there in this one.
    if (at == frame_.start && life_start_ < at) usage_.mode.reset();
  }

  Result<void> start_trial(std::uint32_t index) {
    if (life_ > 1 || trial_used_) {
      notice(index, NoticeCode::kTrialUsed);
      return {};
    }
    trial_used_ = true;
    const Instant start = events_[index].at();
    ASSIGN_OR_RETURN(const Policy* policy,
                     prices_.policy_of(prices_.calendar().month_of(start),
                                       "in which the trial of customer \"" +
                                           printable(customer_.name) + "\" starts"));
    // The end of the life cuts it off by itself: nothing is active or stored after it.
    trial_ = {start, prices_.calendar().plus_days(start, policy->trial_days)};
    return {};
  }

  void activate(std::uint32_t index) {
    Workload& workload = workloads_[events_[index].object];
    if (workload.activation != kNone) return;
    workload.activation = index;
    workload.place = static_cast<std::uint32_t>(active_.size());
    active_.push_back(events_[index].object);
  }

  void end_activity(std::uint32_t number, Instant end) {
    Workload& workload = workloads_[number];
    if (counts(events_[workload.activation], end)) workload.counted = workload.activation;
    workload.activation = kNone;
    workloads_[active_.back()].place = workload.place;
    active_[workload.place] = active_.back();
    active_.pop_back();
  }

  /// The instant of the activation always counts, even where the removal has the same one.
  [[nodiscard]] bool counts(const Event& activation, Instant end) const {
    const Span free = frame_.kind_is_free[activation.kind()] ? trial_ : Span{};
    const Span activity{activation.at(), end};
    if (!activity.empty()) return reaches_outside(common(activity, month_), free);
    return month_.contains(activity.start) && !free.contains(activity.start);
  }

  void set_level(std::uint32_t index) {
    const Event& event = events_[index];
    LocationState& location = locations_[static_cast<std::size_t>(event.location)];
    Level& level = levels_[event.object];
    if (level.life == life_) location.sum -= level.bytes;
    level = {event.value, life_};
    location.sum += level.bytes;
    location.last = index;
  }

  /// Only what an instant ends with was stored: of several levels at once the last one holds.
  void note_first_use(Instant at) {
    for (LocationState& location : locations_) {
      if (location.sum > 0 && !location.rose) location.rose = at;
    }
  }

  /// Weighs the sums that have stood since the last instant with events.
  void hold_levels_until(Instant end) {
    const Span held = common({level_since_, end}, month_);
    if (held.empty()) return;
    for (std::size_t i = 0; i < locations_.size(); ++i) {
      const LocationState& location = locations_[i];
      StorageUse& use = usage_.storage[i];
      if (location.sum <= use.max_bytes) continue;
      if (!reaches_outside(held, frame_.location_is_free[i] ? trial_ : Span{})) continue;
      CHECK(location.rose && location.last != kNone);
      use = {location.sum, location.last, *location.rose};
    }
  }

  void notice(std::uint32_t index, NoticeCode code) {
    if (month_.contains(events_[index].at())) usage_.notices.emplace_back(index, code);
  }

  const CustomerEvents& customer_;
  std::span<const Event> events_;
  const MonthFrame& frame_;
  const PriceList& prices_;
  const Span month_;

  bool alive_ = false;
  std::uint32_t life_ = 0;
  Instant life_start_{};
  Mode mode_ = Mode::kPerGb;
  bool trial_used_ = false;
  Span trial_;
  std::vector<Workload> workloads_;
  std::vector<std::uint32_t> active_;
  std::vector<Level> levels_;
  std::array<LocationState, kLocations> locations_;
  Instant level_since_ = Instant::min();
  CustomerUsage usage_;
};

}  // namespace

Result<MonthFrame> MonthFrame::make(Month month, const EventSet& events, const PriceList& prices) {
  if (month > BillingCalendar::kLastMonth) {
    return fail(ErrorKind::kInvalidInput, "month " + month.text() +
                                              ": the time zone data reach to " +
                                              BillingCalendar::kLastMonth.text() + " only");
  }
  MonthFrame frame;
  frame.month = month;
  frame.start = prices.calendar().start_of(month);
  frame.end = prices.calendar().start_of(month.next());
  ASSIGN_OR_RETURN(frame.policy, prices.policy_of(month, "which is rated"));
  for (std::uint32_t kind = 0; kind < events.kinds(); ++kind) {
    frame.kind_is_free.push_back(frame.policy->frees(workload_product(events.kind_name(kind))));
  }
  for (int i = 0; i < kLocations; ++i) {
    const auto location = static_cast<Location>(i);
    frame.location_is_free[static_cast<std::size_t>(i)] =
        frame.policy->frees(storage_product(location));
  }
  return frame;
}

Result<CustomerUsage> usage_of(const CustomerEvents& customer, const MonthFrame& frame,
                               const PriceList& prices) {
  return UsageFold(customer, frame, prices).run();
}

}  // namespace obhut::billing
