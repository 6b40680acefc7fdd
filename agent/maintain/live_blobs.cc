#include "agent/maintain/live_blobs.h"

#include <algorithm>

#include "agent/model/node.h"

namespace obhut::maintain {

LiveBlobs::LiveBlobs(const vault::IndexCache& index)
    : index_(index), first_(index.pack_count() + std::size_t{1}, 0), live_(index.pack_count(), 0) {
  index.for_each_blob([&](const BlobId&, const vault::BlobLocation& blob) {
    std::uint64_t& count = first_[blob.pack + std::size_t{1}];
    count = std::max<std::uint64_t>(count, blob.number + std::uint64_t{1});
  });
  for (std::size_t i = 1; i < first_.size(); ++i) first_[i] += first_[i - 1];
  used_.resize(first_.back(), 0);
  marked_.resize(first_.back(), false);
}

void LiveBlobs::look_up(const BlobId& id) {
  if (last_ == id) return;
  last_copies_ = index_.find_all(id);
  last_ = id;
}

bool LiveBlobs::mark(const BlobId& id, std::uint32_t length) {
  look_up(id);
  for (const vault::BlobLocation& copy : last_copies_) {
    const std::uint64_t at = slot(copy);
    if (!marked_[at]) live_[copy.pack] += copy.entry.sealed_length;
    marked_[at] = true;
    used_[at] += std::min(length, copy.entry.plain_length - used_[at]);
  }
  return !last_copies_.empty();
}

bool LiveBlobs::is_live(const vault::BlobLocation& blob) const {
  return marked_[slot(blob)];
}

std::uint32_t LiveBlobs::used(const vault::BlobLocation& blob) const {
  return used_[slot(blob)];
}

std::vector<BlobId> LiveBlobs::sparse(std::uint64_t most) const {
  struct Candidate {
    BlobId id;
    std::uint32_t used;
    std::uint32_t length;
  };
  std::vector<Candidate> candidates;
  index_.for_each_blob([&](const BlobId& id, const vault::BlobLocation& blob) {
    const std::uint32_t used = this->used(blob);
    const std::uint32_t length = blob.entry.plain_length;
    if (used > 0 && used < length / 2) candidates.push_back({id, used, length});
  });
  std::ranges::sort(candidates, [](const Candidate& a, const Candidate& b) {
    const std::uint64_t left = std::uint64_t{a.used} * b.length;
    const std::uint64_t right = std::uint64_t{b.used} * a.length;
    return left != right ? left < right : a.id < b.id;
  });
  std::vector<BlobId> sparse;
  std::uint64_t sum = 0;
  for (const Candidate& candidate : candidates) {
    sum += candidate.used;
    if (sum > most) break;
    sparse.push_back(candidate.id);
  }
  return sparse;
}

bool LiveBlobs::first_visit(const model::Ref& part) {
  look_up(part.blob);
  // A part that no pack holds is found out by whoever reads it.
  if (last_copies_.empty()) return true;
  std::vector<std::uint32_t>& seen = visited_[slot(last_copies_.front())];
  const auto at = std::ranges::lower_bound(seen, part.offset);
  if (at != seen.end() && *at == part.offset) return false;
  seen.insert(at, part.offset);
  return true;
}

namespace {

// Depth first, from the left: parts come in the order in which they were stored.
class TreeWalk {
 public:
  TreeWalk(vault::BlobReader& reader, LiveBlobs& live, const std::stop_token& stop)
      : reader_(reader), live_(live), stop_(stop) {}

  Result<std::optional<UnreadPart>> run(const std::vector<model::Ref>& root) {
    open_parts(root);
    while (!open_.empty() && !unread_) {
      if (stop_.stop_requested()) return fail(ErrorKind::kCancelled, "look for what is needed");
      const model::Ref part = open_.back();
      open_.pop_back();
      if (live_.first_visit(part)) TRY(visit(part));
    }
    return std::move(unread_);
  }

 private:
  void open_parts(const std::vector<model::Ref>& parts) {
    open_.insert(open_.end(), parts.rbegin(), parts.rend());
  }

  Result<void> visit(const model::Ref& part) {
    live_.mark(part.blob, part.length);
    const auto slice = reader_.slice(part, stop_);
    if (!slice) return note(part.blob, slice.error());
    auto entries = model::NodeReader::open(slice->bytes);
    if (!entries) return note(part.blob, entries.error());
    const std::size_t before = open_.size();
    for (;;) {
      const Result<bool> more = entries->next(entry_);
      if (!more) return note(part.blob, more.error());
      if (!*more) break;
      open_.insert(open_.end(), entry_.children.begin(), entry_.children.end());
      TRY(pieces(entry_.content.pieces, entry_.content.level));
    }
    std::reverse(open_.begin() + static_cast<std::ptrdiff_t>(before), open_.end());
    return {};
  }

  // Recursion is bounded by kMaxLevels.
  Result<void> pieces(const std::vector<model::Piece>& pieces, unsigned level) {
    for (const model::Piece& piece : pieces) {
      if (!piece.ref) continue;
      // A blob that is lost: what is left of its file is kept all the same.
      live_.mark(piece.ref->blob, piece.ref->length);
      if (level == 0 || !live_.first_visit(*piece.ref)) continue;
      const auto slice = reader_.slice(*piece.ref, stop_);
      if (!slice) {
        TRY(note(piece.ref->blob, slice.error()));
        continue;
      }
      const auto below = model::parse_pieces(slice->bytes);
      if (!below) {
        TRY(note(piece.ref->blob, below.error()));
        continue;
      }
      TRY(this->pieces(*below, level - 1));
    }
    return {};
  }

  Result<void> note(const BlobId& blob, const Error& error) {
    if (disposition_of(error.kind) != Disposition::kStopJob) return std::unexpected(error);
    if (!unread_) unread_ = UnreadPart{blob, error};
    return {};
  }

  vault::BlobReader& reader_;
  LiveBlobs& live_;
  const std::stop_token& stop_;
  std::vector<model::Ref> open_;
  model::Entry entry_;
  std::optional<UnreadPart> unread_;
};

}  // namespace

Result<std::optional<UnreadPart>> mark_tree(vault::BlobReader& reader, LiveBlobs& live,
                                            const std::vector<model::Ref>& root,
                                            const std::stop_token& stop) {
  return TreeWalk(reader, live, stop).run(root);
}

Result<std::optional<Error>> mark_kept_points(vault::Vault& vault, vault::BlobReader& reader,
                                              const vault::HeadChain& chain, LiveBlobs& live,
                                              const std::function<void()>& after_newest,
                                              const std::stop_token& stop) {
  std::vector<const vault::Point*> points = chain.kept();
  std::ranges::reverse(points);
  for (const vault::Point* point : points) {
    Result<model::Summary> summary = vault.summary(*point);
    if (!summary) return std::move(summary).error();
    ASSIGN_OR_RETURN(std::optional<UnreadPart> unread,
                     mark_tree(reader, live, summary->root, stop));
    if (unread) return std::move(unread->error);
    if (after_newest && point == points.front()) after_newest();
  }
  return std::nullopt;
}

}  // namespace obhut::maintain
