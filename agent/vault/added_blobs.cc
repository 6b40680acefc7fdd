#include "agent/vault/added_blobs.h"

#include <algorithm>

#include "agent/vault/index_builder.h"
#include "platform/local_files.h"

namespace obhut::vault {
namespace {

/// A run looks for what is new: most answers come from the filters.
constexpr std::size_t kCachedPages = 256;

}  // namespace

void AddedBlobs::add(const IndexRecord& record) {
  fresh_.emplace(record.id, record);
}

Result<IndexFile> AddedBlobs::write(const std::string& folder,
                                    const std::vector<IndexRecord>& sorted) {
  const std::string path = platform::join(folder, "added-" + std::to_string(next_name_++));
  TRY(write_run(path, keyring_, sorted));
  return IndexFile::open(path, keyring_, kCachedPages);
}

Result<void> AddedBlobs::spill(const std::string& folder) {
  spill_at_ = fresh_.size() + limits_.in_memory;
  std::vector<IndexRecord> sorted;
  sorted.reserve(fresh_.size());
  for (const auto& [id, record] : fresh_) sorted.push_back(record);
  std::ranges::sort(sorted, std::less<>{});
  ASSIGN_OR_RETURN(IndexFile file, write(folder, sorted));
  in_files_ += sorted.size();
  fresh_ = {};
  spill_at_ = limits_.in_memory;
  if (levels_.empty()) levels_.emplace_back();
  levels_[0].push_back(std::move(file));
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    if (levels_[level].size() >= limits_.files) TRY(merge_level(folder, level));
  }
  return {};
}

// Until the merged file is there the others stay what is asked.
Result<void> AddedBlobs::merge_level(const std::string& folder, std::size_t level) {
  std::vector<const IndexFile*> parts;
  parts.reserve(levels_[level].size());
  for (const IndexFile& part : levels_[level]) parts.push_back(&part);
  const std::string path = platform::join(folder, "added-" + std::to_string(next_name_++));
  TRY(merge_runs(path, keyring_, parts));
  ASSIGN_OR_RETURN(IndexFile merged, IndexFile::open(path, keyring_, kCachedPages));
  if (level + 1 == levels_.size()) levels_.emplace_back();
  levels_[level + 1].push_back(std::move(merged));
  std::vector<std::string> paths;
  paths.reserve(levels_[level].size());
  for (const IndexFile& part : levels_[level]) paths.push_back(part.path());
  levels_[level].clear();
  // ignored: the folder goes with the run.
  for (const std::string& part : paths) static_cast<void>(platform::remove_file(part));
  return {};
}

Result<void> AddedBlobs::find(const BlobId& id, bool likely,
                              const IndexFile::UseRecord& use) const {
  bool more = true;
  const auto [begin, end] = fresh_.equal_range(id);
  for (auto at = begin; more && at != end; ++at) more = use(at->second);
  for (const Level& level : levels_) {
    for (const IndexFile& file : level) {
      if (!more) return {};
      TRY(file.find(id, likely, [&](const IndexRecord& record) { return more = use(record); }));
    }
  }
  return {};
}

Result<void> AddedBlobs::for_each(const std::function<void(const IndexRecord&)>& use) const {
  for (const Level& level : levels_) {
    for (const IndexFile& file : level) TRY(for_each_record(file, use));
  }
  for (const auto& [id, record] : fresh_) use(record);
  return {};
}

}  // namespace obhut::vault
