#pragma once
// Bytes that must not stay behind: wiped on destruction, not copied unless asked, never printed.

#include <cstdint>
#include <utility>

#include "agent/base/bytes.h"

namespace obhut::crypto {

class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::size_t size) : bytes_(size) {}
  /// Copies; the caller wipes its own.
  explicit SecretBytes(ByteView bytes) : bytes_(bytes.begin(), bytes.end()) {}
  SecretBytes(SecretBytes&& other) noexcept : bytes_(std::move(other.bytes_)) {
    other.bytes_.clear();
  }
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
      wipe();
      bytes_ = std::move(other.bytes_);
      other.bytes_.clear();
    }
    return *this;
  }
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes() { wipe(); }

  [[nodiscard]] SecretBytes clone() const { return SecretBytes(view()); }
  [[nodiscard]] ByteView view() const { return bytes_; }
  [[nodiscard]] MutableByteView writable() { return bytes_; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

 private:
  void wipe();
  Bytes bytes_;
};

/// Overwrites memory in a way that the compiler may not leave out.
void wipe(MutableByteView bytes);

/// Compares without telling by its time where the difference lies.
bool equal_in_constant_time(ByteView a, ByteView b);

}  // namespace obhut::crypto
