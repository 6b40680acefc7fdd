#pragma once
// One run: walks the sources, stores what is new, commits a recovery point.
//
//   walk ─▶ jobs ─▶ workers ─▶ packs ─▶ uploaders ─▶ store
//     └───▶ events ────▶ tree builder ─┘                  then index, then head

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/pause_gate.h"
#include "agent/base/result.h"
#include "agent/model/summary.h"
#include "agent/pipeline/held_sources.h"
#include "agent/pipeline/incidents.h"
#include "agent/pipeline/progress.h"
#include "agent/scan/walker.h"
#include "agent/vault/blob_reader.h"
#include "agent/vault/vault.h"
#include "platform/change_journal.h"

namespace obhut::pipeline {

struct BackupOptions {
  std::vector<std::string> sources;  ///< absolute paths
  scan::WalkOptions walk;
  std::string host;
  Sha256 plan;  ///< of the plan in force; zero without one
  SnapshotOptions snapshots;
  std::string cache_directory;  ///< index cache and checkpoint of this vault; "": neither is kept
  std::chrono::seconds checkpoint_after{20};
  vault::BlobReaderLimits reader;  ///< how the point before is read
  unsigned workers = 0;            ///< 0: one a processor, two at most
  /// Packs that are on their way to the store at once, 16 MiB each: enough of them hide how long it
  /// takes to answer. For a store nearby two keep the disk busy.
  unsigned uploaders = 2;
  /// Somebody looks at the progress: where no point before tells how much there is, it is counted.
  bool count_ahead = false;
  const PauseGate* pause = nullptr;  ///< closed: nothing more is read until it opens; null: never
  /// What the system records of changes; tests bring others.
  std::function<std::unique_ptr<platform::ChangeJournal>()> journal = platform::change_journal;
  /// Signs the head where the vault does not stand alone.
  std::optional<vault::Vault::Writer> writer;
};

struct BackupReport {
  vault::Point point;
  model::Summary summary;
  std::vector<Incident> incidents;  ///< the first Incidents::kRemembered
  std::vector<ReadLive> read_live;  ///< what no snapshot held, where snapshots were wanted
  std::uint64_t skipped = 0;
  std::uint64_t changed = 0;
  std::uint64_t ignored = 0;
  std::uint64_t adopted_packs = 0;  ///< of an earlier run that was cut off

  /// False where anything was skipped, or marked as changed while it was read.
  [[nodiscard]] bool complete() const { return skipped + changed == 0; }
};

/// Thread: run() one, once; progress() any.
class BackupJob {
 public:
  /// Borrows all. The caller holds the lock that keeps other writers out.
  BackupJob(vault::Vault& vault, Clock& clock, const Log& log, BackupOptions options);
  ~BackupJob();

  /// Errors: kInvalidInput for impossible sources; kRefused where nobody can sign; those of the
  /// store, retrying kinds when the store's own patience is spent: then what was acknowledged
  /// stays and the next run goes on from there. kCancelled likewise. No point was made then.
  Result<BackupReport> run(std::stop_token stop);

  [[nodiscard]] Progress progress() const { return progress_.snapshot(); }
  /// The same in the words of every job.
  [[nodiscard]] model::JobProgress job_progress() const;

 private:
  struct Run;
  vault::Vault& vault_;
  Clock& clock_;
  const Log& log_;
  BackupOptions options_;
  ProgressBoard progress_;
};

}  // namespace obhut::pipeline
