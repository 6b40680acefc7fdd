#pragma once
// Key slots: the ways into a vault. Each seals the same bundle of root keys. Bytes: FORMAT.md
// section 1.

#include <cstdint>
#include <string>
#include <variant>

#include "agent/base/bytes.h"
#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/kdf.h"
#include "agent/crypto/secret.h"
#include "agent/crypto/signing.h"
#include "agent/seal/keyring.h"
#include "agent/seal/object_cipher.h"
#include "agent/vault/recovery_key.h"

namespace obhut::vault {

/// The numbers are part of the format.
enum class SlotType : std::uint8_t {
  kMachine = 1,     ///< a random secret that the machine keeps
  kRecovery = 2,    ///< a RecoveryKey
  kPassphrase = 3,  ///< scrypt
  kEscrow = 4,      ///< the partner's X25519 key
};

/// "machine", "recovery", "passphrase", "escrow".
std::string_view to_string(SlotType type);

/// What opens a slot.
struct MachineSecret {
  crypto::SecretBytes secret;  ///< 32 random bytes
};
struct Passphrase {
  crypto::SecretBytes text;  ///< UTF-8, not empty
};
struct EscrowSecret {
  crypto::ExchangeKey key;
};
using KeySource = std::variant<MachineSecret, RecoveryKey, Passphrase, EscrowSecret>;

SlotType slot_type_of(const KeySource& source);

/// What a `--key-file` holds: a recovery key where it has that form, else a passphrase (one
/// trailing line end dropped). Errors: kInvalidInput for an empty file, NUL bytes, more than 4 KiB,
/// and for a recovery key with a typo.
Result<KeySource> key_source_from_file_text(std::string_view text);

/// What a slot says without a key. None of it is secret; all of it is authenticated on opening.
struct SlotHeader {
  SlotType type = SlotType::kMachine;
  SlotId id;
  VaultId vault;
  Instant created{};
  crypto::ScryptCost cost;          ///< kPassphrase
  crypto::ExchangeKeyId recipient;  ///< kEscrow: whose key opens it
};

/// Errors: kCorrupt; kInvalidInput for a scrypt cost beyond its bounds.
Result<SlotHeader> parse_slot(ByteView bytes);
/// True where the bytes begin as a slot does (a signer object is a key object too).
bool is_slot(ByteView bytes);

/// Seals the roots of `keyring` for `source`. Errors: kInvalidInput.
Result<Bytes> seal_slot(const seal::Keyring& keyring, const KeySource& source, Instant now,
                        const crypto::ScryptCost& cost = {});
/// For a partner's public key: nothing on this device opens it.
Result<Bytes> seal_escrow_slot(const seal::Keyring& keyring, const crypto::ExchangeKeyId& partner,
                               Instant now);

/// Errors: kCorrupt; kCrypto where `source` is not the slot's.
Result<seal::Keyring> open_slot(ByteView bytes, const KeySource& source);

/// The same bundle for another machine's key: how a partner answers who asks by escrow.
/// In: `context` says for whom and for what; the seal opens for no other.
Result<Bytes> seal_roots_to(const crypto::ExchangeKeyId& recipient, std::string_view context,
                            const seal::Keyring& keyring);
/// Errors: kCrypto for another key or context; kCorrupt.
Result<seal::Keyring> open_roots(const crypto::ExchangeKey& key, std::string_view context,
                                 const VaultId& vault, ByteView sealed);

/// Given randomness for golden bytes in tests alone.
struct SlotRandomness {
  SlotId id;
  seal::Salt salt;
};
Result<Bytes> seal_slot_with(const seal::Keyring& keyring, const KeySource& source, Instant now,
                             const crypto::ScryptCost& cost, const SlotRandomness& randomness);

}  // namespace obhut::vault
