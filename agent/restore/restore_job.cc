#include "agent/restore/restore_job.h"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <utility>

#include "agent/restore/hard_links.h"

namespace obhut::restore {
namespace {

// A batch holds names and places only, never content: some 10 MB at most, and two of them are
// there at a time. Files of many pieces stay open for as long as their pieces come.
constexpr std::size_t kBatchFiles = 4096;
constexpr std::size_t kBatchSlices = 16'384;
constexpr std::size_t kBatchOpenFiles = 128;

platform::FileType special_type(model::EntryType type) {
  switch (type) {
    case model::EntryType::kFifo:
      return platform::FileType::kFifo;
    case model::EntryType::kCharDevice:
      return platform::FileType::kCharDevice;
    case model::EntryType::kBlockDevice:
      return platform::FileType::kBlockDevice;
    default:
      return platform::FileType::kUnknown;
  }
}

Error second_name() {
  return {ErrorKind::kConflict,
          "a name in its directory differs in case alone, and this system takes but one of them"};
}

/// Has the disk work while files are still being opened, so that the sync at the end, before which
/// nothing is done, finds little left to write.
class WriteBehind {
 public:
  WriteBehind(platform::TreeWriter& writer, const RestoreProgress& progress)
      : thread_([&writer, &progress](const std::stop_token& stop) {
          std::mutex mutex;
          std::condition_variable_any never;
          std::uint64_t synced = 0;
          std::unique_lock lock(mutex);
          while (!stop.stop_requested()) {
            never.wait_for(lock, stop, kPause, [] { return false; });
            const std::uint64_t written = progress.bytes;
            if (written - synced < kStep) continue;
            synced = written;
            // ignored: the sync at the end tells of what failed.
            static_cast<void>(writer.sync());
          }
        }) {}

 private:
  static constexpr std::uint64_t kStep = 256U << 20U;
  static constexpr std::chrono::milliseconds kPause{100};
  std::jthread thread_;
};

}  // namespace

// Plans a batch while the one before it is written:
//
//   point tree ─▶ planner ─▶ batch ─▶ workers ─▶ target
//                    └─ once it is written: further names of its files, metadata of its directories
struct RestoreJob::Run {
  Run(RestoreJob& owner, platform::TreeWriter& tree_writer, const std::stop_token& outer)
      : job(owner),
        writer(tree_writer),
        forward(outer, [this] { cancel.request_stop(); }),
        stop(cancel.get_token()),
        files(writer, problems, job.progress_, job.options_.pause, stop) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  /// A batch that is being written is told to end, and waited for.
  ~Run() { cancel.request_stop(); }

  struct OpenDirectory {
    std::string path;
    model::Entry entry;
    bool made = false;
    bool failed = false;
    bool was_there = false;
    bool is_target = false;  ///< not made: what is below it lands in the target itself
  };
  /// The first name of a file with several: a task while its content is being written.
  struct Linked {
    model::Entry entry;
    FileTaskPtr task;
    std::optional<platform::Placed> placed;
    std::uint32_t names_left = 0;
  };
  struct LaterName {
    std::string path;
    model::Entry entry;
    std::pair<std::uint64_t, std::uint64_t> file;
  };
  /// A batch that is being written, and what waits for its end.
  struct Written {
    std::vector<LaterName> later_names;
    std::vector<OpenDirectory> finished;
    std::future<Result<void>> outcome;
  };

  Result<void> take(const Step& step, PointTree& tree);
  Result<void> enter(const Step& step, PointTree& tree);
  Result<void> leave();
  [[nodiscard]] std::string place_of(std::string_view path) const {
    return std::string(job.options_.place_of(path));
  }
  Result<bool> make_directories();
  bool is_second_name(std::size_t level, std::string_view path);
  Result<void> take_entry(const Step& step);
  Result<void> plan_file(const model::Entry& entry, const FileTaskPtr& task);
  using OnFull = std::function<Result<void>()>;
  Result<void> plan_pieces(const model::Entry& entry, const FileTaskPtr& task, FileBatch& into,
                           std::size_t& pieces, const OnFull& on_full);
  Result<void> place_now(const std::string& path, const model::Entry& entry);
  Result<platform::Placed> place_special(const std::string& path, const model::Entry& entry);
  Result<void> end_batch();
  Result<void> await_batch();
  Result<void> link_later_names(std::vector<LaterName> names);
  Result<void> link(LaterName& name, Linked& first);
  Result<void> place_alone(LaterName& name, Linked& first);
  Result<void> finish_directories(const std::vector<OpenDirectory>& directories);
  Result<void> missing(const std::string& path, Error error);
  void expect(const model::Totals& totals);
  void expect_point();
  void expect_below(const model::Entry& entry, std::string_view path);

