#include "agent/restore/point_tree.h"

namespace obhut::restore {

struct PointTree::Level {
  model::Entry self;  // of the directory; the root's is empty
  std::size_t path_size = 0;
  std::vector<model::Ref> parts;
  std::size_t next_part = 0;
  Bytes part;
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

Step PointTree::enter(Level& level) {
  auto below = std::make_unique<Level>();
  below->self = std::move(level.entry);
  below->path_size = path_.size();
  below->parts = below->self.children;
  levels_.push_back(std::move(below));
  entry_on_path_ = false;
  return {StepKind::kEnter, &levels_.back()->self, path_, {}};
}

// The level stays until the next step: its entry is lent to the caller.
Step PointTree::leave() {
  const Level& level = *levels_.back();
  path_.resize(level.path_size);
  entry_on_path_ = true;
  return {StepKind::kLeave, &level.self, path_, {}};
}

Step PointTree::fault(Error error) {
  return {StepKind::kFault, nullptr, path_, std::move(error)};
}

Result<bool> PointTree::next_part(Level& level, const std::stop_token& stop) {
  if (level.next_part >= level.parts.size()) return false;
  const model::Ref ref = level.parts[level.next_part++];
  if (on_part_) on_part_(ref);
  ASSIGN_OR_RETURN(const vault::BlobReader::Slice slice, reader_.slice(ref, stop));
  level.part = to_bytes(slice.bytes);
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
        if (level.entry.type == model::EntryType::kDirectory) return enter(level);
        entry_on_path_ = true;
        return Step{StepKind::kEntry, &level.entry, path_, {}};
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
