#include "agent/pipeline/content_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/pipeline/changes_in_place.h"
#include "agent/pipeline/entry_from_status.h"
#include "agent/pipeline/piece_lists.h"

namespace obhut::pipeline {
namespace {

// A segment ends once it holds SegmentSizes::most; its last file may begin just before that.
constexpr std::size_t kSegmentRoom = (1U << 20U) + 2 * kSmallFile;

// A scattered change stores about one and a half chunks anew; each chunk costs some hundred bytes
// of footer and index.
constexpr std::uint32_t kFineAverage = 128U << 10U;

// Slices small enough to stay in the processor's cache between reading and scanning.
constexpr std::size_t kSlice = 1U << 20U;

/// Keeps the disk ahead of who reads a range that is not in the page cache, and leaves the cache
/// as it was: what is read once must not push out what others work with.
class ColdReading {
 public:
  ColdReading(const platform::SourceFile& file, ByteRange range)
      : file_(file),
        asked_(range.offset),
        behind_(range.offset),
        end_(range.offset + range.length),
        cold_(file.is_cold({range.offset, std::min<std::uint64_t>(range.length, kSlice)})) {}

  /// Reading has come to `offset`.
  void reached(std::uint64_t offset) {
    if (!cold_) return;
    for (; asked_ < end_ && asked_ < offset + 2 * kStep; asked_ += kStep) {
      file_.advise_will_need({asked_, std::min(kStep, end_ - asked_)});
    }
    if (offset - behind_ < kStep && offset < end_) return;
    file_.advise_dont_need({behind_, offset - behind_});
    behind_ = offset;
  }

 private:
  static constexpr std::uint64_t kStep = 4U << 20U;
  const platform::SourceFile& file_;
  std::uint64_t asked_;
  std::uint64_t behind_;
  std::uint64_t end_;
  bool cold_;
};

bool stood_still(const platform::FileStatus& before, const platform::FileStatus& after) {
  return before.size == after.size && before.mtime_ns == after.mtime_ns &&
         before.ctime_ns == after.ctime_ns;
}

// Fewer blocks than bytes: there may be holes (or compression, which next_data() tells apart).
bool may_have_holes(const platform::FileStatus& status) {
  return status.blocks * 512 < status.size;
}

}  // namespace

ContentReader::ContentReader(const seal::Keyring& keyring, PackSink& sink, NodeBlobs& nodes,
                             WorkQueue& work_queue, KnownFiles& known_files, Incidents& incidents,
                             ProgressBoard& progress, platform::AccountNames& accounts,
                             ReadLimits limits)
    : data_(keyring, model::BlobKind::kData, sink, progress),
      sink_(sink),
      nodes_(nodes),
      work_queue_(work_queue),
      known_files_(known_files),
      incidents_(incidents),
      progress_(progress),
      accounts_(accounts),
      limits_(limits),
      chunker_(chunk::GearTable::from_key(keyring.keys().gear.view()), {}),
      stream_(chunker_, 2 * std::size_t{chunker_.sizes().most()}),
      fine_chunker_(chunk::GearTable::from_key(keyring.keys().gear.view()), {kFineAverage}),
      fine_stream_(fine_chunker_, 2 * kSlice),
      segment_(kSegmentRoom) {}

Result<std::optional<ReadJob>> ContentReader::next(const std::stop_token& stop) {
  return work_queue_.next(
      [&](const BlobId& id, ByteView chunk) { return data_.store_claimed(id, chunk, stop); }, stop);
}

Result<void> ContentReader::read(const ReadJob& job, const std::stop_token& stop) {
  if (!job.large) return read_segment(job, stop);
  for (const FileWorkPtr& work : job.works) TRY(read_large(*work, stop));
  return {};
}

unsigned ContentReader::attempts_for(std::uint64_t size) const {
  return size > limits_.patient_size ? std::min(limits_.attempts, 2U) : limits_.attempts;
}

// A file replaced since the walk looked (editors save by rename) is another inode: the entry is
// what has the name now, as long as it still is a file.
Result<platform::SourceFile> ContentReader::open(FileWork& work) const {
  return work.folder->open_file(work.entry.name);
}

void ContentReader::settle(FileWork& work, const platform::SourceFile& file,
                           const platform::FileStatus& status, bool changed) {
  const std::uint64_t size = work.entry.size;
  update_from(work.entry, status, accounts_);
  // What was read counts: of a file that keeps growing, the status may already tell more.
  work.entry.size = size;
  if (auto xattrs = file.xattrs()) {
    work.entry.xattrs = model_xattrs(std::move(*xattrs));
  } else {
    incidents_.add({IncidentKind::kChanged, file.path(),
                    std::move(xattrs).error().within("extended attributes are missing")});
  }
  work.entry.inode_flags = file.flags();
  if (changed) {
    work.entry.marks |= model::kChangedWhileRead;
    incidents_.add({IncidentKind::kChanged, file.path(),
                    Error{ErrorKind::kSourceBusy, "changed every time it was read"}});
  }
  progress_.read_bytes += size;
}

// ---- segments

Result<void> ContentReader::read_segment(const ReadJob& job, const std::stop_token& stop) {
  filled_ = 0;
  placed_.clear();
  std::vector<FileWork*> grown;
  for (std::size_t i = 0; i < job.works.size(); ++i) {
    const FileWorkPtr& work = job.works[i];
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "read");
    if (i % kOpenAhead == 0) open_ahead(std::span(job.works).subspan(i));
    Result<bool> fits = read_small(*work, std::exchange(opened_[i % kOpenAhead], std::nullopt));
    if (!fits) {
      work->failed = std::move(fits).error();
    } else if (!*fits) {
      grown.push_back(work.get());
    }
  }
  if (filled_ > 0) {
    ASSIGN_OR_RETURN(const BlobId blob, data_.store(ByteView(segment_).first(filled_), stop));
    for (const Placed& place : placed_) {
      const model::Ref ref{blob, static_cast<std::uint32_t>(place.offset),
                           static_cast<std::uint32_t>(place.length)};
      place.work->entry.content = {0, {model::Piece::of(ref)}};
      known_files_.add(place.content, ref);
    }
  }
  for (FileWork* work : grown) TRY(read_large(*work, stop));
  return {};
}

