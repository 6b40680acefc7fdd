#include "agent/trust/envelope.h"

#include <nlohmann/json.hpp>

#include "agent/base/check.h"
#include "agent/base/time_text.h"
#include "agent/crypto/digest.h"
#include "agent/trust/fields.h"
#include "agent/trust/jws.h"

namespace obhut::trust {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view kSchema = "obhut.envelope/1";

ordered_json target_json(const PlanTarget& target) {
  if (const auto* device = std::get_if<DeviceId>(&target)) return {{"device", device->text()}};
  return {{"customer", std::get<CustomerId>(target).text()}};
}

Result<PlanTarget> read_target(const json& value) {
  if (value.is_object() && value.contains("device")) {
    Fields fields(value, "obhut.envelope/1: target", {"device"});
    const auto device = fields.id<DeviceId>("device");
    TRY(fields.finish());
    return device;
  }
  Fields fields(value, "obhut.envelope/1: target", {"customer"});
  const auto customer = fields.id<CustomerId>("customer");
  TRY(fields.finish());
  return customer;
}

Result<PlanEnvelope> parse(std::string_view payload) {
  ASSIGN_OR_RETURN(const json value, parse_payload(payload, kSchema));
  Fields fields(value, kSchema,
                {"schema", "partner", "target", "version", "issued", "expires", "plan"},
                {"effective"});
  PlanEnvelope envelope;
  envelope.partner = fields.id<PartnerId>("partner");
  envelope.version = fields.number("version", 1, std::uint64_t{1} << 53U);
  envelope.issued = fields.time("issued");
  envelope.expires = fields.time("expires");
  if (envelope.expires <= envelope.issued) fields.reject("expires", "must be after issued");
  if (fields.has("effective")) envelope.effective = fields.time("effective");
  if (!fields.member("plan").is_object()) fields.reject("plan", "must be an object");
  TRY(fields.finish());
  ASSIGN_OR_RETURN(envelope.target, read_target(value["target"]));
  envelope.plan = value["plan"].dump();
  return envelope;
}

}  // namespace

std::string make_envelope(const PlanEnvelope& envelope,
                          std::span<const crypto::SigningKey* const> operators) {
  ordered_json plan = ordered_json::parse(envelope.plan, nullptr, /*allow_exceptions=*/false);
  CHECK(!plan.is_discarded());
  ordered_json value = {{"schema", kSchema},
                        {"partner", envelope.partner.text()},
                        {"target", target_json(envelope.target)},
                        {"version", envelope.version},
                        {"issued", format_time(envelope.issued)},
                        {"expires", format_time(envelope.expires)}};
  if (envelope.effective) value["effective"] = format_time(*envelope.effective);
  value["plan"] = std::move(plan);
  return sign_document(operators, kEnvelopeType, value.dump());
}

Result<SignedEnvelope> read_envelope(std::string_view document) {
  ASSIGN_OR_RETURN(SignedPayload opened, open_document(document, kEnvelopeType));
  SignedEnvelope out;
  ASSIGN_OR_RETURN(out.envelope, parse(opened.payload));
  out.signers = std::move(opened.signers);
  out.hash = crypto::sha256(as_bytes(opened.payload));
  return out;
}

}  // namespace obhut::trust
