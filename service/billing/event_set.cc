#include "service/billing/event_set.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <optional>
#include <spanstream>
#include <tuple>

#include "agent/base/check.h"
#include "agent/base/text.h"
#include "service/billing/event_lines.h"
#include "service/billing/json_reader.h"

namespace obhut::billing {
namespace {

constexpr std::uint32_t kNoCustomer = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kMaxPosition = (std::uint64_t{1} << 48) - 1;
constexpr std::size_t kMaxEvents = std::numeric_limits<std::uint32_t>::max();

auto order_key(const Event& event) {
  return std::tuple(event.customer, event.at_us, event.type, event.object);
}
/// A type and no function, so that sorting inlines it.
struct Before {
  bool operator()(const Event& a, const Event& b) const {
    // The customer and the instant decide nearly always.
    if (a.customer != b.customer) return a.customer < b.customer;
    if (a.at_us != b.at_us) return a.at_us < b.at_us;
    return order_key(a) < order_key(b);
  }
};

/// Members sorted by name and told apart by kind: equal exactly where the events are equal as JSON.
std::string content_of(std::span<const JsonField> members) {
  std::vector<JsonField> sorted(members.begin(), members.end());
  std::ranges::sort(sorted, {}, &JsonField::name);
  std::string content;
  for (const JsonField& field : sorted) {
    append_json_string(content, field.name);
    content.push_back(static_cast<char>('0' + static_cast<int>(field.kind)));
    append_json_string(content, field.text);
  }
  return content;
}

}  // namespace

class EventSetBuilder {
 public:
  explicit EventSetBuilder(std::string name) { set_.name_ = std::move(name); }

  /// In: `size`, of the whole stream in bytes.
  Result<void> add_all(std::istream& stream, std::uint64_t size) {
    return read_event_lines(stream, [&](const EventBlock& block) -> Result<void> {
      if (line_ == 0) expect(size, block);
      return add(block);
    });
  }

  Result<EventSet> finish(std::unique_ptr<LineStore> lines) && {
    set_.lines_ = std::move(lines);
    number_the_rest();
    TRY(find_repeated());
    std::vector<std::uint64_t>().swap(id_keys_);
    TRY(all_created());
    std::erase_if(set_.events_,
                  [](const Event& e) { return e.repeated || e.customer == kNoCustomer; });
    std::sort(set_.events_.begin(), set_.events_.end(), Before{});
    TRY(order_ties_by_id());
    cut_by_customer();
    return std::move(set_);
  }

 private:
  struct CustomerFacts {
    std::uint64_t first_position = 0;
    bool created = false;
    std::uint32_t workloads = 0;
    std::uint32_t slots = 0;
  };
  struct Pending {
    std::size_t index = 0;
    std::uint64_t hash = 0;
    std::string key;  ///< customer, what, name
  };
  struct Known {
    std::string id;
    std::string content;
    std::size_t index;
  };
  struct Conflict {
    std::size_t first;
    std::size_t second;
    std::string id;
  };

  std::unexpected<Error> in_line(Error&& error) const {
    return pass_on(std::move(error), set_.name_ + ": line " + std::to_string(line_));
  }

  /// Makes room, going by the first block and some more: growing would hold all events twice.
  void expect(std::uint64_t size, const EventBlock& first) {
    const std::uint64_t lines = first.lines.size();
    const std::size_t events =
        size / std::max(first.bytes, std::uint64_t{1}) * lines * 9 / 8 + lines;
    set_.events_.reserve(events);
    id_keys_.reserve(events);
  }

  Result<void> add(const EventBlock& block) {
    for (const EventLine& line : block.lines) {
      ++line_;
      if (set_.events_.size() == kMaxEvents) {
        return in_line(Error{ErrorKind::kInvalidInput, "more than 4294967295 events in one file"});
      }
      add(line);
    }
    if (!block.fault) return {};
    ++line_;
    return in_line(Error(*block.fault));
  }

  void add(const EventLine& line) {
    CHECK(line.position <= kMaxPosition);
    id_keys_.push_back((std::hash<std::string_view>{}(line.event.id) & ~std::uint64_t{0xFFFFFFFF}) |
                       set_.events_.size());
    set_.events_.push_back(compact(line.event, line.position));
  }

