#include "agent/trust/escrow.h"

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/crypto/digest.h"
#include "agent/trust/device_id.h"
#include "agent/trust/fields.h"
#include "agent/trust/jws.h"

namespace obhut::trust {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view kRequestSchema = "obhut.escrow-request/1";
constexpr std::string_view kAnswerSchema = "obhut.escrow-answer/1";
constexpr std::size_t kFingerprintBytes = 10;
constexpr std::size_t kFingerprintGroup = 4;

/// Base64url of 1 to `most` bytes.
std::optional<Bytes> bytes_of(const json& value, std::size_t most) {
  if (!value.is_string()) return std::nullopt;
  std::optional<Bytes> bytes = from_base64url(value.get_ref<const std::string&>());
  if (!bytes || bytes->empty() || bytes->size() > most) return std::nullopt;
  return bytes;
}

std::vector<Bytes> read_slots(Fields& fields) {
  std::vector<Bytes> slots;
  const json& list = fields.member("slots");
  if (!list.is_array() || list.empty() || list.size() > kMaxEscrowSlots) {
    fields.reject("slots", "must be a list of 1 to 16 slots");
    return slots;
  }
  for (const json& item : list) {
    std::optional<Bytes> slot = bytes_of(item, kMaxEscrowSlot);
    if (!slot) {
      fields.reject("slots", "must hold base64url of at most 64 KiB");
      break;
    }
    slots.push_back(std::move(*slot));
  }
  return slots;
}

}  // namespace

std::string make_escrow_request(const EscrowRequest& request,
                                const crypto::SigningKey& device_key) {
  ordered_json slots = ordered_json::array();
  for (const Bytes& slot : request.slots) slots.push_back(to_base64url(slot));
  const ordered_json value = {
      {"schema", kRequestSchema},          {"device", request.device.text()},
      {"partner", request.partner.text()}, {"vault", request.vault.text()},
      {"key", request.key.text()},         {"created", format_time(request.created)},
      {"slots", std::move(slots)}};
  return sign_compact(device_key, kEscrowRequestType, value.dump());
}

Result<SignedEscrowRequest> read_escrow_request(std::string_view text) {
  ASSIGN_OR_RETURN(const SignedPayload opened, open_compact(trimmed(text), kEscrowRequestType));
  ASSIGN_OR_RETURN(const json value, parse_payload(opened.payload, kRequestSchema));
  Fields fields(value, kRequestSchema,
                {"schema", "device", "partner", "vault", "key", "created", "slots"});
  EscrowRequest request;
  request.device = fields.id<DeviceId>("device");
  request.partner = fields.id<PartnerId>("partner");
  request.vault = fields.id<VaultId>("vault");
  request.key = fields.id<crypto::ExchangeKeyId>("key");
  request.created = fields.time("created");
  request.slots = read_slots(fields);
  TRY(fields.finish());
  if (device_id_of(opened.signers.front()) != request.device) {
    return fail(ErrorKind::kRefused, "escrow request: signed by another device than it names");
  }
  return SignedEscrowRequest{std::move(request), crypto::sha256(as_bytes(trimmed(text)))};
}

std::string fingerprint_of(const Sha256& request) {
  const std::string letters = to_base32(request.bytes().first(kFingerprintBytes));
  std::string out;
  for (std::size_t at = 0; at < letters.size(); at += kFingerprintGroup) {
    if (at > 0) out += '-';
    out += letters.substr(at, kFingerprintGroup);
  }
  return out;
}

std::string make_escrow_answer(const EscrowAnswer& answer) {
  const ordered_json value = {{"schema", kAnswerSchema},
                              {"request", answer.request.text()},
                              {"sealed", to_base64url(answer.sealed)}};
  return value.dump();
}

Result<EscrowAnswer> read_escrow_answer(std::string_view text) {
  ASSIGN_OR_RETURN(const json value, parse_payload(trimmed(text), kAnswerSchema));
  Fields fields(value, kAnswerSchema, {"schema", "request", "sealed"});
  EscrowAnswer answer;
  answer.request = fields.id<Sha256>("request");
  std::optional<Bytes> sealed = bytes_of(fields.member("sealed"), kMaxEscrowSlot);
  if (!sealed) fields.reject("sealed", "must be base64url of at most 64 KiB");
  TRY(fields.finish());
  answer.sealed = std::move(*sealed);
  return answer;
}

std::string escrow_answer_context(const DeviceId& device, const VaultId& vault,
                                  const Sha256& request) {
  std::string context = "obhut/1/escrow-answer";
  context += as_text(device.bytes());
  context += as_text(vault.bytes());
  context += as_text(request.bytes());
  return context;
}

}  // namespace obhut::trust
