#pragma once
// Include and exclude patterns of a backup, as the walk asks for them.

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/plan/selection.h"
#include "agent/plan/system_exclusions.h"
#include "agent/scan/entry_filter.h"

namespace obhut::cli {

/// The same patterns for every source, relative to each; folders that are left out in any case
/// (the vault that is written to) beside.
class SourceFilter final : public scan::EntryFilter {
 public:
  SourceFilter(std::vector<std::string> sources, plan::Selection selection, bool has_includes,
               std::vector<std::string> never)
      : sources_(std::move(sources)),
        selection_(std::move(selection)),
        has_includes_(has_includes),
        never_(std::move(never)) {
    for (const std::string& source : sources_) {
      if (system_.exempt(source)) exempt_.push_back(source);
    }
  }

  [[nodiscard]] bool wants(std::string_view path, bool is_directory) const override;
  [[nodiscard]] std::vector<std::string> left_out_for_system() const override {
    return system_.covered();
  }

 private:
  std::vector<std::string> sources_;
  plan::Selection selection_;
  bool has_includes_;
  std::vector<std::string> never_;
  plan::SystemExclusions system_{platform::backup_exclusions()};
  std::vector<std::string> exempt_;  // sources
};

}  // namespace obhut::cli
