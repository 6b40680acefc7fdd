#include "tools/cli/support_bundle.h"

#include <algorithm>
#include <condition_variable>
#include <ctime>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/model/strict_json.h"
#include "agent/trust/envelope.h"
#include "platform/atomic_file.h"
#include "platform/filesystem.h"
#include "platform/local_files.h"
#include "platform/machine.h"
#include "platform/places.h"
#include "platform/process.h"
#include "platform/running_system.h"
#include "service/endpoint/config.h"
#include "tools/cli/managed_client.h"

namespace obhut::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kMostLog = std::size_t{5} << 20U;
constexpr std::size_t kMostReport = std::size_t{256} << 10U;
constexpr std::size_t kMostReports = 5;
constexpr std::size_t kMostSettings = std::size_t{1} << 20U;
constexpr std::size_t kMostAnswer = std::size_t{4} << 20U;
constexpr std::size_t kMostEntries = 5000;
constexpr std::size_t kMostPoints = 2000;
constexpr unsigned kDeepest = 4;
constexpr std::chrono::seconds kPatience{30};

constexpr Message kAboutSystem{"versions, system, disk space", "Versionen, System, Speicherplatz"};
constexpr Message kAboutStatus{"how things stand, as `obhut status --json` tells it",
                               "wie es steht, wie `obhut status --json` es sagt"};
constexpr Message kAboutActivities{"what runs, and how the last run ended",
                                   "was läuft und wie der letzte Lauf ausging"};
constexpr Message kAboutPlan{"the protection plan in force", "der geltende Schutzplan"};
constexpr Message kAboutSavedPlan{"the protection plan that the daemon has kept",
                                  "der Schutzplan, den der Dienst aufbewahrt hat"};
constexpr Message kAboutPoints{"the recovery points: ids, times, sizes",
                               "die Wiederherstellungspunkte: Kennungen, Zeiten, Größen"};
constexpr Message kAboutLog{"the end of the daemon's log, from {}",
                            "das Ende des Protokolls des Dienstes, aus {}"};
constexpr Message kAboutCrash{"report of a crash", "Bericht über einen Absturz"};
constexpr Message kAboutSettings{"settings", "Einstellungen"};
constexpr Message kAboutState{"what lies in the daemon's folder: names, sizes, modes, times",
                              "was im Ordner des Dienstes liegt: Namen, Größen, Rechte, Zeiten"};

constexpr Message kKeys{"keys, tokens, receipts and all other content of the daemon's folder",
                        "Schlüssel, Token, Quittungen und aller übrige Inhalt des Dienstordners"};
constexpr Message kKeysWhy{"secrets never leave the machine this way; they were not read",
                           "Geheimnisse verlassen das Gerät nie auf diesem Weg; sie wurden nicht "
                           "gelesen"};
constexpr Message kNames{"names of the user's files", "Namen der Dateien des Benutzers"};
constexpr Message kNamesWhy{"<path:…> stands for one, always the same; --with-names keeps them",
                            "<path:…> steht für einen, immer derselbe; --with-names behält sie"};
constexpr Message kDump{"it holds memory, and with it perhaps keys",
                        "er enthält Speicher und damit vielleicht Schlüssel"};
constexpr Message kTooMany{"only the newest were taken", "nur die neuesten wurden genommen"};
constexpr Message kNoRights{"{} may not read it; an administrator may",
                            "{} darf das nicht lesen; ein Administrator darf es"};
constexpr Message kThisUser{"this user", "dieser Benutzer"};
constexpr Message kThisAccount{"even an administrator", "selbst ein Administrator"};
constexpr Message kNoAnswer{"no answer within {} seconds", "keine Antwort in {} Sekunden"};
constexpr Message kTooLong{"longer than {} MB", "länger als {} MB"};
constexpr Message kNoJournal{"journalctl gave nothing: {}", "journalctl lieferte nichts: {}"};
constexpr Message kNothingThere{"there are no entries", "es gibt keine Einträge"};
constexpr Message kNoPlan{"no saved plan can be read", "kein aufbewahrter Plan ist lesbar"};
constexpr Message kCut{"all but its end", "alles außer seinem Ende"};
constexpr Message kRest{"what follows the first {}", "was nach den ersten {} kommt"};

