#pragma once
// How things stand, at a glance: what the icon shows, what its menu offers, what is worth a
// message. Apart from any screen.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/clock.h"
#include "tools/cli/messages.h"

namespace obhut::tray {

enum class Look : std::uint8_t {
  kProtected,
  kRunning,
  kPaused,
  kAttention,  ///< somebody has to do something
  kOffline,    ///< the cluster is out of reach, for longer than a hiccup
  kTrialEnding,
  kNotSetUp,  ///< not enrolled, or without a plan or a backup yet
  kNoDaemon,
};

/// What a click in the menu asks for.
enum class Choice : std::uint8_t {
  kNone,  ///< a line that only tells
  kBackUpNow,
  kPauseHour,
  kPauseTomorrow,
  kResume,
  kRestore,
  kPoints,
  kMessages,
  kSupportBundle,
  kAbout,
  kQuit,
};

struct MenuLine {
  Choice choice = Choice::kNone;
  std::string text;  ///< empty: a line between groups
  bool enabled = true;
  friend bool operator==(const MenuLine&, const MenuLine&) = default;
};

struct TrayView {
  Look look = Look::kNoDaemon;
  std::string title;    ///< whose backup it is
  std::string tooltip;  ///< one or two lines
  std::vector<MenuLine> menu;
  std::optional<unsigned> percent;  ///< of a running backup
  friend bool operator==(const TrayView&, const TrayView&) = default;
};

struct Notice {
  std::string title;
  std::string text;
  bool urgent = false;
  friend bool operator==(const Notice&, const Notice&) = default;
};

/// Who looks, and when.
struct Viewer {
  cli::Language language = cli::Language::kEnglish;
  std::string brand;
  Instant now{};
};

/// In: the daemon's answer to "status"; null where none answers.
TrayView view_of(const nlohmann::json& status, const Viewer& viewer);

/// What "messages" in the menu shows: each standing alert, with the time since when it stands.
std::vector<std::string> message_lines(const nlohmann::json& status, const Viewer& viewer);

/// Decides what is worth interrupting somebody: an alert that is new, an alert that is over, the
/// first backup, and nothing else. Thread: one.
class Notices {
 public:
  /// To be asked with every status, in turn. What stood already at the first one is no news.
  std::vector<Notice> look(const nlohmann::json& status, const Viewer& viewer);

 private:
  std::optional<std::vector<std::string>> known_;  // codes of standing alerts
  std::map<std::string, std::string> texts_;       // of those that were told of
  bool had_backup_ = false;
};

/// How many seconds until tomorrow morning, 6 o'clock, in the zone that people here live by.
std::chrono::seconds until_tomorrow(Instant now);

}  // namespace obhut::tray
