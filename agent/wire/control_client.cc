#include "agent/wire/control_client.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "agent/base/guarded.h"
#include "agent/base/text.h"
#include "agent/crypto/digest.h"
#include "agent/crypto/random.h"
#include "agent/trust/assertion.h"
#include "agent/wire/json_codec.h"

namespace obhut::wire {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kOctets = "application/octet-stream";
constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr std::string_view kGrant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
constexpr std::size_t kPageLimit = std::size_t{8} << 20U;
constexpr std::size_t kMaxPages = 10'000;

struct RandomTag;

/// Whether a request that is carried out twice does more than one that is carried out once.
enum class Repeat : std::uint8_t { kNeedsKey, kHarmless };

std::string random_text() {
  return crypto::random_id<Id<RandomTag, 16>>().text();
}

std::string vault_path(const VaultId& vault, std::string_view rest) {
  return "/api/v1/device/vaults/" + vault.text() + std::string(rest);
}

}  // namespace

struct ControlClient::Ask {
  Method method = Method::kGet;
  std::string path;
  std::string_view content_type = kJson;
  ByteView body{};
  std::size_t max_response = std::size_t{1} << 20U;
  std::chrono::milliseconds deadline{30'000};
  Repeat repeat = Repeat::kNeedsKey;
  std::optional<ByteRange> range{};
};

struct ControlClient::Session {
  const trust::InstanceId instance = crypto::random_id<trust::InstanceId>();
  std::mutex mutex;  // held while signing in, so that eight uploads ask for one token
  std::string token;
  std::chrono::steady_clock::time_point good_until;
  struct ClusterTime {
    Instant at;
    std::chrono::steady_clock::time_point seen;
  };
  Guarded<std::optional<ClusterTime>> time;
};

ControlClient::ControlClient(Transport& transport, Clock& clock, std::string cluster,
                             std::optional<DeviceIdentity> identity)
    : transport_(transport),
      clock_(clock),
      cluster_(std::move(cluster)),
      identity_(std::move(identity)),
      session_(std::make_unique<Session>()) {}

ControlClient::~ControlClient() = default;

namespace {

/// Any answer that is no success becomes an error.
Result<Response> successful(Result<Response> response) {
  if (!response || (response->status >= 200 && response->status < 300)) return response;
  return std::unexpected(error_of(read_problem(response->status, as_text(response->body))));
}

Request request_for(const std::string& url, Method method, std::string_view content_type,
                    ByteView body, Repeat repeat) {
  Request request;
  request.method = method;
  request.url = url;
  request.body = body;
  request.headers.push_back(
      {"Accept", "application/json, application/problem+json, application/octet-stream"});
  if (method == Method::kGet) return request;
  request.headers.push_back({"Content-Type", std::string(content_type)});
  // A POST may be carried out twice when a reused connection breaks, and again after a 401. A new
  // key each time it is meant: an answer of yesterday must not stand for today's.
  if (repeat == Repeat::kNeedsKey) request.headers.push_back({"Idempotency-Key", random_text()});
  return request;
}

}  // namespace

Result<Response> ControlClient::send(const Ask& ask, std::stop_token stop) {
  Request request =
      request_for(cluster_ + ask.path, ask.method, ask.content_type, ask.body, ask.repeat);
  request.deadline = ask.deadline;
  request.max_response = ask.max_response;
  return successful(transport_.send(request, stop));
}

Result<Response> ControlClient::send_signed_in(const Ask& ask, std::stop_token stop) {
  return successful(ask_signed_in(ask, std::move(stop)));
}

Result<Response> ControlClient::ask_signed_in(const Ask& ask, std::stop_token stop) {
  Request request =
      request_for(cluster_ + ask.path, ask.method, ask.content_type, ask.body, ask.repeat);
  request.deadline = ask.deadline;
  request.max_response = ask.max_response;
  if (ask.range) {
    request.headers.push_back(
        {"Range", "bytes=" + std::to_string(ask.range->offset) + "-" +
                      std::to_string(ask.range->offset + ask.range->length - 1)});
  }
  std::string refused;
  for (int attempt = 0;; ++attempt) {
    ASSIGN_OR_RETURN(const std::string token, access_token(stop, refused));
    Request signed_in = request;
    signed_in.headers.push_back({"Authorization", "Bearer " + token});
    Result<Response> response = transport_.send(signed_in, stop);
    // The cluster may have forgotten a token before its time (restored, keys turned over).
    if (response && response->status == 401 && attempt == 0) {
      refused = token;
      continue;
    }
    return response;
  }
}

Result<std::string> ControlClient::access_token(std::stop_token stop, std::string_view refused) {
  if (!identity_) return fail(ErrorKind::kRefused, "this device is not enrolled yet");
  const std::scoped_lock lock(session_->mutex);
  const bool good = !session_->token.empty() && session_->token != refused &&
                    clock_.steady() < session_->good_until;
  if (good) return session_->token;
  const auto asked = clock_.steady();
  ASSIGN_OR_RETURN(TokenReply reply, sign_in(stop));
  session_->token = std::move(reply.access_token);
  session_->good_until = asked + reply.expires_in * 4 / 5;
  return session_->token;
}

Result<TokenReply> ControlClient::sign_in(std::stop_token stop) {
  ASSIGN_OR_RETURN(const Response answer, send({.path = "/api/v1/nonce"}, stop));
  ASSIGN_OR_RETURN(const NonceReply nonce, read_nonce_reply(as_text(answer.body)));
  // By the cluster's clock: ours may be days off.
  const trust::Assertion assertion{
      .device = identity_->device,
      .audience = cluster_,
      .nonce = nonce.nonce,
      .issued = nonce.time,
      .expires = std::min(nonce.expires, nonce.time + trust::kAssertionLifetime),
      .id = random_text(),
      .instance = session_->instance};
  const std::string form = "grant_type=" + std::string(kGrant) +
                           "&assertion=" + trust::make_assertion(assertion, identity_->key);
  ASSIGN_OR_RETURN(const Response token, send({.method = Method::kPost,
                                               .path = "/api/v1/token",
                                               .content_type = kForm,
                                               .body = as_bytes(form),
                                               .repeat = Repeat::kHarmless},
                                              stop));
  session_->time.with([&](auto& time) { time = {nonce.time, clock_.steady()}; });
  return read_token_reply(as_text(token.body));
}

std::optional<Instant> ControlClient::cluster_time() const {
  return session_->time.with([&](const auto& time) -> std::optional<Instant> {
    if (!time) return std::nullopt;
    return time->at + std::chrono::floor<std::chrono::microseconds>(clock_.steady() - time->seen);
  });
}

std::string ControlClient::absolute(std::string url) const {
  if (url.starts_with('/')) url.insert(0, cluster_);
  return url;
}

Result<EnrollReply> ControlClient::enroll(const EnrollRequest& request, std::stop_token stop) {
  const std::string body = write_enroll(request);
  ASSIGN_OR_RETURN(
      const Response response,
      send({.method = Method::kPost, .path = "/api/v1/enroll", .body = as_bytes(body)}, stop));
  return read_enroll_reply(as_text(response.body));
}

Result<DeviceReply> ControlClient::device(std::stop_token stop) {
  ASSIGN_OR_RETURN(const Response response, send_signed_in({.path = "/api/v1/device"}, stop));
  return read_device_reply(as_text(response.body));
}

Result<std::optional<Instant>> ControlClient::trial_end(std::stop_token stop) {
  ASSIGN_OR_RETURN(const Response response, send_signed_in({.path = "/api/v1/device/trial"}, stop));
  return read_trial_end(as_text(response.body));
}

Result<std::optional<PlanReply>> ControlClient::plan_after(std::uint64_t after,
                                                           std::uint64_t trust_serial,
                                                           std::chrono::seconds wait,
                                                           std::stop_token stop) {
  const std::chrono::seconds capped = std::min(wait, std::chrono::seconds(55));
  ASSIGN_OR_RETURN(const Response response,
                   send_signed_in({.path = "/api/v1/device/plan?after=" + std::to_string(after) +
                                           "&wait=" + std::to_string(capped.count()) +
                                           "&trust_serial=" + std::to_string(trust_serial),
                                   .max_response = std::size_t{4} << 20U,
                                   .deadline = capped + std::chrono::seconds(20)},
                                  stop));
  if (response.status == 204) return std::nullopt;
  return read_plan_reply(as_text(response.body));
}

Result<std::vector<ListedVault>> ControlClient::vaults(std::stop_token stop) {
  ASSIGN_OR_RETURN(const Response response,
                   send_signed_in({.path = "/api/v1/device/vaults"}, stop));
  return read_vaults(as_text(response.body));
}

Result<void> ControlClient::create_vault(const VaultId& vault, std::stop_token stop) {
  const std::string body = write_vault(vault);
  TRY(send_signed_in(
      {.method = Method::kPost, .path = "/api/v1/device/vaults", .body = as_bytes(body)}, stop));
  return {};
}

Result<std::vector<Ticket>> ControlClient::tickets(const VaultId& vault,
                                                   std::span<const UploadWish> wishes,
                                                   std::stop_token stop) {
  const std::string body = write_upload_wishes(wishes);
  ASSIGN_OR_RETURN(const Response response, send_signed_in({.method = Method::kPost,
                                                            .path = vault_path(vault, "/tickets"),
                                                            .body = as_bytes(body),
                                                            .repeat = Repeat::kHarmless},
                                                           stop));
  ASSIGN_OR_RETURN(std::vector<Ticket> tickets, read_tickets(as_text(response.body)));
  if (!std::ranges::equal(tickets, wishes, {}, &Ticket::hash,
                          [](const UploadWish& wish) { return wish.name.hash; })) {
    return fail(ErrorKind::kCorrupt, "answer of the cluster: tickets for other objects than asked");
  }
  for (Ticket& ticket : tickets) ticket.url = absolute(std::move(ticket.url));
  return tickets;
}

Result<std::vector<Download>> ControlClient::downloads(const VaultId& vault,
                                                       std::span<const model::ObjectName> names,
                                                       std::stop_token stop) {
  const std::string body = write_download_wishes(names);
  ASSIGN_OR_RETURN(const Response response, send_signed_in({.method = Method::kPost,
                                                            .path = vault_path(vault, "/downloads"),
                                                            .body = as_bytes(body),
                                                            .repeat = Repeat::kHarmless},
                                                           stop));
  ASSIGN_OR_RETURN(std::vector<Download> downloads, read_downloads(as_text(response.body)));
  if (!std::ranges::equal(downloads, names, {}, &Download::hash, &model::ObjectName::hash)) {
    return fail(ErrorKind::kCorrupt, "answer of the cluster: other downloads than asked for");
  }
  for (Download& download : downloads) download.url = absolute(std::move(download.url));
  return downloads;
}

Result<std::vector<ListedObject>> ControlClient::objects(const VaultId& vault,
                                                         model::ObjectKind kind,
                                                         std::stop_token stop) {
  std::vector<ListedObject> all;
  std::set<std::string> seen;  // a cursor that comes again would turn for ever
  std::string cursor;
  do {
    std::string path = vault_path(vault, "/objects?kind=" + std::string(model::to_string(kind)));
    if (!cursor.empty()) path += "&cursor=" + cursor;
    ASSIGN_OR_RETURN(const Response response,
                     send_signed_in({.path = path, .max_response = kPageLimit}, stop));
    ASSIGN_OR_RETURN(ObjectPage page, read_object_page(as_text(response.body)));
    for (ListedObject& object : page.objects) {
      if (object.name.kind == kind) all.push_back(object);
    }
    cursor = std::move(page.next);
    if (!cursor.empty() && (!seen.insert(cursor).second || seen.size() > kMaxPages)) {
      return fail(ErrorKind::kCorrupt, "answer of the cluster: the list of objects has no end");
    }
  } while (!cursor.empty());
  return all;
}

Result<std::string> ControlClient::commit(const VaultId& vault, ByteView head,
                                          std::stop_token stop) {
  // A full head of 10 TB is 25 MB.
  const std::chrono::milliseconds deadline{120'000 + head.size() / 32};
  ASSIGN_OR_RETURN(const Response response, send_signed_in({.method = Method::kPost,
                                                            .path = vault_path(vault, "/commits"),
                                                            .content_type = kOctets,
                                                            .body = head,
                                                            .deadline = deadline},
                                                           stop));
  return read_commit_receipt(as_text(response.body));
}

Result<std::vector<ListedHead>> ControlClient::heads(const VaultId& vault,
                                                     std::uint64_t after_sequence,
                                                     std::stop_token stop) {
  std::vector<ListedHead> all;
  std::uint64_t after = after_sequence;
  for (std::size_t pages = 0; pages < kMaxPages; ++pages) {
    ASSIGN_OR_RETURN(
        const Response response,
        send_signed_in({.path = vault_path(vault, "/heads?after_sequence=" + std::to_string(after)),
                        .max_response = kPageLimit},
                       stop));
    ASSIGN_OR_RETURN(HeadPage page, read_head_page(as_text(response.body)));
    for (ListedHead& head : page.heads) {
      if (head.sequence <= after) {
        return fail(ErrorKind::kCorrupt, "answer of the cluster: heads out of order");
      }
      after = head.sequence;
      all.push_back(std::move(head));
    }
    if (!page.more || page.heads.empty()) return all;
  }
  return fail(ErrorKind::kCorrupt, "answer of the cluster: the list of heads has no end");
}

Result<std::vector<std::string>> ControlClient::storage_receipts(const VaultId& vault,
                                                                 const std::string& after_day,
                                                                 std::stop_token stop) {
  const std::string query = after_day.empty() ? "" : "?after=" + after_day;
  ASSIGN_OR_RETURN(
      const Response response,
      send_signed_in({.path = vault_path(vault, "/receipts" + query), .max_response = kPageLimit},
                     stop));
  return read_receipts(as_text(response.body));
}

Result<Bytes> ControlClient::head(const VaultId& vault, const Sha256& hash, std::stop_token stop) {
  ASSIGN_OR_RETURN(Response response,
                   send_signed_in({.path = vault_path(vault, "/heads/" + hash.text()),
                                   .max_response = std::size_t{256} << 20U,
                                   .deadline = std::chrono::minutes(15)},
                                  stop));
  if (crypto::sha256(response.body) != hash) {
    return fail(ErrorKind::kCorrupt,
                "head " + hash.text().substr(0, 16) + ": other bytes than its name says");
  }
  return std::move(response.body);
}

Result<Allowance> ControlClient::allowance(const VaultId& vault, std::stop_token stop) {
  ASSIGN_OR_RETURN(const Response response,
                   send_signed_in({.path = vault_path(vault, "/allowance")}, stop));
  return read_allowance(as_text(response.body));
}

Result<std::optional<std::uint64_t>> ControlClient::report_measurement(std::string_view document,
                                                                       std::stop_token stop) {
  const std::string body = write_measurement(document);
  ASSIGN_OR_RETURN(Response response, ask_signed_in({.method = Method::kPost,
                                                     .path = "/api/v1/device/measurements",
                                                     .body = as_bytes(body),
                                                     .repeat = Repeat::kHarmless},
                                                    stop));
  if (response.status == 409) {
    if (const auto number = read_problem_number(as_text(response.body))) return number;
  }
  TRY(successful(std::move(response)));
  return std::nullopt;
}

Result<void> ControlClient::confirm_recovery(const VaultId& vault,
                                             const std::optional<SigningKeyId>& access_key,
                                             std::stop_token stop) {
  const std::string body = write_recovery_confirmed(access_key);
  TRY(send_signed_in(
      {.method = Method::kPost, .path = vault_path(vault, "/recovery"), .body = as_bytes(body)},
      stop));
  return {};
}

Result<RecoveryReply> ControlClient::recovery(std::stop_token stop) {
  ASSIGN_OR_RETURN(const Response response, send_signed_in({.path = "/api/v1/recovery"}, stop));
  return read_recovery_reply(as_text(response.body));
}

Result<std::string> ControlClient::fetch_grant(std::string_view code, std::stop_token stop) {
  const std::string body = write_grant_code(code);
  ASSIGN_OR_RETURN(const Response response, send_signed_in({.method = Method::kPost,
                                                            .path = "/api/v1/device/grants",
                                                            .body = as_bytes(body),
                                                            .repeat = Repeat::kHarmless},
                                                           stop));
  return read_grant_document(as_text(response.body));
}

Result<std::vector<trust::GrantId>> ControlClient::revoked_grants(std::stop_token stop) {
  ASSIGN_OR_RETURN(const Response response,
                   send_signed_in({.path = "/api/v1/device/grants/revoked"}, stop));
  return read_revoked_grants(as_text(response.body));
}

Result<std::vector<std::string>> ControlClient::release_roots(std::uint64_t after,
                                                              std::stop_token stop) {
  ASSIGN_OR_RETURN(
      const Response response,
      send_signed_in({.path = "/api/v1/device/release/roots?after=" + std::to_string(after),
                      .max_response = kPageLimit},
                     stop));
  return read_release_roots(as_text(response.body));
}

Result<std::optional<std::string>> ControlClient::release(std::stop_token stop) {
  const Result<Response> response = send_signed_in({.path = "/api/v1/device/release"}, stop);
  if (!response && response.error().kind == ErrorKind::kNotFound) return std::nullopt;
  if (!response) return std::unexpected(response.error());
  ASSIGN_OR_RETURN(std::string document, read_release_document(as_text(response->body)));
  return std::optional(std::move(document));
}

Result<Bytes> ControlClient::release_package(const Sha256& hash, ByteRange range,
                                             std::stop_token stop) {
  const std::size_t length = static_cast<std::size_t>(range.length);
  ASSIGN_OR_RETURN(Response response,
                   send_signed_in({.path = "/api/v1/device/release/packages/" + hash.text(),
                                   .max_response = std::max<std::size_t>(length, 4096),
                                   .deadline = std::chrono::minutes(5),
                                   .range = range},
                                  stop));
  // A cluster that sends the whole for a part of it is caught here too.
  if (response.body.size() == length) return std::move(response.body);
  return fail(ErrorKind::kCorrupt, "package " + hash.text().substr(0, 16) + ": the cluster gave " +
                                       std::to_string(response.body.size()) + " bytes instead of " +
                                       std::to_string(length));
}

Result<void> ControlClient::report_activities(std::span<const ActivityReport> activities,
                                              std::stop_token stop) {
  const std::string body = write_activities(activities);
  TRY(send_signed_in(
      {.method = Method::kPost, .path = "/api/v1/device/activities", .body = as_bytes(body)},
      stop));
  return {};
}

Result<void> ControlClient::report_alerts(std::span<const AlertReport> alerts,
                                          std::stop_token stop) {
  const std::string body = write_alerts(alerts);
  TRY(send_signed_in(
      {.method = Method::kPost, .path = "/api/v1/device/alerts", .body = as_bytes(body)}, stop));
  return {};
}

}  // namespace obhut::wire
