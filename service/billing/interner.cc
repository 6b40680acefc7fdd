#include "service/billing/interner.h"

#include <cstring>

#include "agent/base/check.h"

namespace obhut::billing {
namespace {

constexpr std::size_t kHead = 2 * sizeof(std::uint32_t);

std::uint32_t load(const char* at) {
  std::uint32_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace

std::string_view Interner::text_at(std::uint64_t offset) const {
  const char* record = arena_.data() + offset;
  return {record + kHead, load(record + sizeof(std::uint32_t))};
}

std::uint32_t Interner::intern(std::string_view wanted, std::uint64_t hash,
                               std::uint32_t number_if_new) {
  std::size_t index = hash & (slots_.size() - 1);
  for (; slots_[index] != kEmpty; index = (index + 1) & (slots_.size() - 1)) {
    if (tag_of(slots_[index]) != tag_of(hash)) continue;
    const std::uint64_t offset = slots_[index] & kOffsetMask;
    if (text_at(offset) == wanted) return load(arena_.data() + offset);
  }
  const std::uint64_t offset = arena_.size();
  CHECK(offset + kHead + wanted.size() < kOffsetMask);
  const std::uint32_t head[] = {number_if_new, static_cast<std::uint32_t>(wanted.size())};
  const auto* bytes = reinterpret_cast<const char*>(head);
  arena_.insert(arena_.end(), bytes, bytes + kHead);
  arena_.insert(arena_.end(), wanted.begin(), wanted.end());
  offsets_.push_back(offset);
  slots_[index] = tag_of(hash) | offset;
  if (offsets_.size() * 2 > slots_.size()) grow();
  return number_if_new;
}

void Interner::grow() {
  slots_.assign(slots_.size() * 2, kEmpty);
  for (const std::uint64_t offset : offsets_) {
    const std::uint64_t hash = hash_of(text_at(offset));
    std::size_t index = hash & (slots_.size() - 1);
    while (slots_[index] != kEmpty) index = (index + 1) & (slots_.size() - 1);
    slots_[index] = tag_of(hash) | offset;
  }
}

}  // namespace obhut::billing
