#include "agent/vault/replacements.h"

#include <set>

#include "agent/base/codec.h"

namespace obhut::vault {
namespace {

constexpr std::uint8_t kListVersion = 1;
constexpr std::size_t kNameSize = 1 + Sha256::kSize;

void put_name(Writer& out, const model::ObjectName& name) {
  out.u8(static_cast<std::uint8_t>(name.kind));
  out.id(name.hash);
}

model::ObjectName read_name(Reader& in) {
  const std::optional<model::ObjectKind> kind = model::object_kind(in.u8());
  const model::ObjectName name{kind.value_or(model::ObjectKind::kPack), in.id<Sha256>()};
  if (!kind || *kind > model::ObjectKind::kIndex) in.fail();
  return name;
}

}  // namespace

Bytes encode_replacements(std::span<const Replacement> replacements) {
  Writer out;
  out.u8(kListVersion);
  out.varint(replacements.size());
  for (const Replacement& replacement : replacements) {
    put_name(out, replacement.old);
    out.varint(replacement.until);
    out.varint(replacement.by.size());
    for (const model::Reference& object : replacement.by) {
      put_name(out, object.name);
      out.varint(object.size);
    }
  }
  return std::move(out).take();
}

Result<std::vector<Replacement>> parse_replacements(ByteView plain) {
  Reader in(plain);
  if (in.u8() != kListVersion) {
    return fail(ErrorKind::kCorrupt, "replacement list: unknown version");
  }
  std::vector<Replacement> replacements(in.count(kNameSize + 2));
  for (Replacement& replacement : replacements) {
    replacement.old = read_name(in);
    replacement.until = in.varint();
    replacement.by.resize(in.count(kNameSize + 1));
    for (model::Reference& object : replacement.by) {
      object.name = read_name(in);
      object.size = in.varint();
    }
  }
  TRY(in.finish("replacement list"));
  return replacements;
}

void Replacements::add(std::vector<Replacement> replacements) {
  for (Replacement& replacement : replacements) {
    const auto [place, fresh] = by_old_.try_emplace(replacement.old);
    if (fresh || place->second.until < replacement.until) place->second = std::move(replacement);
  }
}

const Replacement* Replacements::find(const model::ObjectName& name, std::uint64_t sequence) const {
  const auto at = by_old_.find(name);
  return at != by_old_.end() && sequence <= at->second.until ? &at->second : nullptr;
}

model::ReferenceSet Replacements::resolve(const model::ReferenceSet& named,
                                          std::uint64_t sequence) const {
  if (by_old_.empty()) return named;
  model::ReferenceSet needed;
  std::vector<const Replacement*> open;
  std::set<model::ObjectName> followed;  // a list that somebody made up may go in circles
  const auto take = [&](const model::ObjectName& name, std::uint64_t size) {
    const Replacement* replaced = find(name, sequence);
    if (replaced == nullptr) {
      needed.emplace(name, size);
    } else if (followed.insert(replaced->old).second) {
      open.push_back(replaced);
    }
  };
  for (const auto& [name, size] : named) take(name, size);
  while (!open.empty()) {
    const Replacement* next = open.back();
    open.pop_back();
    for (const model::Reference& object : next->by) take(object.name, object.size);
  }
  return needed;
}

}  // namespace obhut::vault
