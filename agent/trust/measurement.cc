#include "agent/trust/measurement.h"

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"
#include "agent/trust/fields.h"
#include "agent/trust/jws.h"

namespace obhut::trust {
namespace {

constexpr std::string_view kSchema = "obhut.measurement/1";

}  // namespace

std::string make_measurement(const Measurement& measurement, const crypto::SigningKey& device_key) {
  const nlohmann::ordered_json value = {
      {"schema", kSchema},
      {"device", measurement.device.text()},
      {"vault", measurement.vault.text()},
      {"location", "local"},
      {"number", measurement.number},
      {"bytes", measurement.bytes},
      {"measured_at", format_time_micro(measurement.measured_at)}};
  return sign_compact(device_key, kMeasurementType, value.dump());
}

Result<Measurement> read_measurement(std::string_view text, const SigningKeyId& device_key) {
  ASSIGN_OR_RETURN(const SignedPayload opened, open_compact(text, kMeasurementType));
  if (opened.signers.front() != device_key) {
    return fail(ErrorKind::kRefused, "measurement: signed by another key than the device's");
  }
  ASSIGN_OR_RETURN(const nlohmann::json value, parse_payload(opened.payload, kSchema));
  Fields fields(value, kSchema,
                {"schema", "device", "vault", "location", "number", "bytes", "measured_at"});
  Measurement measurement;
  measurement.device = fields.id<DeviceId>("device");
  measurement.vault = fields.id<VaultId>("vault");
  if (fields.text("location", 16) != "local") fields.reject("location", "must be local");
  measurement.number = fields.number("number", 1, std::uint64_t{1} << 53U);
  measurement.bytes = fields.number("bytes", 0, kMostMeasuredBytes);
  measurement.measured_at = fields.time("measured_at");
  TRY(fields.finish());
  return measurement;
}

}  // namespace obhut::trust
