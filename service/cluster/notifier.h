#pragma once
// Wakes waiting polls of this process when a topic changes. Polls look again now and then by
// themselves, so that a change made by another instance is seen too.

#include <functional>
#include <memory>
#include <string>

#include "service/cluster/http/message.h"

namespace obhut::cluster {

/// Thread: any.
class Notifier {
 public:
  Notifier();
  ~Notifier();
  /// Subscribe first, then look, then sleep.
  std::shared_ptr<http::Subscription> subscribe(const std::string& topic);
  void publish(const std::string& topic);

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with subscriptions, which may outlive a stopped cluster
};

}  // namespace obhut::cluster
