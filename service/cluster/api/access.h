#pragma once
// Tenants: what a person may not see does not exist.

#include "service/cluster/api/route.h"

namespace obhut::cluster::api {

/// What the first part of the path names. Errors: 404 for what is missing, deleted or another
/// partner's.
Answer<PartnerId> visible_partner(const Services& services, const Call& call);
Answer<Customer> visible_customer(const Services& services, const Call& call);
/// Removed devices are shown: their recovery points are still there.
Answer<Device> visible_device(const Services& services, const Call& call);
Answer<Vault> visible_vault(const Services& services, const Call& call);

}  // namespace obhut::cluster::api
