#pragma once
// The restore grants that this device was given, durable, and which of them count now.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/log.h"
#include "agent/base/result.h"
#include "agent/trust/grant.h"
#include "agent/trust/trust_chain.h"
#include "platform/account.h"
#include "service/endpoint/grant_scope.h"
#include "service/endpoint/state_folder.h"

namespace obhut::endpoint {

/// One that counts for somebody now.
struct HeldGrant {
  trust::RestoreGrant grant;
  std::string document;
  std::string signer;  ///< the operator's name
  GrantScope scope;
};

/// Keeps documents, never verdicts: each is proved again whenever it is asked for, so that an
/// operator who is revoked takes his grants along.
/// Thread: any.
class GrantKeeper {
 public:
  /// By what grants are judged: the partner's keys, and the latest time ever seen.
  struct Judge {
    trust::TrustChain trust;
    Instant now{};
  };
  using AskJudge = std::function<Judge()>;

  /// Beside a daemon that has the state locked, it reads alone.
  static Result<std::unique_ptr<GrantKeeper>> open(StateFolder& state, const DeviceId& device,
                                                   AskJudge judge, const Log& log);

  struct Listed {
    HeldGrant held;
    std::string account;  ///< whom it is for: as the grant names him, or who brought it
    bool open = false;    ///< its time has come
  };
  /// Keeps a grant for the account that it names, or else for `bringer`; one that is held already
  /// changes nothing. Errors: those of trust::verify_grant; kRefused for one that was taken back
  /// or has ended here, for one without an account that `bringer` null brings, and where too many
  /// are held; those of the disk.
  Result<Listed> add(std::string_view document, const platform::Account* bringer);

  /// Those that count now.
  std::vector<HeldGrant> open_for(const platform::Account& account);
  /// Null: everybody's.
  std::vector<Listed> listed_for(const platform::Account* account);
  /// Gives a grant back. In: the beginning of its id; null: whosever it is.
  /// Errors: kNotFound, kInvalidInput for the beginning of several; those of the disk.
  Result<trust::GrantId> drop(std::string_view id, const platform::Account* account);

  /// The partner took these back.
  void take_back(const std::vector<trust::GrantId>& revoked);
  /// Forgets what has expired, and notes how late it is: what has once expired does not come back
  /// with a clock that is turned back. To be called now and then.
  void look();
  [[nodiscard]] bool empty() const;

  static constexpr std::size_t kMostHeld = 64;

 private:
  struct Kept {
    std::string document;
    std::string bringer;  // an account's id; empty where the grant names one
    Instant seen{};       // the latest time while it was held
    Instant saved_seen{};
  };
  GrantKeeper(StateFolder& state, const DeviceId& device, AskJudge judge, const Log& log)
      : state_(state), device_(device), judge_(std::move(judge)), log_(log) {}
  // All with mutex_ held.
  Result<void> load();
  Result<void> save();
  std::optional<Listed> judged(Kept& kept, const Judge& judge) const;
  void end(const trust::GrantId& id, std::string_view why);
  [[nodiscard]] bool has_ended(const trust::GrantId& id) const;
  static bool is_for(const Listed& listed, const platform::Account& account);

  StateFolder& state_;
  DeviceId device_;
  AskJudge judge_;
  Log log_;
  mutable std::mutex mutex_;
  std::vector<Kept> kept_;
  std::vector<trust::GrantId> ended_;  // oldest first
};

}  // namespace obhut::endpoint
