#include "service/endpoint/local_control.h"

#include <atomic>
#include <list>
#include <thread>

#include <nlohmann/json.hpp>

#include "agent/model/strict_json.h"
#include "platform/machine.h"
#include "service/endpoint/json_fields.h"
#include "service/endpoint/requests.h"
#include "tools/cli/exit_codes.h"

namespace obhut::endpoint {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxConnections = 16;
constexpr std::chrono::seconds kPatience{30};

class SocketReply final : public Reply {
 public:
  SocketReply(platform::LocalConnection& connection, std::stop_token stop)
      : connection_(connection), stop_(std::move(stop)) {}

  bool event(const json& message) override { return send(message); }
  bool send(const json& message) {
    const std::string text = message.dump(-1, ' ', false, json::error_handler_t::replace);
    return connection_.send(as_bytes(text), kPatience, stop_).has_value();
  }

 private:
  platform::LocalConnection& connection_;
  std::stop_token stop_;
};

json error_message(const Error& error) {
  return {{"done", true},
          {"exit", exit_code_of(error.kind)},
          {"error", {{"kind", to_string(error.kind)}, {"message", error.message}}}};
}

json answer(Daemon& daemon, const platform::Peer& peer, ByteView bytes, Reply& reply,
            const std::stop_token& stop) {
  const Result<json> request = model::parse_strict_json(as_text(bytes), "request",
                                                        {.bytes = kMaxControlMessage, .depth = 8});
  if (!request) return error_message(request.error());
  const std::string command = request->is_object() ? text_or(*request, "command") : std::string();
  if (!may_ask(peer, command, platform::user_id())) {
    return error_message({ErrorKind::kRefused, command + ": needs administrator rights"});
  }
  Result<json> result = carry_out(daemon, {audience_of(peer, platform::user_id()), peer.caller},
                                  command, *request, reply, stop);
  if (!result) return error_message(result.error());
  (*result)["done"] = true;
  if (!result->contains("exit")) (*result)["exit"] = static_cast<int>(cli::kExitDone);
  return std::move(*result);
}

void serve(Daemon& daemon, platform::LocalConnection connection, const std::stop_token& stop) {
  Result<std::optional<Bytes>> request = connection.receive(kMaxControlMessage, kPatience, stop);
  if (!request || !*request) return;
  SocketReply reply(connection, stop);
  const json last = answer(daemon, connection.peer(), **request, reply, stop);
  reply.send(last);  // ignored: a client that has gone wants no answer
}

struct Worker {
  std::atomic<bool> done = false;
  std::jthread thread;
};

}  // namespace

bool may_ask(const platform::Peer& peer, std::string_view command, std::uint32_t own_user) {
  return audience_of(peer, own_user) == Audience::kAdministrator || command == "status" ||
         command == "watch";
}

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
          serve(daemon_, std::move(connection), own);
          worker.done = true;
        });
  }
}

}  // namespace obhut::endpoint
