#pragma once
// A folder for what a run writes and nobody needs after it.

#include <optional>
#include <string>

#include "agent/base/result.h"
#include "platform/file_lock.h"

namespace obhut::vault {

/// Goes with its owner; after a crash the next one made beside it takes it away.
class WorkFolder {
 public:
  /// In: an existing folder; "": the system's place for temporary files.
  static Result<WorkFolder> make(const std::string& parent);
  WorkFolder(WorkFolder&& other) noexcept;
  WorkFolder& operator=(WorkFolder&&) = delete;
  ~WorkFolder();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  WorkFolder(std::string path, std::optional<platform::FileLock> lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  std::optional<platform::FileLock> lock_;  // none for one in the system's place
};

/// Makes one in `parent` unless there is one already.
Result<void> make_work_folder(std::optional<WorkFolder>& work, const std::string& parent);

}  // namespace obhut::vault
