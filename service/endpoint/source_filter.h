#pragma once
// A plan's sources as the walk asks for them.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/plan.h"
#include "agent/plan/selection.h"
#include "agent/plan/system_exclusions.h"
#include "agent/scan/entry_filter.h"

namespace obhut::endpoint {

/// Thread: any.
class SourceFilter final : public scan::EntryFilter {
 public:
  /// Errors: kInvalidInput naming the pattern.
  static Result<std::unique_ptr<SourceFilter>> make(
      const model::Plan& plan,
      const platform::BackupExclusions& system = platform::backup_exclusions());

  /// Each source's patterns hold below its own paths; of nested paths the innermost decides.
  [[nodiscard]] bool wants(std::string_view path, bool is_directory) const override;

  [[nodiscard]] std::optional<scan::SourceRules> rules_of(std::string_view source) const override;

  [[nodiscard]] std::vector<std::string> left_out_for_system() const override {
    return system_.covered();
  }

  /// Every path of every source.
  [[nodiscard]] std::vector<std::string> paths() const;

 private:
  struct Rule {
    std::string path;
    plan::Selection selection;
    scan::SourceRules walk;
    bool exempt = false;  ///< from what the system wants left out
  };
  SourceFilter(std::vector<Rule> rules, const platform::BackupExclusions& system);
  std::vector<Rule> rules_;  // longest path first
  plan::SystemExclusions system_;
};

}  // namespace obhut::endpoint