constexpr Message kTitle{
    "Obhut support bundle of {}, {}\n\n"
    "For support. It holds no keys, tokens or passwords, as far as their form gives them away:\n"
    "{} {place was|places were} replaced by <hidden>, and {} {name|names} of files by <path:…>.\n"
    "Read it before passing it on.\n\nWhat is in it\n\n",
    "Obhut-Supportpaket von {}, {}\n\n"
    "Für den Support. Es enthält keine Schlüssel, Token oder Passwörter, soweit ihre Form sie\n"
    "verrät: {} {Stelle wurde|Stellen wurden} durch <hidden> ersetzt, {} {Dateiname|Dateinamen} "
    "durch <path:…>.\nVor der Weitergabe bitte lesen.\n\nWas darin ist\n\n"};
constexpr Message kDaemonStopped{"\nThe daemon did not answer while this was gathered: {}\n",
                                 "\nDer Dienst hat beim Sammeln nicht geantwortet: {}\n"};
constexpr Message kLeftOutTitle{"\nWhat was left out, and why\n\n",
                                "\nWas weggelassen wurde und warum\n\n"};
constexpr Message kGatheredBy{"\nGathered {}.\n", "\nGesammelt {}.\n"};
constexpr Message kAsAdministrator{"by an administrator", "von einem Administrator"};
constexpr Message kAsUser{"by a user without administrator's rights",
                          "von einem Benutzer ohne Administratorrechte"};

std::string json_text(const json& value) {
  return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

/// Stops after kPatience, or with the program.
class Deadline {
 public:
  explicit Deadline(const std::stop_token& outer)
      : relay_(outer, [this] { source_.request_stop(); }),
        timer_([this](const std::stop_token& stop) {
          std::unique_lock lock(mutex_);
          const bool ended = changed_.wait_for(lock, stop, kPatience, [] { return false; });
          if (!ended && !stop.stop_requested()) source_.request_stop();
        }) {}
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::stop_callback<std::function<void()>> relay_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::jthread timer_;
};

/// The last `most` bytes, from the start of a line on.
Result<std::string> tail_of(const std::string& path, std::size_t most, bool& cut) {
  ASSIGN_OR_RETURN(const platform::LocalFile file, platform::LocalFile::open_for_reading(path));
  ASSIGN_OR_RETURN(const std::uint64_t size, file.size());
  const std::uint64_t from = size > most ? size - most : 0;
  Bytes bytes(static_cast<std::size_t>(size - from));
  ASSIGN_OR_RETURN(const std::size_t got, file.read_at(from, bytes));
  bytes.resize(got);
  std::string text(as_text(bytes));
  if (from > 0) {
    cut = true;
    text.erase(0, std::min(text.find('\n'), text.size() - 1) + 1);
  }
  return text;
}

/// "a/obhutd.log" -> "a/obhutd.1.log", as the log turns over.
std::string earlier_log(const std::string& path) {
  const std::size_t dot = path.rfind('.');
  const bool of_name = dot != std::string::npos && path.find('/', dot) == std::string::npos;
  return of_name ? path.substr(0, dot) + ".1" + path.substr(dot) : path + ".1";
}

/// What the journal gives newest first, in the order of time.
std::string turned_around(std::string_view text, bool truncated) {
  if (truncated) text = text.substr(0, text.rfind('\n') + 1);
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    const std::size_t begin = text.rfind('\n') + 1;
    out.append(text.substr(begin)).append("\n");
    text = text.substr(0, begin);
  }
  return out;
}

/// Never by PATH: whoever asks may be root.
std::optional<std::string> program_of_the_system(const std::string& name) {
  const std::string& folders = platform::standard_places().program_path;
  for (std::size_t at = 0; at < folders.size();) {
    const std::size_t end = std::min(folders.find(':', at), folders.size());
    std::string path = platform::join(folders.substr(at, end - at), name);
    if (platform::exists(path)) return path;
    at = end + 1;
  }
  return std::nullopt;
}

/// The part of a setting's URL that opens the proxy, as written and as its header has it.
std::vector<std::string> secrets_in(const std::string& proxy) {
  const std::size_t at = proxy.rfind('@');
  const std::size_t scheme = proxy.find("://");
  if (at == std::string::npos || scheme == std::string::npos || scheme + 3 > at) return {};
  const std::string user = proxy.substr(scheme + 3, at - scheme - 3);
  const std::size_t colon = user.find(':');
  std::vector<std::string> found = {user, to_base64(as_bytes(user))};
  if (colon != std::string::npos) found.push_back(user.substr(colon + 1));
  return found;
}

std::string mode_text(const platform::FileStatus& status) {
  std::string digits(4, '0');
  for (std::size_t i = 0; i < digits.size(); ++i) {
    digits[i] = static_cast<char>('0' + ((status.mode >> (3 * (digits.size() - 1 - i))) & 7U));
  }
  return digits;
}

