#pragma once
// Lets a thread that waits for the system be woken by a stop_token. Windows only; see stop_waker.h.

#include <optional>
#include <stop_token>

#include "platform/win.h"

namespace obhut::platform::win {

class StopEvent {
 public:
  explicit StopEvent(const std::stop_token& stop)
      : event_(handle_of(::CreateEventW(nullptr, TRUE, FALSE, nullptr))) {
    callback_.emplace(stop, Wake{native_of(event_)});
  }
  StopEvent(const StopEvent&) = delete;
  StopEvent& operator=(const StopEvent&) = delete;
  ~StopEvent() = default;

  [[nodiscard]] HANDLE get() const { return native_of(event_); }

 private:
  struct Wake {
    HANDLE event;
    void operator()() const { ::SetEvent(event); }
  };
  Handle event_;
  std::optional<std::stop_callback<Wake>> callback_;  // goes before the event that it sets
};

}  // namespace obhut::platform::win
