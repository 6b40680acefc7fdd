#pragma once
// Blocks of files that were read lately, and of those that will be read next.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/result.h"

namespace obhut::cli {

/// A file that never changes; its name is no other's.
struct CachedFile {
  std::string name;
  std::uint64_t size = 0;
};

/// Whoever reads a file from front to back finds the next blocks here already: they are fetched by
/// threads of the cache while the last ones are being used. An error is not kept.
/// Thread: any.
class BlockCache {
 public:
  struct Limits {
    std::uint64_t block = std::uint64_t{1} << 20U;
    std::size_t blocks = 64;  ///< kept; those somebody waits for come on top
    std::size_t ahead = 4;    ///< 0: none
    unsigned threads = 2;     ///< that fetch ahead
  };
  /// Thread: any.
  using Fetch = std::function<Result<Bytes>(const std::string& name, ByteRange range)>;

  BlockCache(Fetch fetch, Limits limits);
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  /// Fewer bytes than asked for only where the file ends.
  /// Errors: those of `fetch`; kCorrupt where it brings fewer bytes than the file has.
  Result<Bytes> read(const CachedFile& file, ByteRange range);

  /// How many blocks are kept now.
  [[nodiscard]] std::size_t size();

 private:
  using Key = std::pair<std::string, std::uint64_t>;  // file, number of the block
  struct Block;
  using BlockPtr = std::shared_ptr<Block>;  // shared by the table and those who wait for it
  struct Slot {
    BlockPtr block;
    std::list<Key>::iterator order;
  };
  struct Wanted {
    Key key;
    BlockPtr block;
    std::uint64_t size;  // of the file
  };

  /// Where reading stands in a file.
  struct Stream {
    std::string name;
    std::uint64_t next = 0;  // the block behind the one read last
    bool goes_on = false;    // that one followed the one before it
  };

  std::pair<BlockPtr, bool> take(const Key& key);  // with mutex_ held
  void make_room();                                // with mutex_ held
  void look_ahead(const CachedFile& file, std::uint64_t number);
  void fill(const Key& key, const BlockPtr& block, std::uint64_t file_size);
  Result<BlockPtr> block(const CachedFile& file, std::uint64_t number);
  void fetch_ahead(const std::stop_token& stop);

  const Fetch fetch_;
  const Limits limits_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<Key, Slot> blocks_;
  std::list<Key> order_;  // the one used last first
  std::deque<Wanted> wanted_;
  std::list<Stream> streams_;  // the one read last first
  std::vector<std::jthread> threads_;
};

}  // namespace obhut::cli