  Event compact(const EventView& view, std::uint64_t position) {
    Event event;
    event.at_us = view.at.time_since_epoch().count();
    event.type = view.type;
    event.position_low = static_cast<std::uint32_t>(position);
    event.position_high = static_cast<std::uint16_t>(position >> 32);
    event.customer = kNoCustomer;
    if (view.type == EventType::kPartnerCancelled) return event;
    event.customer = set_.customer_names_.intern(view.customer);
    if (event.customer == facts_.size()) facts_.push_back({position, false, 0, 0});
    CustomerFacts& facts = facts_[event.customer];
    switch (view.type) {
      case EventType::kCustomerCreated:
        facts.created = true;
        [[fallthrough]];
      case EventType::kCustomerMode:
        event.value = static_cast<std::uint64_t>(view.mode);
        break;
      case EventType::kWorkloadActivated:
        event.value = set_.kinds_.intern(view.kind);
        event.receipt_clock = view.clock == ActivationClock::kReceipt;
        [[fallthrough]];
      case EventType::kWorkloadRemoved:
        number_later(event, 'w', view.object);
        break;
      case EventType::kStorageLevel:
        event.value = view.bytes;
        event.location = view.location;
        number_later(event, static_cast<char>('0' + static_cast<int>(view.location)), view.object);
        break;
      default:
        break;
    }
    return event;
  }

  /// Gives the event the customer's own number of a workload, or of a vault at one location; but
  /// only some events later, so that the table's memory has arrived when it is looked at.
  void number_later(const Event& event, char what, std::string_view name) {
    Pending& pending = pending_[announced_ % kAhead];
    if (announced_ >= kAhead) number_now(pending);
    pending.index = set_.events_.size();
    pending.key.resize(sizeof event.customer + 1);
    std::memcpy(pending.key.data(), &event.customer, sizeof event.customer);
    pending.key[sizeof event.customer] = what;
    pending.key += name;
    pending.hash = Interner::hash_of(pending.key);
    objects_.expect(pending.hash);
    if (announced_ >= kAhead / 2) {
      objects_.expect_soon(pending_[(announced_ - kAhead / 2) % kAhead].hash);
    }
    ++announced_;
  }

  void number_now(const Pending& pending) {
    Event& event = set_.events_[pending.index];
    CustomerFacts& facts = facts_[event.customer];
    std::uint32_t& count = event.type == EventType::kStorageLevel ? facts.slots : facts.workloads;
    event.object = objects_.intern(pending.key, pending.hash, count);
    if (event.object == count) ++count;
  }

  void number_the_rest() {
    for (std::uint64_t i = announced_ > kAhead ? announced_ - kAhead : 0; i < announced_; ++i) {
      number_now(pending_[i % kAhead]);
    }
  }

  /// Marks later deliveries. Keys of 32 bits of the id's hash and the event's index: where the
  /// bits meet, the lines are read again and decide.
  Result<void> find_repeated() {
    std::ranges::sort(id_keys_);
    std::optional<Conflict> worst;
    for (std::size_t begin = 0, end = 0; begin < id_keys_.size(); begin = end) {
      end = begin + 1;
      while (end < id_keys_.size() && id_keys_[end] >> 32 == id_keys_[begin] >> 32) ++end;
      if (end - begin > 1) TRY(compare_lines(begin, end, worst));
    }
    if (!worst) return {};
    ASSIGN_OR_RETURN(const std::uint64_t first, line_of(worst->first));
    ASSIGN_OR_RETURN(const std::uint64_t second, line_of(worst->second));
    return fail(ErrorKind::kInvalidInput, set_.name_ + ": line " + std::to_string(second) +
                                              ": field \"id\": \"" + printable(worst->id) +
                                              "\" stands in line " + std::to_string(first) +
                                              " with different content");
  }

  Result<void> compare_lines(std::size_t begin, std::size_t end, std::optional<Conflict>& worst) {
    std::vector<Known> known;
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t index = id_keys_[i] & 0xFFFFFFFF;
      ASSIGN_OR_RETURN(const std::string_view line,
                       set_.lines_->line_at(set_.events_[index].position()));
      ASSIGN_OR_RETURN(const auto fields, reader_.read(line));
      ASSIGN_OR_RETURN(const EventView event, event_of(fields));
      const auto same = std::ranges::find(known, event.id, &Known::id);
      if (same == known.end()) {
        known.push_back({std::string(event.id), content_of(fields), index});
      } else if (same->content == content_of(fields)) {
        set_.events_[index].repeated = true;
      } else if (!worst || index < worst->second) {
        worst = Conflict{same->index, index, same->id};
      }
    }
    return {};
  }

  Result<std::uint64_t> line_of(std::size_t index) {
    return set_.lines_->number_of(set_.events_[index].position());
  }

