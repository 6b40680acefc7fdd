#include "agent/seal/summary_seal.h"

#include "agent/base/codec.h"
#include "agent/seal/envelope.h"

namespace obhut::seal {
namespace {

Bytes context_of(const model::Head& head) {
  Writer out;
  out.id(head.vault);
  out.id(head.device);
  out.u64(head.sequence);
  return std::move(out).take();
}

}  // namespace

Result<void> seal_summary(const Keyring& keyring, const model::Summary& summary,
                          model::Head& head) {
  ASSIGN_OR_RETURN(const Bytes plain, model::encode_summary(summary));
  ASSIGN_OR_RETURN(head.sealed_summary,
                   seal_envelope(keyring, SealedKind::kSummary, context_of(head), plain));
  return {};
}

Result<model::Summary> open_summary(const Keyring& keyring, const model::Head& head) {
  ASSIGN_OR_RETURN(const Bytes plain, open_envelope(keyring, SealedKind::kSummary, context_of(head),
                                                    head.sealed_summary));
  return model::parse_summary(plain);
}

}  // namespace obhut::seal
