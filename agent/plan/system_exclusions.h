#pragma once
// What the system asks every backup to leave out, beside what a plan does.

#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/plan/selection.h"
#include "platform/backup_exclusions.h"

namespace obhut::plan {

/// Anybody who may write to the system's list could keep something out of every backup by it, so
/// that what it took effect on is remembered, for the report.
/// Thread: any.
class SystemExclusions {
 public:
  static constexpr std::size_t kRemembered = 100;

  /// A pattern that is none is passed over: the system's list is not ours to mend.
  explicit SystemExclusions(const platform::BackupExclusions& patterns);

  /// True where nothing can be left out.
  [[nodiscard]] bool takes_all() const { return whole_.takes_all() && files_.takes_all(); }
  /// In: an absolute path that a walk met below a source that is not exempt().
  [[nodiscard]] bool covers(std::string_view path, bool is_directory) const;
  /// True for a source that lies itself in what is left out: whoever names it wants it.
  [[nodiscard]] bool exempt(std::string_view source) const;
  /// The first kRemembered paths that covers() said yes to, sorted.
  [[nodiscard]] std::vector<std::string> covered() const;

 private:
  Selection whole_;
  Selection files_;
  mutable std::mutex mutex_;
  mutable std::set<std::string, std::less<>> covered_;
};

}  // namespace obhut::plan
