#include "agent/trust/assertion.h"

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/model/strict_json.h"
#include "agent/trust/fields.h"
#include "agent/trust/jws.h"

namespace obhut::trust {
namespace {

using nlohmann::json;

constexpr std::string_view kWhat = "device assertion";
constexpr std::size_t kSizeLimit = 4096;
constexpr std::chrono::minutes kGrace{2};
/// Seconds since 1970 of the year 9999: beyond it time arithmetic could overflow.
constexpr std::uint64_t kLatest = 253'402'300'799;

std::int64_t seconds(Instant at) {
  return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}

Instant read_seconds(Fields& fields, std::string_view name) {
  const auto count = static_cast<std::int64_t>(fields.number(name, 0, kLatest));
  return Instant{std::chrono::seconds{count <= static_cast<std::int64_t>(kLatest) ? count : 0}};
}

Result<Assertion> parse(std::string_view payload) {
  ASSIGN_OR_RETURN(const json value,
                   model::parse_strict_json(payload, kWhat, {.bytes = kSizeLimit, .depth = 2}));
  Fields fields(value, kWhat, {"iss", "sub", "aud", "nonce", "iat", "exp", "jti"}, {"instance"});
  Assertion assertion;
  assertion.device = fields.id<DeviceId>("iss");
  if (fields.id<DeviceId>("sub") != assertion.device) fields.reject("sub", "differs from iss");
  assertion.audience = fields.text("aud", 512);
  assertion.nonce = fields.text("nonce", 128);
  assertion.issued = read_seconds(fields, "iat");
  assertion.expires = read_seconds(fields, "exp");
  assertion.id = fields.text("jti", 64);
  if (fields.has("instance")) assertion.instance = fields.id<InstanceId>("instance");
  TRY(fields.finish());
  return assertion;
}

Result<void> check_time(const Assertion& assertion, Instant now) {
  if (assertion.expires <= assertion.issued ||
      assertion.expires - assertion.issued > kAssertionLifetime) {
    return fail(ErrorKind::kRefused, "device assertion: valid for longer than 5 minutes");
  }
  if (now >= assertion.expires + kGrace) {
    return fail(ErrorKind::kRefused, "device assertion: expired, ask for a new nonce");
  }
  if (now + kGrace < assertion.issued) {
    return fail(ErrorKind::kRefused, "device assertion: issued in the future, ask for a new nonce");
  }
  return {};
}

}  // namespace

std::string make_assertion(const Assertion& assertion, const crypto::SigningKey& device_key) {
  nlohmann::ordered_json value = {{"iss", assertion.device.text()},
                                  {"sub", assertion.device.text()},
                                  {"aud", assertion.audience},
                                  {"nonce", assertion.nonce},
                                  {"iat", seconds(assertion.issued)},
                                  {"exp", seconds(assertion.expires)},
                                  {"jti", assertion.id}};
  if (assertion.instance) value["instance"] = assertion.instance->text();
  return sign_compact(device_key, kAssertionType, value.dump());
}

Result<DeviceId> claimed_device(std::string_view text) {
  if (text.size() > kSizeLimit) return fail(ErrorKind::kInvalidInput, "device assertion: too long");
  const std::size_t first = text.find('.');
  const std::size_t second = first == text.npos ? text.npos : text.find('.', first + 1);
  const std::optional<Bytes> payload =
      second == text.npos ? std::nullopt
                          : from_base64url(text.substr(first + 1, second - first - 1));
  if (!payload) return fail(ErrorKind::kInvalidInput, "device assertion: not a compact document");
  ASSIGN_OR_RETURN(const Assertion assertion, parse(as_text(*payload)));
  return assertion.device;
}

Result<Assertion> read_assertion(std::string_view text, const SigningKeyId& device_key,
                                 std::string_view audience, Instant now) {
  if (text.size() > kSizeLimit) return fail(ErrorKind::kInvalidInput, "device assertion: too long");
  ASSIGN_OR_RETURN(const SignedPayload opened, open_compact(text, kAssertionType));
  if (opened.signers.front() != device_key) {
    return fail(ErrorKind::kRefused, "device assertion: signed by another key than the device's");
  }
  ASSIGN_OR_RETURN(Assertion assertion, parse(opened.payload));
  if (assertion.audience != audience) {
    return fail(ErrorKind::kRefused, "device assertion: made for " + printable(assertion.audience));
  }
  TRY(check_time(assertion, now));
  return assertion;
}

}  // namespace obhut::trust
