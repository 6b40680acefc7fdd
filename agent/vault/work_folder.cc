#include "agent/vault/work_folder.h"

#include <utility>
#include <vector>

#include "agent/crypto/random.h"
#include "platform/local_files.h"

namespace obhut::vault {
namespace {

constexpr std::string_view kPrefix = "work-";
constexpr std::string_view kLock = ".lock";
constexpr unsigned kAttempts = 10;

Result<platform::FileLock> lock_of(const std::string& folder) {
  return platform::FileLock::acquire(folder + std::string(kLock), platform::LockMode::kExclusive,
                                     "work");
}

// ignored: what cannot be removed is in nobody's way, and the next one tries again.
void remove_quietly(const std::string& folder, bool locked) {
  static_cast<void>(platform::remove_tree(folder));
  if (locked) static_cast<void>(platform::remove_file(folder + std::string(kLock)));
}

// A lock that can be had belongs to a process that is gone.
void remove_abandoned(const std::string& parent) {
  const Result<std::vector<std::string>> names = platform::list_directory(parent);
  if (!names) return;
  for (const std::string& name : *names) {
    if (!name.starts_with(kPrefix) || !name.ends_with(kLock)) continue;
    const std::string folder =
        platform::join(parent, std::string_view(name).substr(0, name.size() - kLock.size()));
    if (const Result<platform::FileLock> lock = lock_of(folder)) remove_quietly(folder, true);
  }
}

}  // namespace

Result<WorkFolder> WorkFolder::make(const std::string& parent) {
  if (parent.empty()) {
    ASSIGN_OR_RETURN(std::string path, platform::make_temporary_directory("obhut-index-"));
    return WorkFolder(std::move(path), std::nullopt);
  }
  remove_abandoned(parent);
  for (unsigned attempt = 1;; ++attempt) {
    const std::string path =
        platform::join(parent, std::string(kPrefix) + crypto::random_id<VaultId>().text());
    Result<platform::FileLock> lock = lock_of(path);
    // Between making and locking the file somebody else may take it for an abandoned one.
    if (!lock && lock.error().kind == ErrorKind::kConflict && attempt < kAttempts) continue;
    if (!lock) return std::unexpected(std::move(lock).error());
    TRY(platform::make_directories(path));
    return WorkFolder(path, std::move(*lock));
  }
}

WorkFolder::WorkFolder(WorkFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})), lock_(std::exchange(other.lock_, std::nullopt)) {}

WorkFolder::~WorkFolder() {
  if (!path_.empty()) remove_quietly(path_, lock_.has_value());
}

Result<void> make_work_folder(std::optional<WorkFolder>& work, const std::string& parent) {
  if (work) return {};
  ASSIGN_OR_RETURN(WorkFolder made, WorkFolder::make(parent));
  work.emplace(std::move(made));
  return {};
}

}  // namespace obhut::vault
