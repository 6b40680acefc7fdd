#pragma once
// Where the entries of a restore go: their paths, and the names they get where theirs are taken.
// Part of tree_writer.

#include <atomic>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "agent/base/guarded.h"
#include "agent/base/result.h"

namespace obhut::platform {

/// Relative, '/' between components, none of them "", "." or "..", no NUL. The empty path is the
/// root itself.
Result<void> check_relative(std::string_view path);
/// "a/b/c" -> {"a/b", "c"}.
std::pair<std::string_view, std::string_view> split_last(std::string_view path);
/// "" is the root.
std::string join_relative(std::string_view folder, std::string_view name);

/// How many other names are tried before a restore gives up.
inline constexpr unsigned kMostNames = 10'000;
/// "notes.txt", 1 -> "notes (restored).txt"; 2 -> "notes (restored 2).txt". Cut, at the start of
/// a UTF-8 character, to what a file system takes.
std::string other_name(std::string_view name, unsigned number);

/// What became of the directories of a restore. Thread: any.
class RestoredDirectories {
 public:
  /// `wanted` was taken: it and all that is put below it goes to `given`.
  void moved(std::string_view wanted, std::string given);
  /// The path after directories on the way were given other names.
  [[nodiscard]] std::string actual_path(std::string_view path) const;

  /// It was there before, and stays as it was.
  void keep(std::string_view path);
  [[nodiscard]] bool is_kept(std::string_view path) const;

 private:
  Guarded<std::map<std::string, std::string, std::less<>>> moved_;  // wanted -> given
  std::atomic<bool> any_moved_ = false;
  Guarded<std::unordered_set<std::size_t>> kept_;  // hashes of paths
};

}  // namespace obhut::platform
