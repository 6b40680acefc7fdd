#pragma once
// The heads that this device signed, on disk: no cluster can show it an older vault.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "agent/wire/http_store.h"
#include "service/endpoint/state_folder.h"

namespace obhut::endpoint {

/// Thread: any.
class HeadFile final : public wire::HeadMemory {
 public:
  static Result<std::unique_ptr<HeadFile>> open(StateFolder& state, const VaultId& vault);

  std::optional<wire::OwnHead> newest() override;
  Result<void> remember(const wire::OwnHead& head) override;

 private:
  HeadFile(StateFolder& state, std::string name) : state_(state), name_(std::move(name)) {}
  Result<void> save();
  StateFolder& state_;
  std::string name_;
  std::mutex mutex_;
  std::optional<wire::OwnHead> acknowledged_;
  std::optional<wire::OwnHead> sent_;  // signed and on its way; may or may not have arrived
};

/// One memory a vault: a device may come to a second one. Thread: any.
class HeadFiles {
 public:
  explicit HeadFiles(StateFolder& state) : state_(state) {}

  /// Valid as long as this. Errors: kCorrupt.
  Result<HeadFile*> of(const VaultId& vault);

 private:
  StateFolder& state_;
  std::mutex mutex_;
  std::map<VaultId, std::unique_ptr<HeadFile>> files_;
};

}  // namespace obhut::endpoint
