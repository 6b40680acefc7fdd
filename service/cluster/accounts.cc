#include "service/cluster/accounts.h"

#include <algorithm>
#include <charconv>
#include <mutex>

#include "agent/base/text.h"
#include "agent/crypto/digest.h"
#include "agent/crypto/kdf.h"
#include "agent/crypto/random.h"

namespace obhut::cluster {
namespace {

// 16 MiB and about 50 ms: a login must stay cheap enough for the server (OWASP's second choice).
constexpr unsigned kLogN = 14;
constexpr std::chrono::hours kSessionLife{12};
constexpr std::uint64_t kFreeFailures = 5;
constexpr std::chrono::seconds kLongestPause{900};
constexpr std::size_t kSaltSize = 16;
constexpr std::size_t kKeySize = 32;

using SessionSecret = Id<struct SessionSecretTag, 32>;
using Salt = Id<struct SaltTag, kSaltSize>;

std::string token_name(std::string_view token) {
  return crypto::sha256(as_bytes(token)).text();
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

bool is_email(std::string_view text) {
  const std::size_t at = text.find('@');
  return text.size() <= 254 && at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
         text.find('@', at + 1) == std::string_view::npos && is_utf8(text) &&
         std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) <= 0x20; });
}

Person person_of(const sql::Row& row) {
  Person person;
  person.id = row.id<PersonId>(0);
  if (!row.is_null(1)) person.partner = row.id<PartnerId>(1);
  person.role = parse_role(row.text(2)).value_or(Role::kViewer);
  person.email = row.text(3);
  person.created = row.instant(4);
  return person;
}

/// Costs of one login run beside each other would eat the memory.
std::mutex& scrypt_turn() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kProvider:
      return "provider";
    case Role::kAdmin:
      return "admin";
    case Role::kViewer:
      break;
  }
  return "viewer";
}

std::optional<Role> parse_role(std::string_view text) {
  for (const Role role : {Role::kProvider, Role::kAdmin, Role::kViewer}) {
    if (text == to_string(role)) return role;
  }
  return std::nullopt;
}

Result<std::string> hash_password(std::string_view password) {
  const Salt salt = crypto::random_id<Salt>();
  const std::scoped_lock turn(scrypt_turn());
  ASSIGN_OR_RETURN(const crypto::SecretBytes key,
                   crypto::scrypt(as_bytes(password), salt.bytes(), {1U << kLogN, 8, 1}, kKeySize));
  return "scrypt$" + std::to_string(kLogN) + "$8$1$" + to_base64url(salt.bytes()) + "$" +
         to_base64url(key.view());
}

bool check_password(std::string_view password, std::string_view stored) {
  std::vector<std::string_view> parts;
  for (std::string_view rest = stored; parts.size() < 6;) {
    const std::size_t end = rest.find('$');
    parts.push_back(rest.substr(0, end));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  if (parts.size() != 6 || parts[0] != "scrypt") return false;
  unsigned cost[3] = {};
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string_view part = parts[i + 1];
    std::from_chars(part.data(), part.data() + part.size(), cost[i]);
  }
  const auto salt = from_base64url(parts[4]);
  const auto want = from_base64url(parts[5]);
  if (!salt || !want || cost[0] == 0 || cost[0] > 20) return false;
  const std::scoped_lock turn(scrypt_turn());
  const auto key = crypto::scrypt(as_bytes(password), *salt,
                                  {std::uint64_t{1} << cost[0], cost[1], cost[2]}, kKeySize);
  return key && crypto::equal_in_constant_time(key->view(), *want);
}

Answer<NewPerson> Accounts::prepare(const std::optional<PartnerId>& partner, std::string_view email,
                                    std::string_view password, Role role) const {
  if (!is_email(email)) return refuse(422, "invalid-email", "this is no e-mail address");
  if (password.size() < 12 || password.size() > 256) {
    return refuse(422, "weak-password", "a password has 12 to 256 bytes");
  }
  if ((role == Role::kProvider) != !partner) {
    return refuse(422, "invalid-role", "provider is the role of people without a partner");
  }
  ASSIGN_OR_RETURN(std::string hash, hash_password(password));
  return NewPerson{{crypto::random_id<PersonId>(), partner, role, lower(email), clock_.now()},
                   std::move(hash)};
}

Answer<Person> Accounts::add(const NewPerson& made) {
  const Person& person = made.person;
  return database_.write([&](sql::Session& session) -> Answer<Person> {
    const Result<std::uint64_t> added = session.exec(
        "INSERT INTO people (id, partner, email, role, password, created)"
        " VALUES (:id, :partner, :email, :role, :password, :created)",
        {{"id", person.id},
         {"partner", person.partner},
         {"email", person.email},
         {"role", to_string(person.role)},
         {"password", made.password},
         {"created", person.created}});
    if (!added && added.error().kind == ErrorKind::kConflict) {
      return refuse(409, "email-in-use", "this address has an account already");
    }
    if (!added) return std::unexpected(Refusal(added.error()));
    return person;
  });
}

Answer<Person> Accounts::add(const std::optional<PartnerId>& partner, std::string_view email,
                             std::string_view password, Role role) {
  ASSIGN_OR_RETURN(const NewPerson made, prepare(partner, email, password, role));
  return add(made);
}