std::string time_of(std::int64_t nanoseconds) {
  return format_time(Instant(std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::nanoseconds(nanoseconds))));
}

/// One gathering, from its start to the archive's members.
class Gathering {
 public:
  Gathering(const Context& context, const BundleRequest& request)
      : context_(context), request_(request) {}

  Result<SupportBundle> run();

 private:
  void read_settings();
  void ask_status();
  void ask_plan();
  void ask_points();
  void read_saved_plan();
  Result<json> ask(const json& request);
  KnownPaths known_paths() const;

  void add_system();
  void add_status();
  void add_points();
  void add_log();
  bool add_log_file(const std::string& file);
  void add_journal();
  void add_crashes();
  void add_crash(const std::string& name);
  void add_state();
  bool list_folder(const platform::Directory& folder, const std::string& below, unsigned depth,
                   std::string& out, std::size_t& room);
  std::string readme() const;

  void add(std::string name, std::string about, std::string text);
  void leave_out(std::string what, std::string why);
  std::string reason(const Error& error) const;

  const Context& context_;
  const BundleRequest& request_;
  endpoint::Config config_;
  std::string settings_;
  std::string config_problem_;
  std::string daemon_silence_;  ///< why it did not answer; empty where it did
  json status_;
  json plan_;
  bool plan_saved_ = false;
  json points_ = json::array();
  std::optional<Scrubber> scrubber_;
  std::vector<std::string> about_;
  SupportBundle bundle_;
};

std::string Gathering::reason(const Error& error) const {
  if (error.kind != ErrorKind::kRefused && error.kind != ErrorKind::kSourceDenied) {
    return error.message;
  }
  return context_.say(kNoRights,
                      {context_.say(platform::is_administrator() ? kThisAccount : kThisUser)});
}

void Gathering::leave_out(std::string what, std::string why) {
  bundle_.left_out.push_back({std::move(what), std::move(why)});
}

void Gathering::add(std::string name, std::string about, std::string text) {
  about_.push_back(std::move(about));
  bundle_.members.push_back({std::move(name), std::move(text)});
}

void Gathering::read_settings() {
  Result<Bytes> text = platform::read_file(request_.config, kMostSettings);
  if (text) {
    settings_ = std::string(as_text(*text));
  } else {
    leave_out("agent.toml", reason(text.error()));
  }
  if (const Result<void> loaded = endpoint::load_config(request_.config, config_); !loaded) {
    config_problem_ = loaded.error().message;
  }
}

Result<json> Gathering::ask(const json& request) {
  const Deadline deadline(context_.stop);
  // An exit code that the daemon gives is not ours: we go on.
  Context own = context_;
  own.stop = deadline.token();
  Result<json> answer = ask_daemon(own, request_.socket, request, {});
  if (!answer && answer.error().kind == ErrorKind::kCancelled && !context_.stop.stop_requested()) {
    return fail(ErrorKind::kTimeout, context_.say(kNoAnswer, {std::to_string(kPatience.count())}));
  }
  if (answer && json_text(*answer).size() > kMostAnswer) {
    return fail(ErrorKind::kInvalidInput,
                context_.say(kTooLong, {std::to_string(kMostAnswer >> 20U)}));
  }
  return answer;
}

void Gathering::ask_status() {
  Result<json> answer = ask({{"command", "status"}});
  if (answer) {
    status_ = std::move(*answer);
    return;
  }
  daemon_silence_ = reason(answer.error());
  leave_out("status.json", daemon_silence_);
  leave_out("activities.json", daemon_silence_);
  leave_out("points.json", daemon_silence_);
}

void Gathering::ask_plan() {
  std::string why = daemon_silence_;
  if (why.empty()) {
    Result<json> answer = ask({{"command", "plan"}});
    if (answer) {
      plan_ = std::move(*answer);
      return;
    }
    why = reason(answer.error());
  }
  read_saved_plan();
  if (plan_.is_null()) leave_out("plan.json", why + "; " + context_.say(kNoPlan));
}

