#pragma once
// People: their passwords, their sessions, and what they may touch.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "service/cluster/refusal.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

using PersonId = Id<struct PersonTag, 16>;

enum class Role : std::uint8_t {
  kProvider,  ///< runs the cluster: makes partners, sees all of them
  kAdmin,     ///< a partner's: everything of this partner
  kViewer,    ///< a partner's: reads
};
std::string_view to_string(Role role);
std::optional<Role> parse_role(std::string_view text);

struct Person {
  PersonId id;
  std::optional<PartnerId> partner;  ///< nothing for the provider's
  Role role = Role::kViewer;
  std::string email;
  Instant created{};

  [[nodiscard]] bool may_see(const PartnerId& other) const { return !partner || *partner == other; }
  [[nodiscard]] bool may_write() const { return role != Role::kViewer; }
};

struct NewPerson {
  Person person;
  std::string password;  ///< as hash_password() makes it
};

struct SessionToken {
  std::string token;  ///< shown once; only its hash is kept
  Instant expires{};
  Person person;
};

/// Thread: any.
class Accounts {
 public:
  Accounts(sql::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// Slow, and touches no database.
  /// Errors: 422 for an address that is none, a password below 12 or above 256 bytes, or a role
  /// that does not fit.
  Answer<NewPerson> prepare(const std::optional<PartnerId>& partner, std::string_view email,
                            std::string_view password, Role role) const;
  /// Errors: 409 for an address in use.
  Answer<Person> add(const NewPerson& made);
  /// Both.
  Answer<Person> add(const std::optional<PartnerId>& partner, std::string_view email,
                     std::string_view password, Role role);
  Answer<std::vector<Person>> list(const std::optional<PartnerId>& partner);

  /// Takes as long for an unknown address as for a wrong password.
  /// Errors: 401; 429 after five failures in a row, for an address or a peer, longer each time.
  Answer<SessionToken> login(std::string_view email, std::string_view password,
                             std::string_view peer);
  Answer<void> logout(std::string_view token);
  /// Errors: 401 for an unknown or expired session.
  Answer<Person> authenticate(std::string_view token);

 private:
  Answer<void> check_throttle(std::string_view subject, Instant now);
  Answer<void> count_failure(const std::vector<std::string>& subjects, Instant now);
  sql::Database& database_;
  const Clock& clock_;
};

/// "scrypt$<log2 N>$<r>$<p>$<salt>$<key>".
Result<std::string> hash_password(std::string_view password);
bool check_password(std::string_view password, std::string_view stored);

}  // namespace obhut::cluster
