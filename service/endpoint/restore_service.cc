#include "service/endpoint/restore_service.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/base/guarded.h"
#include "agent/base/text.h"
#include "agent/model/progress_json.h"
#include "agent/wire/cpprest_transport.h"
#include "platform/account.h"
#include "platform/machine.h"
#include "service/endpoint/control_reply.h"
#include "service/endpoint/enrolment.h"
#include "service/endpoint/grant_keeper.h"
#include "service/endpoint/json_fields.h"
#include "service/endpoint/local_control.h"
#include "service/endpoint/plan_sync.h"
#include "service/endpoint/point_requests.h"
#include "service/endpoint/trusted_time.h"

namespace obhut::endpoint {
namespace {

using nlohmann::json;

constexpr const char* kEnded = "ended";

/// How long the other process may be silent: it tells how far it is five times a second.
constexpr std::chrono::minutes kSilence{5};

/// Answers the client, and tells the daemon of progress. A daemon that is being restarted has no
/// ears for a while, and what is restored is restored all the same.
class HandedReply final : public Reply {
 public:
  HandedReply(SocketReply& client, SocketReply& giver) : client_(client), giver_(giver) {}
  bool event(const json& message) override {
    if (giver_listens_ && text_or(message, "event") == "progress") {
      giver_listens_ = giver_.event(message);
    }
    return client_.event(message);
  }

 private:
  SocketReply& client_;
  SocketReply& giver_;
  bool giver_listens_ = true;
};

/// Of the asker's grants those that the daemon found to count for this request.
Result<std::vector<HeldGrant>> chosen_grants(StateFolder& state, Clock& clock,
                                             const DeviceId& device, const platform::Account& who,
                                             const json& request, const Log& log) {
  const auto chosen = texts_of(request, "grants");
  if (!chosen || chosen->empty()) return std::vector<HeldGrant>();
  ASSIGN_OR_RETURN(const trust::TrustChain trust, load_trust(state));
  ASSIGN_OR_RETURN(TrustedTime time, TrustedTime::open(state, clock));
  ASSIGN_OR_RETURN(const auto keeper,
                   GrantKeeper::open(
                       state, device,
                       [&] {
                         return GrantKeeper::Judge{trust, time.now(std::nullopt)};
                       },
                       log));
  std::vector<HeldGrant> grants = keeper->open_for(who);
  std::erase_if(grants, [&chosen](const HeldGrant& held) {
    return std::ranges::find(*chosen, held.grant.id.text()) == chosen->end();
  });
  return grants;
}

/// What the daemon is to hear of the end.
json ended_event(const Result<json>& answer) {
  json event = {{"event", kEnded}, {"outcome", "failed"}};
  if (!answer && answer.error().kind == ErrorKind::kCancelled) event["outcome"] = "cancelled";
  if (!answer) return event;
  event["outcome"] = number_or(*answer, "exit") == 0 ? "done" : "skipped";
  for (const char* name : {"files", "directories", "bytes"}) {
    if (answer->contains(name)) event[name] = (*answer)[name];
  }
  return event;
}

/// All that reads a vault, without what the daemon does besides.
Result<json> carry_out_alone(const Config& config, Clock& clock, Asker asker, const json& request,
                             Reply& reply, const Log& log, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(StateFolder state, StateFolder::open_to_read(config.state));
  ASSIGN_OR_RETURN(const Enrolment enrolment, Enrolment::open(state, clock));
  if (!enrolment.enrolled()) return fail(ErrorKind::kRefused, "this endpoint is not enrolled yet");
  const Identity& identity = enrolment.identity();
  ASSIGN_OR_RETURN(asker.grants,
                   chosen_grants(state, clock, identity.device, asker.who, request, log));
  const std::string plans_proxy = kept_proxy(state, identity);
  wire::CpprestTransport transport(
      {.ca_pem = {}, .spki_pin = identity.ca_pin},
      [&](const std::string& url) { return ways_out(config, plans_proxy, url); });
  wire::ControlClient control(transport, clock, identity.cluster,
                              wire::DeviceIdentity{identity.device, enrolment.device_key()});
  wire::UploadPace no_uploads(clock, [] { return std::uint64_t{0}; });
  HeadFiles heads(state);
  ASSIGN_OR_RETURN(const std::unique_ptr<VaultKeeper> keeper,
                   VaultKeeper::open(state, clock, identity, enrolment.device_key(), config.keys));
  Activities activities(clock);
  const PointSource source{{clock, identity, control, transport, no_uploads, heads, *keeper},
                           activities};
  const std::string command = text_or(request, "command");
  return carry_out_on_points(source, asker, command, request, reply, stop);
}

}  // namespace

bool is_for_restore_service(std::string_view command) {
  return command == "restore" || command == "export";
}

Result<json> hand_to_restore_service(Engine& engine, const std::string& socket,
                                     const platform::LocalConnection& client, const json& request,
                                     const std::stop_token& stop) {
  Result<platform::LocalConnection> taker =
      client.hand_over(socket, as_bytes(request.dump()), kControlPatience);
  if (!taker) {
    return pass_on(std::move(taker.error()),
                   "the restore service does not answer (systemctl start obhut-restore.socket)");
  }
  model::JobProgress nothing_yet;
  nothing_yet.job = text_or(request, "command");
  Guarded<model::JobProgress> last(nothing_yet);
  const Activities::Running running(engine.activities(), Audience::kAdministrator, [&] {
    return last.with([](const model::JobProgress& progress) { return progress; });
  });
  for (;;) {
    // An error or an end: it is over there, one way or the other, and the client was told.
    const auto told = taker->receive(kMaxControlMessage, kSilence, stop);
    if (!told || !*told) return json();
    Result<json> message = parse_request(**told);
    if (message && text_or(*message, "event") == kEnded) return std::move(*message);
    if (!message || !message->contains("progress")) continue;
    last.with([&](model::JobProgress& progress) {
      progress = model::progress_of((*message)["progress"]).progress;
    });
  }
}

Result<void> serve_restore(const Config& config, Clock& clock, const Log& log,
                           const std::stop_token& stop) {
  ASSIGN_OR_RETURN(platform::HandedConnection handed,
                   platform::HandedConnection::take(kMaxControlMessage, kControlPatience));
  SocketReply client(handed.client, stop);
  SocketReply giver(handed.giver, stop);
  HandedReply reply(client, giver);
  const Result<json> request = parse_request(handed.message);
  if (!request) {
    client.finish(std::unexpected(request.error()));
    return {};
  }
  const platform::Peer& peer = handed.client.peer();
  log.info("restore service serves", field("user", peer.account));
  const ClientListener voice(handed.client, stop);
  const Asker asker{audience_of(peer, platform::user_id()),
                    peer.caller,
                    platform::account_of(peer),
                    {},
                    &voice.pause()};
  Result<json> answer = carry_out_alone(config, clock, asker, *request, reply, log, voice.stop());
  giver.event(ended_event(answer));  // ignored: a daemon that was restarted has no ears for it
  client.finish(std::move(answer));
  return {};
}

}  // namespace obhut::endpoint