// The envelope is signed, not secret; the gate that judged it has kept it beside no key.
void Gathering::read_saved_plan() {
  const Result<Bytes> text =
      platform::read_file(platform::join(config_.state, "plan.json"), kMostAnswer);
  if (!text) return;
  const json kept = json::parse(as_text(*text), nullptr, false);
  const json in_force = kept.is_object() ? kept.value("in_force", json()) : json();
  if (!in_force.is_object() || !in_force.contains("document") ||
      !in_force["document"].is_string()) {
    return;
  }
  const Result<trust::SignedEnvelope> envelope =
      trust::read_envelope(in_force["document"].get<std::string>());
  if (!envelope) return;
  plan_ = {{"version", envelope->envelope.version},
           {"hash", envelope->hash.text()},
           {"accepted_at", in_force.value("accepted_at", json())},
           {"effective_at", in_force.value("effective_at", json())},
           {"plan", json::parse(envelope->envelope.plan, nullptr, false)}};
  plan_saved_ = true;
}

void Gathering::ask_points() {
  if (!daemon_silence_.empty()) return;
  const json locations = status_.value("locations", json::array());
  for (const json& location : locations) {
    if (!location.is_object()) continue;
    const std::string id = location.value("id", "");
    Result<json> answer = ask({{"command", "points"}, {"target", id}});
    if (!answer) {
      leave_out("points.json: " + printable(id), reason(answer.error()));
      continue;
    }
    json rows = json::array();
    const json all = answer->value("points", json::array());
    for (const json& point : all) {
      if (!point.is_object() || rows.size() >= kMostPoints) break;
      json row;
      // By name, so that what a later version tells about a point is not told here by itself.
      for (const char* name : {"id", "time", "sequence", "files", "directories", "bytes",
                               "new_bytes", "stored_bytes", "consistency", "skipped"}) {
        if (const auto field = point.find(name); field != point.end()) row[name] = *field;
      }
      rows.push_back(std::move(row));
    }
    if (rows.size() < all.size()) {
      leave_out("points.json: " + printable(id),
                context_.say(kRest, {std::to_string(kMostPoints)}));
    }
    points_.push_back({{"target", id}, {"points", std::move(rows)}});
  }
}

KnownPaths Gathering::known_paths() const {
  KnownPaths known;
  const platform::Places& places = platform::standard_places();
  known.ours = {config_.state,    config_.keys,    config_.hooks,  config_.socket,
                config_.log_file, places.state,    places.config,  places.log_file,
                request_.crashes, request_.config, request_.socket};
  if (!plan_.is_object() || !plan_.contains("plan") || !plan_["plan"].is_object()) return known;
  const json& plan = plan_["plan"];
  for (const json& source : plan.value("sources", json::array())) {
    for (const json& path : source.value("paths", json::array())) {
      if (path.is_string()) known.sources.push_back(path.get<std::string>());
    }
  }
  for (const json& target : plan.value("targets", json::array())) {
    if (target.value("type", "") == "local") known.ours.push_back(target.value("path", ""));
  }
  return known;
}

/// What `obhutd --version` says, of the one beside us or the system's.
std::string version_of_daemon() {
  platform::Command command;
  const Result<std::string> beside = platform::program_beside("obhutd");
  if (beside && platform::exists(*beside)) command.program = *beside;
  if (command.program.empty()) command.program = program_of_the_system("obhutd").value_or("");
  if (command.program.empty()) return {};
  command.arguments = {"--version"};
  command.timeout = std::chrono::seconds(5);
  command.output_cap = 256;
  const Result<platform::Outcome> outcome = platform::run(command);
  if (!outcome || outcome->exit_code != 0) return {};
  return outcome->output.substr(0, outcome->output.find('\n'));
}

void Gathering::add_system() {
  const platform::RunningSystem system = platform::running_system();
  const Instant now = context_.clock.now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(now));
  char offset[32] = "";
  if (const std::tm* local = std::localtime(&seconds); local != nullptr) {
    (void)std::strftime(offset, sizeof offset, "%Z (UTC%z)", local);  // empty where it fails
  }
  json value = {{"obhut", request_.version},
                {"obhutd", version_of_daemon()},
                {"host", platform::host_name()},
                {"system", platform::system_name()},
                {"kernel", system.kernel},
                {"architecture", system.architecture},
                {"processors", platform::processor_count()},
                {"time", format_time(now)},
                {"time_zone", system.time_zone},
                {"local_time", printable(offset)},
                {"administrator", platform::is_administrator()},
                {"daemon_answers", daemon_silence_.empty()},
                {"settings_problem", config_problem_},
                {"state", config_.state}};
  if (system.uptime) value["uptime_seconds"] = system.uptime->count();
  if (const auto space = platform::disk_space(config_.state)) {
    value["state_disk"] = {{"free", space->free}, {"total", space->total}};
  } else {
    value["state_disk"] = reason(space.error());
  }
  scrubber_->clean(value);
  add("system.json", context_.say(kAboutSystem), json_text(value));
}

