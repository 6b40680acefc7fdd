#include "service/cluster/api/idempotency.h"

#include "agent/crypto/digest.h"

namespace obhut::cluster::api {
namespace {

constexpr std::size_t kLongestKey = 255;
constexpr std::size_t kLongestAnswer = 256 * 1024;
constexpr std::chrono::hours kKept{24};

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

}  // namespace

Answer<std::optional<std::string>> idempotency_subject(const Call& call) {
  const auto key = http::find(call.request.headers, "idempotency-key");
  if (!key || call.request.method == http::Method::kGet) return std::optional<std::string>{};
  if (key->empty() || key->size() > kLongestKey) {
    return refuse(422, "invalid-idempotency-key", "an Idempotency-Key has 1 to 255 bytes");
  }
  std::string who;
  if (call.person) who = "person " + call.person->id.text();
  if (call.device) who = "device " + call.device->id.text();
  if (who.empty()) return std::optional<std::string>{};
  return std::optional(crypto::sha256(as_bytes(who + "\n" + std::string(*key))).text());
}

Answer<std::optional<http::Response>> answered_before(const Services& services,
                                                      const std::string& subject,
                                                      const Call& call) {
  const Instant oldest = services.clock.now() - kKept;
  return services.database.read(
      [&](sql::Session& session) -> Answer<std::optional<http::Response>> {
        ASSIGN_OR_RETURN(
            const std::optional<sql::Row> row,
            session.query_one("SELECT request, status, content_type, body FROM idempotency"
                              " WHERE subject = :subject AND created > :oldest",
                              {{"subject", subject}, {"oldest", oldest}}));
        if (!row) return std::optional<http::Response>{};
        if (row->text(0) != request_name(call)) {
          return refuse(422, "idempotency-key-reused", "this key was used for another request");
        }
        http::Response response;
        response.status = static_cast<int>(row->integer(1));
        response.content_type = row->text(2);
        response.body = row->text(3);
        response.headers.emplace_back("Idempotency-Replayed", "true");
        return std::optional(std::move(response));
      });
}

void keep_answer(const Services& services, const std::string& subject, const Call& call,
                 const http::Response& response) {
  if (response.status >= 500 || response.status == 429 || response.source ||
      response.body.size() > kLongestAnswer) {
    return;
  }
  const Instant now = services.clock.now();
  const Answer<void> kept = services.database.write([&](sql::Session& session) -> Answer<void> {
    TRY(session.exec("DELETE FROM idempotency WHERE created < :old", {{"old", now - kKept}}));
    TRY(
        session.exec("INSERT INTO idempotency (subject, request, status, content_type, body,"
                     " created) VALUES (:subject, :request, :status, :content_type, :body,"
                     " :created) ON CONFLICT (subject) DO NOTHING",
                     {{"subject", subject},
                      {"request", request_name(call)},
                      {"status", response.status},
                      {"content_type", response.content_type},
                      {"body", response.body},
                      {"created", now}}));
    return {};
  });
  // The write itself stands: its routes are idempotent by their own ids, the key only spares work.
  if (!kept) services.log.warn("answer not kept", field("error", kept.error().detail));
}

}  // namespace obhut::cluster::api
