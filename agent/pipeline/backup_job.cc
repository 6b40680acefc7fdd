#include "agent/pipeline/backup_job.h"

#include <algorithm>
#include <thread>

#include "agent/pipeline/blob_writer.h"
#include "agent/pipeline/change_hints.h"
#include "agent/pipeline/checkpoint.h"
#include "agent/pipeline/content_reader.h"
#include "agent/pipeline/known_files.h"
#include "agent/pipeline/pack_sink.h"
#include "agent/pipeline/run_index.h"
#include "agent/pipeline/segmenter.h"
#include "agent/pipeline/source_count.h"
#include "agent/pipeline/source_walk.h"
#include "agent/pipeline/stage_threads.h"
#include "agent/pipeline/tree_builder.h"
#include "agent/pipeline/used_packs.h"
#include "agent/pipeline/work_queue.h"
#include "platform/local_files.h"
#include "platform/machine.h"
#include "platform/priority.h"

namespace obhut::pipeline {
namespace {

// Threads, queues and what they hold at most. A pack's buffer is 16 MiB (of which only what is
// written takes memory).
//
//   walk       2 threads  names of the open directories; 16,384 entries that the second one looked
//                         at ahead: 3 MB; previous nodes, one part a level
//   events     6,144      about 0.5 KB each: 3 MB
//   jobs       8          a segment's names: 2 MB; chunks of large files on offer: 6 MiB
//   workers    2          a pack, 10 MiB of chunkers, 6 MiB of sealer, 1.5 MiB of segment: 67 MiB
//   builder    1          a pack of nodes, a segment, 8,192 waiting entries: 24 MiB
//   packs      1 queued   16 MiB
//   uploaders  2 or 4     a pack each: 32 or 64 MiB
//   old nodes  -          cache of plain blobs: 12 MiB; known small files: 10 MiB
//                                                                       together below 208 MiB
//   index      -          what this run adds: 8 MiB and 0.1 KB a pack; of the rest 64 MiB of pages
//                         at most, which a million blobs fill, and 2 bytes a blob: 10 TB take 90
//                         MiB
constexpr std::size_t kEvents = 6144;
constexpr std::size_t kJobs = 8;
constexpr unsigned kWorkers = 2;
constexpr std::size_t kOldNodes = 12U << 20U;
constexpr std::size_t kQueuedPacks = 1;
constexpr std::size_t kBlobsPerIndex = 100'000;
constexpr SegmentSizes kSegments{};
static_assert(kSegments.steps * 2 < kEvents, "the walk must not wait for a segment that it holds");

std::string checkpoint_path(const std::string& folder) {
  return folder + "/checkpoint";
}
std::string older_checkpoint_path(const std::string& folder) {
  return folder + "/checkpoint.old";
}

// Keyed like the ids, so that where segments end tells nothing about names.
std::uint64_t segment_seed(const seal::Keyring& keyring) {
  const BlobId id = seal::id_of(keyring.keys(), model::BlobKind::kData, as_bytes("segment cuts"));
  return IdHash{}(id);
}

}  // namespace

/// Everything of one run, in the order in which it must go away.
struct BackupJob::Run {
  Run(BackupJob& owner, HeldSources& held_sources, RunIndex loaded, const std::stop_token& outer)
      : job(owner),
        held(held_sources),
        index(std::move(loaded.index)),
        threads(outer),
        used(*index, vault::read_sparse_blobs(job.options_.cache_directory),
             vault::read_left_packs(job.options_.cache_directory)),
        sink(job.vault_.store(), job.vault_.keyring(), *index, used, job.progress_,
             {job.options_.uploaders, kQueuedPacks, kBlobsPerIndex},
             [this](Error error) { threads.report(std::move(error)); }),
        nodes(job.vault_.keyring(), sink, job.progress_),
        reader(job.vault_.store(), job.vault_.keyring(), *index, limits_of(job.options_)),
        hints(job.options_.journal(), job.options_.cache_directory) {
    adopted = loaded.orphans.size();
    sink.adopt(std::move(loaded.orphans));
  }

