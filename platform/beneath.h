#pragma once
// Looks up directories below a root without ever leaving it. POSIX only; part of tree_writer.

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "agent/base/result.h"
#include "platform/handle.h"

namespace obhut::platform::posix {

/// Relative, '/' between components, none of them "", "." or "..", no NUL. The empty path is the
/// root itself.
Result<void> check_relative(std::string_view path);
/// "a/b/c" -> {"a/b", "c"}.
std::pair<std::string_view, std::string_view> split_last(std::string_view path);

/// Every component must be a real directory: symbolic links are refused wherever they point.
/// Thread: any.
class Beneath {
 public:
  /// `plain`: never openat2, as on kernels before 5.6 and in sandboxes that forbid it.
  Beneath(Handle root, bool plain)
      : root_(std::make_shared<const Handle>(std::move(root))), plain_(plain) {}

  /// O_PATH handle of the directory. Kept for the next question: files come directory by
  /// directory. Errors: kNotFound, kConflict for anything but directories on the way.
  Result<std::shared_ptr<const Handle>> directory(std::string_view path);
  /// After the directory was removed.
  void forget(std::string_view path);
  [[nodiscard]] const Handle& root() const { return *root_; }

 private:
  // Shared by the cache and by who writes into the directory just now.
  using Shared = std::shared_ptr<const Handle>;
  using Recent = std::list<std::pair<std::string, Shared>>;

  Shared cached(std::string_view path);
  Shared remember(std::string_view path, int fd);
  void drop(std::string_view path);
  Shared open_below(const Shared& from, std::size_t known, std::string_view path);
  Shared open_step_by_step(Shared at, std::size_t known, std::string_view path);

  Shared root_;
  bool plain_;
  std::mutex mutex_;
  Recent recent_;  // the latest first
  std::unordered_map<std::string_view, Recent::iterator> places_;
};

}  // namespace obhut::platform::posix
