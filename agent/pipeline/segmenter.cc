#include "agent/pipeline/segmenter.h"

#include <utility>

namespace obhut::pipeline {

// FNV-1a with a keyed start, its high bits: one name in sixteen ends a segment.
bool Segmenter::ends_at(std::string_view name) const {
  std::uint64_t hash = 0xCBF29CE484222325ULL ^ seed_;
  for (const char c : name) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001B3ULL;
  }
  return (hash >> 60U) == 0;
}

std::optional<ReadJob> Segmenter::add(FileWorkPtr work) {
  bytes_ += work->entry.size;
  const bool ends = bytes_ >= sizes_.least && ends_at(work->entry.name);
  open_.works.push_back(std::move(work));
  if (ends || bytes_ >= sizes_.most || open_.works.size() >= sizes_.files) return close();
  return std::nullopt;
}

std::optional<ReadJob> Segmenter::step() {
  if (open_.works.empty() || ++steps_ < sizes_.steps) return std::nullopt;
  return close();
}

std::optional<ReadJob> Segmenter::rest() {
  return open_.works.empty() ? std::nullopt : close();
}

std::optional<ReadJob> Segmenter::close() {
  bytes_ = 0;
  steps_ = 0;
  return std::exchange(open_, {});
}

}  // namespace obhut::pipeline
