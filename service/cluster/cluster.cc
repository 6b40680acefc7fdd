#include "service/cluster/cluster.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "agent/crypto/kdf.h"
#include "platform/file_lock.h"
#include "platform/local_files.h"
#include "platform/machine.h"
#include "service/cluster/api/application.h"
#include "service/cluster/ledger_store.h"
#include "service/cluster/level_changes.h"
#include "service/cluster/local_vaults.h"
#include "service/cluster/objects/directory_store.h"
#include "service/cluster/quotas.h"
#include "service/cluster/reconciler.h"
#include "service/cluster/trials.h"
#include "service/cluster/webhook_queue.h"
#include "service/cluster/webhook_sender.h"

namespace obhut::cluster {
namespace {

crypto::SecretBytes derived(const State& state, std::string_view purpose) {
  return crypto::hkdf_sha256(state.secret.view(), as_bytes("obhut-cluster"), as_bytes(purpose), 32);
}

/// The URLs that are ours: what assertions are made for and what tickets begin with.
std::vector<std::string> own_urls(const State& state, std::uint16_t port) {
  std::vector<std::string> urls;
  if (!state.config.public_url.empty()) urls.push_back(state.config.public_url);
  for (const std::string& name : state.names) {
    const std::string host = name.find(':') == std::string::npos ? name : "[" + name + "]";
    urls.push_back("https://" + host + ":" + std::to_string(port));
    if (port == 443) urls.push_back("https://" + host);
  }
  return urls;
}

}  // namespace

struct Cluster::Parts {
  Parts(State given_state, const Clock& given_clock, Log given_log, platform::FileLock given_lock,
        std::unique_ptr<sql::Database> given_database,
        std::unique_ptr<objects::ObjectStore> given_store)
      : state(std::move(given_state)),
        clock(given_clock),
        log(std::move(given_log)),
        lock(std::move(given_lock)),
        database(std::move(given_database)),
        store(std::move(given_store)),
        signer(derived(state, "store-urls")),
        accounts(*database, clock),
        tenants(*database, clock),
        passes(clock, derived(state, "device-tokens"), own_urls(state, state.config.port)),
        devices(*database, clock, state.cluster_key, passes, log),
        recovery(*database, clock, passes, log),
        changes(*database, notifier),
        plans(*database, clock, changes),
        grants(*database, clock, derived(state, "grant-codes")),
        releases(*database, clock),
        vaults(*database, clock, *store, signer),
        commits(*database, clock, *store, state.cluster_key, state.config.hold, log),
        reports(*database, clock),
        retention(*database, clock, *store, state.config.retention, log),
        bills(*database, clock, state.cluster_key),
        usage(*database, clock),
        receipts(*database, clock, state.cluster_key),
        webhooks(*database, clock, derived(state, "webhooks"), state.config.webhooks.addresses),
        scrub(*database, clock, *store, log),
        local_vaults(*database, clock),
        quotas(*database, clock),
        reconciler(*database, clock, *store, log),
        services{*database,
                 clock,
                 *store,
                 notifier,
                 changes,
                 accounts,
                 tenants,
                 passes,
                 devices,
                 recovery,
                 plans,
                 grants,
                 releases,
                 vaults,
                 commits,
                 reports,
                 retention,
                 bills,
                 usage,
                 receipts,
                 local_vaults,
                 quotas,
                 reconciler,
                 webhooks,
                 state.cluster_key.public_key(),
                 own_urls(state, state.config.port),
                 log},
        application(services) {}

