#include "agent/vault/key_slot.h"

#include <array>
#include <bit>

#include "agent/base/check.h"
#include "agent/base/codec.h"
#include "agent/base/text.h"
#include "agent/crypto/aead.h"
#include "agent/crypto/random.h"

namespace obhut::vault {
namespace {

using crypto::SecretBytes;

constexpr std::string_view kMagic = "OBHUTKEY";
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kHeaderSize = 152;
constexpr std::size_t kMaxSlot = 64U << 10U;
constexpr std::size_t kSecretSize = 32;
constexpr std::size_t kMaxPassphrase = 4096;
constexpr std::uint32_t kMaxLogN = 20;

/// All of a slot before its sealed bundle.
struct Header {
  SlotHeader said;
  seal::Salt salt;
  seal::Commitment commitment;
};

Bytes encode(const Header& header) {
  const bool passphrase = header.said.type == SlotType::kPassphrase;
  Writer out;
  out.raw(as_bytes(kMagic));
  out.u16(kVersion);
  out.u8(static_cast<std::uint8_t>(header.said.type));
  out.u8(0);
  out.id(header.said.vault);
  out.id(header.said.id);
  out.u64(static_cast<std::uint64_t>(header.said.created.time_since_epoch().count()));
  out.id(header.salt);
  out.u8(passphrase ? static_cast<std::uint8_t>(std::countr_zero(header.said.cost.n)) : 0);
  out.u8(passphrase ? static_cast<std::uint8_t>(header.said.cost.r) : 0);
  out.u8(passphrase ? static_cast<std::uint8_t>(header.said.cost.p) : 0);
  out.u8(0);
  out.id(header.said.recipient);
  out.id(header.commitment);
  CHECK(out.size() == kHeaderSize);
  return std::move(out).take();
}

std::unexpected<Error> corrupt(std::string_view what) {
  return fail(ErrorKind::kCorrupt, "key slot: " + std::string(what));
}

Result<void> check_cost(const crypto::ScryptCost& cost) {
  if (std::has_single_bit(cost.n) && cost.n >= 2 && cost.n <= 1U << kMaxLogN && cost.r >= 1 &&
      cost.r <= 8 && cost.p >= 1 && cost.p <= 4) {
    return {};
  }
  return fail(ErrorKind::kInvalidInput, "key slot: its scrypt cost is out of bounds");
}

Result<Header> parse(ByteView bytes) {
  if (bytes.size() < kHeaderSize + crypto::kAeadTagSize) return corrupt("cut off");
  if (bytes.size() > kMaxSlot) return corrupt("too long");
  Reader in(bytes.first(kHeaderSize));
  if (as_text(in.raw(kMagic.size())) != kMagic) return corrupt("no slot");
  if (in.u16() != kVersion) return corrupt("unknown version");
  Header header;
  const std::uint8_t type = in.u8();
  if (type < 1 || type > 4) return corrupt("unknown type");
  header.said.type = static_cast<SlotType>(type);
  if (in.u8() != 0) return corrupt("malformed");
  header.said.vault = in.id<VaultId>();
  header.said.id = in.id<SlotId>();
  header.said.created = Instant(std::chrono::microseconds(static_cast<std::int64_t>(in.u64())));
  header.salt = in.id<seal::Salt>();
  const std::uint32_t log_n = in.u8();
  header.said.cost.r = in.u8();
  header.said.cost.p = in.u8();
  if (in.u8() != 0) return corrupt("malformed");
  header.said.recipient = in.id<crypto::ExchangeKeyId>();
  header.commitment = in.id<seal::Commitment>();
  TRY(in.finish("key slot"));
  if (header.said.type == SlotType::kPassphrase) {
    header.said.cost.n = log_n <= kMaxLogN ? std::uint64_t{1} << log_n : 0;
    TRY(check_cost(header.said.cost));
  } else {
    if (log_n != 0 || header.said.cost.r != 0 || header.said.cost.p != 0) {
      return corrupt("malformed");
    }
    header.said.cost = {};
  }
  const bool escrow = header.said.type == SlotType::kEscrow;
  if (escrow == header.said.recipient.is_zero() || escrow != header.commitment.is_zero()) {
    return corrupt("malformed");
  }
  return header;
}

Bytes encode_bundle(const seal::Keyring& keyring) {
  Writer out;
  out.u32(static_cast<std::uint32_t>(keyring.roots().size()));
  for (const auto& [epoch, root] : keyring.roots()) out.raw(root.view());
  return std::move(out).take();
}

Result<seal::Keyring> parse_bundle(const VaultId& vault, ByteView plain) {
  Reader in(plain);
  const std::uint32_t count = in.u32();
  if (count > seal::kMaxEpochs) in.fail();
  std::map<seal::Epoch, SecretBytes> roots;
  for (std::uint32_t epoch = 1; epoch <= count && in.ok(); ++epoch) {
    roots.emplace(epoch, SecretBytes(in.raw(seal::kRootSize)));
  }
  TRY(in.finish("key slot"));
  return seal::Keyring::from_roots(vault, std::move(roots));
}

/// 32 bytes of key, 32 of commitment. GCM alone would let one body open under many passphrases.
Result<SecretBytes> derive(const KeySource& source, const Header& header) {
  const std::string info = "obhut/1/slot/" + std::string(to_string(header.said.type));
  const auto expand = [&](ByteView secret) {
    return crypto::hkdf_sha256(secret, header.salt.bytes(), as_bytes(info), 64);
  };
  if (const auto* machine = std::get_if<MachineSecret>(&source)) {
    if (machine->secret.size() != kSecretSize) {
      return fail(ErrorKind::kInvalidInput, "key slot: a machine secret has 32 bytes");
    }
    return expand(machine->secret.view());
  }
  if (const auto* recovery = std::get_if<RecoveryKey>(&source)) {
    return expand(recovery->secret().view());
  }
  const auto* passphrase = std::get_if<Passphrase>(&source);
  CHECK(passphrase != nullptr);  // escrow goes another way
  if (passphrase->text.empty() || passphrase->text.size() > kMaxPassphrase) {
    return fail(ErrorKind::kInvalidInput, "key slot: a passphrase has 1 to 4096 bytes");
  }
  ASSIGN_OR_RETURN(
      const SecretBytes stretched,
      crypto::scrypt(passphrase->text.view(), header.salt.bytes(), header.said.cost, kSecretSize));
  return expand(stretched.view());
}

constexpr std::array<std::uint8_t, crypto::kAeadNonceSize> kNonce{};

std::string escrow_context(ByteView header) {
  return "obhut/1/slot/escrow" + std::string(as_text(header));
}

Result<Bytes> seal_for_recipient(const seal::Keyring& keyring,
                                 const crypto::ExchangeKeyId& recipient, Instant now,
                                 const SlotId& id) {
  Header header;
  header.said = {SlotType::kEscrow, id, keyring.vault(), now, {}, recipient};
  Bytes out = encode(header);
  Result<Bytes> sealed = seal_roots_to(recipient, escrow_context(out), keyring);
  if (!sealed) return pass_on(std::move(sealed.error()), "key slot");
  out.insert(out.end(), sealed->begin(), sealed->end());
  return out;
}

}  // namespace

std::string_view to_string(SlotType type) {
  switch (type) {
    case SlotType::kMachine:
      return "machine";
    case SlotType::kRecovery:
      return "recovery";
    case SlotType::kPassphrase:
      return "passphrase";
    case SlotType::kEscrow:
      return "escrow";
  }
  return "unknown";
}

SlotType slot_type_of(const KeySource& source) {
  return static_cast<SlotType>(source.index() + 1);
}

Result<KeySource> key_source_from_file_text(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.empty()) return fail(ErrorKind::kInvalidInput, "key file: it is empty");
  if (text.size() > kMaxPassphrase || text.find('\0') != std::string_view::npos) {
    return fail(ErrorKind::kInvalidInput,
                "key file: it holds neither a passphrase nor a recovery key");
  }
  Result<RecoveryKey> key = RecoveryKey::parse(text);
  if (key) return KeySource(std::move(*key));
  if (has_recovery_key_form(text)) return pass_on(std::move(key.error()), "key file");
  return KeySource(Passphrase{SecretBytes(as_bytes(text))});
}