  RestoreJob& job;
  platform::TreeWriter& writer;
  Problems problems;
  std::stop_source cancel;
  std::stop_callback<std::function<void()>> forward;
  std::stop_token stop;
  FileWriter files;

  std::vector<OpenDirectory> open;
  // Of the root and each open directory, where names that are not equal can be the same: what was
  // restored there.
  std::vector<std::unordered_set<std::string>> restored_names{1};
  FileBatch batch;
  std::size_t batch_files = 0;
  std::size_t batch_open_files = 0;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Linked> linked;
  std::vector<LaterName> later_names;
  std::vector<OpenDirectory> finished;
  bool anything = false;
  std::size_t paths_met = 0;       // of the selection
  std::optional<Written> written;  // last: its end is waited for before anything else goes
};

RestoreJob::RestoreJob(vault::BlobReader& reader, const vault::IndexCache& index,
                       RestoreOptions options)
    : reader_(reader), index_(index), options_(std::move(options)) {}

RestoreJob::~RestoreJob() = default;

Result<void> check_places(const RestoreOptions& options) {
  if (options.below.is_root()) return {};
  const auto& paths = options.selection.paths;
  const auto outside = std::ranges::find_if(
      paths, [&](const model::RelPath& path) { return !path.is_within(options.below); });
  if (!paths.empty() && outside == paths.end()) return {};
  return fail(ErrorKind::kInvalidInput,
              (paths.empty() ? "all of the point" : "/" + outside->printable()) +
                  " does not lie below /" + options.below.printable());
}

Result<RestoreReport> RestoreJob::run(std::vector<model::Ref> root, std::stop_token stop) {
  TRY(check_places(options_));
  ASSIGN_OR_RETURN(platform::TreeWriter writer,
                   platform::TreeWriter::open(options_.target, options_.writer));
  Run run(*this, writer, stop);
  run.expect_point();
  const WriteBehind write_behind(writer, progress_);
  PointTree tree(reader_, std::move(root));
  tree.show_only(options_.rights,
                 [this](std::string_view path) { return options_.selection.names(path); });
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<Step> step, tree.next(stop));
    if (!step) break;
    const bool goes_on = options_.pause == nullptr || options_.pause->wait(stop);
    if (!goes_on || stop.stop_requested()) return fail(ErrorKind::kCancelled, "restore");
    TRY(run.take(*step, tree));
  }
  TRY(run.end_batch());
  TRY(run.await_batch());
  TRY(writer.sync());
  if (!run.anything && run.problems.count(ProblemKind::kMissing) == 0) {
    return fail(ErrorKind::kInvalidInput, "the point holds nothing of what was asked for");
  }
  RestoreReport report;
  report.files = progress_.files;
  report.directories = progress_.directories;
  report.bytes = progress_.bytes;
  report.kept = run.files.kept();
  report.renamed = run.files.renamed();
  report.missing = run.problems.count(ProblemKind::kMissing);
  report.metadata_problems = run.problems.count(ProblemKind::kMetadata);
  report.problems = run.problems.remembered();
  report.left_out = run.problems.left_out();
  progress_.done = true;
  return report;
}

Result<void> RestoreJob::Run::take(const Step& step, PointTree& tree) {
  switch (step.kind) {
    case StepKind::kEnter:
      return enter(step, tree);
    case StepKind::kLeave:
      return leave();
    case StepKind::kEntry:
      return take_entry(step);
    case StepKind::kFault:
      if (job.options_.selection.leads_to(step.path)) {
        problems.add(ProblemKind::kMissing, step.path,
                     Error(step.error).within("part of this directory cannot be read"));
      }
      return {};
  }
  return {};
}

