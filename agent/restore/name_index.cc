#include "agent/restore/name_index.h"

#include "agent/model/node.h"
#include "platform/fold_case.h"

namespace obhut::restore {
namespace {

constexpr std::size_t kOverhead = 256;

struct Learned {
  std::string names;
  Bytes folders;
};

/// Nothing for a part that is damaged, or that cannot be written without its files: it is read.
std::optional<Learned> learn(ByteView bytes, std::string_view after) {
  Result<model::NodeReader> entries = model::NodeReader::open(bytes, after);
  if (!entries) return std::nullopt;
  Learned learned;
  // More than our writers put into a part: it does not end within one.
  constexpr std::size_t kNoEnd = std::size_t{5} << 18U;
  model::NodeWriter folders({.least = kNoEnd - 1, .average = kNoEnd, .most = kNoEnd});
  model::Entry entry;
  for (;;) {
    const Result<bool> more = entries->next(entry);
    if (!more) return std::nullopt;
    if (!*more) break;
    if (entry.type == model::EntryType::kDirectory) {
      const auto added = folders.add(entry);
      if (!added || *added) return std::nullopt;
    } else {
      if (!learned.names.empty()) learned.names += '/';
      learned.names += platform::fold_case(entry.name);
    }
  }
  std::optional<Bytes> written = folders.finish();
  if (!written) return std::nullopt;
  learned.folders = std::move(*written);
  return learned;
}

}  // namespace

std::size_t NameIndex::parts() const {
  const std::scoped_lock lock(mutex_);
  return known_.size();
}

std::shared_ptr<const Bytes> NameIndex::Use::of(const model::Ref& part) {
  const std::scoped_lock lock(index_.mutex_);
  const auto known = index_.known_.find(part);
  if (known == index_.known_.end() || query_.may_match(known->second.names)) return nullptr;
  return known->second.folders;
}

void NameIndex::Use::was_read(const model::Ref& part, ByteView bytes, std::string_view after) {
  {
    const std::scoped_lock lock(index_.mutex_);
    if (index_.room_ < kOverhead || index_.known_.contains(part)) return;
  }
  std::optional<Learned> learned = learn(bytes, after);
  if (!learned) return;
  learned->names.shrink_to_fit();
  learned->folders.shrink_to_fit();
  const std::size_t size = kOverhead + learned->names.size() + learned->folders.size();
  const std::scoped_lock lock(index_.mutex_);
  if (size > index_.room_) return;
  const bool fresh =
      index_.known_
          .try_emplace(part, Known{std::move(learned->names),
                                   std::make_shared<const Bytes>(std::move(learned->folders))})
          .second;
  if (fresh) index_.room_ -= size;
}

}  // namespace obhut::restore