Result<SlotHeader> parse_slot(ByteView bytes) {
  ASSIGN_OR_RETURN(const Header header, parse(bytes));
  return header.said;
}

bool is_slot(ByteView bytes) {
  return bytes.size() >= kMagic.size() && as_text(bytes.first(kMagic.size())) == kMagic;
}

Result<Bytes> seal_slot_with(const seal::Keyring& keyring, const KeySource& source, Instant now,
                             const crypto::ScryptCost& cost, const SlotRandomness& randomness) {
  if (const auto* escrow = std::get_if<EscrowSecret>(&source)) {
    return seal_for_recipient(keyring, escrow->key.public_key(), now, randomness.id);
  }
  TRY(check_cost(cost));
  Header header;
  header.said = {slot_type_of(source), randomness.id, keyring.vault(), now, cost, {}};
  header.salt = randomness.salt;
  ASSIGN_OR_RETURN(const SecretBytes both, derive(source, header));
  header.commitment = *seal::Commitment::from_bytes(both.view().subspan(kSecretSize));
  Bytes out = encode(header);
  Bytes bundle = encode_bundle(keyring);
  Bytes sealed(bundle.size() + crypto::kAeadTagSize);
  crypto::Aead(both.view().first(kSecretSize)).seal(kNonce, out, bundle, sealed);
  crypto::wipe(bundle);
  out.insert(out.end(), sealed.begin(), sealed.end());
  return out;
}

