#pragma once
// What the routes call. main.cc builds it; nothing here owns anything.

#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "service/cluster/accounts.h"
#include "service/cluster/changes.h"
#include "service/cluster/commits.h"
#include "service/cluster/devices.h"
#include "service/cluster/grants.h"
#include "service/cluster/http/server.h"
#include "service/cluster/levels.h"
#include "service/cluster/notifier.h"
#include "service/cluster/objects/object_store.h"
#include "service/cluster/passes.h"
#include "service/cluster/plans.h"
#include "service/cluster/recovery_access.h"
#include "service/cluster/releases.h"
#include "service/cluster/reports.h"
#include "service/cluster/tenants.h"
#include "service/cluster/usage.h"
#include "service/cluster/vaults.h"
#include "service/cluster/webhooks.h"

namespace obhut::cluster {
class Retention;
class Bills;
class LocalVaults;
class Quotas;
class Reconciler;
}  // namespace obhut::cluster

namespace obhut::cluster::api {

struct Services {
  sql::Database& database;
  const Clock& clock;
  objects::ObjectStore& store;
  Notifier& notifier;
  Changes& changes;
  Accounts& accounts;
  Tenants& tenants;
  const Passes& passes;
  DeviceRegistry& devices;
  RecoveryAccess& recovery;
  PlanRegistry& plans;
  Grants& grants;
  Releases& releases;
  Vaults& vaults;
  Commits& commits;
  Reports& reports;
  Retention& retention;
  Bills& bills;
  Usage& usage;
  StorageReceipts& receipts;
  LocalVaults& local_vaults;
  Quotas& quotas;
  Reconciler& reconciler;
  Webhooks& webhooks;
  SigningKeyId cluster_key;
  std::vector<std::string> urls;  ///< our own, the public one first
  Log log;
};

}  // namespace obhut::cluster::api
