#pragma once
// What a run has read so far, on the local disk: a run that is cut off goes on without reading it
// again. Only a hint: content is taken from it only where all its blobs are in the vault, and
// packs that no index names yet are adopted by the next run.
//
// File: magic "OBHUTCP1" | started i64 µs | chunks of u32 length, records, mac[32]. The mac is
// HMAC-SHA256 under the vault's cache key over start time, chunk number and records: nobody without
// the vault's key can make us take one file's content for another's.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/bytes.h"
#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/model/entry.h"
#include "platform/local_files.h"

namespace obhut::pipeline {

/// Orders absolute paths as the walk meets them: name by name.
bool walk_order_less(std::string_view a, std::string_view b);

/// Thread: one.
class CheckpointWriter {
 public:
  /// Begins a new file at `path`. In: `key` of 32 bytes; `quiet`, how long nothing is written: a
  /// run that short is as quickly done again.
  static Result<std::unique_ptr<CheckpointWriter>> create(const std::string& path, ByteView key,
                                                          Clock& clock, std::chrono::seconds quiet);
  /// In walk order. A full disk ends the checkpoint, not the run.
  Result<void> add(std::string_view path, const model::Entry& entry);
  /// Puts out what is held back.
  void flush();

 private:
  CheckpointWriter(platform::LocalFile file, Bytes key, Clock& clock, std::chrono::seconds quiet);
  platform::LocalFile file_;
  Bytes key_;
  Clock& clock_;
  std::chrono::steady_clock::time_point begin_;
  bool broken_ = false;
  bool due_ = false;
  Instant started_{};
  std::uint64_t chunk_ = 0;
  Bytes held_;
};

/// Thread: one.
class CheckpointReader {
 public:
  /// Nothing where there is no file, or none of this vault's.
  static std::unique_ptr<CheckpointReader> open(const std::string& path, ByteView key);
  /// When the run that wrote it began.
  [[nodiscard]] Instant started() const { return started_; }
  /// The file at `path`, which must come after every path asked for before. Only what finds
  /// changes and what is restored: no name, no owner, no mode.
  const model::Entry* find(std::string_view path);

 private:
  CheckpointReader(platform::LocalFile file, Bytes key, Instant started);
  bool next_record();
  bool next_chunk();
  platform::LocalFile file_;
  Bytes key_;
  Instant started_;
  std::uint64_t offset_;
  std::uint64_t chunk_ = 0;
  Bytes records_;
  std::size_t at_ = 0;
  bool have_ = false;
  bool ended_ = false;
  std::string path_;
  model::Entry entry_;
};

}  // namespace obhut::pipeline
