#include "agent/vault/pack_list.h"

#include <algorithm>

#include "agent/base/check.h"
#include "agent/vault/index_record.h"

namespace obhut::vault {
namespace {

constexpr std::uint32_t kPartPacks = 1024;

}  // namespace

ByteView PackList::record(std::uint32_t number) const {
  CHECK(number < count_);
  return ByteView(parts_[number / kPartPacks])
      .subspan(std::size_t{number % kPartPacks} * kPackRecordSize, kPackRecordSize);
}

pack::PackInfo PackList::at(std::uint32_t number) const {
  return read_pack_record(record(number));
}

// Where the name is, or belongs.
std::size_t PackList::slot_of(const Sha256& name) const {
  std::size_t slot = IdHash{}(name) % slots_.size();
  while (slots_[slot] != 0 &&
         !std::ranges::equal(record(slots_[slot] - 1).first(Sha256::kSize), name.bytes())) {
    slot = (slot + 1) % slots_.size();
  }
  return slot;
}

std::optional<std::uint32_t> PackList::find(const Sha256& name) const {
  if (slots_.empty()) return std::nullopt;
  const std::uint32_t found = slots_[slot_of(name)];
  if (found == 0) return std::nullopt;
  return found - 1;
}

void PackList::grow() {
  slots_.assign(std::max<std::size_t>(64, slots_.size() * 2), 0);
  for (std::uint32_t number = 0; number < count_; ++number) {
    slots_[slot_of(*Sha256::from_bytes(record(number).first(Sha256::kSize)))] = number + 1;
  }
}

std::optional<std::uint32_t> PackList::add(const pack::PackInfo& pack) {
  if ((std::size_t{count_} + 1) * 4 > slots_.size() * 3) grow();
  const std::size_t slot = slot_of(pack.name);
  if (slots_[slot] != 0) return std::nullopt;
  if (count_ % kPartPacks == 0) {
    parts_.emplace_back();
    // Most runs add few packs.
    if (count_ > 0) parts_.back().reserve(std::size_t{kPartPacks} * kPackRecordSize);
  }
  write_pack_record(parts_.back(), pack);
  slots_[slot] = ++count_;
  return count_ - 1;
}

}  // namespace obhut::vault
