#include "agent/seal/envelope.h"

#include "agent/base/codec.h"
#include "agent/crypto/random.h"
#include "agent/seal/compressor.h"

namespace obhut::seal {
namespace {

constexpr std::string_view kMagic = "OBHUTSE1";
constexpr std::uint16_t kVersion = 1;

Bytes shrink(ByteView plain) {
  Compressor compressor(Effort::kThorough);
  Bytes frame(plain.size());
  frame.resize(compressor.compress(plain, frame));
  return frame;
}

std::string name_of(SealedKind kind) {
  switch (kind) {
    case SealedKind::kIndex:
      return "index";
    case SealedKind::kSummary:
      return "summary";
    case SealedKind::kSigner:
      return "signer";
    case SealedKind::kDropped:
      return "drop list";
    case SealedKind::kReplaced:
      return "replacement list";
    case SealedKind::kDataPack:
    case SealedKind::kNodePack:
      return "pack";
  }
  return "object";
}

struct Header {
  model::Codec codec = model::Codec::kRaw;
  Epoch epoch = 0;
  Salt salt;
  Commitment commitment;
  std::uint32_t plain_length = 0;
};

Result<Header> read_header(Reader& in, SealedKind kind, const VaultId& vault) {
  const auto wrong = [&](std::string_view what) {
    return fail(ErrorKind::kCorrupt, name_of(kind) + ": " + std::string(what));
  };
  if (as_text(in.raw(kMagic.size())) != kMagic) return wrong("not a sealed object");
  if (in.u16() != kVersion) return wrong("unknown version");
  if (in.u8() != static_cast<std::uint8_t>(kind)) return wrong("sealed as something else");
  const std::uint8_t codec = in.u8();
  if (codec > 1) return wrong("unknown codec");
  if (in.id<VaultId>() != vault) return wrong("belongs to another vault");
  Header header;
  header.codec = static_cast<model::Codec>(codec);
  header.epoch = in.u32();
  header.salt = in.id<Salt>();
  header.commitment = in.id<Commitment>();
  header.plain_length = in.u32();
  if (!in.ok() || in.remaining() < crypto::kAeadTagSize) return wrong("cut off");
  if (header.plain_length > kMaxEnvelopePlain) return wrong("too long");
  return header;
}

}  // namespace

Result<Bytes> seal_envelope_with_salt(const Keyring& keyring, SealedKind kind, ByteView context,
                                      ByteView plain, const Salt& salt) {
  if (plain.size() > kMaxEnvelopePlain) {
    return fail(ErrorKind::kInvalidInput, name_of(kind) + ": too long to seal");
  }
  const Epoch epoch = keyring.current();
  ASSIGN_OR_RETURN(ObjectCipher cipher, ObjectCipher::derive(keyring, kind, epoch, salt, context));
  const Bytes frame = shrink(plain);
  const ByteView body = frame.empty() ? plain : ByteView(frame);
  const Place place{0, frame.empty() ? model::Codec::kRaw : model::Codec::kZstd,
                    static_cast<std::uint32_t>(plain.size())};
  Bytes sealed(body.size() + crypto::kAeadTagSize);
  cipher.seal(place, body, sealed);
  Writer out;
  out.raw(as_bytes(kMagic));
  out.u16(kVersion);
  out.u8(static_cast<std::uint8_t>(kind));
  out.u8(static_cast<std::uint8_t>(place.codec));
  out.id(keyring.vault());
  out.u32(epoch);
  out.id(salt);
  out.id(cipher.commitment());
  out.u32(place.plain_length);
  out.raw(sealed);
  ASSIGN_OR_RETURN(const Bytes again, open_envelope(keyring, kind, context, out.bytes()));
  if (!equal(again, plain)) {
    return fail(ErrorKind::kCrypto, name_of(kind) + ": does not open to what was sealed");
  }
  return std::move(out).take();
}

Result<Bytes> seal_envelope(const Keyring& keyring, SealedKind kind, ByteView context,
                            ByteView plain) {
  return seal_envelope_with_salt(keyring, kind, context, plain, crypto::random_id<Salt>());
}

Result<Bytes> open_envelope(const Keyring& keyring, SealedKind kind, ByteView context,
                            ByteView sealed) {
  Reader in(sealed);
  ASSIGN_OR_RETURN(const Header header, read_header(in, kind, keyring.vault()));
  ASSIGN_OR_RETURN(ObjectCipher cipher,
                   ObjectCipher::derive(keyring, kind, header.epoch, header.salt, context));
  if (cipher.commitment() != header.commitment) {
    return fail(ErrorKind::kCrypto, name_of(kind) + ": sealed with another key");
  }
  const ByteView body = in.raw(in.remaining());
  const Place place{0, header.codec, header.plain_length};
  Bytes opened(body.size() - crypto::kAeadTagSize);
  if (Result<void> done = cipher.open(place, body, opened); !done) {
    return pass_on(std::move(done.error()), name_of(kind));
  }
  if (header.codec == model::Codec::kRaw) {
    if (opened.size() != header.plain_length) {
      return fail(ErrorKind::kCorrupt, name_of(kind) + ": lengths do not agree");
    }
    return opened;
  }
  Bytes plain(header.plain_length);
  Compressor compressor;
  if (Result<void> done = compressor.expand(opened, plain); !done) {
    return pass_on(std::move(done.error()), name_of(kind));
  }
  return plain;
}

}  // namespace obhut::seal
