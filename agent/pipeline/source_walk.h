#pragma once
// The walk over the sources, beside the point before: finds what is unchanged, hands out the rest
// to be read, and tells the tree builder all of it in order.

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/pause_gate.h"
#include "agent/base/queue.h"
#include "agent/base/result.h"
#include "agent/model/summary.h"
#include "agent/pipeline/change_hints.h"
#include "agent/pipeline/checkpoint.h"
#include "agent/pipeline/file_work.h"
#include "agent/pipeline/incidents.h"
#include "agent/pipeline/previous_tree.h"
#include "agent/pipeline/progress.h"
#include "agent/pipeline/segmenter.h"
#include "agent/pipeline/tree_event.h"
#include "agent/pipeline/used_packs.h"
#include "agent/pipeline/work_queue.h"
#include "agent/scan/walker.h"

namespace obhut::pipeline {

/// What an earlier run knows.
struct EarlierRun {
  std::vector<model::Ref> root;                  ///< empty: no point before
  Instant started{};                             ///< of the run that made it
  std::unique_ptr<CheckpointReader> checkpoint;  ///< null: none
};

struct WalkCounts {
  std::uint64_t new_files = 0;
  std::uint64_t changed_files = 0;
  std::uint64_t unchanged_files = 0;
};

/// Thread: one.
class SourceWalk {
 public:
  /// All must outlive it.
  SourceWalk(scan::Walker walker, EarlierRun earlier, vault::BlobReader& reader, UsedPacks& used,
             Segmenter segmenter, platform::AccountNames& accounts, const ChangeHints& hints,
             Incidents& incidents, ProgressBoard& progress);
  ~SourceWalk();

  /// Walks to the end, standing still while `pause` (may be null) is closed. Closes neither queue.
  /// Errors: kCancelled; retrying kinds of the store.
  Result<WalkCounts> run(BoundedQueue<TreeEvents>& events, WorkQueue& jobs, const PauseGate* pause,
                         const std::stop_token& stop);

 private:
  struct Level;
  struct LinkedFile {
    FileWorkPtr work;
    std::uint64_t names_left;
  };

  Result<void> take(const scan::WalkEvent& step);
  Result<void> enter(const scan::WalkEvent& step);
  Result<void> leave();
  Result<void> take_entry(const scan::WalkEvent& step);
  Result<void> take_file(const scan::WalkEvent& step, const PreviousDirectory::Match* match);
  Result<void> take_other(const scan::WalkEvent& step, const PreviousDirectory::Match* match);
  [[nodiscard]] bool is_unchanged(const platform::FileStatus& status,
                                  const model::Entry& before) const;
  Result<bool> keeps_content(bool unchanged, const model::Entry& earlier);
  model::Entry kept_entry(const scan::WalkEvent& step, const model::Entry& earlier);
  Result<void> send_unchanged(const PreviousDirectory::Match& match);
  bool hold(const PreviousDirectory::Match& match);
  Result<void> send_held();
  Result<void> release_held();
  Result<void> read_file(const scan::WalkEvent& step, model::Entry entry);
  void skip(std::string_view path, Error error);
  Result<std::optional<PreviousDirectory::Match>> find_before(std::string_view name,
                                                              std::string_view path);
  Result<void> send(TreeEvent event);
  Result<void> send_entry(TreeEvent event);
  Result<void> send_batch();
  Result<void> hand_out(std::optional<ReadJob> job);
  void find(const scan::WalkEvent& step);
  void keep(const scan::WalkEvent& step);
  void publish_found();

  scan::Walker walker_;
  EarlierRun earlier_;
  vault::BlobReader& reader_;
  ContentProof proof_;
  Segmenter segmenter_;
  platform::AccountNames& accounts_;
  const ChangeHints& hints_;
  Incidents& incidents_;
  ProgressBoard& progress_;
  std::vector<Level> levels_;
  std::map<platform::FileIdentity, LinkedFile> linked_;
  WalkCounts counts_;
  model::Totals found_;
  model::Totals kept_;  // of the found ones those that nobody has to read
  TreeEvents batch_;
  BoundedQueue<TreeEvents>* events_ = nullptr;
  WorkQueue* jobs_ = nullptr;
  std::stop_token stop_;
};

}  // namespace obhut::pipeline
