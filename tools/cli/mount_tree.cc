#include "tools/cli/mount_tree.h"

#include <algorithm>
#include <atomic>
#include <limits>

#include "agent/base/time_text.h"

namespace obhut::cli {
namespace {

using platform::FileStatus;
using platform::FileType;
using platform::NodeNumber;

constexpr std::string_view kByDateName = "by-date";
constexpr std::string_view kByIdName = "by-id";
constexpr std::string_view kLatestName = "latest";
constexpr std::uint32_t kFolderMode = 0555;
constexpr std::uint32_t kLinkMode = 0777;
constexpr std::size_t kShortId = 8;
/// How old the list of points may be where it is shown, and where a name was not in it.
constexpr std::chrono::seconds kKnownPoints{30};
constexpr std::chrono::seconds kMissedPoints{2};

/// What an entry is known by to programs that look for names of one file. Of 64 bits: among a
/// million entries no two are alike.
std::uint64_t mixed(std::uint64_t seed, std::uint64_t value) {
  std::uint64_t hash = (seed ^ value) + 0x9e3779b97f4a7c15U;
  hash = (hash ^ (hash >> 30U)) * 0xbf58476d1ce4e5b9U;
  hash = (hash ^ (hash >> 27U)) * 0x94d049bb133111ebU;
  return hash ^ (hash >> 31U);
}

std::uint64_t mixed(std::uint64_t seed, std::string_view value) {
  return mixed(seed, std::uint64_t{std::hash<std::string_view>{}(value)});
}

std::int64_t nanoseconds_of(const model::FileTime& time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / kSecond - 1;
  return std::clamp(time.seconds, -kMost, kMost) * kSecond + time.nanoseconds;
}

std::int64_t nanoseconds_of(Instant time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

FileType type_of(model::EntryType type) {
  switch (type) {
    case model::EntryType::kFile:
      return FileType::kRegular;
    case model::EntryType::kDirectory:
      return FileType::kDirectory;
    case model::EntryType::kSymlink:
      return FileType::kSymlink;
    case model::EntryType::kFifo:
      return FileType::kFifo;
    case model::EntryType::kCharDevice:
      return FileType::kCharDevice;
    case model::EntryType::kBlockDevice:
      return FileType::kBlockDevice;
    case model::EntryType::kSocket:
      return FileType::kSocket;
  }
  return FileType::kUnknown;
}

/// "2026-11-30T13-45-00Z": no colons, which some programs take for a host.
std::string date_name(Instant time) {
  std::string name = format_time(time);
  std::ranges::replace(name, ':', '-');
  return name;
}

/// In the order of `points`, and no two alike.
std::vector<std::string> date_names(const std::vector<BrowsedPoint>& points) {
  std::vector<std::string> names;
  std::string last;
  for (const BrowsedPoint& point : points) {
    std::string name = date_name(point.time);
    names.push_back(name == last ? name + "-" + point.id.substr(0, kShortId) : name);
    last = std::move(name);
  }
  return names;
}

std::string below(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "/" + std::string(name);
}

std::unexpected<Error> no_such_entry(std::string_view name) {
  return fail(ErrorKind::kNotFound, std::string(name) + ": is not here");
}

std::unexpected<Error> denied_entry() {
  return fail(ErrorKind::kRefused, "not to be read by you when the point was made");
}

}  // namespace

std::uint32_t ShownOwners::user(std::uint32_t uid, const std::string& name) {
  if (name.empty()) return accounts_.user(uid).empty() ? uid : own_user_;
  return accounts_.user_id(name).value_or(own_user_);
}

std::uint32_t ShownOwners::group(std::uint32_t gid, const std::string& name) {
  if (name.empty()) return accounts_.group(gid).empty() ? gid : own_group_;
  return accounts_.group_id(name).value_or(own_group_);
}

/// What a name leads to.
struct MountTree::Child {
  enum class Kind : std::uint8_t { kTop, kByDate, kById, kLatest, kPoint, kEntry };
  std::string name;
  Kind kind = Kind::kEntry;
  FileStatus status;
  bool denied = false;
  std::string target;  ///< of links
  std::string point;   ///< kPoint: its id; kLatest: that of the newest
};

struct MountTree::Node {
  NodePtr parent;  ///< null: the root
  NodeNumber number = 0;
  std::string name;
  std::string key;  ///< in by_name_
  Child::Kind kind = Child::Kind::kEntry;
  FileStatus status;
  bool denied = false;
  std::string point;          ///< kPoint alone
  std::uint64_t lookups = 0;  ///< guarded by nodes_mutex_