  static vault::BlobReaderLimits limits_of(const BackupOptions& options) {
    vault::BlobReaderLimits limits = options.reader;
    limits.cached_plain = std::min(limits.cached_plain, kOldNodes);
    limits.cached_windows = std::min<std::size_t>(limits.cached_windows, 4);
    return limits;
  }

  Result<EarlierRun> earlier_run(const vault::HeadChain& chain);
  Result<void> open_checkpoint(EarlierRun& earlier);
  Result<BuiltTree> read_sources(EarlierRun earlier);
  Result<void> work(WorkQueue& jobs);
  Result<BackupReport> commit(const vault::Vault::Writer& writer, const vault::HeadChain& chain,
                              BuiltTree tree, Instant started);
  model::Summary summary_of(BuiltTree tree, Instant started) const;

  BackupJob& job;
  HeldSources& held;  // outlives all that reads what it holds
  std::unique_ptr<vault::IndexCache> index;
  StageThreads threads;
  UsedPacks used;
  PackSink sink;
  NodeBlobs nodes;
  vault::BlobReader reader;
  platform::AccountNames accounts;
  ChangeHints hints;
  KnownFiles known_files;
  WorkBoard board;
  Incidents incidents;
  std::unique_ptr<CheckpointWriter> checkpoint;
  WalkCounts counts;
  std::uint64_t adopted = 0;
};

BackupJob::BackupJob(vault::Vault& vault, Clock& clock, const Log& log, BackupOptions options)
    : vault_(vault), clock_(clock), log_(log), options_(std::move(options)) {}

BackupJob::~BackupJob() = default;

model::JobProgress BackupJob::job_progress() const {
  const bool paused = options_.pause != nullptr && options_.pause->paused();
  return pipeline::job_progress(progress_.snapshot(), paused);
}

Result<BackupReport> BackupJob::run(std::stop_token stop) {
  const Instant started = clock_.now();
  std::optional<vault::Vault::Writer> writer = std::move(options_.writer);
  if (!writer) writer = vault_.standalone_writer();
  if (!writer) return fail(ErrorKind::kRefused, "this vault's signing key is on another device");
  ASSIGN_OR_RETURN(const vault::HeadChain chain, vault_.heads(stop));
  const std::string index_folder =
      options_.cache_directory.empty() ? "" : options_.cache_directory + "/index";
  ASSIGN_OR_RETURN(RunIndex loaded, load_run_index(vault_, index_folder, log_, stop));
  HeldSources held(options_.snapshots, log_);
  Run run(*this, held, std::move(loaded), stop);
  ASSIGN_OR_RETURN(EarlierRun earlier, run.earlier_run(chain));
  TRY(run.open_checkpoint(earlier));
  const vault::Point* latest = chain.latest();
  run.hints.begin(options_.sources, latest != nullptr ? latest->id : Sha256{});
  TRY(held.prepare(options_.sources, options_.walk));
  progress_.phase = Phase::kReading;
  ASSIGN_OR_RETURN(BuiltTree tree, run.read_sources(std::move(earlier)));
  TRY(held.finish());
  progress_.phase = Phase::kCommitting;
  ASSIGN_OR_RETURN(BackupReport report, run.commit(*writer, chain, std::move(tree), started));
  progress_.phase = Phase::kDone;
  return report;
}

Result<EarlierRun> BackupJob::Run::earlier_run(const vault::HeadChain& chain) {
  EarlierRun earlier;
  const vault::Point* latest = chain.latest();
  if (latest == nullptr) return earlier;
  const Result<model::Summary> summary = job.vault_.summary(*latest);
  if (!summary) {
    job.log_.warn("the point before cannot be opened: everything is read",
                  field("why", summary.error().message));
    return earlier;
  }
  earlier.root = summary->root;
  earlier.started = summary->started;
  // Of other sources it says nothing about these.
  if (summary->sources == job.options_.sources) {
    job.progress_.expected_files = summary->totals.files;
    job.progress_.expected_bytes = summary->totals.bytes;
  }
  return earlier;
}

// The longer of two old checkpoints is gone on with: a run that was cut off early must not throw
// away what a longer one before it had read.
Result<void> BackupJob::Run::open_checkpoint(EarlierRun& earlier) {
  const std::string& folder = job.options_.cache_directory;
  if (folder.empty()) return {};
  TRY(platform::make_directories(folder));
  const std::string now = checkpoint_path(folder);
  const std::string old = older_checkpoint_path(folder);
  const auto last = platform::status_of_path(now);
  const auto before = platform::status_of_path(old);
  if (last && (!before || last->size >= before->size)) TRY(platform::rename_path(now, old));
  const ByteView key = job.vault_.keyring().keys().cache.view();
  earlier.checkpoint = CheckpointReader::open(old, key);
  auto writer = CheckpointWriter::create(now, key, job.clock_, job.options_.checkpoint_after);
  if (writer) {
    checkpoint = std::move(*writer);
  } else {
    job.log_.warn("no checkpoint is kept", field("why", writer.error().message));
  }
  return {};
}

Result<void> BackupJob::Run::work(WorkQueue& jobs) {
  const std::stop_token stop = threads.token();
  ContentReader content(job.vault_.keyring(), sink, nodes, jobs, known_files, incidents,
                        job.progress_, accounts, {.pause = job.options_.pause});
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<ReadJob> next, content.next(stop));
    if (!next) break;
    if (job.options_.pause != nullptr && !job.options_.pause->wait(stop)) break;
    TRY(content.read(*next, stop));
    // Open directories are few: none is kept for work that is done.
    for (const FileWorkPtr& done : next->works) done->folder.reset();
    board.finish(next->works);
    job.progress_.read_files += next->works.size();
    jobs.done();
  }
  return content.flush(stop);
}

