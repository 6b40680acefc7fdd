#pragma once
// Wakes waiting polls of this process when a topic changes. What other instances change comes by
// changes.h.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "service/cluster/http/message.h"

namespace obhut::cluster {

/// Thread: any.
class Notifier {
 public:
  Notifier();
  ~Notifier();
  /// Subscribe first, then look, then sleep. Fires once, for whichever topic is first.
  std::shared_ptr<http::Subscription> subscribe(const std::vector<std::string>& topics);
  void publish(const std::string& topic);

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with subscriptions, which may outlive a stopped cluster
};

}  // namespace obhut::cluster
