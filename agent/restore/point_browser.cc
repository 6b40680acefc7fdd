#include "agent/restore/point_browser.h"

#include <algorithm>
#include <list>
#include <unordered_map>

#include "agent/base/text.h"
#include "agent/restore/report.h"

namespace obhut::restore {
namespace {

constexpr std::size_t kDirectories = 4096;
constexpr std::size_t kFiles = 32;
/// Each name on the way makes a key: what is far deeper than people go costs the square of it.
constexpr std::size_t kLongestPath = std::size_t{64} << 10U;
/// Behind the range of a read that goes on where the last one ended: one request instead of eight.
constexpr std::uint64_t kAhead = std::uint64_t{8} << 20U;
/// Whoever asks for several ranges at once may be heard out of their order.
constexpr std::uint64_t kNear = std::uint64_t{4} << 20U;

/// The least recently used go.
template <class Value>
class Recent {
 public:
  explicit Recent(std::size_t most) : most_(most) {}

  Value* find(const std::string& key) {
    const auto at = by_key_.find(key);
    if (at == by_key_.end()) return nullptr;
    order_.splice(order_.begin(), order_, at->second);
    return &at->second->second;
  }
  Value& put(const std::string& key, Value value) {
    order_.emplace_front(key, std::move(value));
    by_key_[key] = order_.begin();
    if (by_key_.size() > most_) {
      by_key_.erase(order_.back().first);
      order_.pop_back();
    }
    return order_.front().second;
  }

 private:
  using Order = std::list<std::pair<std::string, Value>>;
  std::size_t most_;
  Order order_;
  std::unordered_map<std::string, typename Order::iterator> by_key_;
};

/// No name of a point or an entry holds a NUL.
std::string key_of(const PointBrowser::Root& root, const model::RelPath& path) {
  return std::string(root.point) + '\0' + path.bytes();
}

Error not_to_be_entered(std::string_view path) {
  return not_to_be_read().within("/" + printable(path));
}

bool is_damage(const Error& error) {
  return disposition_of(error.kind) == Disposition::kStopJob;
}

}  // namespace

struct PointBrowser::Directory {
  std::string path;  ///< relative to the root of the point
  std::vector<model::Ref> parts;
  bool may_enter = true;
  bool may_list = true;
  bool in_part = false;  ///< what was opened of it is shown even where it may not be listed
  /// Of the first parts, as far as they were read to their ends: the last name of each.
  std::vector<std::string> last_names;
  std::optional<Error> fault;  ///< of a part that cannot be read

  [[nodiscard]] bool is_entered() const { return may_enter || in_part; }
  /// The first part that can hold a name not before `name`.
  [[nodiscard]] std::size_t part_for(std::string_view name) const {
    return static_cast<std::size_t>(std::ranges::lower_bound(last_names, name) -
                                    last_names.begin());
  }
  [[nodiscard]] std::string name_before(std::size_t part) const {
    return part == 0 ? std::string() : last_names[part - 1];
  }
  /// A damaged part is passed over: it ends where the one before it does.
  void read_to_end(std::size_t part, std::string last_name) {
    if (part == last_names.size()) last_names.push_back(std::move(last_name));
  }
};

struct PointBrowser::Cache {
  Recent<std::shared_ptr<Directory>> directories{kDirectories};
  Recent<FoundEntry> files{kFiles};
  std::string read_last;  // the file, and where its next read begins if it goes on
  std::uint64_t read_next = 0;

