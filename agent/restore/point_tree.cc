#include "agent/restore/point_tree.h"

namespace obhut::restore {

struct PointTree::Level {
  model::Entry self;  // of the directory; the root's is empty
  std::size_t path_size = 0;
  bool may_enter = true;
  bool may_list = true;  // by name alone otherwise
  std::vector<model::Ref> parts;
  std::size_t next_part = 0;
  Bytes part;
  std::shared_ptr<const Bytes> stand_in;  // shared with whoever keeps it
  std::optional<model::NodeReader> entries;
  std::string last_name;
  model::Entry entry;
};

PointTree::PointTree(vault::BlobReader& reader, std::vector<model::Ref> root) : reader_(reader) {
  auto level = std::make_unique<Level>();
  level->parts = std::move(root);
  levels_.push_back(std::move(level));
}

PointTree::~PointTree() = default;
PointTree::PointTree(PointTree&&) noexcept = default;

void PointTree::skip_content() {
  levels_.back()->parts.clear();
}

void PointTree::show_only(EntryRights* rights, std::function<bool(std::string_view)> is_named) {
  rights_ = rights;
  is_named_ = std::move(is_named);
}

bool PointTree::is_shown(const Level& level) const {
  if (level.may_enter && (level.may_list || (is_named_ && is_named_(path_)))) return true;
  return rights_ != nullptr && rights_->is_opened(level.entry, path_);
}

Step PointTree::enter(Level& level) {
  auto below = std::make_unique<Level>();
  below->self = std::move(level.entry);
  below->path_size = path_.size();
  if (rights_ != nullptr) {
    below->may_enter = rights_->may_enter(below->self, path_);
    below->may_list = rights_->may_read(below->self, path_);
  }
  const bool denied = !below->may_enter || !below->may_list;
  const bool in_part = denied && rights_->is_opened(below->self, path_);
  if (below->may_enter || in_part) below->parts = below->self.children;
  levels_.push_back(std::move(below));
  entry_on_path_ = false;
  return {StepKind::kEnter, &levels_.back()->self, path_, {}, denied, in_part};
}

// The level stays until the next step: its entry is lent to the caller.
Step PointTree::leave() {
  const Level& level = *levels_.back();
  path_.resize(level.path_size);
  entry_on_path_ = true;
  return {StepKind::kLeave, &level.self, path_, {}, false};
}

Step PointTree::fault(Error error) {
  return {StepKind::kFault, nullptr, path_, std::move(error), false};
}

Result<bool> PointTree::next_part(Level& level, const std::stop_token& stop) {
  if (level.next_part >= level.parts.size()) return false;
  const model::Ref ref = level.parts[level.next_part++];
  if (on_part_) on_part_(ref);
  if (stand_ins_ != nullptr) {
    level.stand_in = stand_ins_->of(ref);
    if (level.stand_in) {
      ASSIGN_OR_RETURN(level.entries, model::NodeReader::open(*level.stand_in, level.last_name));
      return true;
    }
  }
  ASSIGN_OR_RETURN(const vault::BlobReader::Slice slice, reader_.slice(ref, stop));
  level.part = to_bytes(slice.bytes);
  if (stand_ins_ != nullptr) stand_ins_->was_read(ref, level.part, level.last_name);
  ASSIGN_OR_RETURN(level.entries, model::NodeReader::open(level.part, level.last_name));
  return true;
}

Result<std::optional<Step>> PointTree::next(const std::stop_token& stop) {
  for (;;) {
    if (levels_.empty()) return std::nullopt;
    if (entry_on_path_) {
      const std::size_t cut = path_.rfind('/');
      path_.resize(cut == std::string::npos ? 0 : cut);
      entry_on_path_ = false;
    }
    if (left_) {
      levels_.pop_back();
      left_ = false;
      continue;
    }
    Level& level = *levels_.back();
    if (level.entries) {
      const Result<bool> more = level.entries->next(level.entry);
      if (more && *more) {
        level.last_name = level.entry.name;
        if (!path_.empty()) path_ += '/';
        path_ += level.entry.name;
        entry_on_path_ = true;
        if (!is_shown(level)) continue;
        if (level.entry.type == model::EntryType::kDirectory) return enter(level);
        const bool denied = rights_ != nullptr && level.entry.type == model::EntryType::kFile &&
                            !rights_->may_read(level.entry, path_);
        return Step{StepKind::kEntry, &level.entry, path_, {}, denied};
      }
      level.entries.reset();
      if (!more) return fault(more.error());
    }
    Result<bool> part = next_part(level, stop);
    if (!part) {
      if (disposition_of(part.error().kind) != Disposition::kStopJob) {
        return std::unexpected(std::move(part).error());
      }
      return fault(std::move(part).error());
    }
    if (*part) continue;
    if (levels_.size() == 1) {
      levels_.clear();
      return std::nullopt;
    }
    left_ = true;
    return leave();
  }
}

}  // namespace obhut::restore
