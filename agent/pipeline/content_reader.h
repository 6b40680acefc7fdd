#pragma once
// Reads files: small ones into a shared segment, large ones through the chunker, each as often as
// it takes to catch it standing still.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "agent/base/pause_gate.h"
#include "agent/base/result.h"
#include "agent/chunk/chunker.h"
#include "agent/pipeline/blob_writer.h"
#include "agent/pipeline/file_work.h"
#include "agent/pipeline/incidents.h"
#include "agent/pipeline/known_files.h"
#include "agent/pipeline/segmenter.h"
#include "agent/pipeline/work_queue.h"
#include "platform/filesystem.h"

namespace obhut::pipeline {

struct ReadLimits {
  unsigned attempts = 3;  ///< reads of one file before it is marked as changed
  /// Larger files are read twice at most: what changes for hours changes the third time too.
  std::uint64_t patient_size = 4ULL << 30U;
  /// A hole shorter than this is read as zeros: each stretch of data becomes blobs of its own.
  std::uint64_t least_hole = 64U << 10U;
  const PauseGate* pause = nullptr;  ///< asked between the slices of a large file; null: never
};

/// One worker's tools. Thread: one.
class ContentReader {
 public:
  /// All must outlive it.
  ContentReader(const seal::Keyring& keyring, PackSink& sink, NodeBlobs& nodes,
                WorkQueue& work_queue, KnownFiles& known_files, Incidents& incidents,
                ProgressBoard& progress, platform::AccountNames& accounts, ReadLimits limits);

  /// Waits for the next job, and stores what other workers offer meanwhile. Nothing: all is read.
  /// Errors: as read().
  Result<std::optional<ReadJob>> next(const std::stop_token& stop);
  /// Fills every work of the job: entry and content, or `failed`.
  /// Errors: only those that end the job: kCrypto, kCancelled.
  Result<void> read(const ReadJob& job, const std::stop_token& stop);
  Result<void> flush(const std::stop_token& stop) { return data_.flush(stop); }

 private:
  /// Small files of one segment that wait for the disk together.
  static constexpr std::size_t kOpenAhead = 64;
  /// A small file's place in the segment that is being filled.
  struct Placed {
    FileWork* work;
    std::size_t offset;
    std::size_t length;
    BlobId content;
  };
  Result<void> read_segment(const ReadJob& job, const std::stop_token& stop);
  void open_ahead(std::span<const FileWorkPtr> works);
  /// `ready` may be its file, open already.
  Result<bool> read_small(FileWork& work, std::optional<platform::SourceFile> ready);
  Result<void> read_large(FileWork& work, const std::stop_token& stop);
  Result<void> read_large_once(FileWork& work, const platform::SourceFile& file,
                               const platform::FileStatus& before, const std::stop_token& stop);
  /// `cutter` as stream_for() gave it.
  Result<void> chunk_range(const platform::SourceFile& file, ByteRange range,
                           chunk::ChunkStream& cutter, class PieceLists& out, std::uint64_t& read,
                           const std::stop_token& stop);
  Result<BlobId> store_or_offer(ByteView chunk, const std::stop_token& stop);
  Result<chunk::ChunkStream*> stream_for(const FileWork& work, const platform::SourceFile& file);
  Result<std::optional<ByteRange>> next_data(const platform::SourceFile& file, std::uint64_t from,
                                             const platform::FileStatus& status) const;
  Result<platform::SourceFile> open(FileWork& work) const;
  void settle(FileWork& work, const platform::SourceFile& file, const platform::FileStatus& status,
              bool changed);
  [[nodiscard]] unsigned attempts_for(std::uint64_t size) const;
  void tell_open(std::uint64_t bytes);
  void take_back_open();

  BlobWriter data_;
  PackSink& sink_;
  NodeBlobs& nodes_;
  WorkQueue& work_queue_;
  KnownFiles& known_files_;
  Incidents& incidents_;
  ProgressBoard& progress_;
  platform::AccountNames& accounts_;
  ReadLimits limits_;
  chunk::Chunker chunker_;
  chunk::ChunkStream stream_;
  chunk::Chunker fine_chunker_;  // for what changes in place
  chunk::ChunkStream fine_stream_;
  Bytes segment_;
  std::size_t filled_ = 0;
  std::vector<Placed> placed_;
  std::array<std::optional<platform::SourceFile>, kOpenAhead> opened_;  // what comes next
  std::uint64_t open_bytes_ = 0;  // told of the large file that is being read
};

}  // namespace obhut::pipeline