  [[nodiscard]] bool goes_on(const std::string& key, std::uint64_t offset) const {
    const std::uint64_t distance = offset > read_next ? offset - read_next : read_next - offset;
    return offset > 0 && read_last == key && distance <= kNear;
  }
};

PointBrowser::PointBrowser(vault::BlobReader& reader, const vault::IndexCache& index,
                           EntryRights* rights)
    : reader_(reader), index_(index), rights_(rights), cache_(std::make_unique<Cache>()) {}
PointBrowser::~PointBrowser() = default;

Result<std::optional<PointBrowser::Part>> PointBrowser::open_part(Directory& directory,
                                                                  std::size_t number,
                                                                  const std::stop_token& stop) {
  const std::string after = directory.name_before(number);
  Error error;
  Result<vault::BlobReader::Slice> slice = reader_.slice(directory.parts[number], stop);
  if (slice) {
    Result<model::NodeReader> entries = model::NodeReader::open(slice->bytes, after);
    if (entries) return Part{std::move(*slice), std::move(*entries)};
    error = std::move(entries.error());
  } else {
    error = std::move(slice.error());
  }
  if (!is_damage(error)) return std::unexpected(std::move(error));
  directory.fault = std::move(error);
  directory.read_to_end(number, after);
  return std::nullopt;
}

std::string PointBrowser::path_of(const Directory& directory, const model::Entry& entry) {
  return directory.path.empty() ? entry.name : directory.path + "/" + entry.name;
}

bool PointBrowser::is_opened(const Directory& directory, const model::Entry& entry) const {
  return directory.in_part && rights_->is_opened(entry, path_of(directory, entry));
}

bool PointBrowser::is_denied(const Directory& directory, const model::Entry& entry) const {
  if (rights_ == nullptr) return false;
  const std::string path = path_of(directory, entry);
  if (entry.type == model::EntryType::kFile) return !rights_->may_read(entry, path);
  return entry.type == model::EntryType::kDirectory &&
         (!rights_->may_enter(entry, path) || !rights_->may_read(entry, path)) &&
         !rights_->is_opened(entry, path);
}

Result<std::optional<FoundEntry>> PointBrowser::find_in(Directory& directory, std::string_view name,
                                                        const std::stop_token& stop) {
  model::Entry entry;
  for (std::size_t number = directory.part_for(name); number < directory.parts.size(); ++number) {
    ASSIGN_OR_RETURN(std::optional<Part> part, open_part(directory, number, stop));
    if (!part) continue;
    Result<bool> more = part->entries.next(entry);
    while (more && *more && entry.name < name) more = part->entries.next(entry);
    if (more && *more) {
      // What may not be seen is told as what is not there.
      if (entry.name != name || (!directory.may_enter && !is_opened(directory, entry))) break;
      const bool denied = is_denied(directory, entry);
      return FoundEntry{std::move(entry), denied};
    }
    if (!more) directory.fault = more.error();
    directory.read_to_end(number, part->entries.last_name());
  }
  if (directory.fault) return std::unexpected(*directory.fault);
  return std::nullopt;
}

Result<std::shared_ptr<PointBrowser::Directory>> PointBrowser::directory(
    const Root& root, const model::RelPath& path, const std::stop_token& stop) {
  if (auto* known = cache_->directories.find(key_of(root, path))) return *known;
  if (path.bytes().size() > kLongestPath) {
    return fail(ErrorKind::kUnsupported, "a path of more than " + std::to_string(kLongestPath) +
                                             " bytes: restore what lies above instead");
  }
  model::RelPath above;
  auto at = std::make_shared<Directory>();
  at->parts = root.parts;
  for (const std::string_view name : path.names()) {
    if (!at->is_entered()) return std::unexpected(not_to_be_entered(at->path));
    ASSIGN_OR_RETURN(above, above.child(name));
    const std::string key = key_of(root, above);
    if (auto* known = cache_->directories.find(key)) {
      at = *known;
      continue;
    }
    ASSIGN_OR_RETURN(const std::optional<FoundEntry> self, find_in(*at, name, stop));
    if (!self || self->entry.type != model::EntryType::kDirectory) {
      return nullptr;
    }
    at = std::make_shared<Directory>();
    at->parts = self->entry.children;
    at->path = above.bytes();
    if (rights_ != nullptr) {
      at->may_enter = rights_->may_enter(self->entry, at->path);
      at->may_list = at->may_enter && rights_->may_read(self->entry, at->path);
      at->in_part = !at->may_list && rights_->is_opened(self->entry, at->path);
    }
    cache_->directories.put(key, at);
  }
  if (path.is_root()) cache_->directories.put(key_of(root, path), at);
  return at;
}

Result<std::optional<FoundEntry>> PointBrowser::entry(const Root& root, const model::RelPath& path,
                                                      const std::stop_token& stop) {
  if (path.is_root()) return std::nullopt;
  ASSIGN_OR_RETURN(const std::shared_ptr<Directory> parent, directory(root, path.parent(), stop));
  if (!parent) return std::nullopt;
  if (!parent->is_entered()) return std::unexpected(not_to_be_entered(parent->path));
  return find_in(*parent, path.last_name(), stop);
}

Result<std::optional<PointBrowser::Batch>> PointBrowser::list(const Root& root,
                                                              const model::RelPath& path,
                                                              std::string_view after,
                                                              const OnEntry& on_entry,
                                                              const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Directory> self, directory(root, path, stop));
  if (!self) return std::nullopt;
  if (!self->may_list && !self->in_part) {
    return std::unexpected(not_to_be_entered(self->path));
  }
  Batch batch;
  model::Entry entry;
  for (std::size_t number = self->part_for(after); number < self->parts.size(); ++number) {
    ASSIGN_OR_RETURN(std::optional<Part> part, open_part(*self, number, stop));
    if (!part) continue;
    Result<bool> more = part->entries.next(entry);
    for (; more && *more; more = part->entries.next(entry)) {
      if (entry.name <= after) continue;
      if (!self->may_list && !is_opened(*self, entry)) continue;
      if (!on_entry(entry, is_denied(*self, entry))) {
        batch.more = true;
        return batch;
      }
    }
    if (!more) self->fault = more.error();
    self->read_to_end(number, part->entries.last_name());
  }
  batch.fault = self->fault;
  return batch;
}

