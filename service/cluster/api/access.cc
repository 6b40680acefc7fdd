#include "service/cluster/api/access.h"

#include <nlohmann/json.hpp>

#include "service/cluster/api/body.h"

namespace obhut::cluster::api {

Answer<PartnerId> visible_partner(const Services& services, const Call& call) {
  ASSIGN_OR_RETURN(const PartnerId id, path_id<PartnerId>(call, 0, "partner"));
  if (!call.person->may_see(id)) return not_found("partner");
  TRY(services.tenants.partner(id));
  return id;
}

Answer<Customer> visible_customer(const Services& services, const Call& call) {
  ASSIGN_OR_RETURN(const CustomerId id, path_id<CustomerId>(call, 0, "customer"));
  ASSIGN_OR_RETURN(Customer customer, services.tenants.customer(id));
  if (!call.person->may_see(customer.partner)) return not_found("customer");
  return customer;
}

Answer<Device> visible_device(const Services& services, const Call& call) {
  ASSIGN_OR_RETURN(const DeviceId id, path_id<DeviceId>(call, 0, "device"));
  ASSIGN_OR_RETURN(Device device, services.devices.device(id));
  if (!call.person->may_see(device.partner)) return not_found("device");
  // Of a deleted customer nothing is shown.
  if (!services.tenants.customer(device.customer)) return not_found("device");
  return device;
}

Answer<Vault> visible_vault(const Services& services, const Call& call) {
  ASSIGN_OR_RETURN(const VaultId id, path_id<VaultId>(call, 0, "vault"));
  ASSIGN_OR_RETURN(Vault vault, services.vaults.vault(id));
  if (!call.person->may_see(vault.partner)) return not_found("vault");
  if (!services.tenants.customer(vault.customer)) return not_found("vault");
  return vault;
}

}  // namespace obhut::cluster::api