Result<Bytes> seal_slot(const seal::Keyring& keyring, const KeySource& source, Instant now,
                        const crypto::ScryptCost& cost) {
  return seal_slot_with(keyring, source, now, cost,
                        {crypto::random_id<SlotId>(), crypto::random_id<seal::Salt>()});
}

Result<Bytes> seal_escrow_slot(const seal::Keyring& keyring, const crypto::ExchangeKeyId& partner,
                               Instant now) {
  return seal_for_recipient(keyring, partner, now, crypto::random_id<SlotId>());
}

Result<Bytes> seal_roots_to(const crypto::ExchangeKeyId& recipient, std::string_view context,
                            const seal::Keyring& keyring) {
  Bytes bundle = encode_bundle(keyring);
  Result<Bytes> sealed = crypto::seal_to(recipient, context, bundle);
  crypto::wipe(bundle);
  return sealed;
}

Result<seal::Keyring> open_roots(const crypto::ExchangeKey& key, std::string_view context,
                                 const VaultId& vault, ByteView sealed) {
  ASSIGN_OR_RETURN(const SecretBytes plain, crypto::open_with(key, context, sealed));
  return parse_bundle(vault, plain.view());
}

Result<seal::Keyring> open_slot(ByteView bytes, const KeySource& source) {
  ASSIGN_OR_RETURN(const Header header, parse(bytes));
  if (header.said.type != slot_type_of(source)) {
    return fail(ErrorKind::kCrypto,
                "key slot: opens with a " + std::string(to_string(header.said.type)) + " key only");
  }
  const ByteView aad = bytes.first(kHeaderSize);
  const ByteView sealed = bytes.subspan(kHeaderSize);
  if (const auto* escrow = std::get_if<EscrowSecret>(&source)) {
    if (escrow->key.public_key() != header.said.recipient) {
      return fail(ErrorKind::kCrypto, "key slot: it is for another partner's key");
    }
    Result<seal::Keyring> opened =
        open_roots(escrow->key, escrow_context(aad), header.said.vault, sealed);
    if (!opened) return pass_on(std::move(opened.error()), "key slot");
    return opened;
  }
  ASSIGN_OR_RETURN(const SecretBytes both, derive(source, header));
  if (!crypto::equal_in_constant_time(both.view().subspan(kSecretSize),
                                      header.commitment.bytes())) {
    return fail(ErrorKind::kCrypto, "key slot: this is not its key");
  }
  SecretBytes plain(sealed.size() - crypto::kAeadTagSize);
  Result<void> opened =
      crypto::Aead(both.view().first(kSecretSize)).open(kNonce, aad, sealed, plain.writable());
  if (!opened) return pass_on(std::move(opened.error()), "key slot");
  return parse_bundle(header.said.vault, plain.view());
}

}  // namespace obhut::vault
