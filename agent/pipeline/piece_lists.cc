#include "agent/pipeline/piece_lists.h"

#include "agent/model/node.h"

namespace obhut::pipeline {

Result<void> PieceLists::add(const model::Piece& piece) {
  std::vector<model::Piece>& pieces = levels_[0];
  if (!piece.ref && !pieces.empty() && !pieces.back().ref) {
    pieces.back().length += piece.length;
    return {};
  }
  if (pieces.size() == model::kMaxListedPieces) TRY(close_level(0));
  levels_[0].push_back(piece);
  return {};
}

Result<void> PieceLists::close_level(std::size_t level) {
  if (level >= model::kMaxLevels) {
    return fail(ErrorKind::kUnsupported, "a file of more pieces than any file system holds");
  }
  ASSIGN_OR_RETURN(const Bytes encoded, model::encode_pieces(levels_[level]));
  ASSIGN_OR_RETURN(const model::Ref ref, store_(encoded));
  std::uint64_t length = 0;
  for (const model::Piece& piece : levels_[level]) length += piece.length;
  levels_[level].clear();
  if (levels_.size() == level + 1) levels_.emplace_back();
  if (levels_[level + 1].size() == model::kMaxListedPieces) TRY(close_level(level + 1));
  levels_[level + 1].push_back({ref, length});
  return {};
}

Result<model::Content> PieceLists::finish() {
  std::size_t level = 0;
  while (level + 1 < levels_.size() || levels_[level].size() > model::kMaxInlinePieces) {
    if (!levels_[level].empty()) TRY(close_level(level));
    ++level;
  }
  model::Content content{static_cast<std::uint8_t>(level), std::move(levels_[level])};
  levels_.assign(1, {});
  return content;
}

}  // namespace obhut::pipeline