void Gathering::add_status() {
  if (daemon_silence_.empty()) {
    json activities = {{"activities", status_.value("activities", json::array())},
                       {"schedule", status_.value("schedule", json::object())},
                       {"pause", status_.value("pause", json::object())}};
    scrubber_->clean(status_);
    add("status.json", context_.say(kAboutStatus), json_text(status_));
    scrubber_->clean(activities);
    add("activities.json", context_.say(kAboutActivities), json_text(activities));
  }
  if (!plan_.is_null()) {
    // What the partner wrote itself: which folders and patterns is what support must know.
    Scrubber secrets_alone(FileNames::kKept, {}, secrets_in(config_.proxy));
    secrets_alone.clean(plan_);
    add("plan.json", context_.say(plan_saved_ ? kAboutSavedPlan : kAboutPlan), json_text(plan_));
  }
  if (!settings_.empty()) {
    add("agent.toml", context_.say(kAboutSettings), scrubber_->text(settings_));
  }
}

void Gathering::add_points() {
  if (points_.empty()) return;
  scrubber_->clean(points_);
  add("points.json", context_.say(kAboutPoints), json_text(points_));
}

void Gathering::add_log() {
  std::string file = config_.log_file;
  if (file.empty()) file = platform::standard_places().log_file;
  if (!file.empty()) {
    add_log_file(file);
    return;
  }
  add_journal();
}

bool Gathering::add_log_file(const std::string& file) {
  bool cut = false;
  Result<std::string> text = tail_of(file, kMostLog, cut);
  if (!text) {
    leave_out("obhutd.log", reason(text.error()));
    return false;
  }
  const std::string before = earlier_log(file);
  if (!cut && text->size() < kMostLog && platform::exists(before)) {
    Result<std::string> earlier = tail_of(before, kMostLog - text->size(), cut);
    if (earlier) *text = std::move(*earlier) + *text;
  }
  if (cut) leave_out("obhutd.log: " + context_.say(kCut), context_.say(kTooLong, {"5"}));
  add("obhutd.log", context_.say(kAboutLog, {file}), scrubber_->text(*text));
  return true;
}

void Gathering::add_journal() {
  const std::optional<std::string> program = program_of_the_system("journalctl");
  if (!program) return leave_out("obhutd.log", context_.say(kNoJournal, {"not installed"}));
  platform::Command command;
  command.program = *program;
  // Newest first: what is over the cap is then the oldest.
  command.arguments = {"-u",         "obhut-agent", "-u",        "obhut-restore*",
                       "--no-pager", "-o",          "short-iso", "-r"};
  command.environment = {{"PATH", platform::standard_places().program_path}, {"LC_ALL", "C.UTF-8"}};
  command.output_cap = kMostLog;
  const Result<platform::Outcome> outcome = platform::run(command, context_.stop);
  if (!outcome) return leave_out("obhutd.log", outcome.error().message);
  if (outcome->exit_code != 0 || outcome->output.empty() ||
      outcome->output.starts_with("-- No entries")) {
    std::string why =
        outcome->error_output.empty() ? context_.say(kNothingThere) : outcome->error_output;
    std::ranges::replace(why, '\n', ' ');
    return leave_out("obhutd.log", context_.say(kNoJournal, {scrubber_->text(why)}));
  }
  if (outcome->truncated) {
    leave_out("obhutd.log: " + context_.say(kCut), context_.say(kTooLong, {"5"}));
  }
  add("obhutd.log", context_.say(kAboutLog, {"journalctl"}),
      scrubber_->text(turned_around(outcome->output, outcome->truncated)));
}

void Gathering::add_crashes() {
  Result<std::vector<std::string>> names = platform::list_directory(request_.crashes);
  if (!names) {
    if (names.error().kind != ErrorKind::kNotFound) leave_out("crashes", reason(names.error()));
    return;
  }
  // Their names begin with the time.
  std::ranges::reverse(*names);
  std::size_t taken = 0;
  for (const std::string& name : *names) {
    if (taken++ == kMostReports) {
      return leave_out("crashes: " + printable(name) + " …", context_.say(kTooMany));
    }
    add_crash(name);
  }
}