  Result<void> all_created() {
    const CustomerFacts* missing = nullptr;
    std::size_t number = 0;
    for (std::size_t i = 0; i < facts_.size(); ++i) {
      const bool worse = missing == nullptr || facts_[i].first_position < missing->first_position;
      if (!facts_[i].created && worse) {
        missing = &facts_[i];
        number = i;
      }
    }
    if (missing == nullptr) return {};
    ASSIGN_OR_RETURN(const std::uint64_t line, set_.lines_->number_of(missing->first_position));
    const auto name = set_.customer_names_.text(static_cast<std::uint32_t>(number));
    return fail(ErrorKind::kInvalidInput, set_.name_ + ": line " + std::to_string(line) +
                                              ": field \"customer\": \"" + printable(name) +
                                              "\" is never created (no customer.created event)");
  }

  /// Few events share all of the sort key, so that looking up ids for them alone is cheap.
  Result<void> order_ties_by_id() {
    std::vector<Event>& events = set_.events_;
    for (std::size_t begin = 0, end = 0; begin < events.size(); begin = end) {
      end = begin + 1;
      while (end < events.size() && order_key(events[end]) == order_key(events[begin])) ++end;
      if (end - begin > 1) TRY(order_by_id(std::span(events).subspan(begin, end - begin)));
    }
    return {};
  }

  Result<void> order_by_id(std::span<Event> tie) {
    std::vector<std::pair<std::string, Event>> named;
    for (const Event& event : tie) {
      ASSIGN_OR_RETURN(std::string id, set_.id_of(event));
      named.emplace_back(std::move(id), event);
    }
    std::ranges::sort(named, {}, &std::pair<std::string, Event>::first);
    std::ranges::transform(named, tie.begin(), &std::pair<std::string, Event>::second);
    return {};
  }

  void cut_by_customer() {
    const std::span<const Event> all(set_.events_);
    for (std::size_t begin = 0, end = 0; begin < all.size(); begin = end) {
      const std::uint32_t customer = all[begin].customer;
      end = begin + 1;
      while (end < all.size() && all[end].customer == customer) ++end;
      set_.customers_.push_back({set_.customer_names_.text(customer),
                                 all.subspan(begin, end - begin), facts_[customer].workloads,
                                 facts_[customer].slots});
    }
    std::ranges::sort(set_.customers_, {}, &CustomerEvents::name);
  }

  EventSet set_;
  ObjectReader reader_;
  std::uint64_t line_ = 0;
  std::vector<std::uint64_t> id_keys_;
  std::vector<CustomerFacts> facts_;
  Interner objects_;
  static constexpr std::uint64_t kAhead = 32;
  std::array<Pending, kAhead> pending_;
  std::uint64_t announced_ = 0;
};

Result<EventSet> EventSet::from_text(std::string name, std::string text) {
  EventSetBuilder builder(std::move(name));
  std::ispanstream stream{std::span<const char>(text)};
  TRY(builder.add_all(stream, text.size()));
  return std::move(builder).finish(lines_in_memory(std::move(text)));
}

Result<EventSet> EventSet::from_file(const std::string& path) {
  std::ifstream file;
  file.rdbuf()->pubsetbuf(nullptr, 0);
  file.open(path, std::ios::binary);
  std::error_code error;
  if (!file || std::filesystem::is_directory(path, error)) {
    return fail(ErrorKind::kNotFound, path + ": cannot be opened as a file");
  }
  if (!std::filesystem::is_regular_file(path, error)) {
    // A pipe cannot be read twice.
    return from_text(path, std::string(std::istreambuf_iterator<char>(file), {}));
  }
  const std::uint64_t size = std::filesystem::file_size(path, error);
  EventSetBuilder builder(path);
  TRY(builder.add_all(file, error ? 0 : size));
  if (file.bad()) return fail(ErrorKind::kUnavailable, path + ": cannot be read to its end");
  ASSIGN_OR_RETURN(std::unique_ptr<LineStore> lines, lines_in_file(path));
  return std::move(builder).finish(std::move(lines));
}

Result<std::string> EventSet::id_of(const Event& event) const {
  ASSIGN_OR_RETURN(const std::string_view line, lines_->line_at(event.position()));
  ObjectReader reader;
  ASSIGN_OR_RETURN(const auto fields, reader.read(line));
  const auto id = std::ranges::find(fields, "id", &JsonField::name);
  if (id == fields.end())
    return fail(ErrorKind::kCorrupt, name_ + ": was changed while it was read");
  return std::string(id->text);
}

Result<EventNames> EventSet::names_of(const Event& event) const {
  ASSIGN_OR_RETURN(const std::string_view line, lines_->line_at(event.position()));
  ObjectReader reader;
  ASSIGN_OR_RETURN(const auto fields, reader.read(line));
  const auto read = event_of(fields);
  if (!read) return fail(ErrorKind::kCorrupt, name_ + ": was changed while it was read");
  return EventNames{std::string(read->id), std::string(read->object)};
}

}  // namespace obhut::billing
