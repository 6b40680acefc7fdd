// What anybody may ask.

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"
#include "service/cluster/api/body.h"
#include "service/cluster/api/route.h"

namespace obhut::cluster::api {
namespace {

using http::Response;

Response text(std::string body) {
  Response response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(body);
  return response;
}

/// Prometheus' text format, version 0.0.4.
std::string metrics(const http::Counters& counters) {
  std::string out;
  const auto add = [&](std::string_view name, std::string_view type,
                       const std::atomic<std::uint64_t>& value) {
    const std::string full = "obhut_cluster_" + std::string(name);
    out += "# TYPE " + full + " " + std::string(type) + "\n" + full + " " +
           std::to_string(value.load()) + "\n";
  };
  add("connections_open", "gauge", counters.connections_open);
  add("connections_accepted_total", "counter", counters.connections_accepted);
  add("connections_refused_total", "counter", counters.connections_refused);
  add("handshakes_failed_total", "counter", counters.handshakes_failed);
  add("requests_total", "counter", counters.requests);
  add("responses_4xx_total", "counter", counters.responses_4xx);
  add("responses_5xx_total", "counter", counters.responses_5xx);
  add("timeouts_total", "counter", counters.timeouts);
  add("bytes_in_total", "counter", counters.bytes_in);
  add("bytes_out_total", "counter", counters.bytes_out);
  add("polls_waiting", "gauge", counters.polls_waiting);
  return out;
}

}  // namespace

void add_public_routes(std::vector<Route>& routes, const Services& services,
                       const http::Counters* const& counters) {
  Table table(routes);
  table.get("/healthz", Auth::kNobody, [&services](Call&) -> Answer<Response> {
    TRY(services.database.read([](sql::Session& session) {
      return session.query("SELECT COUNT(*) FROM schema_version");
    }));
    return text("ok\n");
  });
  table.get("/api/v1/version", Auth::kNobody, [&services](Call&) -> Answer<Response> {
    return reply(200, {{"name", "obhut-cluster"},
                       {"version", OBHUT_VERSION},
                       {"api", "v1"},
                       {"cluster_key", services.cluster_key.text()},
                       {"time", format_time_micro(services.clock.now())}});
  });
  table.get("/metrics", Auth::kProvider, [&counters](Call&) -> Answer<Response> {
    return text(counters == nullptr ? "" : metrics(*counters));
  });
}

}  // namespace obhut::cluster::api
