#pragma once
// Gathers small files into segments, cut so that an insertion moves one cut and not all after it.

#include <cstdint>
#include <optional>
#include <string_view>

#include "agent/pipeline/file_work.h"

namespace obhut::pipeline {

/// Files up to this size share blobs; larger ones are cut by content.
inline constexpr std::uint64_t kSmallFile = 256U << 10U;

struct SegmentSizes {
  std::uint64_t least = 512U << 10U;  ///< bytes of files before a name may end a segment
  std::uint64_t most = 1U << 20U;     ///< bytes after which a segment ends in any case
  std::size_t files = 4096;
  /// Steps of the walk after which it ends, whatever it holds. Less than half of the event queue:
  /// the builder may wait for a file of the open segment, and the walk for room behind it.
  std::size_t steps = 2048;
};

/// Thread: one.
class Segmenter {
 public:
  /// `seed` comes from the vault's keys: cuts tell an onlooker nothing about names.
  Segmenter(SegmentSizes sizes, std::uint64_t seed) : sizes_(sizes), seed_(seed) {}

  /// Adds a file. Out: a finished segment, where this file ended one.
  std::optional<ReadJob> add(FileWorkPtr work);
  /// To be called for every step of the walk. Out: the segment, where it has waited long enough.
  std::optional<ReadJob> step();
  /// What is left, at the end.
  std::optional<ReadJob> rest();

 private:
  std::optional<ReadJob> close();
  [[nodiscard]] bool ends_at(std::string_view name) const;
  SegmentSizes sizes_;
  std::uint64_t seed_;
  ReadJob open_;
  std::uint64_t bytes_ = 0;
  std::size_t steps_ = 0;
};

}  // namespace obhut::pipeline
