#pragma once
// Signed documents: JSON Web Signatures (RFC 7515) with Ed25519 (RFC 8037), one profile and no
// options. Bytes: FORMAT.md.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/signing.h"

namespace obhut::trust {

/// A document larger than this is refused unread.
inline constexpr std::size_t kDocumentLimit = std::size_t{1} << 20U;
inline constexpr std::size_t kMaxSignatures = 4;
/// Of releases: a new root is signed by the keys before it and by its own.
inline constexpr std::size_t kMaxReleaseSignatures = 16;

/// What a signature was given for (header "typ"), so that no document passes for another.
inline constexpr std::string_view kTrustListType = "obhut.trust+jws";
inline constexpr std::string_view kTokenType = "obhut.token+jws";
inline constexpr std::string_view kRegistrationType = "obhut.registration+jws";
inline constexpr std::string_view kAssertionType = "obhut.assertion+jws";
inline constexpr std::string_view kActivationType = "obhut.activation+jws";
inline constexpr std::string_view kReceiptType = "obhut.receipt+jws";
inline constexpr std::string_view kMeasurementType = "obhut.measurement+jws";
inline constexpr std::string_view kEnvelopeType = "obhut.envelope+jws";
inline constexpr std::string_view kEscrowRequestType = "obhut.escrow-request+jws";
inline constexpr std::string_view kGrantType = "obhut.grant+jws";
inline constexpr std::string_view kReleaseRootType = "obhut.release-root+jws";
inline constexpr std::string_view kReleaseType = "obhut.release+jws";

/// A payload and the keys that signed it. That they may sign is for the caller to find out.
struct SignedPayload {
  std::string payload;
  std::vector<SigningKeyId> signers;  ///< distinct, in the document's order
};

/// General JSON serialization (RFC 7515 section 7.2.1), one signature a key, in the order given.
std::string sign_document(std::span<const crypto::SigningKey* const> signers, std::string_view type,
                          std::string_view payload);

/// Every signature must be good: one bad one refuses the document.
/// In: `most` signatures at most.
/// Errors: kRefused for no signature at all, kInvalidInput for what is no document of this profile
/// and type, kCrypto for another algorithm or a signature that does not match.
Result<SignedPayload> open_document(std::string_view text, std::string_view type,
                                    std::size_t most = kMaxSignatures);

/// The same document with one signature more, at its end.
/// Errors: those of open_document(); kConflict where the key has signed it already, kInvalidInput
/// where it has `most` signatures.
Result<std::string> cosign_document(std::string_view text, std::string_view type,
                                    const crypto::SigningKey& signer, std::size_t most);

/// Compact serialization (section 7.1), one signature.
std::string sign_compact(const crypto::SigningKey& signer, std::string_view type,
                         std::string_view payload);
/// Errors: kInvalidInput, kCrypto, as open_document().
Result<SignedPayload> open_compact(std::string_view text, std::string_view type);

/// The "typ" of a document in either form, unproved: to choose whom to ask.
/// Errors: kInvalidInput.
Result<std::string> claimed_type(std::string_view text);

}  // namespace obhut::trust
