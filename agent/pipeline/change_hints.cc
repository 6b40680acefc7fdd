#include "agent/pipeline/change_hints.h"

#include <algorithm>
#include <utility>

#include "agent/base/codec.h"
#include "platform/atomic_file.h"
#include "platform/filesystem.h"
#include "platform/local_files.h"

namespace obhut::pipeline {
namespace {

using platform::JournalPosition;

constexpr std::string_view kFile = "journal";
constexpr std::size_t kMostBytes = 1U << 20U;
constexpr std::size_t kPositionBytes = 24;

/// Empty where nothing was kept, or for another point.
std::vector<JournalPosition> read_positions(const std::string& folder, const Sha256& point) {
  std::vector<JournalPosition> positions;
  const Result<Bytes> bytes = platform::read_file(platform::join(folder, kFile), kMostBytes);
  if (!bytes) return positions;
  Reader reader(*bytes);
  if (Sha256::from_bytes(reader.blob()) != point) return positions;
  for (std::size_t left = reader.count(kPositionBytes); left > 0; --left) {
    const std::uint64_t device = reader.u64();
    const std::uint64_t journal = reader.u64();
    positions.push_back({device, journal, static_cast<std::int64_t>(reader.u64())});
  }
  if (!reader.finish(kFile)) positions.clear();
  return positions;
}

}  // namespace

ChangeHints::ChangeHints(std::unique_ptr<platform::ChangeJournal> journal, std::string folder)
    : journal_(std::move(journal)), folder_(std::move(folder)) {}

void ChangeHints::begin(const std::vector<std::string>& sources, const Sha256& before) {
  if (!journal_ || folder_.empty()) return;
  const std::vector<JournalPosition> kept = read_positions(folder_, before);
  for (const std::string& source : sources) {
    Result<platform::Directory> folder = platform::Directory::open(source);
    if (!folder) folder = platform::Directory::open(platform::parent_of(source));
    if (!folder) continue;  // the walk tells
    const std::optional<JournalPosition> end = journal_->end_of(folder->handle());
    const auto same_volume = [&](const JournalPosition& other) {
      return other.device == end->device;
    };
    if (!end || std::ranges::any_of(ends_, same_volume)) continue;
    // Before the rest is read: what is recorded from now on belongs to the next run.
    ends_.push_back(*end);
    const auto from = std::ranges::find_if(kept, same_volume);
    if (from == kept.end()) continue;
    if (auto inodes = journal_->written_since(folder->handle(), *from, kMost)) {
      written_.emplace(end->device, std::move(*inodes));
    }
  }
}

bool ChangeHints::written(const platform::FileIdentity& file) const {
  const auto volume = written_.find(file.device);
  return volume != written_.end() && volume->second.contains(file.inode);
}

Result<void> ChangeHints::keep(const Sha256& point) const {
  if (!journal_ || folder_.empty()) return {};
  Writer writer;
  writer.blob(point.bytes());
  writer.varint(ends_.size());
  for (const JournalPosition& end : ends_) {
    writer.u64(end.device);
    writer.u64(end.journal);
    writer.u64(static_cast<std::uint64_t>(end.next));
  }
  return platform::write_file(platform::join(folder_, kFile), writer.bytes());
}

}  // namespace obhut::pipeline
