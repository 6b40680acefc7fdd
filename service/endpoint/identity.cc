#include "service/endpoint/identity.h"

#include <nlohmann/json.hpp>

#include "service/endpoint/json_fields.h"

namespace obhut::endpoint {

nlohmann::json to_json(const Identity& identity) {
  nlohmann::json value = {{"device", identity.device.text()},
                          {"customer", identity.customer.text()},
                          {"partner", identity.partner.text()},
                          {"cluster", identity.cluster},
                          {"ca_pin", identity.ca_pin.text()},
                          {"cluster_key", identity.cluster_key.text()},
                          {"kind", identity.kind},
                          {"workload", identity.workload},
                          {"activated_at", format_time_micro(identity.activated_at)},
                          {"activation", identity.activation},
                          {"receipt", identity.receipt}};
  if (identity.replaces) value["replaces"] = identity.replaces->text();
  return value;
}

Result<Identity> identity_from_json(const nlohmann::json& value) {
  const auto device = id_of<DeviceId>(value, "device");
  const auto customer = id_of<CustomerId>(value, "customer");
  const auto partner = id_of<PartnerId>(value, "partner");
  const auto pin = id_of<Sha256>(value, "ca_pin");
  const auto cluster_key = id_of<SigningKeyId>(value, "cluster_key");
  const auto activated = time_of(value, "activated_at");
  if (!device || !customer || !partner || !pin || !cluster_key || !activated) {
    return fail(ErrorKind::kCorrupt, "the identity of this endpoint is damaged");
  }
  const auto replaces = id_of<DeviceId>(value, "replaces");
  if (value.contains("replaces") && !replaces) {
    return fail(ErrorKind::kCorrupt, "the identity of this endpoint is damaged: replaces");
  }
  return Identity{*device,
                  *customer,
                  *partner,
                  text_or(value, "cluster"),
                  *pin,
                  *cluster_key,
                  text_or(value, "kind"),
                  text_or(value, "workload"),
                  *activated,
                  text_or(value, "activation"),
                  text_or(value, "receipt"),
                  replaces};
}

}  // namespace obhut::endpoint