  [[nodiscard]] bool lasting() const { return kind == Child::Kind::kEntry; }
  [[nodiscard]] bool is_in_point() const {
    return kind == Child::Kind::kPoint || kind == Child::Kind::kEntry;
  }
  /// Of what is in a point.
  [[nodiscard]] std::string path() const {
    std::vector<std::string_view> names;
    for (const Node* at = this; at->kind == Child::Kind::kEntry; at = at->parent.get()) {
      names.push_back(at->name);
    }
    std::string path;
    for (auto at = names.rbegin(); at != names.rend(); ++at) {
      if (!path.empty()) path += '/';
      path += *at;
    }
    return path;
  }
  [[nodiscard]] const std::string& point_id() const {
    const Node* at = this;
    while (at->kind == Child::Kind::kEntry) at = at->parent.get();
    return at->point;
  }
};

/// A directory of a point, loaded as far as somebody read on in it.
class MountTree::Listing final : public platform::NodeList {
 public:
  Listing(MountTree& tree, NodePtr directory, std::atomic<std::size_t>& kept)
      : tree_(tree),
        directory_(std::move(directory)),
        point_(directory_->point_id()),
        path_(directory_->path()),
        kept_(kept) {
    count(1);  // an empty one takes room as well
  }
  Listing(const Listing&) = delete;
  Listing& operator=(const Listing&) = delete;
  ~Listing() override { kept_ -= counted_; }

  Result<void> list(std::uint64_t position, const Take& take) override {
    for (;;) {
      ASSIGN_OR_RETURN(const Place place, place_of(position));
      if (!place.batch) return {};
      // Without the lock: whoever takes may look a name up meanwhile.
      for (std::size_t i = place.index; i < place.batch->size(); ++i, ++position) {
        const Child& child = (*place.batch)[i];
        if (!take(child.name, child.status)) return {};
      }
    }
  }

  enum class Known : std::uint8_t { kHere, kNot, kUnread };
  /// What was loaded says of `name`.
  Known find(std::string_view name, Child& into) {
    const std::scoped_lock lock(mutex_);
    const auto batch = std::ranges::lower_bound(
        batches_, name, {}, [](const BatchPtr& one) { return std::string_view(one->back().name); });
    if (batch == batches_.end()) return complete_ && !faulty_ ? Known::kNot : Known::kUnread;
    const auto child = std::ranges::lower_bound(**batch, name, {}, &Child::name);
    if (child->name != name) return faulty_ ? Known::kUnread : Known::kNot;
    into = *child;
    return Known::kHere;
  }

 private:
  using Children = std::vector<Child>;
  using BatchPtr = std::shared_ptr<const Children>;  // shared by the list and its readers
  struct Place {
    BatchPtr batch;  ///< null at the end
    std::size_t index = 0;
  };

  Result<Place> place_of(std::uint64_t position) {
    const std::scoped_lock lock(mutex_);
    std::uint64_t begin = 0;
    for (std::size_t number = 0;; ++number) {
      if (number == batches_.size()) {
        if (!complete_) {
          TRY(load());
          --number;
          continue;
        }
        // What is there was told; that it is not all must not go unheard.
        if (faulty_) return fail(ErrorKind::kCorrupt, "a part of the directory is damaged");
        return Place{};
      }
      const BatchPtr& batch = batches_[number];
      if (position - begin < batch->size()) return Place{batch, position - begin};
      begin += batch->size();
    }
  }

