#include "service/endpoint/local_control.h"

#include <atomic>
#include <list>
#include <optional>
#include <thread>

#include <nlohmann/json.hpp>

#include "platform/machine.h"
#include "service/endpoint/browse_session.h"
#include "service/endpoint/control_reply.h"
#include "service/endpoint/grant_use.h"
#include "service/endpoint/json_fields.h"
#include "service/endpoint/point_requests.h"
#include "service/endpoint/requests.h"
#include "service/endpoint/restore_service.h"

namespace obhut::endpoint {

namespace {

using nlohmann::json;

/// A mount reads for as long as it stands: its places are others than those of requests.
Result<void> browse(Engine* engine, SessionPlaces& sessions, const Asker& asker,
                    const json& request, platform::LocalConnection& connection,
                    const std::stop_token& stop) {
  if (engine == nullptr) return std::unexpected(not_enrolled());
  const SessionPlaces::Place place(sessions, asker.audience, connection.peer().account);
  if (!place.granted()) {
    return fail(ErrorKind::kThrottled,
                "browse: too many mounts and pickers are open already; close one");
  }
  const auto grants_now = [&] { return engine->grants().open_for(asker.who); };
  return serve_browsing(engine->points(), asker, grants_now, request, connection, stop);
}

/// Has the asker's grants count, and one that gives out content told first.
Result<std::optional<GrantUse>> take_grants(Daemon& daemon, Engine& engine, Asker& asker,
                                            const std::string& command, const json& request,
                                            const std::stop_token& stop) {
  if (asker.audience == Audience::kAdministrator) return std::nullopt;
  const bool use = uses_grants(command);
  if (use) engine.refresh_grants(stop);
  asker.grants = engine.grants().open_for(asker.who);
  if (!use || asker.grants.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(const std::vector<NeededGrant> needed,
                   needed_grants(engine.points(), asker, command, request, stop));
  asker.grants.clear();
  for (const NeededGrant& one : needed) asker.grants.push_back(one.held);
  if (needed.empty() || flag_or(request, "dry_run")) return std::nullopt;
  ASSIGN_OR_RETURN(const std::string to, target_of(request, command));
  ASSIGN_OR_RETURN(GrantUse begun, GrantUse::begin(daemon.outbox(), daemon.clock(), asker.who,
                                                   needed, command, to));
  for (const NeededGrant& one : needed) {
    daemon.log().info("grant used", field("grant", one.held.grant.id), field("command", command),
                      field("account", asker.who.id));
  }
  return begun;
}

/// By the process that is started for it. Errors: those before it had the connection.
Result<void> hand_over(Engine& engine, const std::string& socket,
                       const platform::LocalConnection& connection, json request,
                       const Asker& asker, std::optional<GrantUse>& use,
                       const std::stop_token& stop) {
  json grants = json::array();
  for (const HeldGrant& held : asker.grants) grants.push_back(held.grant.id.text());
  request["grants"] = std::move(grants);  // whatever the client said there
  Result<json> handed = hand_to_restore_service(engine, socket, connection, request, stop);
  if (use) use->end(handed);
  if (!handed) return std::unexpected(std::move(handed).error());
  return {};
}

void serve(Daemon& daemon, SessionPlaces& sessions, platform::LocalConnection connection,
           const std::stop_token& stop) {
  const Result<std::optional<Bytes>> bytes =
      connection.receive(kMaxControlMessage, kControlPatience, stop);
  if (!bytes || !*bytes) return;
  SocketReply reply(connection, stop);
  const Result<json> request = parse_request(**bytes);
  if (!request) return reply.finish(std::unexpected(request.error()));
  const std::string command = text_or(*request, "command");
  const platform::Peer& peer = connection.peer();
  Asker asker{audience_of(peer, platform::user_id()), peer.caller, platform::account_of(peer)};
  const Result<void> may = check_asker(daemon, asker.audience, command, *request);
  if (!may) return reply.finish(std::unexpected(may.error()));
  Engine* const engine = daemon.engine();
  if (command == "browse") {
    const Result<void> served = browse(engine, sessions, asker, *request, connection, stop);
    if (!served) reply.finish(std::unexpected(served.error()));
    return;
  }
  std::optional<Activities::Watcher> place;
  if (engine != nullptr && command != "status" && command != "watch") {
    // A restore may stand still for as long as its asker likes: some connections stay for others.
    place.emplace(engine->activities(), asker.audience);
    if (!place->granted()) {
      return reply.finish(fail(ErrorKind::kThrottled, command + ": others ask already; try again"));
    }
  }
  std::optional<GrantUse> use;
  if (engine != nullptr) {
    Result<std::optional<GrantUse>> taken =
        take_grants(daemon, *engine, asker, command, *request, stop);
    if (!taken) return reply.finish(std::unexpected(std::move(taken).error()));
    use = std::move(*taken);
  }
  const std::string& elsewhere = daemon.config().restore_socket;
  if (engine != nullptr && !elsewhere.empty() && is_for_restore_service(command)) {
    const Result<void> handed =
        hand_over(*engine, elsewhere, connection, *request, asker, use, stop);
    if (!handed) reply.finish(std::unexpected(handed.error()));
    return;
  }
  const ClientListener client(connection, stop);
  asker.pause = &client.pause();
  Result<json> answer = carry_out(daemon, asker, command, *request, reply, client.stop());
  if (use) use->end(answer);
  reply.finish(std::move(answer));
}

struct Worker {
  std::atomic<bool> done = false;
  std::jthread thread;
};

}  // namespace

Audience audience_of(const platform::Peer& peer, std::uint32_t own_user) {
  return peer.administrator || peer.uid == own_user ? Audience::kAdministrator : Audience::kAnybody;
}

Result<std::unique_ptr<LocalControl>> LocalControl::make(Daemon& daemon,
                                                         const std::string& socket) {
  ASSIGN_OR_RETURN(platform::LocalListener listener,
                   platform::LocalListener::listen(socket, platform::SocketAccess::kEveryone));
  return std::unique_ptr<LocalControl>(new LocalControl(daemon, std::move(listener)));
}

void LocalControl::run(std::stop_token stop) {
  std::list<Worker> workers;
  while (!stop.stop_requested()) {
    Result<std::optional<platform::LocalConnection>> accepted = listener_.accept(stop);
    if (!accepted) {
      if (!daemon_.clock().sleep_for(std::chrono::milliseconds(100), stop)) break;
      continue;
    }
    if (!*accepted) break;
    workers.remove_if([](const Worker& worker) { return worker.done.load(); });
    if (workers.size() >= kMaxConnections) continue;  // closed by dropping it
    Worker& worker = workers.emplace_back();
    worker.thread = std::jthread(
        [this, &worker, connection = std::move(**accepted)](std::stop_token own) mutable {
          serve(daemon_, sessions_, std::move(connection), own);
          worker.done = true;
        });
  }
}

}  // namespace obhut::endpoint