// A core or a minidump is memory: what is not text all through is left out, whatever its name.
void Gathering::add_crash(const std::string& name) {
  const std::string shown = "crashes/" + printable(name);
  if (name.ends_with(".dmp") || name.starts_with("core")) {
    return leave_out(shown, context_.say(kDump));
  }
  bool cut = false;
  Result<std::string> text = tail_of(platform::join(request_.crashes, name), kMostReport, cut);
  if (!text) return leave_out(shown, reason(text.error()));
  if (!is_utf8(*text) || text->find('\0') != std::string::npos) {
    return leave_out(shown, context_.say(kDump));
  }
  if (cut) leave_out(shown + ": " + context_.say(kCut), context_.say(kTooLong, {"0.25"}));
  add(shown, context_.say(kAboutCrash), scrubber_->text(*text));
}

bool Gathering::list_folder(const platform::Directory& folder, const std::string& below,
                            unsigned depth, std::string& out, std::size_t& room) {
  std::vector<std::string> names;
  const Result<void> listed = folder.list([&](std::string_view name, platform::FileType) {
    names.emplace_back(name);
    return names.size() <= room;
  });
  if (!listed) {
    leave_out(below.empty() ? "state.txt" : "state.txt: " + printable(below),
              reason(listed.error()));
    return false;
  }
  std::ranges::sort(names);
  for (const std::string& name : names) {
    if (room == 0) {
      leave_out("state.txt", context_.say(kRest, {std::to_string(kMostEntries)}));
      return true;
    }
    --room;
    std::string path = below;
    if (!path.empty()) path += '/';
    path += name;
    const Result<platform::FileStatus> status = folder.status_of(name);
    if (!status) {
      out += "?  " + printable(path) + "\n";
      continue;
    }
    const bool is_folder = status->type == platform::FileType::kDirectory;
    out += mode_text(*status) + " " + std::to_string(status->uid) + ":" +
           std::to_string(status->gid) + " " + std::to_string(status->size) + " " +
           time_of(status->mtime_ns) + " " + printable(path) + (is_folder ? "/" : "") + "\n";
    if (!is_folder || depth == kDeepest) continue;
    const Result<platform::Directory> child = folder.open_child(name);
    if (child) {
      list_folder(*child, path, depth + 1, out, room);
    } else {
      leave_out("state.txt: " + printable(path), reason(child.error()));
    }
  }
  return true;
}

void Gathering::add_state() {
  const Result<platform::Directory> folder = platform::Directory::open(config_.state);
  if (!folder) return leave_out("state.txt", reason(folder.error()));
  std::string text;
  std::size_t room = kMostEntries;
  if (!list_folder(*folder, "", 0, text, room)) return;
  add("state.txt", context_.say(kAboutState), scrubber_->text(text));
}

std::string Gathering::readme() const {
  std::string text = context_.say(kTitle, {platform::host_name(), format_time(context_.clock.now()),
                                           std::to_string(scrubber_->secrets_hidden()),
                                           std::to_string(scrubber_->names_hidden())});
  for (std::size_t i = 0; i < about_.size(); ++i) {
    text += "  " + bundle_.members[i].name + ": " + about_[i] + "\n";
  }
  if (!daemon_silence_.empty()) text += context_.say(kDaemonStopped, {daemon_silence_});
  text += context_.say(kLeftOutTitle);
  for (const LeftOut& each : bundle_.left_out) text += "  " + each.what + ": " + each.why + "\n";
  return text +
         context_.say(kGatheredBy,
                      {context_.say(platform::is_administrator() ? kAsAdministrator : kAsUser)});
}

Result<SupportBundle> Gathering::run() {
  leave_out(context_.say(kKeys), context_.say(kKeysWhy));
  if (request_.names == FileNames::kHidden)
    leave_out(context_.say(kNames), context_.say(kNamesWhy));
  read_settings();
  ask_status();
  ask_plan();
  ask_points();
  // Now it is known which names are whose.
  scrubber_.emplace(request_.names, known_paths(), secrets_in(config_.proxy));
  add_system();
  add_status();
  add_points();
  add_log();
  add_crashes();
  add_state();
  if (context_.stop.stop_requested()) return fail(ErrorKind::kCancelled, "support-bundle");
  for (LeftOut& each : bundle_.left_out) {
    each.what = scrubber_->text(each.what);
    each.why = scrubber_->text(each.why);
  }
  daemon_silence_ = scrubber_->text(daemon_silence_);
  bundle_.members.insert(bundle_.members.begin(), {"README.txt", readme()});
  return std::move(bundle_);
}

}  // namespace

Result<SupportBundle> gather_support_bundle(const Context& context, const BundleRequest& request) {
  return Gathering(context, request).run();
}

}  // namespace obhut::cli
