#pragma once
// The folder that holds all an endpoint knows about itself. Every file in it is replaced durably.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "platform/file_lock.h"
#include "platform/secret_store.h"

namespace obhut::endpoint {

/// Thread: any, on different files.
class StateFolder {
 public:
  /// Makes the folder (0700) where it is missing and locks it: two daemons on one state would be
  /// two devices with one key. Errors: kConflict naming the holder.
  static Result<StateFolder> open(const std::string& folder);
  /// Beside the daemon that has it locked, to read alone: save() is refused.
  static Result<StateFolder> open_to_read(const std::string& folder);

  [[nodiscard]] std::string path(std::string_view name) const;
  /// Where the index of a vault is kept between runs.
  [[nodiscard]] std::string cache_folder(const VaultId& vault) const {
    return path("cache-" + vault.text());
  }
  /// Nothing where there is no such file. Errors: kCorrupt for what is no JSON object.
  [[nodiscard]] Result<std::optional<nlohmann::json>> load(std::string_view name) const;
  /// Durable once it returns ok.
  Result<void> save(std::string_view name, const nlohmann::json& value);
  Result<void> save_text(std::string_view name, std::string_view text);
  [[nodiscard]] Result<std::optional<std::string>> load_text(std::string_view name) const;
  [[nodiscard]] platform::SecretStore& secrets() { return secrets_; }

 private:
  StateFolder(std::string folder, std::optional<platform::FileLock> lock,
              platform::SecretStore secrets)
      : folder_(std::move(folder)), lock_(std::move(lock)), secrets_(std::move(secrets)) {}
  std::string folder_;
  std::optional<platform::FileLock> lock_;
  platform::SecretStore secrets_;
};

}  // namespace obhut::endpoint
