#include "agent/plan/local_time.h"

#include <cstdio>

#include <date/tz.h>

#include "agent/base/text.h"
#include "platform/local_files.h"
#include "platform/places.h"

namespace obhut::plan {

using std::chrono::seconds;

struct Zone::State {
  const date::time_zone* zone;  // lives as long as the process: the library's own table
};

namespace {

/// The library asks the system for its zones, or reads files, as it was built.
void prepare_zones() {
#if !USE_OS_TZDB
  static const bool done = [] {
    date::set_install(platform::system_text(platform::standard_places().zones));
    return true;
  }();
  static_cast<void>(done);
#endif
}

}  // namespace

Result<Zone> Zone::find(std::string_view name) {
  prepare_zones();
  const auto unknown = [&] {
    return fail(ErrorKind::kInvalidInput, "time zone " + printable(name) +
                                              ": not known here, use an IANA name such as "
                                              "Europe/Berlin");
  };
  // The library would open a file of this name below the zone folder.
  const bool safe = !name.empty() && name.size() <= 64 && name.front() != '/' &&
                    name.find("..") == name.npos && name.find('\0') == name.npos;
  if (!safe) return unknown();
  try {
    return Zone(std::make_shared<const State>(State{date::locate_zone(std::string(name))}));
  } catch (const std::exception&) {
    return unknown();
  }
}

Instant Zone::to_instant(std::chrono::local_seconds local) const {
  const date::local_seconds at{local.time_since_epoch()};
  const date::local_info info = state_->zone->get_info(at);
  // For an ambiguous time `first` is the earlier reading, for a missing one the offset before.
  return Instant{local.time_since_epoch() - info.first.offset};
}

std::chrono::local_seconds Zone::to_local(Instant at) const {
  const auto whole = std::chrono::floor<seconds>(at);
  return std::chrono::local_seconds{whole.time_since_epoch() +
                                    state_->zone->get_info(whole).offset};
}

std::string Zone::format(Instant at) const {
  const auto whole = std::chrono::floor<seconds>(at);
  const std::chrono::local_seconds local = to_local(at);
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss<seconds> time{local - day};
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()));
  return text + state_->zone->get_info(whole).abbrev;
}

}  // namespace obhut::plan
