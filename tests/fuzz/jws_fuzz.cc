// Everything signed, before its signature is believed.

#include "agent/trust/assertion.h"
#include "agent/trust/envelope.h"
#include "agent/trust/escrow.h"
#include "agent/trust/grant.h"
#include "agent/trust/jws.h"
#include "agent/trust/receipt.h"
#include "agent/trust/release.h"
#include "agent/trust/token.h"
#include "agent/trust/trust_list.h"
#include "tests/fuzz/require.h"

using namespace obhut;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(ByteView(data, size));
  for (const auto type :
       {trust::kTrustListType, trust::kTokenType, trust::kRegistrationType, trust::kAssertionType,
        trust::kActivationType, trust::kReceiptType, trust::kMeasurementType, trust::kEnvelopeType,
        trust::kEscrowRequestType, trust::kGrantType}) {
    (void)trust::open_document(text, type);
    (void)trust::open_compact(text, type);
  }
  for (const auto type : {trust::kReleaseRootType, trust::kReleaseType}) {
    (void)trust::open_document(text, type, trust::kMaxReleaseSignatures);
  }
  (void)trust::claimed_type(text);
  (void)trust::read_trust_list(text);
  (void)trust::read_token(text, Instant{});
  (void)trust::read_envelope(text);
  (void)trust::read_escrow_request(text);
  (void)trust::read_escrow_answer(text);
  if (const auto grant = trust::read_grant(text)) {
    REQUIRE(!grant->grant.scope.empty() && text.size() >= 300);
    REQUIRE(grant->grant.expires - grant->grant.not_before <= trust::kLongestGrant);
  }
  (void)trust::ReleaseTrust::begin(text);
  (void)trust::ReleaseVersion::parse(text);
  if (const auto release = trust::read_release(text)) {
    REQUIRE(release->manifest.serial > 0 && !release->signers.empty());
    for (const trust::ReleasePackage& package : release->manifest.packages) {
      REQUIRE(package.size > 0 && package.size <= trust::kLargestPackage);
      REQUIRE(trust::ReleaseVersion::parse(package.version.text()).has_value());
    }
  }
  return 0;
}
