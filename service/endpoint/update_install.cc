#include "service/endpoint/update_install.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/crypto/digest.h"
#include "agent/trust/release.h"
#include "platform/atomic_file.h"
#include "platform/file_lock.h"
#include "platform/filesystem.h"
#include "platform/local_files.h"
#include "platform/package_manager.h"
#include "platform/secret_store.h"
#include "service/endpoint/json_fields.h"
#include "service/endpoint/trusted_time.h"
#include "service/endpoint/update_record.h"

namespace obhut::endpoint {

namespace {

using nlohmann::json;

constexpr const char* kUpdateMemory = "seen.json";
constexpr std::size_t kMostMemory = 4096;
constexpr std::size_t kCopyPart = std::size_t{1} << 20U;

/// The highest serial that was ever installed from here: the daemon's own memory could have been
/// set back.
trust::ReleaseMemory installed_memory(const std::string& folder) {
  const Result<Bytes> bytes =
      platform::read_file(platform::join(folder, kUpdateMemory), kMostMemory);
  if (!bytes) return {};
  const json value = json::parse(as_text(*bytes), nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) return {};
  return {number_or(value, "serial"), id_of<Sha256>(value, "hash").value_or(Sha256{})};
}

Result<void> remember_installed(const std::string& folder, const trust::SignedRelease& release) {
  const json value = {{"serial", release.manifest.serial}, {"hash", release.hash.text()}};
  return platform::write_file(platform::join(folder, kUpdateMemory), as_bytes(value.dump()));
}

/// The package that was handed over, as the release says it is; nothing of it is believed before.
struct ProvedUpdate {
  trust::SignedRelease release;
  trust::ReleasePackage package;
};

Result<ProvedUpdate> prove_update(const Config& config, StateFolder& state, Clock& clock,
                                  UpdateRecord& record) {
  if (!config.updates) {
    return fail(ErrorKind::kRefused, "updates = \"no\" in agent.toml: nothing is installed");
  }
  ASSIGN_OR_RETURN(const trust::ReleaseVersion runs, trust::ReleaseVersion::parse(config.version));
  ASSIGN_OR_RETURN(const trust::ReleaseTrust trust,
                   load_release_trust(config.release_root, record.roots));
  ASSIGN_OR_RETURN(TrustedTime time, TrustedTime::open(state, clock));
  ASSIGN_OR_RETURN(
      trust::SignedRelease release,
      trust::verify_release(record.release, trust, installed_memory(config.update_folder),
                            time.now(std::nullopt)));
  const trust::ReleasePackage* const package = package_for_us(release.manifest);
  if (package == nullptr || package->sha256 != record.handed->sha256) {
    return fail(ErrorKind::kRefused, "the release names no such package for this machine");
  }
  TRY(trust::check_newer(*package, runs));
  trust::ReleasePackage found = *package;
  return ProvedUpdate{std::move(release), std::move(found)};
}

std::unexpected<Error> other_bytes(const trust::ReleasePackage& package) {
  return fail(ErrorKind::kCrypto,
              "package " + package.version.text() +
                  ": is not the file that the release names; remove it from the state folder's " +
                  std::string(kUpdateFolder) + " and run `obhut update install`");
}

/// Follows no link, and what is installed is what was compared: the copy lies where only root
/// writes, and the daemon not at all.
Result<std::string> copy_proved(const Config& config, const trust::ReleasePackage& package) {
  ASSIGN_OR_RETURN(const platform::Directory state, platform::Directory::open(config.state));
  ASSIGN_OR_RETURN(const platform::Directory folder, state.open_child(kUpdateFolder));
  ASSIGN_OR_RETURN(const platform::SourceFile from, folder.open_file(update_file_name()));
  ASSIGN_OR_RETURN(const platform::FileStatus status, from.status());
  if (status.size != package.size) return other_bytes(package);
  std::string path = platform::join(config.update_folder, "obhut-agent." + package.kind);
  ASSIGN_OR_RETURN(platform::AtomicFile copy, platform::AtomicFile::create(path));
  crypto::Sha256Stream digest;
  Bytes part(kCopyPart);
  for (std::uint64_t at = 0; at < package.size;) {
    const auto want =
        static_cast<std::size_t>(std::min<std::uint64_t>(part.size(), package.size - at));
    ASSIGN_OR_RETURN(const std::size_t got, from.read_at(at, MutableByteView(part).first(want)));
    if (got == 0) return other_bytes(package);
    digest.update(ByteView(part).first(got));
    TRY(copy.write(ByteView(part).first(got)));
    at += got;
  }
  if (digest.finish() != package.sha256) return other_bytes(package);
  TRY(copy.commit());
  return path;
}

/// The last line that says something, which is where package managers say what is wrong.
std::string last_line(std::string_view output) {
  while (!output.empty() &&
         (output.back() == '\n' || output.back() == '\r' || output.back() == ' ')) {
    output.remove_suffix(1);
  }
  const std::size_t start = output.rfind('\n');
  if (start != std::string_view::npos) output.remove_prefix(start + 1);
  return printable(output.substr(0, 300));
}

/// Out: false where the package manager goes on without us.
Result<bool> prove_and_install(const Config& config, StateFolder& state, Clock& clock,
                               UpdateRecord& record, const Log& log,
                               const std::function<void()>& ready) {
  ASSIGN_OR_RETURN(const ProvedUpdate proved, prove_update(config, state, clock, record));
  ASSIGN_OR_RETURN(const std::string file, copy_proved(config, proved.package));
  TRY(remember_installed(config.update_folder, proved.release));
  ready();
  log.info("installing", field("version", proved.package.version.text()),
           field("serial", proved.release.manifest.serial));
  const Result<platform::PackageRun> run = platform::install_package(file, config.update_program);
  if (run && !run->finished) return false;
  // ignored: the next one takes its place
  (void)platform::remove_file(file);
  if (!run) return std::unexpected(run.error());
  if (run->exit_code != 0) {
    log.warn("package manager failed", field("exit", run->exit_code), field("said", run->output));
    return fail(ErrorKind::kUnavailable, "the package manager ended with " +
                                             std::to_string(run->exit_code) + ": " +
                                             last_line(run->output));
  }
  return true;
}

}  // namespace

Result<void> install_update(const Config& config, Clock& clock, const Log& log,
                            const std::function<void()>& ready) {
  ASSIGN_OR_RETURN(StateFolder state, StateFolder::open_to_read(config.state));
  ASSIGN_OR_RETURN(UpdateRecord record, load_update_record(state));
  if (!record.handed) return fail(ErrorKind::kNotFound, "no update was handed over");
  // For root alone: whoever could write to it could exchange what was proved.
  TRY(platform::SecretStore::open(config.update_folder));
  ASSIGN_OR_RETURN(const platform::FileLock lock,
                   platform::FileLock::acquire(platform::join(config.update_folder, "lock"),
                                               platform::LockMode::kExclusive, "obhutd"));
  const Result<bool> done = prove_and_install(config, state, clock, record, log, ready);
  UpdateResult result{record.handed->id, "done", {}};
  if (!done) {
    result.outcome = "failed";
    result.message = done.error().message;
    log.error("not updated", field("reason", result.message));
  } else if (!*done) {
    result.outcome = "started";
  }
  TRY(write_update_result(config.update_folder, result));
  if (!done) return std::unexpected(done.error());
  return {};
}

}  // namespace obhut::endpoint
