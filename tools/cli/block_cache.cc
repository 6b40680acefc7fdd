#include "tools/cli/block_cache.h"

#include <algorithm>

namespace obhut::cli {
namespace {

/// How many files may be read from front to back at a time and still be known as such.
constexpr std::size_t kStreams = 32;

}  // namespace

struct BlockCache::Block {
  enum class State : std::uint8_t { kAwaited, kHere, kFailed };
  State state = State::kAwaited;
  Bytes bytes;
  Error error;
};

BlockCache::BlockCache(Fetch fetch, Limits limits) : fetch_(std::move(fetch)), limits_(limits) {
  for (unsigned i = 0; i < limits_.threads && limits_.ahead > 0; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { fetch_ahead(stop); });
  }
}

BlockCache::~BlockCache() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

std::size_t BlockCache::size() {
  const std::scoped_lock lock(mutex_);
  return blocks_.size();
}

/// The block, and whether it is the caller's to be filled.
std::pair<BlockCache::BlockPtr, bool> BlockCache::take(const Key& key) {
  if (const auto known = blocks_.find(key); known != blocks_.end()) {
    order_.splice(order_.begin(), order_, known->second.order);
    return {known->second.block, false};
  }
  auto block = std::make_shared<Block>();
  order_.push_front(key);
  blocks_.emplace(key, Slot{block, order_.begin()});
  make_room();
  return {std::move(block), true};
}

void BlockCache::make_room() {
  for (auto at = order_.end(); blocks_.size() > limits_.blocks && at != order_.begin();) {
    --at;
    const auto slot = blocks_.find(*at);
    if (slot->second.block->state == Block::State::kAwaited) continue;
    blocks_.erase(slot);
    at = order_.erase(at);
  }
}

void BlockCache::fill(const Key& key, const BlockPtr& block, std::uint64_t file_size) {
  const std::uint64_t offset = key.second * limits_.block;
  const std::uint64_t length = std::min(limits_.block, file_size - offset);
  Result<Bytes> bytes = fetch_(key.first, {offset, length});
  if (bytes && bytes->size() != length) {
    bytes = fail(ErrorKind::kCorrupt, "a file is shorter than its entry says");
  }
  const std::scoped_lock lock(mutex_);
  if (bytes) {
    block->bytes = std::move(*bytes);
    block->state = Block::State::kHere;
  } else {
    block->error = std::move(bytes.error());
    block->state = Block::State::kFailed;
    if (const auto slot = blocks_.find(key); slot != blocks_.end()) {
      order_.erase(slot->second.order);
      blocks_.erase(slot);
    }
  }
  make_room();
  changed_.notify_all();
}

/// With mutex_ held: `number` was asked for. Where it follows the one before it, the next ones are
/// wanted.
void BlockCache::look_ahead(const CachedFile& file, std::uint64_t number) {
  auto stream = std::ranges::find(streams_, file.name, &Stream::name);
  if (stream == streams_.end()) {
    streams_.push_front({file.name, UINT64_MAX, false});
    if (streams_.size() > kStreams) streams_.pop_back();
  } else {
    streams_.splice(streams_.begin(), streams_, stream);
  }
  stream = streams_.begin();
  // A block is read in many pieces: one more of the same says nothing new.
  if (stream->next != number + 1) stream->goes_on = stream->next == number;
  stream->next = number + 1;
  if ((!stream->goes_on && number != 0) || threads_.empty()) return;
  const std::uint64_t blocks = (file.size + limits_.block - 1) / limits_.block;
  // The first block alone says nothing: of many files only the beginning is looked at.
  const std::uint64_t ahead = stream->goes_on ? limits_.ahead : std::uint64_t{1};
  for (std::uint64_t next = number + 1; next < std::min(blocks, number + 1 + ahead); ++next) {
    const Key key{file.name, next};
    auto [block, is_new] = take(key);
    if (is_new) wanted_.push_back({key, std::move(block), file.size});
  }
  changed_.notify_all();
}

void BlockCache::fetch_ahead(const std::stop_token& stop) {
  for (;;) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [this] { return !wanted_.empty(); })) return;
    const Wanted next = std::move(wanted_.front());
    wanted_.pop_front();
    lock.unlock();
    fill(next.key, next.block, next.size);
  }
}

Result<BlockCache::BlockPtr> BlockCache::block(const CachedFile& file, std::uint64_t number) {
  const Key key{file.name, number};
  std::unique_lock lock(mutex_);
  auto [block, is_ours] = take(key);
  look_ahead(file, number);
  // One that only waits for its turn to be fetched ahead need not wait when it is needed now.
  const auto queued = std::ranges::find(wanted_, block, &Wanted::block);
  if (queued != wanted_.end()) {
    wanted_.erase(queued);
    is_ours = true;
  }
  if (is_ours) {
    lock.unlock();
    fill(key, block, file.size);
    lock.lock();
  }
  changed_.wait(lock, [&] { return block->state != Block::State::kAwaited; });
  if (block->state == Block::State::kFailed) return std::unexpected(block->error);
  return std::move(block);
}

Result<Bytes> BlockCache::read(const CachedFile& file, ByteRange range) {
  const std::uint64_t begin = std::min(range.offset, file.size);
  const std::uint64_t end = begin + std::min(range.length, file.size - begin);
  Bytes bytes;
  bytes.reserve(end - begin);
  for (std::uint64_t at = begin; at < end;) {
    const std::uint64_t number = at / limits_.block;
    ASSIGN_OR_RETURN(const BlockPtr held, block(file, number));
    const std::uint64_t from = at - number * limits_.block;
    const std::uint64_t count = std::min<std::uint64_t>(held->bytes.size() - from, end - at);
    const ByteView part = ByteView(held->bytes).subspan(from, count);
    bytes.insert(bytes.end(), part.begin(), part.end());
    at += count;
  }
  return bytes;
}

}  // namespace obhut::cli
