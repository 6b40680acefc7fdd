#include "agent/restore/point_search.h"

#include <algorithm>

#include "agent/restore/selection.h"

namespace obhut::restore {
namespace {

void mix(std::size_t& hash, std::size_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15U;
  hash ^= hash >> 32U;
}

void mix(std::size_t& hash, const model::Ref& ref) {
  mix(hash, IdHash{}(ref.blob));
  mix(hash, ref.offset);
}

/// Of where a directory lies and what its node is: the parts' ids are hashes of all that is below.
std::size_t hash_of(std::string_view path, const std::vector<model::Ref>& parts) {
  std::size_t hash = std::hash<std::string_view>{}(path);
  for (const model::Ref& part : parts) mix(hash, part);
  return hash;
}

/// Of what makes it another version to a person: size and time. Not by where its bytes lie, since
/// what is gathered with others lies elsewhere when it is stored again.
std::size_t version_of(std::string_view path, const model::Entry& entry, bool denied) {
  std::size_t hash = std::hash<std::string_view>{}(path);
  // One that may be read is not told of by one that may not.
  mix(hash, static_cast<std::size_t>(denied));
  mix(hash, static_cast<std::size_t>(entry.type));
  if (entry.type == model::EntryType::kDirectory) return hash;
  mix(hash, entry.size);
  mix(hash, static_cast<std::size_t>(entry.modified.seconds));
  mix(hash, entry.modified.nanoseconds);
  mix(hash, std::hash<std::string>{}(entry.symlink_target));
  return hash;
}

}  // namespace

Result<std::uint64_t> PointSearch::search(std::vector<model::Ref> root, const NameQuery& query,
                                          const OnHit& on_hit, const std::stop_token& stop) {
  std::uint64_t faults = 0;
  std::optional<NameIndex::Use> known;
  if (!seen_.insert(hash_of("", root)).second) return faults;
  PointTree tree(reader_, std::move(root));
  tree.show_only(rights_, {});
  if (names_ != nullptr) tree.read_less(&known.emplace(*names_, query));
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<Step> step, tree.next(stop));
    if (!step) return faults;
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "search");
    if (step->kind == StepKind::kFault) ++faults;
    const bool enter = step->kind == StepKind::kEnter;
    if (!enter && step->kind != StepKind::kEntry) continue;
    const bool denied = step->denied && !step->in_part;
    if (query.matches(step->path) &&
        told_.insert(version_of(step->path, *step->entry, denied)).second &&
        !on_hit({step->entry, step->path, denied})) {
      return faults;
    }
    if (enter && !seen_.insert(hash_of(step->path, step->entry->children)).second) {
      tree.skip_content();
    }
  }
}

Result<std::optional<FoundEntry>> find_entry(vault::BlobReader& reader,
                                             std::vector<model::Ref> root,
                                             const model::RelPath& path, EntryRights* rights,
                                             const std::stop_token& stop) {
  const std::string& wanted = path.bytes();
  PointTree tree(reader, std::move(root));
  tree.show_only(rights, [&wanted](std::string_view at) { return is_below(wanted, at); });
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<Step> step, tree.next(stop));
    if (!step) return std::nullopt;
    if (step->kind == StepKind::kFault && is_below(wanted, step->path)) {
      return std::unexpected(step->error);
    }
    const bool enter = step->kind == StepKind::kEnter;
    if (!enter && step->kind != StepKind::kEntry) continue;
    if (step->path == wanted) return FoundEntry{*step->entry, step->denied && !step->in_part};
    if (enter && !is_below(wanted, step->path)) tree.skip_content();
  }
}

Result<Bytes> read_beginning(vault::BlobReader& reader, const model::Entry& file, std::size_t most,
                             const std::stop_token& stop) {
  Bytes content;
  bool full = false;
  const Result<void> read = reader.for_each_piece(
      file.content,
      [&](const model::Piece& piece) -> Result<void> {
        const auto room = std::min<std::uint64_t>(piece.length, most - content.size());
        if (!piece.ref) {
          content.resize(content.size() + room);
        } else {
          ASSIGN_OR_RETURN(const vault::BlobReader::Slice slice, reader.slice(*piece.ref, stop));
          const ByteView part = slice.bytes.first(std::min<std::size_t>(room, slice.bytes.size()));
          content.insert(content.end(), part.begin(), part.end());
        }
        full = content.size() >= most;
        // The way to end a walk over pieces.
        return full ? Result<void>(fail(ErrorKind::kCancelled, "enough")) : Result<void>();
      },
      stop);
  if (!read && !full) return std::unexpected(read.error());
  return content;
}

}  // namespace obhut::restore
