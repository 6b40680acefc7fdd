#include "agent/model/head.h"

#include <algorithm>

#include "agent/base/codec.h"

namespace obhut::model {
namespace {

constexpr std::string_view kMagic = "OBHUTHD1";
constexpr std::uint16_t kVersion = 1;
constexpr std::uint16_t kFullFlag = 1;
constexpr std::size_t kReferenceSize = 1 + 32 + 8;
constexpr std::size_t kRemovedSize = 1 + 32;
/// Below this a full list costs less than the trouble of resolving.
constexpr std::size_t kAlwaysFull = 1024;
/// A reader never walks back further than this.
constexpr std::uint64_t kFullEvery = 64;

bool can_be_referenced(ObjectKind kind) {
  return kind == ObjectKind::kPack || kind == ObjectKind::kIndex;
}

/// Names what is wrong; nothing where all is well.
std::string_view fault_of(const Head& head) {
  if (head.sequence == 0) return "sequence 0";
  if ((head.sequence == 1) != head.previous.is_zero()) return "previous does not fit the sequence";
  if (head.sequence == 1 && !head.full) return "the first must be full";
  if (head.full && !head.removed.empty()) return "a full head removes nothing";
  if (head.sealed_summary.size() > kMaxSummarySize) return "summary too long";
  for (std::size_t i = 0; i < head.added.size(); ++i) {
    if (!can_be_referenced(head.added[i].name.kind))
      return "refers to what is neither pack nor index";
    if (i > 0 && head.added[i - 1].name >= head.added[i].name) return "references out of order";
  }
  for (std::size_t i = 0; i < head.removed.size(); ++i) {
    if (!can_be_referenced(head.removed[i].kind)) return "removes what is neither pack nor index";
    if (i > 0 && head.removed[i - 1] >= head.removed[i]) return "removals out of order";
  }
  return {};
}

void write_name(Writer& out, const ObjectName& name) {
  out.u8(static_cast<std::uint8_t>(name.kind));
  out.id(name.hash);
}

ObjectName read_name(Reader& in) {
  ObjectName name;
  const std::optional<ObjectKind> kind = object_kind(in.u8());
  if (!kind) in.fail();
  name.kind = kind.value_or(ObjectKind::kPack);
  name.hash = in.id<Sha256>();
  return name;
}

/// A count as u32 whose items follow; fails the reader where they cannot.
std::size_t read_count(Reader& in, std::size_t item) {
  const std::uint32_t count = in.u32();
  if (count > in.remaining() / item) in.fail();
  return in.ok() ? count : 0;
}

}  // namespace

Result<Bytes> encode_head(const Head& head, const crypto::SigningKey& key) {
  if (head.signer != key.public_key()) {
    return fail(ErrorKind::kInvalidInput, "head: signed with another key than it names");
  }
  if (const std::string_view fault = fault_of(head); !fault.empty()) {
    return fail(ErrorKind::kInvalidInput, "head: " + std::string(fault));
  }
  Writer out;
  out.raw(as_bytes(kMagic));
  out.u16(kVersion);
  out.u16(head.full ? kFullFlag : 0);
  out.id(head.vault);
  out.id(head.device);
  out.id(head.signer);
  out.u64(head.sequence);
  out.id(head.previous);
  out.u64(static_cast<std::uint64_t>(head.created.time_since_epoch().count()));
  out.id(head.plan);
  out.u32(static_cast<std::uint32_t>(head.added.size()));
  for (const Reference& reference : head.added) {
    write_name(out, reference.name);
    out.u64(reference.size);
  }
  out.u32(static_cast<std::uint32_t>(head.removed.size()));
  for (const ObjectName& name : head.removed) write_name(out, name);
  out.u32(static_cast<std::uint32_t>(head.sealed_summary.size()));
  out.raw(head.sealed_summary);
  if (out.size() + crypto::kSignatureSize > kMaxHeadSize) {
    return fail(ErrorKind::kInvalidInput, "head: too many references");
  }
  const Bytes signature = key.sign(out.bytes());
  out.raw(signature);
  return std::move(out).take();
}

Result<Head> parse_head(ByteView bytes) {
  if (bytes.size() > kMaxHeadSize) return fail(ErrorKind::kCorrupt, "head: too long");
  Reader in(bytes);
  if (as_text(in.raw(kMagic.size())) != kMagic) return fail(ErrorKind::kCorrupt, "head: no head");
  const std::uint16_t version = in.u16();
  if (in.ok() && version != kVersion) {
    return fail(ErrorKind::kCorrupt, "head: version " + std::to_string(version) + " is unknown");
  }
  Head head;
  const std::uint16_t flags = in.u16();
  if (flags > kFullFlag) in.fail();
  head.full = flags == kFullFlag;
  head.vault = in.id<VaultId>();
  head.device = in.id<DeviceId>();
  head.signer = in.id<SigningKeyId>();
  head.sequence = in.u64();
  head.previous = in.id<Sha256>();
  head.created = Instant(std::chrono::microseconds(static_cast<std::int64_t>(in.u64())));
  head.plan = in.id<Sha256>();
  head.added.resize(read_count(in, kReferenceSize));
  for (Reference& reference : head.added) {
    reference.name = read_name(in);
    reference.size = in.u64();
  }
  head.removed.resize(read_count(in, kRemovedSize));
  for (ObjectName& name : head.removed) name = read_name(in);
  head.sealed_summary = to_bytes(in.raw(in.u32()));
  in.raw(crypto::kSignatureSize);
  TRY(in.finish("head"));
  if (const std::string_view fault = fault_of(head); !fault.empty()) {
    return fail(ErrorKind::kCorrupt, "head: " + std::string(fault));
  }
  return head;
}

bool verify_head(ByteView bytes, const SigningKeyId& key) {
  if (bytes.size() < crypto::kSignatureSize) return false;
  const std::size_t body = bytes.size() - crypto::kSignatureSize;
  return crypto::verify_signature(key, bytes.first(body), bytes.subspan(body));
}

Result<Head> open_head(ByteView bytes, std::span<const SigningKeyId> allowed) {
  ASSIGN_OR_RETURN(Head head, parse_head(bytes));
  if (std::ranges::find(allowed, head.signer) == allowed.end()) {
    return fail(ErrorKind::kCrypto, "head: signed by a key that this vault does not know");
  }
  if (!verify_head(bytes, head.signer)) return fail(ErrorKind::kCrypto, "head: signature is wrong");
  return head;
}

Result<void> apply_head(const Head& head, ReferenceSet& references) {
  if (head.full) references.clear();
  for (const ObjectName& name : head.removed) {
    if (references.erase(name) == 0) {
      return fail(ErrorKind::kCorrupt, "head: removes " + name.text() + ", which is not there");
    }
  }
  for (const Reference& reference : head.added) {
    if (!references.emplace(reference.name, reference.size).second) {
      return fail(ErrorKind::kCorrupt,
                  "head: adds " + reference.name.text() + ", which is there already");
    }
  }
  return {};
}

Result<ReferenceSet> resolve_references(std::span<const Head> chain) {
  ReferenceSet references;
  if (chain.empty() || !chain.front().full) {
    return fail(ErrorKind::kCorrupt, "head: its chain does not begin with a full one");
  }
  for (std::size_t i = 0; i < chain.size(); ++i) {
    if (i > 0 && !chain[i].full && chain[i].sequence != chain[i - 1].sequence + 1) {
      return fail(ErrorKind::kCorrupt, "head: a link of its chain is missing");
    }
    TRY(apply_head(chain[i], references));
  }
  return references;
}

void set_references(Head& head, const ReferenceSet& wanted, const ReferenceSet* before) {
  head.added.clear();
  head.removed.clear();
  head.full = before == nullptr || head.sequence <= 1 || head.sequence % kFullEvery == 0 ||
              wanted.size() <= kAlwaysFull;
  if (head.full) {
    for (const auto& [name, size] : wanted) head.added.push_back({name, size});
    return;
  }
  for (const auto& [name, size] : *before) {
    const auto at = wanted.find(name);
    if (at == wanted.end()) head.removed.push_back(name);
  }
  for (const auto& [name, size] : wanted) {
    if (!before->contains(name)) head.added.push_back({name, size});
  }
  if (head.added.size() + head.removed.size() >= wanted.size()) {
    set_references(head, wanted, nullptr);
  }
}

}  // namespace obhut::model
