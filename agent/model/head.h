#pragma once
// The head of a recovery point: signed, chained to the one before, naming every object that the
// point needs. The cluster parses it without any key. Bytes: FORMAT.md section 3.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/signing.h"
#include "agent/model/object_name.h"

namespace obhut::model {

/// An object that a point needs: a pack or an index object.
struct Reference {
  ObjectName name;
  std::uint64_t size = 0;  ///< of the sealed bytes
  friend auto operator<=>(const Reference&, const Reference&) = default;
};

/// A full list takes 41 bytes a reference: 10 TB in packs of 16 MiB are 25 MB.
inline constexpr std::size_t kMaxHeadSize = 256U << 20U;
inline constexpr std::size_t kMaxSummarySize = 1U << 20U;

struct Head {
  VaultId vault;
  DeviceId device;
  SigningKeyId signer;              ///< whose signature follows
  std::uint64_t sequence = 0;       ///< from 1, one more than the head before
  Sha256 previous;                  ///< hash of the head before; zero for the first
  Instant created{};                ///< the device's clock: a claim, never a basis for retention
  Sha256 plan;                      ///< hash of the plan in force; zero where there was none
  bool full = false;                ///< `added` are all references; else they change those before
  std::vector<Reference> added;     ///< ascending by name
  std::vector<ObjectName> removed;  ///< ascending; empty in a full head
  Bytes sealed_summary;             ///< opaque here: seal::open_summary

  friend bool operator==(const Head&, const Head&) = default;
};

/// Encodes and signs. `head.signer` must be `key`'s public key.
/// Errors: kInvalidInput for what parse_head would refuse.
Result<Bytes> encode_head(const Head& head, const crypto::SigningKey& key);

/// Checks form, order and ranges; not the signature. Errors: kCorrupt.
Result<Head> parse_head(ByteView bytes);

/// True where `bytes` end in a good signature by `key` over all before it.
bool verify_head(ByteView bytes, const SigningKeyId& key);

/// parse_head, and the signature by `head.signer`, which must be one of `allowed`.
/// Errors: kCorrupt; kCrypto for a bad signature or a signer that is not allowed.
Result<Head> open_head(ByteView bytes, std::span<const SigningKeyId> allowed);

/// References by name, with their sizes.
using ReferenceSet = std::map<ObjectName, std::uint64_t>;

/// Makes `references` those of `head`. In: those of the head before, unless `head` is full.
/// Errors: kCorrupt where a delta removes what is not there or adds what is.
Result<void> apply_head(const Head& head, ReferenceSet& references);

/// The references of the last head. In: heads oldest first, each the successor of the one before,
/// the first one full. Errors: kCorrupt for a chain that is none.
Result<ReferenceSet> resolve_references(std::span<const Head> chain);

/// Fills `full`, `added` and `removed` of `head` (whose sequence is set) so that its references are
/// `wanted`: in full for the first, without `before`, up to 1024 references or every 64th
/// sequence, else as the change against `before`.
void set_references(Head& head, const ReferenceSet& wanted, const ReferenceSet* before);

}  // namespace obhut::model