Answer<std::vector<Person>> Accounts::list(const std::optional<PartnerId>& partner) {
  return database_.read([&](sql::Session& session) -> Answer<std::vector<Person>> {
    ASSIGN_OR_RETURN(const sql::Rows rows,
                     partner ? session.query("SELECT id, partner, role, email, created FROM people"
                                             " WHERE partner = :partner ORDER BY email",
                                             {{"partner", *partner}})
                             : session.query("SELECT id, partner, role, email, created FROM people"
                                             " WHERE partner IS NULL ORDER BY email"));
    std::vector<Person> people;
    for (const sql::Row& row : rows) people.push_back(person_of(row));
    return people;
  });
}

Answer<void> Accounts::check_throttle(std::string_view subject, Instant now) {
  return database_.read([&](sql::Session& session) -> Answer<void> {
    ASSIGN_OR_RETURN(
        const std::optional<sql::Row> row,
        session.query_one("SELECT failures, last FROM login_failures WHERE subject = :subject",
                          {{"subject", subject}}));
    if (!row || row->count(0) < kFreeFailures) return {};
    const std::uint64_t doublings = std::min<std::uint64_t>(row->count(0) - kFreeFailures, 10);
    const auto pause = std::min(std::chrono::seconds(std::int64_t{1} << doublings), kLongestPause);
    const Instant until = row->instant(1) + pause;
    if (now >= until) return {};
    Refusal refusal(429, "too-many-attempts", "too many failed logins; wait and try again");
    refusal.retry_after = std::chrono::ceil<std::chrono::seconds>(until - now).count();
    return std::unexpected(std::move(refusal));
  });
}

Answer<void> Accounts::count_failure(const std::vector<std::string>& subjects, Instant now) {
  return database_.write([&](sql::Session& session) -> Answer<void> {
    TRY(session.exec("DELETE FROM login_failures WHERE last < :old",
                     {{"old", now - std::chrono::hours(24)}}));
    for (const std::string& subject : subjects) {
      TRY(session.exec(
          "INSERT INTO login_failures (subject, failures, last)"
          " VALUES (:subject, 1, :last) ON CONFLICT (subject)"
          " DO UPDATE SET failures = login_failures.failures + 1, last = excluded.last",
          {{"subject", subject}, {"last", now}}));
    }
    return {};
  });
}

Answer<SessionToken> Accounts::login(std::string_view email, std::string_view password,
                                     std::string_view peer) {
  const Instant now = clock_.now();
  const std::string address = lower(email.substr(0, 254));
  const std::vector<std::string> subjects{"email " + address, "peer " + std::string(peer)};
  for (const std::string& subject : subjects) TRY(check_throttle(subject, now));
  std::string stored;
  const auto found = database_.read([&](sql::Session& session) -> Answer<std::optional<Person>> {
    ASSIGN_OR_RETURN(
        const std::optional<sql::Row> row,
        session.query_one("SELECT id, partner, role, email, created, password FROM people"
                          " WHERE email = :email",
                          {{"email", address}}));
    if (!row) return std::optional<Person>{};
    stored = row->text(5);
    return std::optional<Person>(person_of(*row));
  });
  if (!found) return std::unexpected(found.error());
  // An unknown address costs a hash as well, so that the time tells nothing.
  static const std::string kNobody = hash_password("nobody has this password").value_or("");
  const bool good = check_password(password.substr(0, 256), *found ? stored : kNobody);
  if (!good || !*found) {
    TRY(count_failure(subjects, now));
    return refuse(401, "bad-credentials", "address or password is wrong");
  }
  const SessionToken session_token{to_base64url(crypto::random_id<SessionSecret>().bytes()),
                                   now + kSessionLife, **found};
  return database_.write([&](sql::Session& session) -> Answer<SessionToken> {
    TRY(session.exec("DELETE FROM sessions WHERE expires < :now", {{"now", now}}));
    TRY(session.exec("DELETE FROM login_failures WHERE subject = :subject",
                     {{"subject", subjects.front()}}));
    TRY(
        session.exec("INSERT INTO sessions (token, person, created, expires)"
                     " VALUES (:token, :person, :created, :expires)",
                     {{"token", token_name(session_token.token)},
                      {"person", session_token.person.id},
                      {"created", now},
                      {"expires", session_token.expires}}));
    return session_token;
  });
}

Answer<void> Accounts::logout(std::string_view token) {
  return database_.write([&](sql::Session& session) -> Answer<void> {
    TRY(session.exec("DELETE FROM sessions WHERE token = :token", {{"token", token_name(token)}}));
    return {};
  });
}

Answer<Person> Accounts::authenticate(std::string_view token) {
  return database_.read([&](sql::Session& session) -> Answer<Person> {
    ASSIGN_OR_RETURN(
        const std::optional<sql::Row> row,
        session.query_one("SELECT people.id, people.partner, people.role, people.email,"
                          " people.created FROM sessions"
                          " JOIN people ON people.id = sessions.person"
                          " WHERE sessions.token = :token AND sessions.expires > :now",
                          {{"token", token_name(token)}, {"now", clock_.now()}}));
    if (!row) return refuse(401, "unauthenticated", "log in again: the session is unknown or over");
    return person_of(*row);
  });
}

}  // namespace obhut::cluster
