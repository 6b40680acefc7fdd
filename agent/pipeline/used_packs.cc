#include "agent/pipeline/used_packs.h"

#include <algorithm>

#include "agent/model/node.h"

namespace obhut::pipeline {

UsedPacks::UsedPacks(const vault::IndexCache& index, vault::SparseBlobs avoided,
                     const vault::LeftPacks& left)
    : index_(index), old_packs_(index.pack_count()), avoided_(std::move(avoided)) {
  for (const Sha256& name : left) {
    const std::optional<std::uint32_t> pack = index.find_pack(name);
    if (!pack) continue;
    if (left_.size() <= *pack) left_.resize(*pack + std::size_t{1}, false);
    left_[*pack] = true;
  }
}

void UsedPacks::mark(std::uint32_t pack) {
  const std::scoped_lock lock(mutex_);
  if (marked_.size() <= pack) marked_.resize(pack + 1024, false);
  marked_[pack] = true;
}

std::optional<vault::BlobLocation> UsedPacks::find(const BlobId& id) const {
  const bool avoided = avoided_.contains(id);
  const std::optional<vault::BlobLocation> any = index_.find(id);
  if (!any || (!avoided && !is_left(any->pack))) return any;
  for (const vault::BlobLocation& copy : index_.find_all(id)) {
    if (copy.pack >= old_packs_ || (!avoided && !is_left(copy.pack))) return copy;
  }
  return std::nullopt;
}

bool UsedPacks::avoids(const BlobId& id) const {
  if (avoided_.contains(id)) return true;
  const std::optional<vault::BlobLocation> any = index_.find(id);
  if (!any || (any->pack < old_packs_ && !is_left(any->pack))) return false;
  return std::ranges::all_of(index_.find_all(id), [this](const vault::BlobLocation& copy) {
    return copy.pack >= old_packs_ || is_left(copy.pack);
  });
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
  if (!used_.mark_blob(ref.blob)) {
    missing_ = ref.blob;
    return false;
  }
  last_ = ref.blob;
  return true;
}

Result<bool> ContentProof::holds(const model::Content& content, const std::stop_token& stop) {
  missing_.reset();
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
