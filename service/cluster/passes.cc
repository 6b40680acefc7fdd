#include "service/cluster/passes.h"

#include "agent/base/codec.h"
#include "agent/base/text.h"
#include "agent/crypto/digest.h"
#include "agent/crypto/random.h"

namespace obhut::cluster {
namespace {

constexpr std::chrono::minutes kNonceLife{5};
constexpr std::chrono::hours kAccessLife{1};

std::uint64_t count_of(Instant at) {
  return static_cast<std::uint64_t>(at.time_since_epoch().count());
}

Instant instant_of(std::uint64_t count) {
  return Instant(std::chrono::microseconds(static_cast<std::int64_t>(count)));
}

}  // namespace

Passes::Passes(const Clock& clock, crypto::SecretBytes secret, std::vector<std::string> audiences)
    : clock_(clock), secret_(std::move(secret)), audiences_(std::move(audiences)) {}

Sha256 Passes::mac(std::string_view purpose, ByteView bytes) const {
  Writer writer;
  writer.text(purpose);
  writer.raw(bytes);
  return crypto::hmac_sha256(secret_.view(), writer.bytes());
}

std::pair<std::string, Instant> Passes::nonce() const {
  using Random = Id<struct NonceTag, 16>;
  const Instant expires = clock_.now() + kNonceLife;
  Writer writer;
  writer.u64(count_of(expires));
  writer.id(crypto::random_id<Random>());
  writer.raw(mac("nonce", writer.bytes()).bytes().first(16));
  return {to_base64url(writer.bytes()), expires};
}

Answer<void> Passes::use_nonce(sql::Session& session, std::string_view nonce, Instant now) const {
  const auto bad = [] { return refuse(401, "nonce-unknown", "ask for a fresh nonce"); };
  const std::optional<Bytes> bytes = from_base64url(nonce);
  if (!bytes || bytes->size() != 40) return bad();
  const ByteView view(*bytes);
  const Sha256 want = mac("nonce", view.first(24));
  if (!crypto::equal_in_constant_time(want.bytes().first(16), view.subspan(24))) return bad();
  Reader reader(view);
  const Instant expires = instant_of(reader.u64());
  if (now >= expires) return bad();
  TRY(session.exec("DELETE FROM nonces WHERE expires < :now", {{"now", now}}));
  ASSIGN_OR_RETURN(const std::uint64_t fresh,
                   session.exec("INSERT INTO nonces (nonce, expires) VALUES (:nonce, :expires)"
                                " ON CONFLICT (nonce) DO NOTHING",
                                {{"nonce", nonce}, {"expires", expires}}));
  if (fresh == 0)
    return refuse(401, "nonce-used", "this nonce was used already; ask for a fresh one");
  return {};
}

Answer<trust::Assertion> Passes::use(sql::Session& session, std::string_view text,
                                     const SigningKeyId& key, Instant now) const {
  Result<trust::Assertion> assertion = fail(ErrorKind::kRefused, "no audience");
  for (const std::string& audience : audiences_) {
    assertion = trust::read_assertion(text, key, audience, now);
    if (assertion) break;
  }
  if (!assertion) return refuse(401, "invalid-assertion", assertion.error().message);
  TRY(use_nonce(session, assertion->nonce, now));
  return std::move(*assertion);
}

AccessToken Passes::issue(std::string_view mark, ByteView what, Instant now) const {
  Writer writer;
  writer.raw(what);
  writer.u64(count_of(now + kAccessLife));
  writer.raw(mac(mark, writer.bytes()).bytes());
  return {std::string(mark) + to_base64url(writer.bytes()), kAccessLife};
}

Answer<Bytes> Passes::open(std::string_view mark, std::string_view token) const {
  const auto bad = [] { return refuse(401, "unauthenticated", "get a new access token"); };
  if (!token.starts_with(mark)) return bad();
  std::optional<Bytes> bytes = from_base64url(token.substr(mark.size()));
  if (!bytes || bytes->size() < 8 + Sha256::kSize) return bad();
  const ByteView view(*bytes);
  const ByteView said = view.first(view.size() - Sha256::kSize);
  if (!crypto::equal_in_constant_time(mac(mark, said).bytes(), view.last(Sha256::kSize))) {
    return bad();
  }
  Reader reader(said.last(8));
  if (clock_.now() >= instant_of(reader.u64())) return bad();
  bytes->resize(said.size() - 8);
  return std::move(*bytes);
}

}  // namespace obhut::cluster
