#include "service/endpoint/name_indexes.h"

namespace obhut::endpoint {

std::shared_ptr<restore::NameIndex> NameIndexes::of(const VaultId& vault) {
  const std::scoped_lock lock(mutex_);
  Held& held = held_[vault];
  if (!held.index) held.index = std::make_shared<restore::NameIndex>();
  held.asked = clock_.steady();
  return held.index;
}

void NameIndexes::forget_idle() {
  constexpr std::chrono::minutes kKept{10};
  const std::scoped_lock lock(mutex_);
  std::erase_if(held_, [&](const auto& one) { return clock_.steady() - one.second.asked > kKept; });
}

}  // namespace obhut::endpoint