Result<void> PointBrowser::collect(const model::Content& content, std::uint64_t begin,
                                   ByteRange range, std::vector<PlacedPiece>& into,
                                   const std::stop_token& stop) {
  const std::uint64_t end = range.offset + range.length;
  for (const model::Piece& piece : content.pieces) {
    if (begin >= end) return {};
    const std::uint64_t next = begin + piece.length;
    if (next < begin) return fail(ErrorKind::kCorrupt, "piece list: too long");
    if (next > range.offset && piece.length > 0) {
      if (content.level == 0) {
        if (piece.ref && piece.ref->length != piece.length) {
          return fail(ErrorKind::kCorrupt, "piece list: a piece is not as long as its bytes");
        }
        into.push_back({begin, piece});
      } else {
        if (!piece.ref) return fail(ErrorKind::kCorrupt, "piece list: a hole where a list belongs");
        ASSIGN_OR_RETURN(const vault::BlobReader::Slice slice, reader_.slice(*piece.ref, stop));
        model::Content below{static_cast<std::uint8_t>(content.level - 1), {}};
        ASSIGN_OR_RETURN(below.pieces, model::parse_pieces(slice.bytes));
        TRY(collect(below, begin, range, into, stop));
      }
    }
    begin = next;
  }
  return {};
}

