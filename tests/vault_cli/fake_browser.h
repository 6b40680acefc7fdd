#pragma once
// Recovery points in memory, which count what they are asked for.

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/cli/browser.h"

namespace obhut::cli {

/// Thread: any, once it is filled.
class FakeBrowser final : public Browser {
 public:
  struct Entry {
    BrowsedEntry entry;
    std::string content;
  };

  void add_point(const std::string& id, Instant time) { points_.push_back({id, time, 1, 1}); }
  void drop_point(const std::string& id) {
    std::erase_if(points_, [&](const BrowsedPoint& point) { return point.id == id; });
    entries_.erase(id);
  }
  /// In: `path` relative to the root of the point; what lies above comes along.
  BrowsedEntry& add(const std::string& point, const std::string& path, model::EntryType type,
                    const std::string& content = "") {
    const std::size_t cut = path.rfind('/');
    if (cut != std::string::npos && !entries_[point].contains(path.substr(0, cut))) {
      add(point, path.substr(0, cut), model::EntryType::kDirectory);
    }
    Entry& made = entries_[point][path];
    made.entry.name = path.substr(cut == std::string::npos ? 0 : cut + 1);
    made.entry.type = type;
    made.entry.size = content.size();
    made.entry.modified = {1'700'000'000, 5};
    made.content = content;
    return made.entry;
  }
  BrowsedEntry& file(const std::string& point, const std::string& path,
                     const std::string& content = "") {
    return add(point, path, model::EntryType::kFile, content);
  }

  Result<std::vector<BrowsedPoint>> points() override {
    ++asked_points;
    if (error) return std::unexpected(*error);
    return points_;
  }

  Result<Batch> list(const std::string& point, const std::string& path,
                     const std::string& after) override {
    ++lists;
    if (error) return std::unexpected(*error);
    const auto found = entries_.find(point);
    if (found == entries_.end()) return fail(ErrorKind::kSourceGone, "no such point");
    Batch batch;
    batch.faulty = damaged.contains(path);
    // By names, as the daemon tells them, and not by paths.
    std::map<std::string, const Entry*> children;
    for (const auto& [at, one] : found->second) {
      const std::size_t cut = at.rfind('/');
      if ((cut == std::string::npos ? "" : at.substr(0, cut)) == path) {
        children.emplace(one.entry.name, &one);
      }
    }
    for (auto at = children.upper_bound(after); at != children.end(); ++at) {
      if (batch.entries.size() == batch_size) {
        batch.more = true;
        break;
      }
      batch.entries.push_back(at->second->entry);
    }
    return batch;
  }

  Result<BrowsedEntry> entry(const std::string& point, const std::string& path) override {
    ++entries_asked;
    if (error) return std::unexpected(*error);
    const auto found = entries_.find(point);
    if (found == entries_.end()) return fail(ErrorKind::kSourceGone, "no such point");
    const auto one = found->second.find(path);
    if (one == found->second.end()) return fail(ErrorKind::kNotFound, path + ": not here");
    return one->second.entry;
  }

  Result<Bytes> read(const std::string& point, const std::string& path, ByteRange range) override {
    ++reads;
    if (error) return std::unexpected(*error);
    const std::string& content = entries_.at(point).at(path).content;
    const std::string part =
        content.substr(std::min<std::size_t>(range.offset, content.size()), range.length);
    return to_bytes(as_bytes(part));
  }

  std::size_t batch_size = 1000;
  std::set<std::string> damaged;  ///< directories
  std::optional<Error> error;     ///< of every question
  std::atomic<int> asked_points{0};
  std::atomic<int> lists{0};
  std::atomic<int> entries_asked{0};
  std::atomic<int> reads{0};

 private:
  std::vector<BrowsedPoint> points_;
  std::map<std::string, std::map<std::string, Entry>> entries_;
};

}  // namespace obhut::cli
