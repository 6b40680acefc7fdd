#include "service/cluster/notifier.h"

#include <map>
#include <mutex>
#include <vector>

namespace obhut::cluster {
namespace {

class Topic final : public http::Subscription {
 public:
  void on_change(std::function<void()> wake) override {
    {
      const std::scoped_lock lock(mutex_);
      if (!changed_) {
        wake_ = std::move(wake);
        return;
      }
    }
    wake();
  }
  void fire() {
    std::function<void()> wake;
    {
      const std::scoped_lock lock(mutex_);
      changed_ = true;
      wake = std::exchange(wake_, nullptr);
    }
    if (wake) wake();
  }

 private:
  std::mutex mutex_;
  bool changed_ = false;
  std::function<void()> wake_;
};

}  // namespace

struct Notifier::State {
  std::mutex mutex;
  std::multimap<std::string, std::weak_ptr<Topic>> topics;
};

Notifier::Notifier() : state_(std::make_shared<State>()) {}
Notifier::~Notifier() = default;

std::shared_ptr<http::Subscription> Notifier::subscribe(const std::vector<std::string>& topics) {
  // The entries go with the subscription, so that polls that ended leave nothing behind.
  using Places = std::vector<std::multimap<std::string, std::weak_ptr<Topic>>::iterator>;
  const auto places = std::make_shared<Places>();  // shared with the deleter alone
  const std::shared_ptr<Topic> subscription(new Topic, [state = state_, places](Topic* gone) {
    {
      const std::scoped_lock lock(state->mutex);
      for (const auto& place : *places) state->topics.erase(place);
    }
    delete gone;
  });
  const std::scoped_lock lock(state_->mutex);
  for (const std::string& topic : topics) {
    places->push_back(state_->topics.emplace(topic, subscription));
  }
  return subscription;
}

void Notifier::publish(const std::string& topic) {
  std::vector<std::shared_ptr<Topic>> waiting;
  {
    const std::scoped_lock lock(state_->mutex);
    const auto [first, last] = state_->topics.equal_range(topic);
    for (auto it = first; it != last; ++it) {
      if (std::shared_ptr<Topic> live = it->second.lock()) waiting.push_back(std::move(live));
    }
  }
  for (const std::shared_ptr<Topic>& topic_waiting : waiting) topic_waiting->fire();
}

}  // namespace obhut::cluster
