#pragma once
// Who may hold a connection to the daemon for long.

#include <map>
#include <mutex>
#include <string>

#include "service/endpoint/activities.h"

namespace obhut::endpoint {

/// Connections that the local socket serves at a time. Of them users hold at most
/// Activities::Watcher::kMost with requests and kMostOfUsers with sessions, administrators
/// kMostOfAdministrators with sessions: whoever mounts whatever, eight are left to an
/// administrator's requests, and four to those of users.
inline constexpr std::size_t kMaxConnections = 24;

/// Sessions are counted apart from requests, since a mount lasts for days; and by account, so that
/// nobody's mounts are in the way of another user's.
/// Thread: any.
class SessionPlaces {
 public:
  static constexpr unsigned kMostOfAccount = 2;
  static constexpr unsigned kMostOfUsers = 4;
  static constexpr unsigned kMostOfAdministrators = 8;

  /// A place for as long as it lives; the places must outlive it.
  class Place {
   public:
    Place(SessionPlaces& places, Audience audience, std::string account);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    [[nodiscard]] bool granted() const { return granted_; }

   private:
    SessionPlaces& places_;
    const Audience audience_;
    const std::string account_;
    const bool granted_;
  };

 private:
  bool take(Audience audience, const std::string& account);
  void give_back(Audience audience, const std::string& account);
  std::mutex mutex_;
  unsigned administrators_ = 0;
  unsigned users_ = 0;
  std::map<std::string, unsigned> of_account_;  // of users
};

}  // namespace obhut::endpoint
