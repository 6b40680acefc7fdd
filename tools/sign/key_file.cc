#include "tools/sign/key_file.h"

#include <array>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/crypto/aead.h"
#include "agent/crypto/kdf.h"
#include "agent/crypto/random.h"
#include "agent/model/strict_json.h"

namespace obhut::sign {
namespace {

using crypto::SecretBytes;
using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view kSchema = "obhut.key/1";
constexpr std::string_view kSigning = "ed25519";
constexpr std::string_view kExchange = "x25519";
constexpr std::size_t kSaltSize = 16;
/// The key is derived with a fresh salt for each file and seals once.
constexpr std::array<std::uint8_t, crypto::kAeadNonceSize> kNonce{};

std::unexpected<Error> bad(const char* why) {
  return fail(ErrorKind::kInvalidInput, std::string("key file: ") + why);
}

/// Binds the sealed key to its kind and public half.
std::string associated(std::string_view type, std::string_view public_half) {
  return std::string(kSchema) + " " + std::string(type) + " " + std::string(public_half);
}

Result<std::string> encode(std::string_view type, const std::string& public_half, ByteView secret,
                           const std::optional<SecretBytes>& passphrase) {
  ordered_json out = {{"schema", kSchema}, {"type", type}, {"public", public_half}};
  if (!passphrase) {
    out["secret"] = to_base64url(secret);
    return out.dump(2) + "\n";
  }
  Bytes salt(kSaltSize);
  crypto::fill_random(salt);
  const crypto::ScryptCost cost;
  ASSIGN_OR_RETURN(const SecretBytes key,
                   crypto::scrypt(passphrase->view(), salt, cost, crypto::kAeadKeySize));
  Bytes sealed(secret.size() + crypto::kAeadTagSize);
  crypto::Aead(key.view()).seal(kNonce, as_bytes(associated(type, public_half)), secret, sealed);
  out["scrypt"] =
      ordered_json{{"n", cost.n}, {"r", cost.r}, {"p", cost.p}, {"salt", to_base64url(salt)}};
  out["sealed"] = to_base64url(sealed);
  return out.dump(2) + "\n";
}

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

Result<json> parse(std::string_view text) {
  ASSIGN_OR_RETURN(json value,
                   model::parse_strict_json(text, "key file", {.bytes = 65536, .depth = 4}));
  if (!value.is_object() || text_of(value, "schema") != kSchema) {
    return bad("not a key made by obhut-sign");
  }
  return value;
}

Result<SecretBytes> open_sealed(const json& value, std::string_view type,
                                const AskPassphrase& ask) {
  const json cost_json = value.value("scrypt", json::object());
  if (!cost_json.is_object()) return bad("member scrypt is no object");
  const std::optional<Bytes> salt = from_base64url(text_of(cost_json, "salt"));
  const std::optional<Bytes> sealed = from_base64url(text_of(value, "sealed"));
  if (!salt || !sealed || sealed->size() < crypto::kAeadTagSize) return bad("is damaged");
  const std::string public_half = text_of(value, "public");
  ASSIGN_OR_RETURN(const SecretBytes passphrase, ask(public_half.substr(0, 16)));
  const crypto::ScryptCost cost{number_of(cost_json, "n"),
                                static_cast<std::uint32_t>(number_of(cost_json, "r")),
                                static_cast<std::uint32_t>(number_of(cost_json, "p"))};
  ASSIGN_OR_RETURN(const SecretBytes key,
                   crypto::scrypt(passphrase.view(), *salt, cost, crypto::kAeadKeySize));
  SecretBytes secret(sealed->size() - crypto::kAeadTagSize);
  if (!crypto::Aead(key.view())
           .open(kNonce, as_bytes(associated(type, public_half)), *sealed, secret.writable())) {
    return fail(ErrorKind::kCrypto, "key file: wrong passphrase");
  }
  return secret;
}

Result<SecretBytes> decode(const json& value, std::string_view type, const AskPassphrase& ask) {
  if (text_of(value, "type") != type) return bad("holds a key of another kind");
  if (value.contains("sealed")) return open_sealed(value, type, ask);
  const std::optional<Bytes> secret = from_base64url(text_of(value, "secret"));
  if (!secret) return bad("is damaged");
  return SecretBytes(*secret);
}

}  // namespace

Result<std::string> encode_key(const crypto::SigningKey& key,
                               const std::optional<SecretBytes>& passphrase) {
  return encode(kSigning, key.public_key().text(), key.seed().view(), passphrase);
}

Result<std::string> encode_key(const crypto::ExchangeKey& key,
                               const std::optional<SecretBytes>& passphrase) {
  return encode(kExchange, key.public_key().text(), key.secret().view(), passphrase);
}

Result<crypto::SigningKey> decode_signing_key(std::string_view text, const AskPassphrase& ask) {
  ASSIGN_OR_RETURN(const json value, parse(text));
  ASSIGN_OR_RETURN(const SecretBytes secret, decode(value, kSigning, ask));
  ASSIGN_OR_RETURN(crypto::SigningKey key, crypto::SigningKey::from_seed(secret.view()));
  if (key.public_key().text() != text_of(value, "public")) return bad("public half does not fit");
  return key;
}

Result<crypto::ExchangeKey> decode_exchange_key(std::string_view text, const AskPassphrase& ask) {
  ASSIGN_OR_RETURN(const json value, parse(text));
  ASSIGN_OR_RETURN(const SecretBytes secret, decode(value, kExchange, ask));
  ASSIGN_OR_RETURN(crypto::ExchangeKey key, crypto::ExchangeKey::from_bytes(secret.view()));
  if (key.public_key().text() != text_of(value, "public")) return bad("public half does not fit");
  return key;
}

Result<std::string> public_half_of(std::string_view text) {
  ASSIGN_OR_RETURN(const json value, parse(text));
  std::string half = text_of(value, "public");
  if (!SigningKeyId::parse(half)) return bad("is damaged");
  return half;
}

}  // namespace obhut::sign