// What ends the job goes up; the rest is listed.
Result<void> RestoreJob::Run::missing(const std::string& path, Error error) {
  if (ends_job(error)) return std::unexpected(std::move(error));
  problems.add(ProblemKind::kMissing, path, std::move(error));
  ++job.progress_.lost_files;
  return {};
}

// ---- how much there is to do

void RestoreJob::Run::expect(const model::Totals& totals) {
  job.progress_.total_files += totals.files;
  job.progress_.total_bytes += totals.bytes;
}

void RestoreJob::Run::expect_point() {
  const Selection& selection = job.options_.selection;
  if (!selection.paths.empty() || selection.pattern) return;
  expect(job.options_.point_totals);
  if (job.options_.point_totals.files > 0) job.progress_.totals = model::TotalsKind::kExact;
}

// A directory knows what is below it, so that paths know what they are once all were met; of
// patterns nobody knows what they match.
void RestoreJob::Run::expect_below(const model::Entry& entry, std::string_view path) {
  const Selection& selection = job.options_.selection;
  if (selection.pattern || selection.paths.empty()) return;
  const auto is_chosen = [&](const model::RelPath& chosen) { return chosen.bytes() == path; };
  if (!std::ranges::any_of(selection.paths, is_chosen)) return;
  ++paths_met;
  // One that lies below another is in the other's sums already.
  const std::size_t slash = path.rfind('/');
  const bool nested = slash != std::string_view::npos && selection.covers(path.substr(0, slash));
  if (!nested) {
    const std::uint64_t bytes = entry.type == model::EntryType::kFile ? entry.size : 0;
    const bool directory = entry.type == model::EntryType::kDirectory;
    expect(directory ? entry.totals : model::Totals{.files = 1, .directories = 0, .bytes = bytes});
  }
  const bool all = paths_met == selection.paths.size();
  job.progress_.totals = all ? model::TotalsKind::kExact : model::TotalsKind::kAtLeast;
}

// ---- directories

Result<void> RestoreJob::Run::enter(const Step& step, PointTree& tree) {
  const Selection& selection = job.options_.selection;
  OpenDirectory directory;
  directory.path = step.path;
  directory.entry = *step.entry;
  directory.entry.children.clear();
  directory.made = directory.is_target = job.options_.is_target(step.path);
  if (!selection.leads_to(step.path)) tree.skip_content();
  open.push_back(std::move(directory));
  restored_names.emplace_back();
  if (!selection.wants(step.path, true)) return {};
  expect_below(*step.entry, step.path);
  anything = true;
  ASSIGN_OR_RETURN(const bool made, make_directories());
  if (!made) tree.skip_content();
  if (step.denied && made) return missing(std::string(step.path), not_to_be_read());
  return {};
}

/// True where the system that is restored to would take an earlier name of the directory for it.
bool RestoreJob::Run::is_second_name(std::size_t level, std::string_view path) {
  std::optional<std::string> key = platform::name_key(path.substr(path.rfind('/') + 1));
  return key && !restored_names[level].insert(std::move(*key)).second;
}

// Those that lead to what is wanted are made when the first wanted entry below them comes.
Result<bool> RestoreJob::Run::make_directories() {
  for (std::size_t level = 0; level < open.size(); ++level) {
    OpenDirectory& directory = open[level];
    if (directory.failed) return false;
    if (directory.made) continue;
    if (is_second_name(level, directory.path)) {
      directory.failed = true;
      TRY(missing(directory.path, second_name()));
      return false;
    }
    auto placed = writer.make_directory(place_of(directory.path));
    if (!placed) {
      directory.failed = true;
      TRY(missing(directory.path, std::move(placed).error()));
      return false;
    }
    directory.made = true;
    directory.was_there = placed->outcome == platform::PlaceOutcome::kMerged;
    ++job.progress_.directories;
    for (Error& problem : placed->problems) {
      problems.add(ProblemKind::kMetadata, directory.path, std::move(problem));
    }
  }
  return true;
}

