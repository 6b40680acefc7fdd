#include "agent/pipeline/known_files.h"

namespace obhut::pipeline {

KnownFiles::KnownFiles(std::size_t sets) : sets_(sets) {}

std::size_t KnownFiles::set_of(const BlobId& content) const {
  return IdHash{}(content) % sets_ * kWays;
}

std::optional<model::Ref> KnownFiles::find(const BlobId& content) const {
  const std::scoped_lock lock(mutex_);
  if (places_.empty()) return std::nullopt;
  for (std::size_t way = 0; way < kWays; ++way) {
    const Place& place = places_[set_of(content) + way];
    if (place.ref.length != 0 && place.content == content) return place.ref;
  }
  return std::nullopt;
}

void KnownFiles::add(const BlobId& content, const model::Ref& ref) {
  const std::scoped_lock lock(mutex_);
  // A run that reads nothing new never pays for the table.
  if (places_.empty()) places_.resize(sets_ * kWays);
  const std::size_t set = set_of(content);
  for (std::size_t way = 0; way < kWays; ++way) {
    if (places_[set + way].ref.length == 0) {
      places_[set + way] = {content, ref};
      return;
    }
  }
  places_[set + next_way_++ % kWays] = {content, ref};
}

}  // namespace obhut::pipeline
