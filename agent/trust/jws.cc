#include "agent/trust/jws.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "agent/base/check.h"
#include "agent/base/text.h"
#include "agent/model/strict_json.h"
#include "agent/trust/fields.h"

namespace obhut::trust {
namespace {

using nlohmann::json;

constexpr std::string_view kAlgorithm = "EdDSA";

std::unexpected<Error> malformed(std::string_view type, std::string_view why) {
  return fail(ErrorKind::kInvalidInput, std::string(type) + ": " + std::string(why));
}

/// The protected header, base64url. Type and key hold nothing that JSON would escape.
std::string protected_header(std::string_view type, const SigningKeyId& key) {
  const std::string header = R"({"alg":")" + std::string(kAlgorithm) + R"(","typ":")" +
                             std::string(type) + R"(","kid":")" + key.text() + R"("})";
  return to_base64url(as_bytes(header));
}

std::string signing_input(std::string_view header, std::string_view payload) {
  return std::string(header) + "." + std::string(payload);
}

Result<json> parse_header(std::string_view encoded, std::string_view what) {
  const std::optional<Bytes> text = from_base64url(encoded);
  if (!text) return malformed(what, "the protected header is not base64url");
  return model::parse_strict_json(as_text(*text), what, {.bytes = 4096, .depth = 2});
}

/// The key that a protected header names, once algorithm and type are the ones we allow. The
/// algorithm is compared, never chosen by the document: "none" and HMAC with a public key as its
/// secret are the classic attacks.
Result<SigningKeyId> key_of_header(std::string_view encoded, std::string_view type) {
  ASSIGN_OR_RETURN(const json header, parse_header(encoded, type));
  Fields fields(header, type, {"alg", "typ", "kid"});
  const std::string algorithm = fields.text("alg", 32);
  const std::string claimed = fields.text("typ", 64);
  const SigningKeyId key = fields.id<SigningKeyId>("kid");
  TRY(fields.finish());
  if (algorithm != kAlgorithm) {
    return fail(ErrorKind::kCrypto,
                std::string(type) + ": signature algorithm is not " + std::string(kAlgorithm));
  }
  if (claimed != type)
    return malformed(type, "signed as another kind of document, " + printable(claimed));
  return key;
}

/// Checks one signature over `payload`, both still in base64url.
Result<SigningKeyId> check_signature(std::string_view header, std::string_view payload,
                                     std::string_view signature, std::string_view type) {
  ASSIGN_OR_RETURN(const SigningKeyId key, key_of_header(header, type));
  const std::optional<Bytes> bytes = from_base64url(signature);
  if (!bytes) return malformed(type, "the signature is not base64url");
  if (!crypto::verify_signature(key, as_bytes(signing_input(header, payload)), *bytes)) {
    return fail(ErrorKind::kCrypto, std::string(type) + ": the signature of key " +
                                        key.text().substr(0, 16) + " does not match");
  }
  return key;
}

/// One entry of "signatures", over a payload in base64url.
std::string signature_text(const crypto::SigningKey& signer, std::string_view type,
                           std::string_view encoded) {
  const std::string header = protected_header(type, signer.public_key());
  const Bytes signature = signer.sign(as_bytes(signing_input(header, encoded)));
  return R"({"protected":")" + header + R"(","signature":")" + to_base64url(signature) + R"("})";
}

Result<std::string> decode_payload(std::string_view encoded, std::string_view type) {
  const std::optional<Bytes> bytes = from_base64url(encoded);
  if (!bytes) return malformed(type, "the payload is not base64url");
  return std::string(as_text(*bytes));
}

std::string string_member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// Header, payload and signature of a compact document.
Result<std::array<std::string_view, 3>> split_compact(std::string_view text,
                                                      std::string_view what) {
  if (text.size() > kDocumentLimit) return malformed(what, "larger than 1 MiB");
  const std::size_t first = text.find('.');
  const std::size_t second = first == text.npos ? text.npos : text.find('.', first + 1);
  if (second == text.npos || text.find('.', second + 1) != text.npos) {
    return malformed(what, "not header.payload.signature");
  }
  return std::array{text.substr(0, first), text.substr(first + 1, second - first - 1),
                    text.substr(second + 1)};
}