  State state;
  const Clock& clock;
  Log log;
  platform::FileLock lock;
  std::unique_ptr<sql::Database> database;
  std::unique_ptr<objects::ObjectStore> store;
  objects::UrlSigner signer;
  Notifier notifier;
  Accounts accounts;
  Tenants tenants;
  Passes passes;
  DeviceRegistry devices;
  RecoveryAccess recovery;
  Changes changes;
  PlanRegistry plans;
  Grants grants;
  Releases releases;
  Vaults vaults;
  Commits commits;
  Reports reports;
  Retention retention;
  Bills bills;
  Usage usage;
  StorageReceipts receipts;
  Webhooks webhooks;
  Scrub scrub;
  LocalVaults local_vaults;
  Quotas quotas;
  Reconciler reconciler;
  api::Services services;
  api::Application application;
};

Cluster::Cluster(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Cluster::~Cluster() = default;

Result<std::unique_ptr<sql::Database>> open_database(const State& state) {
  const Config& config = state.config;
  const std::string url = config.database.empty()
                              ? "sqlite:" + platform::join(state.folder, "cluster.db")
                              : config.database;
  return sql::Database::open({url, std::max(8U, config.workers)});
}

Result<std::unique_ptr<Cluster>> Cluster::open(State state, const Clock& clock, Log log) {
  ASSIGN_OR_RETURN(platform::FileLock lock,
                   platform::FileLock::acquire(platform::join(state.folder, "lock"),
                                               platform::LockMode::kExclusive, "obhut-cluster"));
  const Config& config = state.config;
  ASSIGN_OR_RETURN(std::unique_ptr<sql::Database> database, open_database(state));
  const std::string objects =
      config.objects.empty() ? platform::join(state.folder, "objects") : config.objects;
  ASSIGN_OR_RETURN(std::unique_ptr<objects::ObjectStore> store,
                   objects::DirectoryStore::open(objects));
  return std::unique_ptr<Cluster>(
      new Cluster(std::make_unique<Parts>(std::move(state), clock, std::move(log), std::move(lock),
                                          std::move(database), std::move(store))));
}

Result<void> Cluster::serve(std::stop_token stop, const std::function<void(std::uint16_t)>& ready) {
  platform::raise_open_file_limit();
  const Config& config = parts_->state.config;
  http::ServerConfig server_config;
  server_config.address = config.address;
  server_config.port = config.port;
  server_config.certificate_chain = parts_->state.certificate_chain;
  server_config.private_key = parts_->state.certificate_key;
  server_config.workers = config.workers;
  server_config.limits = config.limits;
  ASSIGN_OR_RETURN(const std::unique_ptr<WebhookSender> sender,
                   WebhookSender::open(config.webhooks, *parts_->database, parts_->clock,
                                       parts_->webhooks, parts_->log));
  const std::uint64_t changes_seen = parts_->changes.newest();
  ASSIGN_OR_RETURN(const std::unique_ptr<http::Server> server,
                   http::Server::start(server_config, parts_->application, parts_->log));
  parts_->application.show_counters(&server->counters());
  if (config.port == 0) {
    parts_->services.urls = own_urls(parts_->state, server->port());
    parts_->passes.set_audiences(parts_->services.urls);
  }
  const std::jthread maintenance([this](std::stop_token ending) { maintain(std::move(ending)); });
  const std::jthread sequencer([this](std::stop_token ending) { chain(std::move(ending)); });
  const std::jthread sending([&sender](const std::stop_token& ending) { sender->run(ending); });
  const std::jthread watch([this, changes_seen](std::stop_token ending) {
    parts_->changes.watch(changes_seen, parts_->log, std::move(ending));
  });
  parts_->log.info("cluster is up", field("address", config.address),
                   field("port", server->port()));
  ready(server->port());
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, stop, [] { return false; });
  parts_->log.info("cluster is stopping");
  server->stop(std::chrono::seconds(10));
  parts_->application.show_counters(nullptr);
  return {};
}

/// What commits leave behind them, so that they need not wait for each other. Whoever reads the
/// ledger has it chained before; this keeps what is left for them short.
void Cluster::chain(std::stop_token stop) {
  constexpr std::chrono::milliseconds kEvery{500};
  std::mutex mutex;
  std::condition_variable_any ended;
  std::unique_lock lock(mutex);
  while (!ended.wait_for(lock, stop, kEvery, [&] { return stop.stop_requested(); })) {
    const Result<std::uint64_t> chained = chain_all(*parts_->database, stop);
    if (!chained) parts_->log.error("ledger not chained", field("error", chained.error().message));
    const auto followed = follow_levels(*parts_->database, parts_->clock, stop);
    if (!followed) {
      parts_->log.error("levels not added up", field("error", followed.error().message));
    }
  }
}

void Cluster::settle_trials() {
  const auto converted = convert_trials(*parts_->database, parts_->clock.now(), parts_->log);
  if (!converted) {
    parts_->log.error("trials not settled", field("error", converted.error().message));
  }
  const auto forgotten = WebhookQueue(*parts_->database, parts_->clock).forget_old();
  if (!forgotten) {
    parts_->log.error("deliveries not forgotten", field("error", forgotten.error().message));
  }
}

/// Retention, trials, scrub and reconciliation, every so often, on one thread: none is in a hurry.
void Cluster::maintain(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any ended;
  while (true) {
    {
      std::unique_lock lock(mutex);
      ended.wait_for(lock, stop, parts_->state.config.retention_every, [] { return false; });
    }
    if (stop.stop_requested()) return;
    const Answer<RetentionReport> retained = parts_->retention.run();
    if (retained) {
      parts_->log.info("retention ran", field("points_dropped", retained->points_dropped),
                       field("objects_deleted", retained->objects_deleted),
                       field("held", retained->held));
    } else {
      parts_->log.error("retention failed", field("error", retained.error().detail));
    }
    settle_trials();
    if (parts_->state.config.scrub_objects > 0) {
      const Answer<ScrubReport> scrubbed =
          parts_->scrub.run(parts_->state.config.scrub_objects, stop);
      if (!scrubbed) parts_->log.error("scrub failed", field("error", scrubbed.error().detail));
    }
    const auto reconciled = parts_->reconciler.run_if_due(stop);
    if (!reconciled && reconciled.error().kind != ErrorKind::kCancelled) {
      parts_->log.error("reconciliation failed", field("error", reconciled.error().detail));
    }
  }
}

sql::Database& Cluster::database() {
  return *parts_->database;
}
const api::Services& Cluster::services() const {
  return parts_->services;
}
api::Application& Cluster::application() {
  return parts_->application;
}
Scrub& Cluster::scrub() {
  return parts_->scrub;
}
const State& Cluster::state() const {
  return parts_->state;
}
objects::ObjectStore& Cluster::store() {
  return *parts_->store;
}

}  // namespace obhut::cluster