Result<BuiltTree> BackupJob::Run::read_sources(EarlierRun earlier) {
  scan::WalkOptions held_still = job.options_.walk;
  held_still.views = held.views();
  held_still.look_ahead = platform::processor_count() > 1;
  ASSIGN_OR_RETURN(scan::Walker walker, scan::Walker::create(job.options_.sources, held_still));
  std::jthread count;  // ends before what it looks at
  if (job.options_.count_ahead && job.progress_.expected_files == 0) {
    // The snapshots are the walk's alone; for an estimate what is there now does.
    ASSIGN_OR_RETURN(scan::Walker ahead,
                     scan::Walker::create(job.options_.sources, job.options_.walk));
    count = std::jthread(platform::giving_way_too(
        [this, ahead = std::move(ahead)](const std::stop_token& own) mutable {
          count_sources(std::move(ahead), {}, job.clock_, job.progress_, own);
        }));
  }
  BoundedQueue<TreeEvents> events(kEvents / kEventBatch);
  WorkQueue jobs(kJobs);
  const std::stop_token stop = threads.token();
  sink.start(stop);
  threads.start([&, this]() -> Result<void> {
    SourceWalk walk(std::move(walker), std::move(earlier), reader, used,
                    Segmenter(kSegments, segment_seed(job.vault_.keyring())), accounts, hints,
                    incidents, job.progress_);
    Result<WalkCounts> walked = walk.run(events, jobs, job.options_.pause, stop);
    if (!walked) {
      // Stopped before the queue closes: the builder must not take the end for the end.
      threads.report(std::move(walked).error());
    } else {
      counts = *walked;
    }
    events.close();
    jobs.close();
    return {};
  });
  const unsigned wanted = job.options_.workers != 0
                              ? job.options_.workers
                              : std::min(kWorkers, platform::processor_count());
  for (unsigned i = 0; i < wanted; ++i) {
    threads.start([&, this] { return work(jobs); });
  }
  TreeBuilder builder(nodes, used, board, incidents, job.progress_, checkpoint.get());
  Result<BuiltTree> tree = builder.build(events, stop);
  if (!tree) threads.report(std::move(tree.error()));
  threads.join();
  if (checkpoint) checkpoint->flush();
  if (tree) {
    if (Result<void> flushed = nodes.flush(stop); !flushed) {
      threads.report(std::move(flushed).error());
    }
  }
  sink.drain();
  TRY(threads.outcome());
  return tree;
}

