#include "agent/restore/file_batch.h"

#include <algorithm>
#include <limits>
#include <span>
#include <thread>
#include <tuple>
#include <utility>

namespace obhut::restore {
namespace {

std::int64_t nanoseconds_of(const model::FileTime& time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / kSecond - 1;
  return std::clamp(time.seconds, -kMost, kMost) * kSecond + time.nanoseconds;
}

}  // namespace

bool ends_job(const Error& error) {
  return error.kind == ErrorKind::kQuotaExceeded || error.kind == ErrorKind::kCancelled ||
         disposition_of(error.kind) == Disposition::kRetry;
}

namespace {

/// "windows.security" -> "windows"; anything that is no common family is "other".
std::string_view family_of(std::string_view name) {
  const std::string_view family = name.substr(0, name.find('.'));
  for (const std::string_view known : {"windows", "user", "system", "security", "trusted"}) {
    if (family == known) return known;
  }
  return "other";
}

}  // namespace

platform::EntryMetadata metadata_of(const model::Entry& entry, Problems& problems) {
  platform::EntryMetadata metadata;
  metadata.mode = entry.mode;
  metadata.uid = entry.uid;
  metadata.gid = entry.gid;
  metadata.user = entry.user;
  metadata.group = entry.group;
  metadata.mtime_ns = nanoseconds_of(entry.modified);
  metadata.flags = entry.inode_flags;
  metadata.xattrs.reserve(entry.xattrs.size());
  std::string_view counted;  // names ascend: one family stands together
  for (const model::Xattr& xattr : entry.xattrs) {
    if (platform::holds_attribute(xattr.name)) {
      metadata.xattrs.push_back({xattr.name, xattr.value});
    } else if (const std::string_view family = family_of(xattr.name); family != counted) {
      problems.leave_out(family);
      counted = family;
    }
  }
  return metadata;
}

// ---- files

Result<void> FileWriter::open(FileTask& task) {
  task.opened = true;
  auto file = writer_.create_file(task.place, {task.entry.mode, task.new_directory});
  if (!file) {
    if (ends_job(file.error())) return std::unexpected(std::move(file).error());
    lose(task, std::move(file).error());
    return {};
  }
  if (*file) {
    task.file = std::move(**file);
  } else {
    task.kept = true;
    count_kept(task.entry.size);
  }
  return {};
}

Result<void> FileWriter::write(FileTask& task, std::uint64_t offset, ByteView bytes) {
  if (pause_ != nullptr && !pause_->wait(stop_)) {
    return obhut::fail(ErrorKind::kCancelled, "restore");
  }
  const std::scoped_lock lock(task.mutex);
  if (!task.opened) TRY(open(task));
  if (task.failed || task.kept) return {};
  Result<void> written = task.file->write_at(offset, bytes);
  if (written) tell_written(task, bytes.size());
  if (written || ends_job(written.error())) return written;
  lose(task, std::move(written).error());
  return {};
}

// A small file is told when it is finished.
void FileWriter::tell_written(FileTask& task, std::uint64_t bytes) {
  constexpr std::uint64_t kLarge = 4U << 20U;
  if (task.entry.size < kLarge) return;
  task.told_bytes += bytes;
  progress_.open_bytes += bytes;
}

void FileWriter::take_back_written(FileTask& task) {
  progress_.open_bytes -= std::exchange(task.told_bytes, 0);
}

void FileWriter::lose(FileTask& task, Error reason) {
  task.failed = true;
  task.file.reset();
  ++progress_.lost_files;
  progress_.lost_bytes += task.entry.size;
  take_back_written(task);
  problems_.add(ProblemKind::kMissing, task.path, std::move(reason));
}

void FileWriter::count_kept(std::uint64_t bytes) {
  ++kept_;
  ++progress_.kept_files;
  progress_.kept_bytes += bytes;
}

void FileWriter::fail(FileTask& task, Error reason) {
  const std::scoped_lock lock(task.mutex);
  if (task.failed || task.kept) return;
  lose(task, std::move(reason));
}

Result<void> FileWriter::piece_done(FileTask& task) {
  if (task.open_pieces.fetch_sub(1) != 1) return {};
  const std::scoped_lock lock(task.mutex);
  if (!task.opened && !task.failed) TRY(open(task));
  if (task.failed || task.kept) return {};
  return commit(task);
}

Result<void> FileWriter::commit(FileTask& task) {
  auto placed = task.file->commit(task.entry.size, metadata_of(task.entry, problems_));
  task.file.reset();
  if (!placed) {
    if (ends_job(placed.error())) return std::unexpected(std::move(placed).error());
    lose(task, std::move(placed).error());
    return {};
  }
  task.kept = placed->outcome == platform::PlaceOutcome::kKept;
  count(task.path, task.entry.size, *placed);
  take_back_written(task);
  task.placed = std::move(*placed);
  return {};
}

void FileWriter::count(const std::string& path, std::uint64_t bytes,
                       const platform::Placed& placed) {
  if (placed.outcome == platform::PlaceOutcome::kKept) {
    count_kept(bytes);
    return;
  }
  progress_.path.tell(path);
  if (placed.outcome == platform::PlaceOutcome::kRenamed) ++renamed_;
  ++progress_.files;
  progress_.bytes += bytes;
  for (const Error& problem : placed.problems) {
    problems_.add(ProblemKind::kMetadata, path, problem);
  }
}

// ---- batches

void FileBatch::add(const FileTaskPtr& task, std::uint64_t file_offset, const model::Ref& ref) {
  const auto [place, fresh] = place_of_.try_emplace(ref.blob, blobs_.size());
  if (fresh) blobs_.push_back({ref.blob, std::nullopt, {}});
  task->open_pieces.fetch_add(1);
  blobs_[place->second].slices.push_back({task, file_offset, ref.offset, ref.length});
  ++slices_;
}

void FileBatch::sort_by_place(const vault::IndexCache& index) {
  for (BlobTask& blob : blobs_) blob.place = index.find(blob.id);
  const auto key = [](const BlobTask& blob) {
    return blob.place ? std::tuple(false, blob.place->pack, blob.place->entry.offset)
                      : std::tuple(true, 0U, 0U);
  };
  std::ranges::sort(blobs_, {}, key);
}

void FileBatch::divide(const vault::BlobReader& reader) {
  wanted_.clear();
  wanted_.reserve(blobs_.size());
  for (const BlobTask& blob : blobs_) {
    if (blob.place) wanted_.push_back({blob.id, *blob.place});
  }
  stretches_.clear();
  std::span<const vault::WantedBlob> rest(wanted_);
  while (!rest.empty()) {
    const std::size_t count = reader.stretch_of(rest);
    stretches_.push_back({wanted_.size() - rest.size(), count});
    rest = rest.subspan(count);
  }
  for (std::size_t i = wanted_.size(); i < blobs_.size(); ++i) stretches_.push_back({i, 1});
}

Result<void> FileBatch::write_blob(const BlobTask& blob, const Result<ByteView>& plain,
                                   FileWriter& files) {
  if (!plain && ends_job(plain.error())) return std::unexpected(plain.error());
  for (const Slice& slice : blob.slices) {
    if (!plain) {
      files.fail(*slice.task, plain.error());
    } else if (std::uint64_t{slice.offset} + slice.length > plain->size()) {
      files.fail(*slice.task, Error{ErrorKind::kCorrupt, "a piece lies outside its blob"});
    } else {
      TRY(files.write(*slice.task, slice.file_offset, plain->subspan(slice.offset, slice.length)));
    }
    TRY(files.piece_done(*slice.task));
  }
  return {};
}

Result<void> FileBatch::write_stretch(const Stretch& stretch, vault::BlobReader& reader,
                                      FileWriter& files, const std::stop_token& stop) {
  if (stretch.first < wanted_.size()) {
    const auto blobs = std::span(wanted_).subspan(stretch.first, stretch.count);
    return reader.for_stretch(
        blobs,
        [&](std::size_t number, const Result<ByteView>& plain) -> Result<void> {
          if (stop.stop_requested()) return obhut::fail(ErrorKind::kCancelled, "restore");
          return write_blob(blobs_[stretch.first + number], plain, files);
        },
        stop);
  }
  const BlobTask& blob = blobs_[stretch.first];
  const Result<vault::PlainBlob> plain = reader.blob(blob.id, stop);
  if (plain) return write_blob(blob, ByteView(**plain), files);
  return write_blob(blob, std::unexpected(plain.error()), files);
}

Result<void> FileBatch::run(vault::BlobReader& reader, const vault::IndexCache& index,
                            FileWriter& files, unsigned workers, const std::stop_token& stop) {
  sort_by_place(index);
  divide(reader);
  reader.expect(wanted_);
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::optional<Error> first;
  const auto work = [&] {
    for (std::size_t i = next++; i < stretches_.size(); i = next++) {
      Result<void> written = write_stretch(stretches_[i], reader, files, stop);
      if (written) continue;
      const std::scoped_lock lock(mutex);
      if (!first) first = std::move(written).error();
      next = stretches_.size();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 1; i < workers; ++i) threads.emplace_back(work);
    work();
  }
  if (first) return std::unexpected(std::move(*first));
  return {};
}

}  // namespace obhut::restore
