#pragma once
// Lets a thread that waits in poll() be woken by a stop_token. POSIX only.

#include <optional>
#include <stop_token>

#include <sys/eventfd.h>

#include "platform/posix.h"

namespace obhut::platform::posix {

class StopWaker {
 public:
  explicit StopWaker(const std::stop_token& stop)
      : event_(handle_of(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))) {
    callback_.emplace(stop, Wake{fd_of(event_)});
  }
  StopWaker(const StopWaker&) = delete;
  StopWaker& operator=(const StopWaker&) = delete;
  ~StopWaker() = default;

  /// Readable once the stop was asked for; negative (which poll ignores) where no event was to be
  /// had.
  [[nodiscard]] int fd() const { return fd_of(event_); }

 private:
  struct Wake {
    int fd;
    void operator()() const {
      const std::uint64_t one = 1;
      // ignored: an eventfd that cannot take it is full, and so readable already.
      static_cast<void>(::write(fd, &one, sizeof one) < 0);
    }
  };
  Handle event_;
  std::optional<std::stop_callback<Wake>> callback_;  // goes before the event that it writes to
};

}  // namespace obhut::platform::posix
