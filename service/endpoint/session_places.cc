#include "service/endpoint/session_places.h"

namespace obhut::endpoint {

static_assert(SessionPlaces::kMostOfUsers + SessionPlaces::kMostOfAdministrators +
                  Activities::Watcher::kMost + 8 <=
              kMaxConnections);

SessionPlaces::Place::Place(SessionPlaces& places, Audience audience, std::string account)
    : places_(places),
      audience_(audience),
      account_(std::move(account)),
      granted_(places.take(audience, account_)) {}

SessionPlaces::Place::~Place() {
  if (granted_) places_.give_back(audience_, account_);
}

bool SessionPlaces::take(Audience audience, const std::string& account) {
  const std::scoped_lock lock(mutex_);
  if (audience == Audience::kAdministrator) {
    if (administrators_ >= kMostOfAdministrators) return false;
    ++administrators_;
    return true;
  }
  const auto own = of_account_.find(account);
  if (users_ >= kMostOfUsers || (own != of_account_.end() && own->second >= kMostOfAccount)) {
    return false;
  }
  ++users_;
  ++of_account_[account];
  return true;
}

void SessionPlaces::give_back(Audience audience, const std::string& account) {
  const std::scoped_lock lock(mutex_);
  if (audience == Audience::kAdministrator) {
    --administrators_;
    return;
  }
  --users_;
  const auto own = of_account_.find(account);
  if (--own->second == 0) of_account_.erase(own);
}

}  // namespace obhut::endpoint
