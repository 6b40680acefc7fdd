#include "agent/vault/index_filter.h"

#include <algorithm>

#include "agent/base/check.h"

namespace obhut::vault {
namespace {

constexpr std::size_t kPerPage = kPageContent / 2;
constexpr std::size_t kStepPages = 256;

}  // namespace

std::uint16_t fingerprint_of(const BlobId& id) {
  const ByteView bytes = id.bytes();
  return static_cast<std::uint16_t>(bytes[8] | bytes[9] << 8U);
}

IndexFilter::IndexFilter(const PageFile& file, std::uint64_t first, std::uint64_t records)
    : file_(file),
      first_(first),
      pages_((records + kPerPage - 1) / kPerPage),
      steps_((pages_ + kStepPages - 1) / kStepPages) {}

Result<const Pages*> IndexFilter::step(std::size_t number) const {
  if (const Pages* here = steps_[number].load(std::memory_order_acquire)) return here;
  const std::scoped_lock lock(mutex_);
  if (const Pages* here = steps_[number].load(std::memory_order_acquire)) return here;
  auto fresh = std::make_unique<Pages>();
  const std::uint64_t begin = number * kStepPages;
  TRY(file_.read(first_ + begin, std::min<std::uint64_t>(kStepPages, pages_ - begin), *fresh));
  owned_.push_back(std::move(fresh));
  steps_[number].store(owned_.back().get(), std::memory_order_release);
  return owned_.back().get();
}

Result<bool> IndexFilter::may_hold(std::uint16_t fingerprint, std::uint64_t begin,
                                   std::size_t count) const {
  const std::uint64_t page = begin / kPerPage;
  const std::size_t at = begin % kPerPage;
  CHECK(page < pages_ && at + count <= kPerPage);
  ASSIGN_OR_RETURN(const Pages* pages, step(page / kStepPages));
  const std::uint8_t* in = pages->content(page % kStepPages).data() + 2 * at;
  const auto low = static_cast<std::uint8_t>(fingerprint);
  const auto high = static_cast<std::uint8_t>(fingerprint >> 8U);
  // Without an early end, so that it is compared by the vector.
  unsigned found = 0;
  for (std::size_t i = 0; i < count; ++i) {
    found |= static_cast<unsigned>(in[2 * i] == low) & static_cast<unsigned>(in[2 * i + 1] == high);
  }
  return found != 0;
}

}  // namespace obhut::vault
