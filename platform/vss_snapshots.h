#pragma once
// Snapshots by the Volume Shadow Copy Service: attempts, deadlines, and the names of those whose
// fault it is.

#include <chrono>
#include <functional>

#include "platform/vss_requester.h"

namespace obhut::platform {

/// A volume is "//?/Volume{…}/". The service removes a snapshot when who asked for it ends, so that
/// none is left by a run that was killed.
class VssSnapshots final : public VolumeSnapshots {
 public:
  using Pause = std::function<void(std::chrono::seconds)>;
  VssSnapshots(MakeVssRequester make, LocateVolume locate, Pause pause)
      : make_(std::move(make)), locate_(std::move(locate)), pause_(std::move(pause)) {}

  [[nodiscard]] std::string_view kind() const override { return "vss"; }
  Result<std::optional<VolumePlace>> locate(const Handle& directory) override {
    return locate_(directory);
  }
  Result<std::unique_ptr<OpenSnapshot>> make(const std::string& volume,
                                             const std::string& name) override;
  Result<void> remove(const std::string& /*volume*/, const std::string& /*name*/) override {
    return {};
  }

 private:
  MakeVssRequester make_;
  LocateVolume locate_;
  Pause pause_;
};

}  // namespace obhut::platform
