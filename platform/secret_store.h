#pragma once
// Small secrets that stay on this machine: the device's keys, the vault's machine slot.

#include <cstddef>
#include <string>

#include "agent/base/bytes.h"
#include "agent/base/result.h"

namespace obhut::platform {

inline constexpr std::size_t kLargestSecret = 64 * 1024;

/// A folder (0700) with one file (0600) a secret, all owned by who runs us. On Windows they are
/// sealed with the machine's key (DPAPI) as well.
///
/// A secret that others could have read or put there is refused rather than used: kRefused names
/// the file, its owner and mode, and how to mend it.
class SecretStore {
 public:
  /// Makes the folder where it is missing.
  static Result<SecretStore> open(const std::string& folder);

  /// `name`: letters, digits, '-', '_' and '.'; not beginning with '.'. Replaces durably.
  Result<void> save(const std::string& name, ByteView secret);
  /// kNotFound where there is none. At most 64 KiB. The caller moves the bytes into something that
  /// wipes itself (crypto::SecretBytes).
  [[nodiscard]] Result<Bytes> load(const std::string& name) const;
  /// Fine where there is none.
  Result<void> remove(const std::string& name);

 private:
  explicit SecretStore(std::string folder) : folder_(std::move(folder)) {}
  [[nodiscard]] Result<std::string> path_of(const std::string& name) const;
  std::string folder_;
};

}  // namespace obhut::platform
