#pragma once
// The one place that time comes from. Tests put a fake behind it.

#include <chrono>
#include <stop_token>

namespace obhut {

/// Wall time, as receipts and the ledger hold it.
using Instant = std::chrono::sys_time<std::chrono::microseconds>;

class Clock {
 public:
  virtual ~Clock() = default;

  [[nodiscard]] virtual Instant now() const = 0;
  [[nodiscard]] virtual std::chrono::steady_clock::time_point steady() const = 0;
  /// False where `stop` was asked for before the time was over.
  virtual bool sleep_for(std::chrono::steady_clock::duration time, std::stop_token stop) = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override;
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override;
  bool sleep_for(std::chrono::steady_clock::duration time, std::stop_token stop) override;
};

}  // namespace obhut
