#pragma once
// A protection plan: what to protect, when, where to, how long to keep it. A plan holds no command:
// hooks are names of files that an administrator put on the endpoint. Reference: docs/plan.md.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/ids.h"

namespace obhut::model {

/// What is protected. The schema leaves room for volumes, machines and cloud tenants.
enum class SourceType : std::uint8_t { kFiles };

struct Source {
  SourceType type = SourceType::kFiles;
  std::vector<std::string> paths;    ///< absolute, without "." and ".."; at least one
  std::vector<std::string> include;  ///< gitignore syntax, relative to each path; empty: everything
  std::vector<std::string> exclude;  ///< gitignore syntax, relative to each path
  bool ignore_case = false;          ///< patterns match without regard to ASCII case
  bool one_file_system = false;      ///< stay on the file system that a path lies on
  bool skip_cachedir_tag = false;    ///< leave out folders marked by a CACHEDIR.TAG
  friend bool operator==(const Source&, const Source&) = default;
};

/// How long recovery points stay. A point stays while any rule wants it; with all counts 0 every
/// point stays. A point younger than `lock_days` is never dropped, whatever the counts say.
struct Retention {
  std::uint32_t keep_last = 0;
  std::uint32_t hourly = 0;
  std::uint32_t daily = 0;
  std::uint32_t weekly = 0;
  std::uint32_t monthly = 0;
  std::uint32_t yearly = 0;
  std::uint32_t lock_days = 14;
  [[nodiscard]] bool keeps_all() const {
    return keep_last + hourly + daily + weekly + monthly + yearly == 0;
  }
  friend bool operator==(const Retention&, const Retention&) = default;
};

enum class TargetType : std::uint8_t { kCluster, kLocal };

struct Target {
  TargetType type = TargetType::kCluster;
  std::string path;  ///< kLocal: absolute folder of the vault; kCluster: empty
  std::string key;   ///< kLocal: name of a key file on the endpoint that opens it too, or empty
  Retention retention;
  friend bool operator==(const Target&, const Target&) = default;
};

/// Days of the week as bits, Monday the lowest.
using DaySet = std::uint8_t;
inline constexpr DaySet kEveryDay = 0x7F;

/// Local time of day from `from` up to, but not including, `to`, on `days`. Where `to` is not
/// after `from` the window ends on the next day.
struct DayWindow {
  DaySet days = kEveryDay;
  std::chrono::minutes from{0};
  std::chrono::minutes to{24 * 60};
  friend bool operator==(const DayWindow&, const DayWindow&) = default;
};

enum class MissedRun : std::uint8_t {
  kRunSoon,  ///< make up for it as soon as the endpoint is up and a window is open
  kSkip,     ///< wait for the next one
};

struct Schedule {
  std::string rrule;              ///< RFC 5545 section 3.3.10, without "RRULE:"
  std::string time_zone = "UTC";  ///< IANA name
  /// Local time that the rule counts from (DTSTART).
  std::chrono::local_seconds start{std::chrono::local_days{std::chrono::year{2020} / 1 / 1}};
  std::chrono::minutes jitter{0};
  MissedRun missed = MissedRun::kRunSoon;
  std::vector<DayWindow> windows;  ///< a run starts only inside one; empty: at any time
  friend bool operator==(const Schedule&, const Schedule&) = default;
};

/// X25519 public key of a partner's escrow (crypto::ExchangeKeyId has the same bytes).
using EscrowKeyId = Id<struct EscrowKeyTag, 32>;

/// The partner's key that every vault of the plan gets a slot for.
struct Escrow {
  EscrowKeyId key;
  std::string name;
  friend bool operator==(const Escrow&, const Escrow&) = default;
};

/// Kilobits (1000) a second while the window is open.
struct UploadLimit {
  DayWindow window;
  std::uint32_t kbps = 0;
  friend bool operator==(const UploadLimit&, const UploadLimit&) = default;
};

enum class CpuUse : std::uint8_t { kNormal, kIdle };
enum class PowerRule : std::uint8_t { kRun, kPause };

struct Limits {
  std::vector<UploadLimit> upload;  ///< the lowest open one holds; none open: unlimited
  CpuUse cpu = CpuUse::kNormal;
  PowerRule on_battery = PowerRule::kRun;
  PowerRule metered = PowerRule::kRun;
  friend bool operator==(const Limits&, const Limits&) = default;
};

enum class SnapshotUse : std::uint8_t {
  kRequired,   ///< no snapshot, no backup
  kPreferred,  ///< best effort: read the live files where no snapshot can be had
  kNone,
};

struct Verification {
  std::uint32_t every_days = 0;  ///< 0: never
  std::uint32_t test_restore_files = 0;
  friend bool operator==(const Verification&, const Verification&) = default;
};

struct Alerts {
  std::uint32_t no_backup_hours = 48;  ///< 0: never
  std::uint32_t failed_runs = 1;       ///< this many in a row; 0: never
  bool skipped_entries = true;
  friend bool operator==(const Alerts&, const Alerts&) = default;
};

struct Hooks {
  std::vector<std::string> before;
  std::vector<std::string> after;
  friend bool operator==(const Hooks&, const Hooks&) = default;
};

/// What becomes of a newer version of the agent that the release keys signed.
enum class UpdateRule : std::uint8_t {
  kOff,
  kDownload,  ///< fetched and proved; an administrator installs it
  kInstall,
};

struct Plan {
  std::string name;
  std::vector<Source> sources;  ///< at least one
  std::vector<Target> targets;  ///< at least one, at most one cluster, local paths distinct
  Schedule schedule;
  std::optional<Escrow> escrow;
  Limits limits;
  SnapshotUse snapshot = SnapshotUse::kPreferred;
  Verification verification;
  Alerts alerts;
  Hooks hooks;
  UpdateRule updates = UpdateRule::kOff;
  std::string proxy;  ///< "http://host:port" to the cluster; "": none
  friend bool operator==(const Plan&, const Plan&) = default;
};

/// True where `outer` is `inner` or one of its parents: "/srv" covers "/srv/a", not "/srv2".
bool path_covers(std::string_view outer, std::string_view inner);

/// "mon" … "sun"; nothing for other text.
std::optional<DaySet> parse_day(std::string_view text);
std::string_view day_name(unsigned index_from_monday);

/// "HH:MM", 00:00 to 24:00; nothing for other text.
std::optional<std::chrono::minutes> parse_time_of_day(std::string_view text);
std::string format_time_of_day(std::chrono::minutes since_midnight);

}  // namespace obhut::model