Result<void> RestoreJob::Run::leave() {
  // After all that is below it was written: with the batch.
  if (open.back().made && !open.back().is_target) finished.push_back(std::move(open.back()));
  open.pop_back();
  restored_names.pop_back();
  return {};
}

Result<void> RestoreJob::Run::finish_directories(const std::vector<OpenDirectory>& directories) {
  for (const OpenDirectory& directory : directories) {
    // A directory that is there and was only on the way to a source is not ours to change.
    if (directory.was_there && (directory.entry.marks & model::kAncestorOnly) != 0) continue;
    // A user who restores cannot give folders on the way to their owners.
    const bool on_the_way = !job.options_.selection.wants(directory.path, true);
    if (on_the_way && job.options_.rights != nullptr) continue;
    auto done =
        writer.finish_directory(place_of(directory.path), metadata_of(directory.entry, problems));
    if (!done) {
      TRY(missing(directory.path, std::move(done).error()));
      continue;
    }
    for (Error& problem : *done) {
      problems.add(ProblemKind::kMetadata, directory.path, std::move(problem));
    }
  }
  return {};
}

// ---- entries

Result<void> RestoreJob::Run::take_entry(const Step& step) {
  if (!job.options_.selection.wants(step.path, false)) return {};
  if (job.options_.is_target(step.path)) {
    return fail(ErrorKind::kInvalidInput, "/" + printable(step.path) + " is no folder");
  }
  expect_below(*step.entry, step.path);
  anything = true;
  ASSIGN_OR_RETURN(const bool made, make_directories());
  std::string path(step.path);
  if (step.denied) return missing(path, not_to_be_read());
  if (!made) {
    problems.add(ProblemKind::kMissing, path,
                 Error{ErrorKind::kConflict, "its directory could not be made"});
    return {};
  }
  if (is_second_name(open.size(), path)) return missing(path, second_name());
  model::Entry entry = *step.entry;
  FileTaskPtr task;
  if (entry.type == model::EntryType::kFile) {
    task = std::make_shared<FileTask>();
    task->path = path;
    task->place = place_of(path);
    task->entry = entry;
    task->entry.content = {};
    task->new_directory = !open.empty() && !open.back().was_there;
  }
  if (entry.links > 1) {
    const std::pair file(entry.device, entry.inode);
    const auto found = linked.find(file);
    if (found != linked.end() && is_same_file(found->second.entry, entry)) {
      later_names.push_back({std::move(path), std::move(entry), file});
      return later_names.size() >= kBatchFiles ? end_batch() : Result<void>{};
    }
    linked[file] = {entry, task, std::nullopt, entry.links - 1};
  }
  if (task) return plan_file(entry, task);
  return place_now(path, entry);
}

Result<void> RestoreJob::Run::plan_pieces(const model::Entry& entry, const FileTaskPtr& task,
                                          FileBatch& into, std::size_t& pieces,
                                          const OnFull& on_full) {
  std::uint64_t offset = 0;
  TRY(job.reader_.for_each_piece(
      entry.content,
      [&](const model::Piece& piece) -> Result<void> {
        if (piece.length > entry.size - offset ||
            (piece.ref && piece.ref->length != piece.length)) {
          return fail(ErrorKind::kCorrupt, "its pieces do not add up to its size");
        }
        if (piece.ref) into.add(task, offset, *piece.ref);
        offset += piece.length;
        ++pieces;
        return into.slices() >= kBatchSlices ? on_full() : Result<void>{};
      },
      stop));
  if (offset == entry.size) return {};
  return fail(ErrorKind::kCorrupt, "its pieces do not add up to its size");
}

Result<void> RestoreJob::Run::plan_file(const model::Entry& entry, const FileTaskPtr& task) {
  std::size_t pieces = 0;
  Result<void> planned = plan_pieces(entry, task, batch, pieces, [this] { return end_batch(); });
  if (!planned) {
    if (ends_job(planned.error())) return planned;
    files.fail(*task, std::move(planned).error());
  }
  TRY(files.piece_done(*task));
  if (pieces > 1) ++batch_open_files;
  const bool full = ++batch_files >= kBatchFiles || batch_open_files >= kBatchOpenFiles;
  return full ? end_batch() : Result<void>{};
}

