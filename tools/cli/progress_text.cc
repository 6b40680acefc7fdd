#include "tools/cli/progress_text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <vector>

#include "tools/cli/columns.h"
#include "tools/cli/format.h"

namespace obhut::cli {
namespace {

using model::JobProgress;
using model::TotalsKind;

struct PhaseName {
  const char* job;  // "": of any
  const char* phase;
  Message name;
};

constexpr std::array kPhases = {
    PhaseName{"", "preparing", {"preparing", "Vorbereitung"}},
    PhaseName{"backup", "reading", {"backing up", "Sicherung"}},
    PhaseName{"backup", "committing", {"completing the point", "Abschluss des Punkts"}},
    PhaseName{"restore", "restoring", {"restoring", "Wiederherstellung"}},
    PhaseName{"", "reading", {"reading packs", "Pakete lesen"}},
    PhaseName{"", "points", {"checking points", "Punkte prüfen"}},
    PhaseName{"", "removing", {"removing", "Entfernen"}},
    PhaseName{"", "copying", {"copying together", "Umkopieren"}},
    PhaseName{"", "done", {"done", "fertig"}},
};

constexpr Message kPaused{"paused, {}", "angehalten, {}"};
constexpr Message kStandsStill{"paused", "angehalten"};
constexpr Message kTarget{"{} to {}", "{} nach {}"};
constexpr Message kPercent{"{}%", "{} %"};
constexpr Message kFiles{"{} {file|files}", "{} {Datei|Dateien}"};
constexpr Message kOf{"{} of {}", "{} von {}"};
constexpr Message kOfAbout{"{} of about {}", "{} von etwa {}"};
constexpr Message kOfAtLeast{"{} of at least {}", "{} von mindestens {}"};
constexpr Message kPacks{"{} of {} {pack|packs}", "{} von {} {Paket|Paketen}"};
constexpr Message kPoints{"{} of {} {point|points}", "{} von {} {Punkt|Punkten}"};
constexpr Message kNew{"{} new", "{} neu"};
constexpr Message kBytesRate{"{}/s", "{}/s"};
constexpr Message kFilesRate{"{} {file|files}/s", "{} {Datei|Dateien}/s"};
constexpr Message kLeft{"about {} left", "noch etwa {}"};
constexpr Message kErrors{"{} {error|errors}", "{} Fehler"};

constexpr const char* kBetween = " · ";
constexpr std::size_t kBetweenWidth = 3;
/// Less of a path says nothing.
constexpr std::size_t kLeastPath = 16;

// Parts in the order in which they stand; `rank` is the order in which they get room.
struct Part {
  unsigned rank;
  std::string text;
};

std::string phase_name(const Context& context, const JobProgress& at) {
  const auto found = std::ranges::find_if(kPhases, [&](const PhaseName& name) {
    return at.phase == name.phase && (name.job[0] == '\0' || at.job == name.job);
  });
  std::string text = found == kPhases.end() ? at.phase : context.say(found->name);
  if (!at.target.empty()) text = context.say(kTarget, {text, at.target});
  if (!at.paused) return text;
  return text.empty() ? context.say(kStandsStill) : context.say(kPaused, {text});
}

std::string of_total(const Context& context, TotalsKind kind, const std::string& done,
                     const std::string& total) {
  switch (kind) {
    case TotalsKind::kUnknown:
      return done;
    case TotalsKind::kAtLeast:
      return context.say(kOfAtLeast, {done, total});
    case TotalsKind::kExpected:
      return context.say(kOfAbout, {done, total});
    case TotalsKind::kExact:
      return context.say(kOf, {done, total});
  }
  return done;
}

std::string counts(const Context& context, const JobProgress& at) {
  const auto count = [&](std::uint64_t n) { return human_count(n, context.language); };
  if (at.packs_total > 0) {
    return context.say(kPacks, {count(at.packs_done), count(at.packs_total)});
  }
  std::string files = context.say(
      kFiles, {of_total(context, at.totals, count(at.files_done), count(at.files_total))});
  if (at.points_total == 0) return files;
  return context.say(kPoints, {count(at.points_done), count(at.points_total)}) + kBetween + files;
}

std::string bytes(const Context& context, const JobProgress& at) {
  const auto size = [&](std::uint64_t n) { return human_bytes(n, context.language); };
  return of_total(context, at.totals, size(at.bytes_done), size(at.bytes_total));
}

// Small files are many a second and few bytes.
std::string rate(const Context& context, const model::ProgressEstimate& estimate) {
  constexpr std::uint64_t kSmall = 16U << 10U;
  if (estimate.files_per_second * kSmall > estimate.bytes_per_second) {
    return context.say(kFilesRate, {human_count(estimate.files_per_second, context.language)});
  }
  return context.say(kBytesRate, {human_bytes(estimate.bytes_per_second, context.language)});
}

/// "0:07", "12:34", "1:02:03".
std::string clock_text(std::chrono::milliseconds time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  std::array<char, 48> text{};
  if (seconds < 3600) {
    std::snprintf(text.data(), text.size(), "%lld:%02lld", static_cast<long long>(seconds / 60),
                  static_cast<long long>(seconds % 60));
  } else {
    std::snprintf(text.data(), text.size(), "%lld:%02lld:%02lld",
                  static_cast<long long>(seconds / 3600), static_cast<long long>(seconds / 60 % 60),
                  static_cast<long long>(seconds % 60));
  }
  return text.data();
}

// As exact as it can be believed: nobody needs the seconds of a quarter of an hour.
std::string left_text(std::chrono::seconds left) {
  const std::int64_t s = left.count();
  if (s < 60) return std::to_string(s) + " s";
  const std::int64_t tens = (s + 5) / 10 * 10;
  if (tens < 600) {
    std::string text = std::to_string(tens / 60) + " min";
    return tens % 60 == 0 ? text : text + " " + std::to_string(tens % 60) + " s";
  }
  const std::int64_t minutes = (s + 30) / 60;
  if (minutes < 60) return std::to_string(minutes) + " min";
  if (minutes < 600) {
    return std::to_string(minutes / 60) + " h " + std::to_string(minutes % 60) + " min";
  }
  return std::to_string((minutes + 30) / 60) + " h";
}

std::vector<Part> parts_of(const Context& context, const model::ProgressView& view) {
  const JobProgress& at = view.progress;
  const model::ProgressEstimate& estimate = view.estimate;
  std::vector<Part> parts;
  const auto put = [&](unsigned rank, std::string text) {
    parts.push_back({rank, std::move(text)});
  };
  std::string phase = phase_name(context, at);
  if (estimate.percent && at.phase != model::kDonePhase) {
    phase += " " + context.say(kPercent, {std::to_string(*estimate.percent)});
  }
  put(0, std::move(phase));
  if (at.phase.empty()) return parts;
  const bool moving = at.phase != "preparing" && at.phase != "committing";
  if (moving) put(4, counts(context, at));
  if (moving && at.bytes_done + at.bytes_total > 0) put(3, bytes(context, at));
  if (at.new_bytes > 0) {
    put(6, context.say(kNew, {human_bytes(at.new_bytes, context.language)}));
  }
  if (moving && !at.paused && estimate.bytes_per_second + estimate.files_per_second > 0) {
    put(5, rate(context, estimate));
  }
  put(7, clock_text(estimate.elapsed));
  if (estimate.left && at.phase != model::kDonePhase) {
    put(1, context.say(kLeft, {left_text(*estimate.left)}));
  }
  if (at.errors > 0) put(2, context.say(kErrors, {human_count(at.errors, context.language)}));
  return parts;
}

}  // namespace

std::string line_of(const Context& context, const model::ProgressView& view, std::size_t columns) {
  const std::vector<Part> parts = parts_of(context, view);
  if (width_of(parts.front().text) > columns) return shorten(parts.front().text, columns);
  std::vector<const Part*> by_rank;
  by_rank.reserve(parts.size());
  for (const Part& part : parts) by_rank.push_back(&part);
  std::ranges::sort(by_rank, {}, &Part::rank);
  std::size_t used = 0;
  std::vector<bool> shown(parts.size(), false);
  for (const Part* part : by_rank) {
    const std::size_t more = width_of(part->text) + (used > 0 ? kBetweenWidth : 0);
    if (used + more > columns) continue;
    used += more;
    shown[static_cast<std::size_t>(part - parts.data())] = true;
  }
  std::string line;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (shown[i]) line += (line.empty() ? "" : kBetween) + parts[i].text;
  }
  if (!view.progress.path.empty() && used + kBetweenWidth + kLeastPath <= columns) {
    line += kBetween + shorten_path(without_direction_marks(view.progress.path),
                                    columns - used - kBetweenWidth);
  }
  return line;
}

}  // namespace obhut::cli
