#pragma once
// Recovery points as a tree of folders, read as far as somebody looks.
//
//   by-date/2026-11-30T13-45-00Z/…   UTC; of two points of one second the later has its id behind
//   it by-id/<id>/… latest -> by-date/…              a link, so that nothing moves below whoever
//   went in
// With one point alone, its tree is the root.

#include <atomic>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/base/clock.h"
#include "platform/filesystem.h"
#include "platform/read_only_mount.h"
#include "tools/cli/block_cache.h"
#include "tools/cli/browser.h"

namespace obhut::cli {

/// Whom entries belong to, as shown: by name where this machine knows it; by number where the
/// number has no name, neither then nor here; else to whoever mounts.
/// Thread: any.
class ShownOwners {
 public:
  ShownOwners(std::uint32_t own_user, std::uint32_t own_group)
      : own_user_(own_user), own_group_(own_group) {}
  std::uint32_t user(std::uint32_t uid, const std::string& name);
  std::uint32_t group(std::uint32_t gid, const std::string& name);

 private:
  const std::uint32_t own_user_;
  const std::uint32_t own_group_;
  platform::AccountNames accounts_;
};

/// Holds what the system holds (a name and its attributes), the listings looked at last, and blocks
/// of files; all bounded but the first, which the system bounds.
/// Thread: any.
class MountTree final : public platform::NodeTree {
 public:
  struct Limits {
    std::size_t listed = 300'000;  ///< entries of listings that are kept
    BlockCache::Limits blocks;
  };
  /// Borrows `browser` and `clock`. In: `point`, a whole id, or "" for all points.
  MountTree(Browser& browser, Clock& clock, std::string point, std::uint32_t own_user,
            std::uint32_t own_group, Limits limits);
  ~MountTree() override;

  Result<Found> lookup(platform::NodeNumber directory, std::string_view name) override;
  void forget(platform::NodeNumber node, std::uint64_t lookups) override;
  Result<platform::NodeStatus> status(platform::NodeNumber node) override;
  Result<std::string> link_target(platform::NodeNumber node) override;
  Result<std::shared_ptr<platform::NodeList>> open_directory(platform::NodeNumber node) override;
  Result<void> open_file(platform::NodeNumber node) override;
  Result<Bytes> read(platform::NodeNumber node, ByteRange range) override;

  /// How many nodes are held, and how many entries of listings are kept.
  [[nodiscard]] std::size_t held_nodes();
  [[nodiscard]] std::size_t kept_entries() const { return kept_entries_; }

 private:
  struct Node;
  struct Child;
  class Listing;
  class PointListing;
  using NodePtr = std::shared_ptr<const Node>;  // held by the table and by what lies below
  using ListingPtr = std::shared_ptr<Listing>;  // held by the cache and by open directories
  struct KeptListing {
    std::string key;
    ListingPtr listing;
  };

  Result<NodePtr> node(platform::NodeNumber number);
  Result<Child> find_child(const NodePtr& directory, std::string_view name);
  Result<Child> find_point(const NodePtr& directory, std::string_view name);
  Result<std::vector<BrowsedPoint>> points(std::chrono::steady_clock::duration no_older_than);
  std::vector<Child> point_children(const NodePtr& directory,
                                    const std::vector<BrowsedPoint>& points) const;
  Child child_of(const Node& directory, const BrowsedEntry& entry);
  ListingPtr kept_listing(const std::string& key);
  ListingPtr listing(const NodePtr& directory);
  void drop_listings();  // with listings_mutex_ held
  [[nodiscard]] platform::FileStatus folder_status(std::uint64_t inode, Instant time) const;

  Browser& browser_;
  Clock& clock_;
  const std::uint32_t own_user_;
  const std::uint32_t own_group_;
  const Instant mounted_;
  const Limits limits_;
  ShownOwners owners_;

  std::mutex nodes_mutex_;
  platform::NodeNumber next_node_;
  std::unordered_map<platform::NodeNumber, std::shared_ptr<Node>> nodes_;
  std::unordered_map<std::string, platform::NodeNumber> by_name_;  // directory's number and name

  std::mutex points_mutex_;
  std::vector<BrowsedPoint> points_;
  std::optional<std::chrono::steady_clock::time_point> points_read_;

  std::atomic<std::size_t> kept_entries_{0};  // of listings, also of open ones that were dropped
  std::mutex listings_mutex_;
  std::list<KeptListing> listings_;  // the one used last first
  std::unordered_map<std::string, std::list<KeptListing>::iterator> listing_of_;

  BlockCache blocks_;  // last: its threads end before what they read by
};

}  // namespace obhut::cli