Result<platform::Placed> RestoreJob::Run::place_special(const std::string& path,
                                                        const model::Entry& entry) {
  if (entry.type == model::EntryType::kSymlink) {
    return writer.make_symlink(place_of(path), entry.symlink_target, metadata_of(entry, problems));
  }
  const platform::FileType type = special_type(entry.type);
  if (type == platform::FileType::kUnknown) {
    return fail(ErrorKind::kUnsupported, "an entry of this type cannot be restored");
  }
  return writer.make_special(place_of(path), type, entry.rdev, metadata_of(entry, problems));
}

Result<void> RestoreJob::Run::place_now(const std::string& path, const model::Entry& entry) {
  Result<platform::Placed> placed = place_special(path, entry);
  if (!placed) return missing(path, std::move(placed).error());
  files.count(path, 0, *placed);
  if (entry.links > 1) {
    const auto found = linked.find({entry.device, entry.inode});
    if (found != linked.end()) found->second.placed = std::move(*placed);
  }
  return {};
}

// ---- batches

Result<void> RestoreJob::Run::end_batch() {
  TRY(await_batch());
  written.emplace(std::exchange(later_names, {}), std::exchange(finished, {}),
                  std::async(std::launch::async, [this, full = std::exchange(batch, {})]() mutable {
                    return full.run(job.reader_, job.index_, files, job.options_.workers, stop);
                  }));
  batch_files = 0;
  batch_open_files = 0;
  return {};
}

Result<void> RestoreJob::Run::await_batch() {
  if (!written) return {};
  Written done = std::move(*std::exchange(written, std::nullopt));
  TRY(done.outcome.get());
  TRY(link_later_names(std::move(done.later_names)));
  return finish_directories(done.finished);
}

// Of a name that was met while a batch was planned, the first name was planned in that batch or in
// one before it: it is written by now.
Result<void> RestoreJob::Run::link_later_names(std::vector<LaterName> names) {
  for (LaterName& name : names) {
    const auto found = linked.find(name.file);
    if (found == linked.end() || !is_same_file(found->second.entry, name.entry)) {
      // More names than the file claims to have, or its number is another file's by now.
      Linked none;
      TRY(place_alone(name, none));
      continue;
    }
    Linked& first = found->second;
    if (first.task && first.task->placed) first.placed = first.task->placed;
    TRY(link(name, first));
    if (first.names_left <= 1) {
      linked.erase(found);
    } else {
      --first.names_left;
    }
  }
  return {};
}

Result<void> RestoreJob::Run::link(LaterName& name, Linked& first) {
  // Where the first name was not written (kept, or impossible), the next one stands for it.
  if (!first.placed || first.placed->outcome == platform::PlaceOutcome::kKept) {
    return place_alone(name, first);
  }
  auto placed =
      writer.make_hard_link(place_of(name.path), first.placed->path, first.placed->identity);
  if (placed) {
    files.count(name.path, 0, *placed);
    // The point's sums have the size with each name.
    if (first.task) job.progress_.kept_bytes += name.entry.size;
    return {};
  }
  const bool no_links_here = placed.error().kind == ErrorKind::kUnsupported;
  return no_links_here ? place_alone(name, first) : missing(name.path, std::move(placed).error());
}

Result<void> RestoreJob::Run::place_alone(LaterName& name, Linked& first) {
  first.placed.reset();
  first.task.reset();
  first.entry = name.entry;
  if (name.entry.type != model::EntryType::kFile) return place_now(name.path, name.entry);
  first.task = std::make_shared<FileTask>();
  first.task->path = name.path;
  first.task->place = place_of(name.path);
  first.task->entry = name.entry;
  first.task->entry.content = {};
  FileBatch alone;
  const OnFull write = [&] {
    return std::exchange(alone, {}).run(job.reader_, job.index_, files, job.options_.workers, stop);
  };
  std::size_t pieces = 0;
  Result<void> planned = plan_pieces(name.entry, first.task, alone, pieces, write);
  if (!planned) {
    if (ends_job(planned.error())) return planned;
    files.fail(*first.task, std::move(planned).error());
  }
  TRY(write());
  return files.piece_done(*first.task);
}

}  // namespace obhut::restore
