#include "service/cluster/api/application.h"

#include "service/cluster/api/body.h"
#include "service/cluster/api/idempotency.h"

namespace obhut::cluster::api {
namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t slash = std::min(path.find('/'), path.size());
    parts.push_back(path.substr(0, slash));
    path.remove_prefix(slash);
  }
  return parts;
}

/// The values of the pattern's {…}; nothing where the path is another.
std::optional<std::vector<std::string>> fit(std::string_view pattern, std::string_view path) {
  const std::vector<std::string_view> want = split(pattern);
  const std::vector<std::string_view> have = split(path);
  if (want.size() != have.size()) return std::nullopt;
  std::vector<std::string> values;
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (want[i].starts_with('{')) {
      values.emplace_back(have[i]);
    } else if (want[i] != have[i]) {
      return std::nullopt;
    }
  }
  return values;
}

std::string bearer_of(const http::Request& request) {
  const auto header = http::find(request.headers, "authorization");
  if (!header || header->size() < 7) return "";
  const std::string_view scheme = header->substr(0, 7);
  if (scheme != "Bearer " && scheme != "bearer ") return "";
  return std::string(header->substr(7));
}

}  // namespace

struct Application::Match {
  const Route* route = nullptr;
  std::vector<std::string> values;
};

struct Application::State {
  const Route* route;
  Call call;
};

Application::Application(const Services& services) : services_(services) {
  add_public_routes(routes_, services_, counters_);
  add_device_routes(routes_, services_);
  add_store_routes(routes_, services_);
  add_people_routes(routes_, services_);
  add_fleet_routes(routes_, services_);
  add_grant_routes(routes_, services_);
  add_release_routes(routes_, services_);
  add_billing_routes(routes_, services_);
  add_metering_routes(routes_, services_);
  add_webhook_routes(routes_, services_);
}

Application::~Application() = default;

Answer<Application::Match> Application::match(const http::Request& request) const {
  bool known = false;
  for (const Route& route : routes_) {
    std::optional<std::vector<std::string>> values = fit(route.pattern, request.path);
    if (!values) continue;
    if (route.method == request.method) return Match{&route, std::move(*values)};
    known = true;
  }
  if (known) return refuse(405, "method-not-allowed", "this method is not for this path");
  return refuse(404, "not-found", "there is nothing at this path");
}

Answer<void> Application::authenticate(const Route& route, Call& call) const {
  if (route.auth == Auth::kNobody || route.auth == Auth::kStore) return {};
  call.bearer = bearer_of(call.request);
  if (call.bearer.empty()) return refuse(401, "unauthenticated", "send Authorization: Bearer …");
  const bool recovery = RecoveryAccess::is_token(call.bearer);
  if (route.auth == Auth::kRecovery || (route.auth == Auth::kReader && recovery)) {
    ASSIGN_OR_RETURN(RecoveryReader reader, services_.recovery.authenticate(call.bearer));
    if (route.auth == Auth::kReader && call.values.front() != reader.vault.text()) {
      return not_found("vault");
    }
    call.device = std::move(reader.holder);
    call.recovers = reader.vault;
    return {};
  }
  if (route.auth == Auth::kDevice || route.auth == Auth::kReader) {
    ASSIGN_OR_RETURN(call.device, services_.devices.authenticate(call.bearer));
    return {};
  }
  ASSIGN_OR_RETURN(call.person, services_.accounts.authenticate(call.bearer));
  if (route.auth == Auth::kProvider && call.person->role != Role::kProvider) {
    return refuse(403, "forbidden", "only the provider may do this");
  }
  const bool own_session = route.pattern == "/api/v1/sessions/current";
  if (call.request.method != http::Method::kGet && !call.person->may_write() && !own_session) {
    return refuse(403, "forbidden", "this account may only read");
  }
  return {};
}

http::Admission Application::admit(http::Request& request) {
  http::Admission admission;
  const auto refused = [&](const Refusal& refusal) {
    admission.refused = reply(refusal);
    return std::move(admission);
  };
  const Answer<Match> found = match(request);
  if (!found) return refused(found.error());
  auto state = std::make_shared<State>(
      State{found->route, Call{request, found->values, {}, {}, {}, {}, {}, {}, false}});
  if (found->route->auth != Auth::kStore) {
    auto query = http::parse_form(request.query);
    if (!query) return refused(Refusal(422, "invalid-request", query.error().message));
    state->call.query = std::move(*query);
  }
  if (const auto good = authenticate(*found->route, state->call); !good)
    return refused(good.error());
  if (found->route->admit) {
    if (const auto good = found->route->admit(state->call); !good) return refused(good.error());
  }
  admission.body_limit = found->route->body_limit;
  request.context = std::move(state);
  return admission;
}

http::Response Application::run(State& state) {
  const Route& route = *state.route;
  const auto work = [&] { return route.handler(state.call); };
  const bool once = route.method != http::Method::kGet && route.repeat == Repeat::kAnsweredOnce;
  Answer<http::Response> answer = once ? answer_once(services_, state.call, work) : work();
  http::Response response = answer ? std::move(*answer) : reply(answer.error());
  // A limit that the partner set is no failure of ours.
  const bool refused = !answer && answer.error().kind == ErrorKind::kRefused;
  if (response.status >= 500 && !refused) {
    services_.log.error("request failed", field("request", state.call.request.id),
                        field("route", route.pattern),
                        field("error", answer ? "" : answer.error().detail));
  }
  return response;
}

http::Response Application::handle(http::Request& request, bool last) {
  auto& state = *static_cast<State*>(request.context.get());
  state.call.last = last;
  return run(state);
}

}  // namespace obhut::cluster::api
