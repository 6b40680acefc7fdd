#include "agent/pipeline/pack_sink.h"

#include "agent/pack/pack_index.h"
#include "platform/priority.h"

namespace obhut::pipeline {
namespace {

/// One slow write says nothing of the next.
constexpr unsigned kWaitsThatTell = 4;

}  // namespace

PackSink::PackSink(store::Store& store, const seal::Keyring& keyring, vault::IndexCache& index,
                   UsedPacks& used, ProgressBoard& progress, PackSinkLimits limits,
                   OnError on_error)
    : store_(store),
      keyring_(keyring),
      index_(index),
      used_(used),
      progress_(progress),
      limits_(limits),
      on_error_(std::move(on_error)),
      queue_(limits.queued_packs) {}

PackSink::~PackSink() {
  drain();
}

void PackSink::start(const std::stop_token& stop) {
  for (std::size_t i = 0; i < limits_.uploaders; ++i) {
    threads_.emplace_back(platform::giving_way_too([this, stop] { upload(stop); }));
  }
}

bool PackSink::claim(const BlobId& id) {
  // Looked up before the lock: nearly every answer in a nightly run is "known", and the index may
  // be asked by many at once. A pack becomes known before its blobs stop being pending, so that
  // asking again under the lock finds every blob in one place or the other.
  if (used_.mark_blob(id)) return false;
  const std::scoped_lock lock(mutex_);
  if (pending_.contains(id)) return false;
  if (used_.mark_blob(id)) return false;
  pending_.insert(id);
  return true;
}

Result<bool> PackSink::submit(pack::FinishedPack pack, const std::stop_token& stop) {
  const bool full = queue_.size() >= limits_.queued_packs;
  const unsigned waits = full ? ++waits_in_a_row_ : (waits_in_a_row_ = 0);
  if (queue_.push(std::move(pack), stop)) return waits >= kWaitsThatTell;
  return fail(ErrorKind::kCancelled, "store pack");
}

pack::PackBuffer PackSink::spare_buffer() {
  const std::scoped_lock lock(mutex_);
  if (spare_.empty()) return {};
  pack::PackBuffer buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

void PackSink::adopt(std::vector<pack::PackInfo> packs) {
  const std::scoped_lock lock(mutex_);
  for (pack::PackInfo& pack : packs) {
    index_.add(pack);
    unindexed_blobs_ += pack.blobs.size();
    unindexed_.push_back(std::move(pack));
  }
}

void PackSink::upload(const std::stop_token& stop) {
  while (std::optional<pack::FinishedPack> pack = queue_.pop(stop)) {
    const store::ObjectName name{model::ObjectKind::kPack, pack->info.name};
    Result<void> put = store_.put(name, pack->bytes(), stop);
    if (put) put = acknowledge(std::move(*pack), stop);
    if (!put) {
      on_error_(std::move(put).error().within("store " + name.text()));
      return;
    }
  }
}

Result<void> PackSink::acknowledge(pack::FinishedPack pack, const std::stop_token& stop) {
  // Where a damaged index hides what is stored, all of it would be stored again.
  TRY(index_.intact());
  std::vector<pack::PackInfo> full;
  {
    const std::scoped_lock lock(mutex_);
    index_.add(pack.info);
    if (const auto number = index_.find_pack(pack.info.name)) used_.mark(*number);
    for (const pack::BlobEntry& blob : pack.info.blobs) pending_.erase(blob.id);
    spare_.push_back(std::move(pack.buffer));
    progress_.stored_bytes += pack.info.size;
    unindexed_blobs_ += pack.info.blobs.size();
    unindexed_.push_back(std::move(pack.info));
    if (unindexed_blobs_ >= limits_.blobs_per_index) {
      full = std::move(unindexed_);
      unindexed_.clear();
      unindexed_blobs_ = 0;
    }
  }
  return full.empty() ? Result<void>{} : write_index(std::move(full), stop);
}

Result<void> PackSink::write_index(std::vector<pack::PackInfo> packs, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const Bytes sealed, pack::seal_index(keyring_, {std::move(packs), {}}));
  ASSIGN_OR_RETURN(const store::ObjectName name,
                   store::put_named(store_, model::ObjectKind::kIndex, sealed, stop));
  progress_.stored_bytes += sealed.size();
  const std::scoped_lock lock(mutex_);
  written_.push_back({name, sealed.size()});
  return {};
}

void PackSink::drain() {
  queue_.close();
  threads_.clear();
}

Result<std::vector<store::ObjectInfo>> PackSink::finish_index(const std::stop_token& stop) {
  std::vector<pack::PackInfo> rest = std::move(unindexed_);
  unindexed_.clear();
  while (!rest.empty()) {
    // Adopted packs may be more than one index object takes.
    std::vector<pack::PackInfo> some;
    std::size_t blobs = 0;
    while (!rest.empty() && some.size() < pack::kMaxIndexPacks &&
           blobs + rest.back().blobs.size() <= pack::kMaxIndexBlobs) {
      blobs += rest.back().blobs.size();
      some.push_back(std::move(rest.back()));
      rest.pop_back();
    }
    TRY(write_index(std::move(some), stop));
  }
  return written_;
}

}  // namespace obhut::pipeline
