#include "agent/vault/signer.h"

#include "agent/base/codec.h"
#include "agent/seal/envelope.h"

namespace obhut::vault {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kSeedSize = 32;

}  // namespace

Result<Bytes> seal_signer(const seal::Keyring& keyring, const Signer& signer) {
  if (signer.seed && signer.seed->size() != kSeedSize) {
    return fail(ErrorKind::kInvalidInput, "signer: a seed has 32 bytes");
  }
  Writer out;
  out.u8(kVersion);
  out.id(signer.key);
  out.id(signer.device);
  out.u64(static_cast<std::uint64_t>(signer.since.time_since_epoch().count()));
  out.u8(signer.seed ? 1 : 0);
  if (signer.seed) out.raw(signer.seed->view());
  Bytes plain = std::move(out).take();
  Result<Bytes> sealed = seal::seal_envelope(keyring, seal::SealedKind::kSigner, {}, plain);
  crypto::wipe(plain);
  return sealed;
}

Result<Signer> open_signer(const seal::Keyring& keyring, ByteView sealed) {
  ASSIGN_OR_RETURN(Bytes plain,
                   seal::open_envelope(keyring, seal::SealedKind::kSigner, {}, sealed));
  Result<Signer> signer = parse_signer(plain);
  crypto::wipe(plain);
  return signer;
}

Result<Signer> parse_signer(ByteView plain) {
  Reader in(plain);
  const std::uint8_t version = in.u8();
  if (in.ok() && version != kVersion) return fail(ErrorKind::kCorrupt, "signer: unknown version");
  Signer signer;
  signer.key = in.id<SigningKeyId>();
  signer.device = in.id<DeviceId>();
  signer.since = Instant(std::chrono::microseconds(static_cast<std::int64_t>(in.u64())));
  const std::uint8_t has_seed = in.u8();
  if (has_seed > 1) in.fail();
  if (has_seed == 1) signer.seed.emplace(in.raw(kSeedSize));
  TRY(in.finish("signer"));
  if (signer.seed) {
    ASSIGN_OR_RETURN(const crypto::SigningKey key,
                     crypto::SigningKey::from_seed(signer.seed->view()));
    if (key.public_key() != signer.key) {
      return fail(ErrorKind::kCorrupt, "signer: its seed makes another key");
    }
  }
  return signer;
}

}  // namespace obhut::vault
