#pragma once
// What is still to be delivered, and how far the delivery is.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "tests/cluster/storm/events.h"

namespace obhut::cluster::storm {

/// Which batches are still to be acknowledged. Thread: any.
class Backlog {
 public:
  explicit Backlog(std::vector<std::vector<std::uint32_t>> batches) : batches_(std::move(batches)) {
    std::vector<bool> created(kCustomers);
    for (const auto& batch : batches_) {
      deliveries_ += batch.size();
      bool creates = false;
      for (const std::uint32_t event : batch) {
        if (event >= kCustomers || created[event]) continue;
        created[event] = creates = true;
      }
      creates_.push_back(creates);
      creating_ += creates ? 1 : 0;
    }
  }

  std::optional<std::size_t> take() {
    const std::lock_guard lock(mutex_);
    if (!returned_.empty()) {
      const std::size_t batch = returned_.back();
      returned_.pop_back();
      return batch;
    }
    return next_ < batches_.size() ? std::optional(next_++) : std::nullopt;
  }
  void give_back(std::size_t batch) {
    const std::lock_guard lock(mutex_);
    returned_.push_back(batch);
    ++repeated_;
  }
  void acknowledge(std::size_t batch) {
    const std::lock_guard lock(mutex_);
    acknowledged_ += batches_[batch].size();
    creating_ -= creates_[batch] ? 1 : 0;
    changed_.notify_all();
  }

  /// Returns once so many parts of a thousand are acknowledged, or `ended` holds.
  void wait_for(std::size_t thousandths, const std::atomic<bool>& ended) {
    wait_until([&] { return acknowledged_ * 1000 >= deliveries_ * thousandths; }, ended);
  }
  /// And all customers are created: before, there is no rating.
  void wait_for_customers_and(std::size_t thousandths, const std::atomic<bool>& ended) {
    wait_for(thousandths, ended);
    wait_until([&] { return creating_ == 0; }, ended);
  }

  [[nodiscard]] const std::vector<std::uint32_t>& events_of(std::size_t batch) const {
    return batches_[batch];
  }
  [[nodiscard]] std::size_t deliveries() const { return deliveries_; }
  [[nodiscard]] std::size_t batches() const { return batches_.size(); }
  [[nodiscard]] std::size_t repeated() const { return repeated_; }

 private:
  void wait_until(const std::function<bool()>& condition, const std::atomic<bool>& ended) {
    std::unique_lock lock(mutex_);
    while (!ended && !condition()) changed_.wait_for(lock, std::chrono::milliseconds(10));
  }

  const std::vector<std::vector<std::uint32_t>> batches_;
  std::size_t deliveries_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0;
  std::vector<std::size_t> returned_;
  std::size_t acknowledged_ = 0;
  std::vector<bool> creates_;  ///< by batch: the first delivery of some customer's creation
  std::size_t creating_ = 0;   ///< such batches still to be acknowledged
  std::size_t repeated_ = 0;
};

}  // namespace obhut::cluster::storm
