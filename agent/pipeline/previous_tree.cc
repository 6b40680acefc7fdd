#include "agent/pipeline/previous_tree.h"

namespace obhut::pipeline {

Result<std::optional<PreviousDirectory::Match>> PreviousDirectory::find(
    std::string_view name, const std::stop_token& stop) {
  while (!have_entry_ || entry_.name < name) {
    Result<bool> more = next_entry(stop);
    if (!more) {
      parts_.clear();
      next_part_ = 0;
      entries_.reset();
      have_entry_ = false;
      return std::unexpected(std::move(more).error());
    }
    if (!*more) return std::nullopt;
  }
  if (entry_.name != name) return std::nullopt;
  return Match{&entry_, part_, read_ - 1};
}

Result<bool> PreviousDirectory::next_entry(const std::stop_token& stop) {
  for (;;) {
    if (entries_) {
      ASSIGN_OR_RETURN(have_entry_, entries_->next(entry_));
      if (have_entry_) {
        ++read_;
        return true;
      }
      last_name_ = entries_->last_name();
      entries_.reset();
    }
    ASSIGN_OR_RETURN(const bool more, next_part(stop));
    if (!more) return false;
  }
}

Result<bool> PreviousDirectory::next_part(const std::stop_token& stop) {
  if (next_part_ == parts_.size()) return false;
  const model::Ref ref = parts_[next_part_++];
  ASSIGN_OR_RETURN(const vault::BlobReader::Slice slice, reader_.slice(ref, stop));
  auto part = std::make_shared<StoredPart>();
  part->bytes = to_bytes(slice.bytes);
  part->after = last_name_;
  part->last = next_part_ == parts_.size();
  ASSIGN_OR_RETURN(entries_, model::NodeReader::open(part->bytes, last_name_));
  part->origin = std::make_shared<const PartOrigin>(PartOrigin{ref, entries_->size()});
  part_ = std::move(part);
  read_ = 0;
  return true;
}

}  // namespace obhut::pipeline