  /// The next batch, with mutex_ held; at the end none comes.
  Result<void> load() {
    const std::string after = batches_.empty() ? std::string() : batches_.back()->back().name;
    ASSIGN_OR_RETURN(const Browser::Batch batch, tree_.browser_.list(point_, path_, after));
    complete_ = !batch.more;
    faulty_ = batch.faulty;
    if (batch.entries.empty()) return {};
    auto children = std::make_shared<Children>();
    children->reserve(batch.entries.size());
    for (const BrowsedEntry& entry : batch.entries) {
      children->push_back(tree_.child_of(*directory_, entry));
    }
    count(children->size());
    batches_.push_back(std::move(children));
    return {};
  }

  void count(std::size_t entries) {
    counted_ += entries;
    kept_ += entries;
  }

  MountTree& tree_;
  const NodePtr directory_;
  const std::string point_;
  const std::string path_;
  std::atomic<std::size_t>& kept_;
  std::mutex mutex_;
  std::size_t counted_ = 0;
  std::vector<BatchPtr> batches_;  // none is empty
  bool complete_ = false;
  bool faulty_ = false;
};

/// What is here as it was when the folder was opened.
class MountTree::PointListing final : public platform::NodeList {
 public:
  explicit PointListing(std::vector<Child> children) : children_(std::move(children)) {}
  Result<void> list(std::uint64_t position, const Take& take) override {
    for (; position < children_.size(); ++position) {
      if (!take(children_[position].name, children_[position].status)) break;
    }
    return {};
  }