/// What `pieces` need from `offset` on and is not here yet, a stretch of a pack at a time. What is
/// here and not of `pieces` goes.
Result<void> PointBrowser::fetch_ahead(const std::vector<PlacedPiece>& pieces, std::uint64_t offset,
                                       const std::stop_token& stop) {
  std::map<BlobId, vault::PlainBlob> kept;
  std::map<BlobId, vault::BlobLocation> missing;
  for (const PlacedPiece& placed : pieces) {
    if (!placed.piece.ref) continue;
    const BlobId& id = placed.piece.ref->blob;
    if (const auto here = ahead_.find(id); here != ahead_.end()) {
      kept.insert(*here);
    } else if (const auto place = index_.find(id);
               place && placed.begin + placed.piece.length > offset) {
      missing.emplace(id, *place);
    }
  }
  ahead_ = std::move(kept);
  std::vector<vault::WantedBlob> wanted;
  wanted.reserve(missing.size());
  for (const auto& [id, place] : missing) wanted.push_back({id, place});
  std::ranges::sort(wanted, {}, [](const vault::WantedBlob& one) {
    return std::pair(one.location.pack, one.location.entry.offset);
  });
  reader_.expect(wanted);
  for (std::span<const vault::WantedBlob> rest(wanted); !rest.empty();) {
    const auto stretch = rest.first(reader_.stretch_of(rest));
    TRY(reader_.for_stretch(
        stretch,
        [&](std::size_t number, Result<ByteView> plain) -> Result<void> {
          // One that cannot be had is an error to whoever comes to read it.
          if (plain) ahead_[stretch[number].id] = std::make_shared<const Bytes>(to_bytes(*plain));
          return {};
        },
        stop));
    rest = rest.subspan(stretch.size());
  }
  return {};
}

Result<vault::PlainBlob> PointBrowser::blob(const BlobId& id, const std::stop_token& stop) {
  if (const auto here = ahead_.find(id); here != ahead_.end()) return here->second;
  return reader_.blob(id, stop);
}

Result<std::optional<Bytes>> PointBrowser::read(const Root& root, const model::RelPath& path,
                                                ByteRange range, const std::stop_token& stop) {
  const std::string key = key_of(root, path);
  const FoundEntry* file = cache_->files.find(key);
  if (file == nullptr) {
    ASSIGN_OR_RETURN(std::optional<FoundEntry> found, entry(root, path, stop));
    if (!found) return std::nullopt;
    if (found->denied) return std::unexpected(not_to_be_entered(path.bytes()));
    if (found->entry.type != model::EntryType::kFile) {
      return fail(ErrorKind::kInvalidInput, "/" + path.printable() + ": is no file");
    }
    file = &cache_->files.put(key, std::move(*found));
  }
  const std::uint64_t size = file->entry.size;
  range.offset = std::min(range.offset, size);
  range.length = std::min(range.length, size - range.offset);
  Bytes bytes(range.length);
  if (bytes.empty()) return bytes;
  const bool goes_on = cache_->goes_on(key, range.offset);
  cache_->read_last = key;
  cache_->read_next = range.offset + range.length;
  std::vector<PlacedPiece> pieces;
  ByteRange around = range;
  if (goes_on) {
    around.offset -= std::min(around.offset, kNear);
    around.length = std::min(range.offset + range.length + kAhead, size) - around.offset;
  }
  TRY(collect(file->entry.content, 0, around, pieces, stop));
  const auto is_needed = [&](const PlacedPiece& placed) {
    return placed.begin < range.offset + range.length &&
           placed.begin + placed.piece.length > range.offset;
  };
  const auto is_missing = [&](const PlacedPiece& placed) {
    return is_needed(placed) && placed.piece.ref && !ahead_.contains(placed.piece.ref->blob);
  };
  if (goes_on && std::ranges::any_of(pieces, is_missing)) {
    TRY(fetch_ahead(pieces, range.offset, stop));
  }
  for (const PlacedPiece& placed : pieces) {
    if (!placed.piece.ref || !is_needed(placed)) continue;
    const model::Ref& ref = *placed.piece.ref;
    ASSIGN_OR_RETURN(const vault::PlainBlob plain, blob(ref.blob, stop));
    if (ref.length > plain->size() || ref.offset > plain->size() - ref.length) {
      return fail(ErrorKind::kCorrupt, "a blob is shorter than what refers to it");
    }
    const std::uint64_t from = std::max(placed.begin, range.offset);
    const std::uint64_t to =
        std::min(placed.begin + placed.piece.length, range.offset + range.length);
    const ByteView part = ByteView(*plain).subspan(ref.offset + (from - placed.begin), to - from);
    std::ranges::copy(part, bytes.begin() + static_cast<std::ptrdiff_t>(from - range.offset));
  }
  return bytes;
}

}  // namespace obhut::restore