// Where the next file would come from the disk, so would its neighbours: all of them are asked for
// at once, and wait together for about as long as one alone.
void ContentReader::open_ahead(std::span<const FileWorkPtr> works) {
  works = works.first(std::min(works.size(), kOpenAhead));
  for (std::optional<platform::SourceFile>& file : opened_) file.reset();
  bool tried = false;
  for (std::size_t i = 0; i < works.size(); ++i) {
    const ByteRange whole{0, works[i]->entry.size};
    if (whole.length == 0) continue;
    Result<platform::SourceFile> file = open(*works[i]);
    if (!file) continue;  // found again, and told, when it is read
    if (!tried && !file->is_cold(whole)) {
      opened_[i] = std::move(*file);
      return;
    }
    tried = true;
    file->advise_will_need(whole);
    opened_[i] = std::move(*file);
  }
}

// False where the file has grown out of a segment.
Result<bool> ContentReader::read_small(FileWork& work, std::optional<platform::SourceFile> ready) {
  for (unsigned attempt = 1;; ++attempt) {
    if (!ready) {
      ASSIGN_OR_RETURN(ready, open(work));
    }
    const platform::SourceFile file = std::move(*std::exchange(ready, std::nullopt));
    ASSIGN_OR_RETURN(const platform::FileStatus before, file.status());
    if (before.size > kSmallFile || segment_.size() - filled_ <= before.size) return false;
    // One byte more than there should be: growth shows without another call.
    const MutableByteView room = MutableByteView(segment_).subspan(filled_, before.size + 1);
    ASSIGN_OR_RETURN(const std::size_t got, file.read_at(0, room));
    ASSIGN_OR_RETURN(const platform::FileStatus after, file.status());
    const bool still = got == before.size && stood_still(before, after);
    if (!still && attempt < attempts_for(before.size)) continue;
    const std::size_t length = std::min<std::size_t>(got, before.size);
    work.entry.size = length;
    settle(work, file, after, !still);
    if (length == 0) return true;
    const BlobId content = data_.id_of(room.first(length));
    if (const auto known = known_files_.find(content); known && known->length == length) {
      work.entry.content = {0, {model::Piece::of(*known)}};
      return true;
    }
    placed_.push_back({&work, filled_, length, content});
    filled_ += length;
    return true;
  }
}

// ---- large files

Result<void> ContentReader::read_large(FileWork& work, const std::stop_token& stop) {
  for (unsigned attempt = 1;; ++attempt) {
    Result<platform::SourceFile> file = open(work);
    Result<platform::FileStatus> before = file ? file->status() : Result<platform::FileStatus>{};
    if (!file || !before) {
      work.failed = file ? std::move(before).error() : std::move(file).error();
      return {};
    }
    const std::string path = file->path();
    progress_.enter_large(path);
    Result<void> read = read_large_once(work, *file, *before, stop);
    progress_.leave_large(path);
    Result<platform::FileStatus> after = file->status();
    if (read && !after) read = std::unexpected(std::move(after.error()));
    const bool still = read && stood_still(*before, *after) && work.entry.size == before->size;
    const bool again = read && !still && attempt < attempts_for(before->size);
    if (read && !again) settle(work, *file, *after, !still);
    // Settled it counts as read, else it was not.
    take_back_open();
    if (!read) {
      if (disposition_of(read.error().kind) != Disposition::kSkipEntry) return read;
      work.failed = std::move(read).error();
      return {};
    }
    if (!again) return {};
  }
}

