// Everything signed, before its signature is believed.

#include "agent/trust/assertion.h"
#include "agent/trust/envelope.h"
#include "agent/trust/escrow.h"
#include "agent/trust/jws.h"
#include "agent/trust/receipt.h"
#include "agent/trust/token.h"
#include "agent/trust/trust_list.h"
#include "tests/fuzz/require.h"

using namespace obhut;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(ByteView(data, size));
  for (const auto type : {trust::kTrustListType, trust::kTokenType, trust::kRegistrationType,
                          trust::kAssertionType, trust::kActivationType, trust::kReceiptType,
                          trust::kEnvelopeType, trust::kEscrowRequestType}) {
    (void)trust::open_document(text, type);
    (void)trust::open_compact(text, type);
  }
  (void)trust::claimed_type(text);
  (void)trust::read_trust_list(text);
  (void)trust::read_token(text, Instant{});
  (void)trust::read_envelope(text);
  (void)trust::read_escrow_request(text);
  (void)trust::read_escrow_answer(text);
  return 0;
}