/// The members of the general serialization, before any proof.
Result<json> parse_general(std::string_view text, std::string_view what, std::size_t most) {
  ASSIGN_OR_RETURN(json document,
                   model::parse_strict_json(text, what, {.bytes = kDocumentLimit, .depth = 8}));
  if (!document.is_object()) return malformed(what, "not a JSON object");
  const auto signatures = document.find("signatures");
  if (signatures == document.end() || (signatures->is_array() && signatures->empty())) {
    return fail(ErrorKind::kRefused, std::string(what) + ": carries no signature");
  }
  Fields fields(document, what, {"payload", "signatures"});
  TRY(fields.finish());
  if (!signatures->is_array() || signatures->size() > most) {
    return malformed(what, "signatures must be an array of 1 to " + std::to_string(most));
  }
  for (const json& signature : *signatures) {
    TRY(Fields(signature, what, {"protected", "signature"}).finish());
  }
  return document;
}

}  // namespace

std::string sign_document(std::span<const crypto::SigningKey* const> signers, std::string_view type,
                          std::string_view payload) {
  CHECK(!signers.empty() && signers.size() <= kMaxReleaseSignatures);
  const std::string encoded = to_base64url(as_bytes(payload));
  std::string signatures;
  for (const crypto::SigningKey* signer : signers) {
    if (!signatures.empty()) signatures += ",";
    signatures += signature_text(*signer, type, encoded);
  }
  return R"({"payload":")" + encoded + R"(","signatures":[)" + signatures + "]}";
}

Result<SignedPayload> open_document(std::string_view text, std::string_view type,
                                    std::size_t most) {
  ASSIGN_OR_RETURN(const json document, parse_general(text, type, most));
  const std::string payload = string_member(document, "payload");
  SignedPayload out;
  for (const json& signature : document["signatures"]) {
    ASSIGN_OR_RETURN(const SigningKeyId key,
                     check_signature(string_member(signature, "protected"), payload,
                                     string_member(signature, "signature"), type));
    if (std::ranges::find(out.signers, key) != out.signers.end()) {
      return malformed(type, "signed twice by one key");
    }
    out.signers.push_back(key);
  }
  ASSIGN_OR_RETURN(out.payload, decode_payload(payload, type));
  return out;
}

Result<std::string> cosign_document(std::string_view text, std::string_view type,
                                    const crypto::SigningKey& signer, std::size_t most) {
  ASSIGN_OR_RETURN(const SignedPayload opened, open_document(text, type, most));
  if (std::ranges::find(opened.signers, signer.public_key()) != opened.signers.end()) {
    return fail(ErrorKind::kConflict, std::string(type) + ": this key has signed it already");
  }
  if (opened.signers.size() >= most) {
    return malformed(type, "has " + std::to_string(most) + " signatures, which is the most");
  }
  ASSIGN_OR_RETURN(const json document, parse_general(text, type, most));
  std::string signatures;
  for (const json& signature : document["signatures"]) {
    signatures += R"({"protected":")" + string_member(signature, "protected") +
                  R"(","signature":")" + string_member(signature, "signature") + R"("},)";
  }
  const std::string payload = string_member(document, "payload");
  return R"({"payload":")" + payload + R"(","signatures":[)" + signatures +
         signature_text(signer, type, payload) + "]}";
}

std::string sign_compact(const crypto::SigningKey& signer, std::string_view type,
                         std::string_view payload) {
  const std::string input =
      signing_input(protected_header(type, signer.public_key()), to_base64url(as_bytes(payload)));
  return input + "." + to_base64url(signer.sign(as_bytes(input)));
}

Result<SignedPayload> open_compact(std::string_view text, std::string_view type) {
  ASSIGN_OR_RETURN(const auto parts, split_compact(text, type));
  const auto [header, payload, signature] = parts;
  ASSIGN_OR_RETURN(const SigningKeyId key, check_signature(header, payload, signature, type));
  SignedPayload out;
  out.signers.push_back(key);
  ASSIGN_OR_RETURN(out.payload, decode_payload(payload, type));
  return out;
}

Result<std::string> claimed_type(std::string_view text) {
  constexpr std::string_view kWhat = "signed document";
  std::string header;
  if (text.starts_with('{')) {
    ASSIGN_OR_RETURN(const json document, parse_general(text, kWhat, kMaxReleaseSignatures));
    header = string_member(document["signatures"].front(), "protected");
  } else {
    ASSIGN_OR_RETURN(const auto parts, split_compact(text, kWhat));
    header = parts[0];
  }
  ASSIGN_OR_RETURN(const json parsed, parse_header(header, kWhat));
  Fields fields(parsed, kWhat, {"alg", "typ", "kid"});
  std::string type = fields.text("typ", 64);
  TRY(fields.finish());
  return type;
}

}  // namespace obhut::trust
