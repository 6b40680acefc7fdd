#include "service/cluster/api/idempotency.h"

#include "agent/crypto/digest.h"
#include "service/cluster/api/body.h"

namespace obhut::cluster::api {
namespace {

constexpr std::size_t kLongestKey = 255;
constexpr std::size_t kLongestAnswer = 256 * 1024;
constexpr std::chrono::hours kKept{24};
constexpr std::string_view kReused = "idempotency-key-reused";

std::string request_name(const Call& call) {
  crypto::Sha256Stream digest;
  for (const std::string_view part :
       {http::to_string(call.request.method), std::string_view(call.request.path),
        std::string_view(call.request.query)}) {
    digest.update(as_bytes(part));
    digest.update(as_bytes("\n"));
  }
  digest.update(call.request.body);
  return digest.finish().text();
}

/// Names caller and key. Nothing where the request brings no key.
Answer<std::optional<std::string>> subject_of(const Call& call) {
  const auto key = http::find(call.request.headers, "idempotency-key");
  if (!key) return std::optional<std::string>{};
  if (key->empty() || key->size() > kLongestKey) {
    return refuse(422, "invalid-idempotency-key", "an Idempotency-Key has 1 to 255 bytes");
  }
  std::string who;
  if (call.person) who = "person " + call.person->id.text();
  if (call.device) who = "device " + call.device->id.text();
  if (who.empty()) return std::optional<std::string>{};
  return std::optional(crypto::sha256(as_bytes(who + "\n" + std::string(*key))).text());
}

/// The answer given before.
Answer<std::optional<http::Response>> answered_before(sql::Session& session,
                                                      const std::string& subject, const Call& call,
                                                      Instant now) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                   session.query_one("SELECT request, status, content_type, body FROM idempotency"
                                     " WHERE subject = :subject AND created > :oldest",
                                     {{"subject", subject}, {"oldest", now - kKept}}));
  if (!row) return std::optional<http::Response>{};
  if (row->text(0) != request_name(call)) {
    return refuse(422, std::string(kReused), "this key was used for another request");
  }
  http::Response response;
  response.status = static_cast<int>(row->integer(1));
  response.content_type = row->text(2);
  response.body = row->text(3);
  response.headers.emplace_back("Idempotency-Replayed", "true");
  return std::optional(std::move(response));
}

Answer<void> keep_answer(sql::Session& session, const std::string& subject, const Call& call,
                         const http::Response& response, Instant now) {
  if (response.body.size() > kLongestAnswer) return {};
  TRY(session.exec("DELETE FROM idempotency WHERE created <= :old", {{"old", now - kKept}}));
  const auto kept = session.exec(
      "INSERT INTO idempotency (subject, request, status, content_type, body, created)"
      " VALUES (:subject, :request, :status, :content_type, :body, :created)",
      {{"subject", subject},
       {"request", request_name(call)},
       {"status", response.status},
       {"content_type", response.content_type},
       {"body", response.body},
       {"created", now}});
  if (!kept && kept.error().kind == ErrorKind::kConflict) {
    // The same request is carried out by another instance right now: once more, to find its answer.
    return std::unexpected(Refusal(Error{ErrorKind::kUnavailable, "the key is being answered"}));
  }
  if (!kept) return std::unexpected(Refusal(kept.error()));
  return {};
}

/// A refusal had no effect that its answer would have to stand beside: it is kept so that a repeat
/// hears the same, and nothing is lost where it is not. What may be repaired is not kept.
void keep_refusal(const Services& services, const std::string& subject, const Call& call,
                  const Refusal& refusal) {
  if (refusal.status >= 500 || refusal.status == 429 || refusal.code == kReused) return;
  const Instant now = services.clock.now();
  const Answer<void> kept = services.database.write([&](sql::Session& session) -> Answer<void> {
    ASSIGN_OR_RETURN(const auto before, answered_before(session, subject, call, now));
    if (before) return {};
    return keep_answer(session, subject, call, reply(refusal), now);
  });
  if (!kept) services.log.warn("refusal not kept", field("error", kept.error().detail));
}

}  // namespace

Answer<http::Response> answer_once(const Services& services, const Call& call,
                                   const std::function<Answer<http::Response>()>& work) {
  ASSIGN_OR_RETURN(const std::optional<std::string> subject, subject_of(call));
  Answer<http::Response> answer =
      services.database.together([&](sql::Session& session) -> Answer<http::Response> {
        if (!subject) return work();
        const Instant now = services.clock.now();
        ASSIGN_OR_RETURN(std::optional<http::Response> before,
                         answered_before(session, *subject, call, now));
        if (before) return std::move(*before);
        ASSIGN_OR_RETURN(http::Response response, work());
        TRY(keep_answer(session, *subject, call, response, now));
        return response;
      });
  if (!answer && subject) keep_refusal(services, *subject, call, answer.error());
  return answer;
}

}  // namespace obhut::cluster::api
