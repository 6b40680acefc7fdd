#pragma once
// The running cluster: the object graph, the server, and the work that goes on beside it.

#include <memory>
#include <stop_token>

#include "agent/base/log.h"
#include "service/cluster/bills.h"
#include "service/cluster/commits.h"
#include "service/cluster/scrub.h"
#include "service/cluster/state.h"

namespace obhut::cluster {

namespace api {
struct Services;
class Application;
}  // namespace api

/// The database that the configuration names, for work beside a cluster that may be running.
Result<std::unique_ptr<sql::Database>> open_database(const State& state);

/// Everything but the sockets. One process at a time may hold a state folder.
class Cluster {
 public:
  /// Errors: kConflict where another process runs on this folder.
  static Result<std::unique_ptr<Cluster>> open(State state, const Clock& clock, Log log);
  ~Cluster();

  /// Listens and serves until `stop`. Retention and scrub run beside it, and webhooks are sent.
  /// `ready` is called with the port once connections are taken.
  Result<void> serve(std::stop_token stop, const std::function<void(std::uint16_t)>& ready);

  [[nodiscard]] sql::Database& database();
  [[nodiscard]] const api::Services& services() const;
  [[nodiscard]] api::Application& application();
  [[nodiscard]] Scrub& scrub();
  [[nodiscard]] const State& state() const;
  [[nodiscard]] objects::ObjectStore& store();

 private:
  struct Parts;
  explicit Cluster(std::unique_ptr<Parts> parts);
  void maintain(std::stop_token stop);
  void chain(std::stop_token stop);
  void settle_trials();
  std::unique_ptr<Parts> parts_;
};

}  // namespace obhut::cluster
