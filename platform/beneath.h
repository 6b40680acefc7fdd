#pragma once
// Looks up directories below a root without ever leaving it. Part of tree_writer.

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "agent/base/result.h"
#include "platform/handle.h"

namespace obhut::platform {

/// Every component must be a real directory: links are refused wherever they point. Thread: any.
class Beneath {
 public:
  /// `plain`: one component at a time, as on systems that cannot do better (Linux before 5.6).
  Beneath(Handle root, bool plain)
      : root_(std::make_shared<const Handle>(std::move(root))), plain_(plain) {}

  /// A handle for looking up. Kept for the next question: files come directory by directory.
  /// Errors: kNotFound, kConflict for anything but directories on the way.
  Result<std::shared_ptr<const Handle>> directory(std::string_view path);
  /// After the directory was removed.
  void forget(std::string_view path);
  [[nodiscard]] const Handle& root() const { return *root_; }

 private:
  // Shared by the cache and by who writes into the directory just now.
  using Shared = std::shared_ptr<const Handle>;
  using Recent = std::list<std::pair<std::string, Shared>>;

  Shared cached(std::string_view path);
  Shared remember(std::string_view path, Handle handle);
  void drop(std::string_view path);
  Result<Shared> open_step_by_step(Shared at, std::size_t known, std::string_view path);

  Shared root_;
  bool plain_;
  std::mutex mutex_;
  Recent recent_;  // the latest first
  std::unordered_map<std::string_view, Recent::iterator> places_;
};

/// What each system does its own way.
namespace beneath_half {

/// The directory `rest` (one component or several) below `from`, at once; nothing where this system
/// cannot do that. `path` is for messages.
std::optional<Result<Handle>> open_at_once(const Handle& from, std::string_view rest,
                                           std::string_view path);
/// The directory `name` in `from`.
Result<Handle> open_one(const Handle& from, std::string_view name, std::string_view path);

}  // namespace beneath_half

}  // namespace obhut::platform
