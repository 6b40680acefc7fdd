// Opening a lost device's vault for the endpoint that takes its place.

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/trust/escrow.h"
#include "agent/vault/key_slot.h"
#include "tools/sign/answer.h"
#include "tools/sign/commands.h"

namespace obhut::sign {
namespace {

using nlohmann::ordered_json;

/// The newest roots that any of the slots gives up to this key.
Result<seal::Keyring> open_slots(const trust::EscrowRequest& request, crypto::ExchangeKey key) {
  const std::string holder = key.public_key().text().substr(0, 16);
  const vault::KeySource source = vault::EscrowSecret{std::move(key)};
  std::optional<seal::Keyring> newest;
  for (const Bytes& slot : request.slots) {
    Result<seal::Keyring> opened = vault::open_slot(slot, source);
    if (!opened || opened->vault() != request.vault) continue;
    if (!newest || opened->current() > newest->current()) newest = std::move(*opened);
  }
  if (newest) return std::move(*newest);
  return fail(ErrorKind::kRefused, "escrow request: none of its slots of vault " +
                                       request.vault.text() + " opens with the escrow key " +
                                       holder + " of this folder; is the vault another partner's?");
}

}  // namespace

Result<Answer> escrow_answer(const Context& context, const EscrowOptions& options) {
  ASSIGN_OR_RETURN(const std::string text, read_input(options.request, std::size_t{2} << 20U));
  Result<trust::SignedEscrowRequest> read = trust::read_escrow_request(text);
  if (!read) return pass_on(std::move(read).error(), options.request);
  const trust::EscrowRequest& request = read->request;
  ASSIGN_OR_RETURN(const Signer signer, Signer::open(context.folder));
  if (request.partner != signer.partner()) {
    return fail(ErrorKind::kRefused,
                "escrow request: the endpoint belongs to another partner than this folder");
  }
  const EscrowView view{request.device, request.vault, request.created,
                        trust::fingerprint_of(read->hash)};
  TRY(options.confirm(view));
  ASSIGN_OR_RETURN(crypto::ExchangeKey key, signer.escrow_key(context.ask));
  ASSIGN_OR_RETURN(const seal::Keyring keyring, open_slots(request, std::move(key)));
  ASSIGN_OR_RETURN(
      Bytes sealed,
      vault::seal_roots_to(request.key,
                           trust::escrow_answer_context(request.device, request.vault, read->hash),
                           keyring));
  // For the endpoint alone; but nobody else needs to have it either.
  TRY(write_output(options.out, trust::make_escrow_answer({read->hash, std::move(sealed)}) + "\n",
                   /*secret=*/true));
  return answer(ordered_json{{"file", options.out},
                             {"device", request.device.text()},
                             {"vault", request.vault.text()},
                             {"created", format_time(request.created)},
                             {"fingerprint", view.fingerprint},
                             {"request", read->hash.text()}},
                options.out + ": the keys of vault " + request.vault.text() +
                    ", sealed to device " + request.device.text() + " (fingerprint " +
                    view.fingerprint + ")\non the endpoint: obhut key recover --answer FILE\n");
}

}  // namespace obhut::sign
