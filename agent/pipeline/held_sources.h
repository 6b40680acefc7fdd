#pragma once
// The sources of one run, held still by snapshots as far as is wanted and can be had.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/log.h"
#include "agent/model/plan.h"
#include "agent/model/summary.h"
#include "agent/scan/walker.h"
#include "platform/mount_table.h"
#include "platform/snapshot_set.h"

namespace obhut::pipeline {

struct SnapshotOptions {
  model::SnapshotUse use = model::SnapshotUse::kNone;
  /// Of their records; "": nowhere, and no snapshot can be made.
  std::string folder;
  /// What makes them; tests bring others.
  std::function<std::vector<std::unique_ptr<platform::VolumeSnapshots>>()> volumes =
      platform::volume_snapshots;
};

/// What was read without a snapshot, and why.
struct ReadLive {
  std::string path;  ///< raw bytes, absolute: a source, or something mounted below one
  std::string reason;
};

/// Thread: one at a time.
class HeldSources final : public scan::SourceViews {
 public:
  static constexpr std::size_t kRemembered = 100;

  /// Borrows `log`. Removes what an earlier run left behind, also where no snapshot is wanted.
  HeldSources(SnapshotOptions options, const Log& log);

  /// Makes the snapshots of all sources and of what is mounted below them, as near to each other in
  /// time as can be, and tells early what cannot be had. (Volumes nested in another one are met on
  /// the walk.) Errors: kUnsupported naming the path, the reason and the way out, where snapshots
  /// are required.
  Result<void> prepare(const std::vector<std::string>& sources, const scan::WalkOptions& walk);

  /// For WalkOptions; null where no snapshot is wanted.
  [[nodiscard]] scan::SourceViews* views() { return wanted() ? this : nullptr; }

  Result<const platform::SnapshotView*> view_of(const std::string& path,
                                                const platform::Directory& live) override;
  Result<void> read_live(const std::string& path) override;
  [[nodiscard]] const std::vector<std::string>& mounts_in(const std::string& path) const override;

  /// After the walk, with nothing of the snapshots open any more: lets them go. Errors:
  /// kUnavailable where snapshots are required and one did not last.
  Result<void> finish();

  /// Of the weakest source.
  [[nodiscard]] model::Consistency consistency() const;
  /// The first kRemembered; empty where no snapshot was wanted.
  [[nodiscard]] const std::vector<ReadLive>& live() const { return live_; }

 private:
  [[nodiscard]] bool wanted() const { return options_.use != model::SnapshotUse::kNone; }
  Result<void> prepare_source(const std::string& source);
  Result<void> prepare_mounts(const std::string& source, const scan::WalkOptions& walk);
  void remember_mounts(const std::string& path, const platform::Directory& live);
  Result<void> take_live(const std::string& path, const std::string& reason);

  SnapshotOptions options_;
  const Log& log_;
  std::unique_ptr<platform::SnapshotSet> set_;
  std::string no_set_;  // why there is none
  std::vector<platform::Mount> mounts_;
  std::map<std::string, std::optional<platform::SnapshotView>> views_;  // by path
  std::map<std::string, std::vector<std::string>> mounted_;             // names by directory
  std::vector<ReadLive> live_;
  bool held_ = false;
};

}  // namespace obhut::pipeline