 private:
  const std::vector<Child> children_;
};

MountTree::MountTree(Browser& browser, Clock& clock, std::string point, std::uint32_t own_user,
                     std::uint32_t own_group, Limits limits)
    : browser_(browser),
      clock_(clock),
      own_user_(own_user),
      own_group_(own_group),
      mounted_(clock.now()),
      limits_(limits),
      owners_(own_user, own_group),
      next_node_(platform::kRootNode + 1),
      blocks_(
          [this](const std::string& name, ByteRange range) {
            const std::size_t cut = name.find('\0');
            return browser_.read(name.substr(0, cut), name.substr(cut + 1), range);
          },
          limits.blocks) {
  auto root = std::make_shared<Node>();
  root->number = platform::kRootNode;
  root->kind = point.empty() ? Child::Kind::kTop : Child::Kind::kPoint;
  root->status = folder_status(point.empty() ? platform::kRootNode : mixed(0, point), mounted_);
  root->point = std::move(point);
  nodes_.emplace(root->number, std::move(root));
}

MountTree::~MountTree() = default;

FileStatus MountTree::folder_status(std::uint64_t inode, Instant time) const {
  FileStatus status;
  status.type = FileType::kDirectory;
  status.mode = kFolderMode;
  status.uid = own_user_;
  status.gid = own_group_;
  status.mtime_ns = nanoseconds_of(time);
  status.ctime_ns = status.mtime_ns;
  status.inode = inode;
  return status;
}

std::size_t MountTree::held_nodes() {
  const std::scoped_lock lock(nodes_mutex_);
  return nodes_.size();
}

Result<MountTree::NodePtr> MountTree::node(NodeNumber number) {
  const std::scoped_lock lock(nodes_mutex_);
  const auto found = nodes_.find(number);
  if (found == nodes_.end()) return fail(ErrorKind::kSourceGone, "is not held any more");
  return NodePtr(found->second);
}

MountTree::Child MountTree::child_of(const Node& directory, const BrowsedEntry& entry) {
  Child child;
  child.name = entry.name;
  child.denied = entry.denied;
  child.target = entry.target;
  FileStatus& status = child.status;
  status.type = type_of(entry.type);
  status.mode = entry.mode;
  status.uid = owners_.user(entry.uid, entry.user);
  status.gid = owners_.group(entry.gid, entry.group);
  status.size = entry.type == model::EntryType::kSymlink ? entry.target.size() : entry.size;
  status.mtime_ns = nanoseconds_of(entry.modified);
  status.ctime_ns = nanoseconds_of(entry.changed);
  status.rdev = entry.rdev;
  status.links = entry.links;
  status.inode = entry.links > 1
                     ? mixed(mixed(mixed(0, directory.point_id()), entry.device), entry.inode)
                     : mixed(directory.status.inode, entry.name);
  return child;
}

Result<std::vector<BrowsedPoint>> MountTree::points(
    std::chrono::steady_clock::duration no_older_than) {
  const std::scoped_lock lock(points_mutex_);
  if (!points_read_ || clock_.steady() - *points_read_ > no_older_than) {
    ASSIGN_OR_RETURN(points_, browser_.points());
    points_read_ = clock_.steady();
  }
  return points_;
}

std::vector<MountTree::Child> MountTree::point_children(
    const NodePtr& directory, const std::vector<BrowsedPoint>& points) const {
  std::vector<Child> children;
  const std::vector<std::string> dates = date_names(points);
  const auto add = [&](std::string_view name, Child::Kind kind, FileStatus status) -> Child& {
    Child& child = children.emplace_back();
    child.name = name;
    child.kind = kind;
    child.status = status;
    return child;
  };
  if (directory->kind == Child::Kind::kTop) {
    std::uint64_t inode = platform::kRootNode;
    add(kByDateName, Child::Kind::kByDate, folder_status(++inode, mounted_));
    add(kByIdName, Child::Kind::kById, folder_status(++inode, mounted_));
    if (points.empty()) return children;
    Child& latest = add(kLatestName, Child::Kind::kLatest,
                        folder_status(mixed(++inode, points.back().id), points.back().time));
    latest.target = std::string(kByDateName) + "/" + dates.back();
    latest.point = points.back().id;
    latest.status.type = FileType::kSymlink;
    latest.status.mode = kLinkMode;
    latest.status.size = latest.target.size();
    return children;
  }
  for (std::size_t i = 0; i < points.size(); ++i) {
    add(directory->kind == Child::Kind::kByDate ? dates[i] : points[i].id, Child::Kind::kPoint,
        folder_status(mixed(0, points[i].id), points[i].time))
        .point = points[i].id;
  }
  return children;
}

Result<MountTree::Child> MountTree::find_point(const NodePtr& directory, std::string_view name) {
  for (const auto age : {kKnownPoints, kMissedPoints}) {
    ASSIGN_OR_RETURN(const std::vector<BrowsedPoint> known, points(age));
    std::vector<Child> children = point_children(directory, known);
    const auto found = std::ranges::find(children, name, &Child::name);
    if (found != children.end()) return std::move(*found);
    if (directory->kind == Child::Kind::kTop && name != kLatestName) break;
  }
  return no_such_entry(name);
}

Result<MountTree::Child> MountTree::find_child(const NodePtr& directory, std::string_view name) {
  if (!directory->is_in_point()) return find_point(directory, name);
  const std::string& point = directory->point_id();
  const std::string path = directory->path();
  if (const ListingPtr known = kept_listing(point + '\0' + path)) {
    Child child;
    switch (known->find(name, child)) {
      case Listing::Known::kHere:
        return child;
      case Listing::Known::kNot:
        return no_such_entry(name);
      case Listing::Known::kUnread:
        break;
    }
  }
  ASSIGN_OR_RETURN(const BrowsedEntry entry, browser_.entry(point, below(path, name)));
  return child_of(*directory, entry);
}

Result<MountTree::Found> MountTree::lookup(NodeNumber directory, std::string_view name) {
  ASSIGN_OR_RETURN(const NodePtr parent, node(directory));
  ASSIGN_OR_RETURN(Child child, find_child(parent, name));
  std::string key = std::to_string(directory) + '/' + std::string(name);
  // Each newest point has a link of its own: the system keeps what it read of one.
  if (child.kind == Child::Kind::kLatest) key += '/' + child.point;
  const std::scoped_lock lock(nodes_mutex_);
  const auto known = by_name_.find(key);
  if (known != by_name_.end()) {
    Node& held = *nodes_.at(known->second);
    ++held.lookups;
    return Found{held.number, {held.status, held.lasting()}};
  }
  auto made = std::make_shared<Node>();
  made->parent = parent;
  made->number = next_node_++;
  made->name = std::move(child.name);
  made->key = key;
  made->kind = child.kind;
  made->status = child.status;
  made->denied = child.denied;
  if (child.kind == Child::Kind::kPoint) made->point = std::move(child.point);
  made->lookups = 1;
  const Found found{made->number, {made->status, made->lasting()}};
  by_name_.emplace(std::move(key), made->number);
  nodes_.emplace(made->number, std::move(made));
  return found;
}

void MountTree::forget(NodeNumber number, std::uint64_t lookups) {
  const std::scoped_lock lock(nodes_mutex_);
  const auto found = nodes_.find(number);
  if (found == nodes_.end() || number == platform::kRootNode) return;
  Node& node = *found->second;
  node.lookups -= std::min(lookups, node.lookups);
  if (node.lookups > 0) return;
  by_name_.erase(node.key);
  nodes_.erase(found);
}

Result<platform::NodeStatus> MountTree::status(NodeNumber number) {
  ASSIGN_OR_RETURN(const NodePtr found, node(number));
  return platform::NodeStatus{found->status, found->lasting()};
}

Result<std::string> MountTree::link_target(NodeNumber number) {
  ASSIGN_OR_RETURN(const NodePtr found, node(number));
  if (!found->parent) return fail(ErrorKind::kInternal, "is no link");
  ASSIGN_OR_RETURN(Child child, find_child(found->parent, found->name));
  return std::move(child.target);
}

MountTree::ListingPtr MountTree::kept_listing(const std::string& key) {
  const std::scoped_lock lock(listings_mutex_);
  const auto known = listing_of_.find(key);
  if (known == listing_of_.end()) return nullptr;
  listings_.splice(listings_.begin(), listings_, known->second);
  return known->second->listing;
}

void MountTree::drop_listings() {
  while (kept_entries_ > limits_.listed && listings_.size() > 1) {
    listing_of_.erase(listings_.back().key);
    listings_.pop_back();
  }
}

MountTree::ListingPtr MountTree::listing(const NodePtr& directory) {
  std::string key = directory->point_id() + '\0' + directory->path();
  if (ListingPtr known = kept_listing(key)) return known;
  auto made = std::make_shared<Listing>(*this, directory, kept_entries_);
  const std::scoped_lock lock(listings_mutex_);
  if (const auto other = listing_of_.find(key); other != listing_of_.end()) {
    return other->second->listing;
  }
  listings_.push_front({key, made});
  listing_of_.emplace(std::move(key), listings_.begin());
  drop_listings();
  return made;
}

Result<std::shared_ptr<platform::NodeList>> MountTree::open_directory(NodeNumber number) {
  ASSIGN_OR_RETURN(const NodePtr found, node(number));
  if (found->denied) return denied_entry();
  if (found->is_in_point()) return std::shared_ptr<platform::NodeList>(listing(found));
  ASSIGN_OR_RETURN(const std::vector<BrowsedPoint> known, points(kMissedPoints));
  return std::make_shared<PointListing>(point_children(found, known));
}

Result<void> MountTree::open_file(NodeNumber number) {
  ASSIGN_OR_RETURN(const NodePtr found, node(number));
  if (found->denied) return denied_entry();
  return {};
}

Result<Bytes> MountTree::read(NodeNumber number, ByteRange range) {
  ASSIGN_OR_RETURN(const NodePtr found, node(number));
  return blocks_.read({found->point_id() + '\0' + found->path(), found->status.size}, range);
}

}  // namespace obhut::cli