model::Summary BackupJob::Run::summary_of(BuiltTree tree, Instant started) const {
  const Progress progress = job.progress_.snapshot();
  model::Summary summary;
  summary.root = std::move(tree.root);
  summary.totals = tree.totals;
  summary.stored_bytes = progress.stored_bytes;
  summary.new_bytes = progress.new_bytes;
  summary.read_bytes = progress.read_bytes;
  summary.new_files = counts.new_files;
  summary.changed_files = counts.changed_files;
  summary.unchanged_files = counts.unchanged_files;
  summary.skipped_entries = incidents.count(IncidentKind::kSkipped);
  summary.started = started;
  summary.finished = job.clock_.now();
  summary.consistency = held.consistency();
  summary.host = job.options_.host;
  summary.sources = job.options_.sources;
  return summary;
}

Result<BackupReport> BackupJob::Run::commit(const vault::Vault::Writer& writer,
                                            const vault::HeadChain& chain, BuiltTree tree,
                                            Instant started) {
  const std::stop_token stop = threads.token();
  ASSIGN_OR_RETURN(std::vector<store::ObjectInfo> written, sink.finish_index(stop));
  ASSIGN_OR_RETURN(const std::optional<store::ObjectInfo> merged,
                   merge_index_objects(job.vault_, *index, written, stop));
  vault::Vault::HeadDraft draft;
  draft.plan = job.options_.plan;
  draft.summary = summary_of(std::move(tree), started);
  draft.created = draft.summary.finished;
  used.add_to(draft.references);
  // What damage hid may have been stored twice, or be missing among the references.
  TRY(index->intact());
  if (merged) {
    written.assign(1, *merged);
  } else {
    const std::vector<store::ObjectInfo>& read = index->index_objects();
    written.insert(written.end(), read.begin(), read.end());
  }
  for (const store::ObjectInfo& object : written) draft.references[object.name] = object.size;
  BackupReport report;
  ASSIGN_OR_RETURN(report.point, job.vault_.commit(writer, chain, draft, stop));
  report.summary = std::move(draft.summary);
  if (const Result<void> kept = hints.keep(report.point.id); !kept) {
    job.log_.warn("what volumes record of changes is of no use to the next run",
                  field("why", kept.error().message));
  }
  if (const scan::EntryFilter* filter = job.options_.walk.filter) {
    for (std::string& path : filter->left_out_for_system()) {
      incidents.add({IncidentKind::kIgnored, std::move(path),
                     Error{ErrorKind::kUnsupported, "the system wants it in no backup"}});
    }
  }
  report.incidents = incidents.remembered();
  report.read_live = held.live();
  report.skipped = incidents.count(IncidentKind::kSkipped);
  report.changed = incidents.count(IncidentKind::kChanged);
  report.ignored = incidents.count(IncidentKind::kIgnored);
  report.adopted_packs = adopted;
  if (!job.options_.cache_directory.empty()) {
    checkpoint.reset();
    // ignored: a checkpoint that stays is only a hint, and its content is checked before use
    (void)platform::remove_file(checkpoint_path(job.options_.cache_directory));
    (void)platform::remove_file(older_checkpoint_path(job.options_.cache_directory));
  }
  return report;
}

}  // namespace obhut::pipeline
