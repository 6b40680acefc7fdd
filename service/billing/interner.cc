#include "service/billing/interner.h"

#include <functional>

#include "agent/base/check.h"

namespace obhut::billing {

std::string_view Interner::text(std::uint32_t number) const {
  const std::uint64_t begin = number == 0 ? 0 : entries_[number - 1].end;
  return {arena_.data() + begin, static_cast<std::size_t>(entries_[number].end - begin)};
}

std::uint32_t Interner::intern(std::string_view wanted) {
  const std::uint64_t hash = std::hash<std::string_view>{}(wanted);
  std::size_t slot = hash & (slots_.size() - 1);
  while (slots_[slot] != kEmpty) {
    const std::uint32_t number = slots_[slot];
    if (entries_[number].hash == hash && text(number) == wanted) return number;
    slot = (slot + 1) & (slots_.size() - 1);
  }
  CHECK(entries_.size() < kEmpty);
  const auto number = static_cast<std::uint32_t>(entries_.size());
  arena_.insert(arena_.end(), wanted.begin(), wanted.end());
  entries_.push_back({arena_.size(), hash});
  slots_[slot] = number;
  if (entries_.size() * 2 > slots_.size()) grow();
  return number;
}

void Interner::grow() {
  slots_.assign(slots_.size() * 2, kEmpty);
  for (std::uint32_t number = 0; number < entries_.size(); ++number) {
    std::size_t slot = entries_[number].hash & (slots_.size() - 1);
    while (slots_[slot] != kEmpty) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = number;
  }
}

}  // namespace obhut::billing
