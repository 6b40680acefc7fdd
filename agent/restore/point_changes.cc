#include "agent/restore/point_changes.h"

#include "agent/model/node.h"

namespace obhut::restore {
namespace {

using Refs = std::vector<model::Ref>;

/// A directory's content, as far as it may be seen: all of it, or what was opened.
struct Side {
  Refs parts;
  bool all = true;
  friend bool operator==(const Side&, const Side&) = default;
};

/// What lies in one directory, beside the content of files. Parsed part by part.
class Listing {
 public:
  Listing(vault::BlobReader& reader, Refs parts) : reader_(reader), parts_(std::move(parts)) {}

  /// The entry at hand; null at the end.
  [[nodiscard]] const model::Entry* entry() const { return there_ ? &entry_ : nullptr; }

  Result<void> next(const std::stop_token& stop) {
    for (;;) {
      if (node_) {
        ASSIGN_OR_RETURN(there_, node_->next(entry_));
        if (there_) {
          last_name_ = entry_.name;
          return {};
        }
        node_.reset();
      }
      there_ = false;
      if (at_ == parts_.size()) return {};
      ASSIGN_OR_RETURN(const vault::BlobReader::Slice slice, reader_.slice(parts_[at_++], stop));
      part_ = to_bytes(slice.bytes);
      ASSIGN_OR_RETURN(node_, model::NodeReader::open(part_, last_name_));
    }
  }

 private:
  vault::BlobReader& reader_;
  Refs parts_;
  std::size_t at_ = 0;
  Bytes part_;
  std::optional<model::NodeReader> node_;
  std::string last_name_;
  model::Entry entry_;
  bool there_ = false;
};

bool is_directory(const model::Entry* entry) {
  return entry != nullptr && entry->type == model::EntryType::kDirectory;
}

/// By what a person would call another file or folder: not by where its bytes lie, nor by counts.
bool is_same(const model::Entry& one, const model::Entry& other) {
  if (one.type != other.type || one.mode != other.mode || one.uid != other.uid ||
      one.gid != other.gid || one.xattrs != other.xattrs) {
    return false;
  }
  if (one.type == model::EntryType::kDirectory) return true;
  return one.modified == other.modified && one.rdev == other.rdev && has_same_content(one, other);
}

class Comparison {
 public:
  Comparison(vault::BlobReader& reader, EntryRights* rights,
             const std::function<void(const Change&)>& tell, const std::stop_token& stop)
      : reader_(reader), rights_(rights), tell_(tell), stop_(stop) {}

  Result<void> compare(const Side& before, const Side& after) {
    if (before == after) return {};
    Listing old(reader_, before.parts);
    Listing now(reader_, after.parts);
    TRY(next(old, before));
    TRY(next(now, after));
    while (old.entry() != nullptr || now.entry() != nullptr) {
      if (stop_.stop_requested()) return fail(ErrorKind::kCancelled, "compare");
      // The names of both ascend.
      const bool only_old = now.entry() == nullptr ||
                            (old.entry() != nullptr && old.entry()->name < now.entry()->name);
      const bool only_new = old.entry() == nullptr ||
                            (now.entry() != nullptr && now.entry()->name < old.entry()->name);
      TRY(compare_entries(only_new ? nullptr : old.entry(), only_old ? nullptr : now.entry()));
      if (!only_new) TRY(next(old, before));
      if (!only_old) TRY(next(now, after));
    }
    return {};
  }

 private:
  std::string path_of(const model::Entry& entry) const {
    return path_.empty() ? entry.name : path_ + "/" + entry.name;
  }

  /// On to the next entry that may be seen.
  Result<void> next(Listing& listing, const Side& side) {
    do {
      TRY(listing.next(stop_));
    } while (!side.all && listing.entry() != nullptr &&
             !rights_->is_opened(*listing.entry(), path_of(*listing.entry())));
    return {};
  }

  Result<void> compare_entries(const model::Entry* old, const model::Entry* now) {
    const std::size_t size = path_.size();
    if (!path_.empty()) path_ += '/';
    path_ += (now != nullptr ? now : old)->name;
    // A file in place of a directory is one gone and one new.
    const bool other_kind =
        old != nullptr && now != nullptr && is_directory(old) != is_directory(now);
    if (now == nullptr || other_kind) tell_({ChangeKind::kRemoved, path_, old});
    if (old == nullptr || other_kind) tell_({ChangeKind::kAdded, path_, now});
    if (old != nullptr && now != nullptr && !other_kind && !is_same(*old, *now)) {
      tell_({ChangeKind::kChanged, path_, now});
    }
    if (is_directory(old) || is_directory(now)) TRY(compare(shown(old), shown(now)));
    path_.resize(size);
    return {};
  }

  /// What may be seen of what lies in it, which is at path_.
  Side shown(const model::Entry* entry) {
    if (!is_directory(entry)) return {};
    const bool all = rights_ == nullptr ||
                     (rights_->may_enter(*entry, path_) && rights_->may_read(*entry, path_));
    if (!all && !rights_->is_opened(*entry, path_)) return {};
    return {entry->children, all};
  }

  vault::BlobReader& reader_;
  EntryRights* rights_;
  const std::function<void(const Change&)>& tell_;
  const std::stop_token& stop_;
  std::string path_;
};

}  // namespace

std::string_view to_string(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kAdded:
      return "added";
    case ChangeKind::kChanged:
      return "changed";
    case ChangeKind::kRemoved:
      break;
  }
  return "removed";
}

bool has_same_content(const model::Entry& one, const model::Entry& other) {
  if (one.type != other.type || one.size != other.size ||
      one.symlink_target != other.symlink_target) {
    return false;
  }
  // What was stored again without having changed, gathered with other files, lies elsewhere.
  const bool untouched = one.modified == other.modified && one.changed == other.changed;
  return one.content == other.content || untouched;
}

void ChangeCounts::add(ChangeKind kind) {
  ++(kind == ChangeKind::kAdded ? added : kind == ChangeKind::kChanged ? changed : removed);
}

Result<void> compare_points(vault::BlobReader& reader, const Refs& before, const Refs& after,
                            EntryRights* rights, const std::function<void(const Change&)>& tell,
                            const std::stop_token& stop) {
  return Comparison(reader, rights, tell, stop).compare({before}, {after});
}

}  // namespace obhut::restore
