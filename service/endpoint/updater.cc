#include "service/endpoint/updater.h"

#include <algorithm>
#include <random>

#include "agent/base/text.h"
#include "agent/crypto/digest.h"
#include "platform/atomic_file.h"
#include "platform/detached.h"
#include "platform/filesystem.h"
#include "platform/local_files.h"
#include "platform/local_socket.h"
#include "platform/machine.h"
#include "platform/package_manager.h"
#include "service/endpoint/update_install.h"

namespace obhut::endpoint {

namespace {

constexpr std::chrono::seconds kStepEvery{5};
constexpr std::chrono::hours kLookEvery{24};
/// Spreads what a fleet asks for over the day.
constexpr std::chrono::minutes kLookJitter{4 * 60};
/// After a start, and where the cluster could not be asked.
constexpr std::chrono::minutes kFirstJitter{60};
constexpr std::chrono::hours kLookAgain{1};
/// A package that could not be installed is tried so often by itself, a day apart.
constexpr std::uint64_t kMostFailures = 3;
constexpr std::chrono::hours kTryAgain{24};
/// The package manager waits for its lock and for mirrors; after that nobody answers any more.
constexpr std::chrono::hours kInstallPatience{1};
constexpr std::size_t kUpdatePart = std::size_t{4} << 20U;
constexpr std::uint64_t kSpareSpace = std::uint64_t{64} << 20U;
constexpr int kMostPagesOfRoots = 64;
constexpr const char* kUpdateFailed = "update-failed";
constexpr const char* kUpdateRefused = "update-refused";

std::chrono::steady_clock::duration some_of(std::chrono::minutes most) {
  static thread_local std::mt19937 source{std::random_device{}()};
  return std::chrono::seconds(
      std::uniform_int_distribution<std::int64_t>(0, std::chrono::seconds(most).count())(source));
}

/// Something is wrong that no later attempt mends by itself.
bool is_suspect(ErrorKind kind) {
  return kind == ErrorKind::kRefused || kind == ErrorKind::kCrypto ||
         kind == ErrorKind::kInvalidInput || kind == ErrorKind::kCorrupt;
}

std::unexpected<Error> busy_error() {
  return fail(ErrorKind::kConflict,
              "update: a backup or restore is running; try again when it has ended");
}

std::string why_text(std::string_view off) {
  if (off == "settings") return "agent.toml forbids it (updates = \"no\")";
  if (off == "no-root") {
    return "this package brought no release root (release_root in agent.toml); install newer "
           "versions by hand";
  }
  if (off == "no-package-manager") return "this system has neither dpkg nor rpm";
  return "the protection plan does not allow it (its member updates)";
}

}  // namespace

Result<std::unique_ptr<Updater>> Updater::open(StateFolder& state, Clock& clock, const Log& log,
                                               Outbox& outbox, wire::ControlClient& control,
                                               const Config& config, Surroundings around) {
  std::unique_ptr<Updater> updater(
      new Updater(state, clock, log, outbox, control, config, std::move(around)));
  ASSIGN_OR_RETURN(updater->record_, load_update_record(state));
  const std::scoped_lock lock(updater->work_);
  updater->publish();
  return updater;
}

std::string Updater::why_off() const {
  if (!config_.updates) return "settings";
  if (!platform::exists(config_.release_root)) return "no-root";
  if (platform::package_kind().empty()) return "no-package-manager";
  return around_.rule() == model::UpdateRule::kOff ? "plan" : "";
}

UpdateView Updater::view() const {
  UpdateView view = view_.with([](const UpdateView& kept) { return kept; });
  view.rule = around_.rule();
  view.off = why_off();
  return view;
}

/// What others see: made anew after each change.
void Updater::publish() {
  UpdateView view;
  view.runs = config_.version;
  view.checked = record_.checked;
  view.serial = record_.seen.serial;
  view.problem = record_.problem;
  if (record_.handed) view.installing = record_.handed->version;
  const auto runs = trust::ReleaseVersion::parse(config_.version);
  if (record_.installed && runs) {
    const auto installed = trust::ReleaseVersion::parse(record_.installed->version);
    if (installed && *installed > *runs) view.installed = record_.installed->version;
  }
  std::vector<std::string> roots = record_.roots;
  if (const auto trust = load_release_trust(config_.release_root, roots)) {
    view.root = trust->root().version;
  }
  if (const auto offered = offer(); offered && *offered) {
    view.offered = (*offered)->version.text();
    view.downloaded = lies_ready(**offered);
  }
  view_.with([&view](UpdateView& kept) { kept = std::move(view); });
}

Result<void> Updater::save() {
  Result<void> saved = save_update_record(state_, record_);
  publish();
  return saved;
}

void Updater::note(const Error& error) {
  if (error.kind == ErrorKind::kCancelled) return;
  if (record_.problem != error.message) {
    log_.warn("no update", field("reason", error.message));
  }
  record_.problem = error.message;
  if (is_suspect(error.kind)) outbox_.raise(kUpdateRefused, "warning", error.message);
}

void Updater::run(std::stop_token stop) {
  const std::optional<Instant> checked = view().checked;
  next_look_ = clock_.steady() + some_of(kFirstJitter);
  if (checked) {
    const auto left = *checked + kLookEvery - clock_.now();
    if (left > kFirstJitter) {
      next_look_ =
          clock_.steady() + std::min<Instant::duration>(left, kLookEvery) + some_of(kLookJitter);
    }
  }
  do {
    const std::unique_lock lock(work_, std::try_to_lock);
    if (lock.owns_lock()) step(stop);
  } while (clock_.sleep_for(kStepEvery, stop));
}

void Updater::step(const std::stop_token& stop) {
  watch_handed();
  if (!why_off().empty()) return;
  if (clock_.steady() >= next_look_) {
    const Result<void> looked = look(stop);
    next_look_ =
        clock_.steady() + (looked ? std::chrono::seconds(kLookEvery) + some_of(kLookJitter)
                                  : std::chrono::seconds(kLookAgain) + some_of(kFirstJitter));
  }
  const auto offered = offer();
  if (!offered || !*offered || record_.handed || !may_try(**offered)) return;
  if (around_.busy() || around_.paused()) return;
  if (!lies_ready(**offered)) {
    if (clock_.steady() < fetch_again_) return;
    const Result<void> fetched = fetch(**offered, stop);
    if (!fetched && fetched.error().kind == ErrorKind::kConflict) return;
    if (!fetched) {
      fetch_again_ = clock_.steady() + kLookAgain;
      note(fetched.error());
      // ignored: the problem is shown all the same, and the next look saves again
      (void)save();
      return;
    }
  }
  if (around_.rule() != model::UpdateRule::kInstall || around_.busy()) return;
  // ignored: settled, so that it stands in the status and is tried again by its own rule
  (void)hand_over(**offered);
}

/// Whether it is worth an attempt that nobody asked for.
bool Updater::may_try(const trust::ReleasePackage& package) const {
  if (record_.installed && record_.installed->sha256 == package.sha256) return false;
  if (lies_ready(package) && around_.rule() != model::UpdateRule::kInstall) return false;
  if (record_.failed != package.sha256) return true;
  return record_.failures < kMostFailures && clock_.now() - record_.failed_at >= kTryAgain;
}

Result<void> Updater::check(const std::stop_token& stop, std::chrono::seconds at_most_every) {
  const std::string off = why_off();
  if (!off.empty() && off != "plan") {
    return fail(ErrorKind::kRefused, "update check: " + why_text(off));
  }
  const std::unique_lock lock(work_, std::try_to_lock);
  if (!lock.owns_lock()) {
    return fail(ErrorKind::kConflict,
                "update check: an update is being fetched already; see obhut update status");
  }
  if (asked_ && clock_.steady() - *asked_ < at_most_every) return {};
  return look(stop);
}

Result<void> Updater::look(const std::stop_token& stop) {
  asked_ = clock_.steady();
  const Result<void> looked = [&]() -> Result<void> {
    ASSIGN_OR_RETURN(trust::ReleaseTrust trust,
                     load_release_trust(config_.release_root, record_.roots));
    TRY(take_roots(trust, stop));
    ASSIGN_OR_RETURN(const std::optional<std::string> document, control_.release(stop));
    if (!document) return {};
    ASSIGN_OR_RETURN(const trust::SignedRelease release,
                     trust::verify_release(*document, trust, record_.seen, around_.trusted_now()));
    record_.release = *document;
    record_.seen = {release.manifest.serial, release.hash};
    return {};
  }();
  if (looked) {
    record_.checked = clock_.now();
    record_.problem.clear();
    outbox_.clear(kUpdateRefused);
  } else {
    note(looked.error());
  }
  // What was learned before something went wrong stays learned.
  TRY(save());
  return looked;
}

Result<void> Updater::take_roots(trust::ReleaseTrust& trust, const std::stop_token& stop) {
  for (int page = 0; page < kMostPagesOfRoots; ++page) {
    ASSIGN_OR_RETURN(const std::vector<std::string> roots,
                     control_.release_roots(trust.root().version, stop));
    if (roots.empty()) return {};
    for (const std::string& root : roots) {
      TRY(trust.advance(root));
      record_.roots.push_back(root);
    }
  }
  return {};
}

/// Proved again each time: what was good yesterday may have expired.
Result<std::optional<trust::ReleasePackage>> Updater::offer() {
  if (record_.release.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(const trust::ReleaseVersion runs, trust::ReleaseVersion::parse(config_.version));
  std::vector<std::string> roots = record_.roots;
  ASSIGN_OR_RETURN(const trust::ReleaseTrust trust,
                   load_release_trust(config_.release_root, roots));
  ASSIGN_OR_RETURN(
      const trust::SignedRelease release,
      trust::verify_release(record_.release, trust, record_.seen, around_.trusted_now()));
  const trust::ReleasePackage* const package = package_for_us(release.manifest);
  if (package == nullptr || !trust::check_newer(*package, runs)) return std::nullopt;
  return std::optional(*package);
}

bool Updater::lies_ready(const trust::ReleasePackage& package) const {
  if (record_.package != package.sha256) return false;
  const Result<platform::Directory> state = platform::Directory::open(state_.path(""));
  if (!state) return false;
  const Result<platform::Directory> folder = state->open_child(kUpdateFolder);
  if (!folder) return false;
  const Result<platform::FileStatus> file = folder->status_of(update_file_name());
  return file && file->type == platform::FileType::kRegular && file->size == package.size;
}

Result<void> Updater::fetch(const trust::ReleasePackage& package, const std::stop_token& stop) {
  if (lies_ready(package)) return {};
  log_.info("fetching an update", field("version", package.version.text()),
            field("bytes", package.size));
  TRY(download(package, stop));
  record_.package = package.sha256;
  return save();
}

/// In parts, so that nothing is held in memory and a backup need not wait for the end.
Result<void> Updater::download(const trust::ReleasePackage& package, const std::stop_token& stop) {
  const std::string folder = state_.path(kUpdateFolder);
  TRY(platform::make_directories(folder, 0700));
  ASSIGN_OR_RETURN(const platform::Directory state, platform::Directory::open(state_.path("")));
  if (!state.open_child(kUpdateFolder)) {
    return fail(ErrorKind::kRefused,
                platform::shown(folder) + ": must be a folder and no link; remove it");
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> left_over, platform::list_directory(folder));
  for (const std::string& name : left_over) {
    TRY(platform::remove_file(platform::join(folder, name)));
  }
  record_.package = Sha256{};
  ASSIGN_OR_RETURN(const platform::DiskSpace space, platform::disk_space(folder));
  if (space.free < package.size + kSpareSpace) {
    return fail(ErrorKind::kQuotaExceeded, "update: no room for " + std::to_string(package.size) +
                                               " bytes in " + platform::shown(folder) +
                                               "; free some");
  }
  ASSIGN_OR_RETURN(platform::AtomicFile file,
                   platform::AtomicFile::create(platform::join(folder, update_file_name())));
  crypto::Sha256Stream digest;
  for (std::uint64_t at = 0; at < package.size;) {
    if (around_.busy()) return busy_error();
    const std::uint64_t length = std::min<std::uint64_t>(kUpdatePart, package.size - at);
    ASSIGN_OR_RETURN(const Bytes part,
                     control_.release_package(package.sha256, {at, length}, stop));
    digest.update(part);
    TRY(file.write(part));
    at += length;
  }
  if (digest.finish() != package.sha256) {
    return fail(ErrorKind::kCorrupt, "package " + package.version.text() +
                                         ": the cluster gave other bytes than the release names");
  }
  return file.commit();
}

Result<std::string> Updater::install(const std::stop_token& stop) {
  if (const std::string off = why_off(); !off.empty()) {
    return fail(ErrorKind::kRefused, "update install: " + why_text(off));
  }
  const std::unique_lock lock(work_, std::try_to_lock);
  if (!lock.owns_lock() || record_.handed) {
    return fail(ErrorKind::kConflict,
                "update install: one is under way already; see obhut update status");
  }
  ASSIGN_OR_RETURN(const std::optional<trust::ReleasePackage> offered, offer());
  if (!offered) {
    return fail(ErrorKind::kNotFound,
                "update install: no newer version is known; ask with obhut update check");
  }
  if (around_.busy()) return std::unexpected(busy_error().error());
  TRY(fetch(*offered, stop));
  record_.installed.reset();
  record_.failures = 0;
  TRY(hand_over(*offered));
  return offered->version.text();
}

/// Written down first: the daemon is started anew before it hears how it went.
Result<void> Updater::hand_over(const trust::ReleasePackage& package) {
  record_.handed =
      UpdateAttempt{new_report_id(), package.version.text(), package.sha256, clock_.now()};
  record_.problem.clear();
  TRY(save());
  log_.info("handing an update over", field("version", package.version.text()));
  const Result<void> started = start_installer();
  if (!started) {
    // Where it came to a verdict, it has left it; else nobody will.
    watch_handed();
    if (record_.handed) {
      settle({record_.handed->id, "failed", started.error().message});
    }
  }
  return started;
}

Result<void> Updater::start_installer() const {
  if (!config_.update_socket.empty()) {
    const auto taken = platform::LocalConnection::connect(config_.update_socket);
    if (taken) return {};
    return pass_on(Error(taken.error()),
                   "the update service does not answer (systemctl start obhut-update.socket)");
  }
  if (platform::package_system() == "windows") {
    return install_update(config_, clock_, log_, [] {});
  }
  ASSIGN_OR_RETURN(const std::string program, platform::program_path());
  ASSIGN_OR_RETURN(const platform::Started started,
                   platform::start_detached(program, {"--install-update", "--config", config_.file,
                                                      "--state", config_.state}));
  if (started.ready) return {};
  return fail(ErrorKind::kRefused, "update: " + printable(started.output.substr(0, 500)));
}

void Updater::watch_handed() {
  if (!record_.handed) return;
  const auto runs = trust::ReleaseVersion::parse(config_.version);
  const auto wanted = trust::ReleaseVersion::parse(record_.handed->version);
  if (runs && wanted && *runs >= *wanted) {
    return settle({record_.handed->id, "done", {}});
  }
  const std::optional<UpdateResult> result = read_update_result(config_.update_folder);
  const bool answered = result && result->id == record_.handed->id && result->outcome != "started";
  if (answered) return settle(*result);
  // A clock that was turned back must not keep it open for ever.
  const Instant now = clock_.now();
  if (now >= record_.handed->at && now < record_.handed->at + kInstallPatience) return;
  settle({record_.handed->id, "failed",
          "update " + record_.handed->version +
              ": the package manager did not report back within an hour; see its log"});
}

void Updater::settle(const UpdateResult& result) {
  const UpdateAttempt attempt = *record_.handed;
  const bool done = result.outcome == "done";
  record_.handed.reset();
  if (done) {
    record_.installed = attempt;
    record_.failures = 0;
    record_.problem.clear();
    outbox_.clear(kUpdateFailed);
    log_.info("update installed", field("version", attempt.version));
    const std::string file = platform::join(state_.path(kUpdateFolder), update_file_name());
    // ignored: the next download clears the folder
    (void)platform::remove_file(file);
    record_.package = Sha256{};
  } else {
    record_.failures = record_.failed == attempt.sha256 ? record_.failures + 1 : 1;
    record_.failed = attempt.sha256;
    record_.failed_at = clock_.now();
    record_.problem = result.message.empty() ? "update failed" : result.message;
    outbox_.raise(kUpdateFailed, "warning", record_.problem);
    log_.warn("not updated", field("reason", record_.problem));
  }
  wire::ActivityReport activity{
      attempt.id, "update", attempt.at, clock_.now(), done ? "done" : "failed", {}};
  activity.counts = {{"release", record_.seen.serial}};
  outbox_.add(std::move(activity));
  if (Result<void> saved = save(); !saved) {
    log_.warn("update not noted", field("reason", saved.error().message));
  }
}

}  // namespace obhut::endpoint
