#pragma once
// The content of a folder in a recovery point, page by page.

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/guarded.h"
#include "tools/tray/daemon.h"

namespace obhut::tray {

/// Remembers the folders that were read last, so that their later pages cost nothing. Thread: any.
class FolderListings {
 public:
  explicit FolderListings(const Daemon& daemon) : daemon_(daemon) {}

  struct Folder {
    std::string location;
    std::string point;
    std::string path;
    friend bool operator==(const Folder&, const Folder&) = default;
  };
  /// In: `first` entry wanted, at most `limit` of them. Out: GET /api/entries as JSON text.
  /// Refused: "not-found" where the point has no such folder, "invalid-input" where it is none,
  /// "refused" where it belongs to somebody else.
  Answer<std::string> page(const Folder& folder, std::size_t first, std::size_t limit,
                           const std::stop_token& gone);
  /// What was read: somebody may see more now, or less.
  void forget();

 private:
  struct Row {
    bool directory;
    std::string order;  ///< the name as people compare it
    std::string text;   ///< JSON
  };
  using Rows = std::shared_ptr<const std::vector<Row>>;
  Answer<Rows> rows_of(const Folder& folder, const std::stop_token& gone);
  Answer<Rows> read(const Folder& folder, const std::stop_token& gone) const;

  const Daemon& daemon_;
  Guarded<std::deque<std::pair<Folder, Rows>>> recent_;
};

}  // namespace obhut::tray
