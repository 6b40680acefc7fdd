#pragma once
// An open file, directory or socket of the operating system, closed when it goes out of scope.

#include <cstdint>
#include <utility>

namespace obhut::platform {

/// Holds what the system gave: a file descriptor on POSIX, a HANDLE on Windows (where -1 is
/// INVALID_HANDLE_VALUE too).
class Handle {
 public:
  static constexpr std::intptr_t kNone = -1;

  Handle() = default;
  explicit Handle(std::intptr_t native) : native_(native) {}
  Handle(Handle&& other) noexcept : native_(std::exchange(other.native_, kNone)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      close();
      native_ = std::exchange(other.native_, kNone);
    }
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { close(); }

  [[nodiscard]] bool valid() const { return native_ != kNone; }
  [[nodiscard]] std::intptr_t native() const { return native_; }
  /// Gives up ownership.
  [[nodiscard]] std::intptr_t release() { return std::exchange(native_, kNone); }
  void close();

 private:
  std::intptr_t native_ = kNone;
};

}  // namespace obhut::platform
