#pragma once
// A batch of files to write: their pieces by blob, so that each blob is fetched and opened once,
// in the order in which it lies in its pack, by several workers.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/base/pause_gate.h"
#include "agent/base/result.h"
#include "agent/model/entry.h"
#include "agent/restore/report.h"
#include "agent/vault/blob_reader.h"
#include "agent/vault/index_cache.h"
#include "platform/tree_writer.h"

namespace obhut::restore {

/// One regular file on its way into the target. Outlives a batch where its pieces do.
struct FileTask {
  std::string path;            ///< in the point
  std::string place;           ///< in the target
  model::Entry entry;          ///< content is dropped once its pieces are planned
  bool new_directory = false;  ///< its directory was not there before this restore

  std::mutex mutex;  ///< guards what follows
  std::optional<platform::TargetFile> file;
  bool opened = false;
  bool kept = false;
  bool failed = false;
  std::uint64_t told_bytes = 0;               ///< as written, of a large file that is not finished
  std::optional<platform::Placed> placed;     ///< once committed
  std::atomic<std::uint64_t> open_pieces{1};  ///< one for the planner, until all are planned
};
using FileTaskPtr = std::shared_ptr<FileTask>;  // shared by the slices of its blobs

/// True for what ends a whole restore and not one file: a full disk, a stop, a store out of reach.
bool ends_job(const Error& error);

/// What this system can hold; the rest is counted in `problems`.
platform::EntryMetadata metadata_of(const model::Entry& entry, Problems& problems);

/// Writes files; the last piece of each commits it. Thread: any.
class FileWriter {
 public:
  /// Borrows all; `pause` null: never held up.
  FileWriter(platform::TreeWriter& writer, Problems& problems, RestoreProgress& progress,
             const PauseGate* pause, std::stop_token stop)
      : writer_(writer),
        problems_(problems),
        progress_(progress),
        pause_(pause),
        stop_(std::move(stop)) {}

  /// Errors: only a full disk and a stop, which end the job; all else fails the one file.
  Result<void> write(FileTask& task, std::uint64_t offset, ByteView bytes);
  /// One piece less to come.
  Result<void> piece_done(FileTask& task);
  void fail(FileTask& task, Error reason);

  [[nodiscard]] std::uint64_t kept() const { return kept_; }
  [[nodiscard]] std::uint64_t renamed() const { return renamed_; }
  /// Counts a placed entry and lists what could not be set.
  void count(const std::string& path, std::uint64_t bytes, const platform::Placed& placed);

 private:
  Result<void> open(FileTask& task);
  Result<void> commit(FileTask& task);
  void tell_written(FileTask& task, std::uint64_t bytes);
  void take_back_written(FileTask& task);
  void lose(FileTask& task, Error reason);
  void count_kept(std::uint64_t bytes);
  platform::TreeWriter& writer_;
  Problems& problems_;
  RestoreProgress& progress_;
  const PauseGate* pause_;
  std::stop_token stop_;
  std::atomic<std::uint64_t> kept_{0};
  std::atomic<std::uint64_t> renamed_{0};
};

/// Pieces of many files, by blob.
class FileBatch {
 public:
  void add(const FileTaskPtr& task, std::uint64_t file_offset, const model::Ref& ref);
  [[nodiscard]] std::size_t slices() const { return slices_; }
  [[nodiscard]] bool empty() const { return slices_ == 0; }

  /// Writes everything with `workers` threads. Once.
  /// Errors: kCancelled, a full disk, retrying kinds of the store.
  Result<void> run(vault::BlobReader& reader, const vault::IndexCache& index, FileWriter& files,
                   unsigned workers, const std::stop_token& stop);

 private:
  struct Slice {
    FileTaskPtr task;
    std::uint64_t file_offset;
    std::uint32_t offset;
    std::uint32_t length;
  };
  struct BlobTask {
    BlobId id;
    std::optional<vault::BlobLocation> place;  ///< nothing: no pack that the index knows has it
    std::vector<Slice> slices;
  };
  /// Blobs that are fetched together: `count` tasks from `first` on, in the order of their places.
  struct Stretch {
    std::size_t first = 0;
    std::size_t count = 0;
  };
  void sort_by_place(const vault::IndexCache& index);
  void divide(const vault::BlobReader& reader);
  Result<void> write_stretch(const Stretch& stretch, vault::BlobReader& reader, FileWriter& files,
                             const std::stop_token& stop);
  static Result<void> write_blob(const BlobTask& blob, const Result<ByteView>& plain,
                                 FileWriter& files);
  std::vector<BlobTask> blobs_;  ///< sorted by place while they are written, the placeless last
  std::vector<vault::WantedBlob> wanted_;  ///< of those with a place, in the same order
  std::vector<Stretch> stretches_;
  std::unordered_map<BlobId, std::size_t, IdHash> place_of_;
  std::size_t slices_ = 0;
};

}  // namespace obhut::restore
