#include "agent/pipeline/used_packs.h"

#include "agent/model/node.h"

namespace obhut::pipeline {

void UsedPacks::mark(std::uint32_t pack) {
  const std::scoped_lock lock(mutex_);
  if (marked_.size() <= pack) marked_.resize(pack + 1024, false);
  marked_[pack] = true;
}

std::optional<vault::BlobLocation> UsedPacks::find(const BlobId& id) const {
  if (avoided_.empty() || !avoids(id)) return index_.find(id);
  for (const vault::BlobLocation& copy : index_.find_all(id)) {
    if (copy.pack >= old_packs_) return copy;
  }
  return std::nullopt;
}

bool UsedPacks::mark_blob(const BlobId& id) {
  const std::optional<vault::BlobLocation> location = find(id);
  if (!location) return false;
  mark(location->pack);
  return true;
}

void UsedPacks::add_to(model::ReferenceSet& references) const {
  const std::scoped_lock lock(mutex_);
  for (std::uint32_t number = 0; number < marked_.size(); ++number) {
    if (!marked_[number]) continue;
    const pack::PackInfo info = index_.pack(number);
    references[{model::ObjectKind::kPack, info.name}] = info.size;
  }
}

bool ContentProof::holds(const model::Ref& ref) {
  if (last_ == ref.blob) return true;
  if (!used_.mark_blob(ref.blob)) return false;
  last_ = ref.blob;
  return true;
}

bool ContentProof::moves(const model::Content& content) const {
  return content.level == 0 && content.pieces.size() == 1 && content.pieces[0].ref &&
         used_.avoids(content.pieces[0].ref->blob);
}

Result<bool> ContentProof::holds(const model::Content& content, const std::stop_token& stop) {
  return holds_list(content.pieces, content.level, stop);
}

Result<bool> ContentProof::holds_list(const std::vector<model::Piece>& pieces, unsigned level,
                                      const std::stop_token& stop) {
  for (const model::Piece& piece : pieces) {
    if (!piece.ref) continue;
    if (!holds(*piece.ref)) return false;
    if (level == 0) continue;
    auto slice = reader_.slice(*piece.ref, stop);
    if (!slice) {
      if (disposition_of(slice.error().kind) != Disposition::kStopJob) {
        return std::unexpected(std::move(slice).error());
      }
      return false;
    }
    const auto below = model::parse_pieces(slice->bytes);
    if (!below) return false;
    ASSIGN_OR_RETURN(const bool whole, holds_list(*below, level - 1, stop));
    if (!whole) return false;
  }
  return true;
}

}  // namespace obhut::pipeline
