#pragma once
// From a request to its handler: routing, the caller's credentials, tenants, repeated writes.

#include <memory>
#include <vector>

#include "service/cluster/api/route.h"

namespace obhut::cluster::api {

class Application final : public http::Application {
 public:
  /// `services` must outlive it.
  explicit Application(const Services& services);
  ~Application() override;

  http::Admission admit(http::Request& request) override;
  http::Response handle(http::Request& request, bool last) override;

  /// What /metrics shows of the server; set once the server runs.
  void show_counters(const http::Counters* counters) { counters_ = counters; }
  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

 private:
  struct Match;
  struct State;
  [[nodiscard]] Answer<Match> match(const http::Request& request) const;
  Answer<void> authenticate(const Route& route, Call& call) const;
  http::Response run(State& state);
  const Services& services_;
  std::vector<Route> routes_;
  const http::Counters* counters_ = nullptr;
};

}  // namespace obhut::cluster::api