void ContentReader::tell_open(std::uint64_t bytes) {
  open_bytes_ += bytes;
  progress_.open_bytes += bytes;
}

void ContentReader::take_back_open() {
  progress_.open_bytes -= std::exchange(open_bytes_, 0);
}

Result<std::optional<ByteRange>> ContentReader::next_data(
    const platform::SourceFile& file, std::uint64_t from,
    const platform::FileStatus& status) const {
  if (from >= status.size) return std::nullopt;
  if (!may_have_holes(status)) return ByteRange{from, status.size - from};
  ASSIGN_OR_RETURN(std::optional<ByteRange> data, file.next_data(from, status.size));
  // A short hole is taken along; so are the ranges that short holes part.
  while (data) {
    if (data->offset - from < limits_.least_hole && data->offset > from) {
      data->length += data->offset - from;
      data->offset = from;
    }
    const std::uint64_t end = data->offset + data->length;
    if (end >= status.size) break;
    ASSIGN_OR_RETURN(const std::optional<ByteRange> more, file.next_data(end, status.size));
    if (!more || more->offset - end >= limits_.least_hole) break;
    data->length = more->offset + more->length - data->offset;
  }
  return data;
}

Result<void> ContentReader::read_large_once(FileWork& work, const platform::SourceFile& file,
                                            const platform::FileStatus& before,
                                            const std::stop_token& stop) {
  PieceLists pieces([&](ByteView list) -> Result<model::Ref> {
    ASSIGN_OR_RETURN(const BlobId id, nodes_.store(list, stop));
    return model::Ref{id, 0, static_cast<std::uint32_t>(list.size())};
  });
  file.advise_sequential();
  ASSIGN_OR_RETURN(chunk::ChunkStream* const cutter, stream_for(work, file));
  std::uint64_t at = 0;
  while (at < before.size) {
    ASSIGN_OR_RETURN(const std::optional<ByteRange> data, next_data(file, at, before));
    const std::uint64_t begin = data ? data->offset : before.size;
    if (begin > at) {
      TRY(pieces.add(model::Piece::hole(begin - at)));
      tell_open(begin - at);
    }
    at = begin;
    if (!data) break;
    std::uint64_t read = 0;
    TRY(chunk_range(file, *data, *cutter, pieces, read, stop));
    at += read;
    if (read < data->length) break;  // cut short behind our back
  }
  ASSIGN_OR_RETURN(work.entry.content, pieces.finish());
  work.entry.size = at;
  return {};
}

Result<chunk::ChunkStream*> ContentReader::stream_for(const FileWork& work,
                                                      const platform::SourceFile& file) {
  std::array<std::uint8_t, kHeadOfFile> head;
  ASSIGN_OR_RETURN(const std::size_t got, file.read_at(0, head));
  return changes_in_place(work.entry.name, ByteView(head).first(got)) ? &fine_stream_ : &stream_;
}

// Reading, cutting and naming go on here; compressing, most of the work, is done by whoever has
// time.
Result<BlobId> ContentReader::store_or_offer(ByteView chunk, const std::stop_token& stop) {
  const BlobId id = data_.id_of(chunk);
  if (!sink_.claim(id) || work_queue_.offer(id, chunk)) return id;
  TRY(data_.store_claimed(id, chunk, stop));
  return id;
}

Result<void> ContentReader::chunk_range(const platform::SourceFile& file, ByteRange range,
                                        chunk::ChunkStream& cutter, PieceLists& out,
                                        std::uint64_t& read, const std::stop_token& stop) {
  cutter.restart();
  ColdReading cold(file, range);
  bool last = false;
  while (!last) {
    cold.reached(range.offset + read);
    if (limits_.pause != nullptr) limits_.pause->wait(stop);
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "read");
    MutableByteView room = cutter.room();
    room = room.first(static_cast<std::size_t>(
        std::min<std::uint64_t>({room.size(), kSlice, range.length - read})));
    ASSIGN_OR_RETURN(const std::size_t got, file.read_at(range.offset + read, room));
    read += got;
    tell_open(got);
    last = got < room.size() || read == range.length;
    cutter.filled(got, last);
    while (const std::optional<ByteView> chunk = cutter.next()) {
      ASSIGN_OR_RETURN(const BlobId id, store_or_offer(*chunk, stop));
      TRY(out.add(model::Piece::of({id, 0, static_cast<std::uint32_t>(chunk->size())})));
    }
  }
  cold.reached(range.offset + read);
  return {};
}

}  // namespace obhut::pipeline
