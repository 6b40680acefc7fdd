#pragma once
// The seam to the Volume Shadow Copy Service: what a requester asks of it, step by step.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "platform/handle.h"
#include "platform/snapshot.h"

namespace obhut::platform {

/// A program that brings its files into a state fit for a backup, as the service last heard of it.
struct VssWriter {
  std::string name;       ///< "SqlServerWriter"
  std::string failure;    ///< what it says is wrong, with the service's code; empty: nothing
  bool may_pass = false;  ///< it says that another attempt may go well
};

/// One backup in the eyes of the service. The steps come in the order in which they stand here.
/// Every one of them has a deadline of its own: kTimeout. kUnavailable: worth another attempt, with
/// a requester made anew. Other errors: kUnsupported, kRefused. Thread: one.
class VssRequester {
 public:
  VssRequester() = default;
  VssRequester(const VssRequester&) = delete;
  VssRequester& operator=(const VssRequester&) = delete;
  /// Gives up what was begun. The snapshot, if there is one, goes with it.
  virtual ~VssRequester() = default;

  /// Asks all writers what they have.
  virtual Result<void> begin() = 0;
  /// `volume` as VolumePlace names it.
  virtual Result<void> add(const std::string& volume) = 0;
  /// The writers get ready.
  virtual Result<void> prepare() = 0;
  /// They hold still for the moment in which the snapshot is made.
  virtual Result<void> hold() = 0;
  /// How they fared.
  virtual Result<std::vector<VssWriter>> writers() = 0;
  /// Where the snapshot can be read.
  virtual Result<std::string> folder() = 0;
  /// Tells the writers that the backup is done.
  virtual Result<void> complete() = 0;
};

/// Errors: kUnsupported where the system has no such service.
using MakeVssRequester = std::function<Result<std::unique_ptr<VssRequester>>()>;
/// Where an open directory lies; nothing where that is no volume of this machine.
using LocateVolume = std::function<Result<std::optional<VolumePlace>>(const Handle&)>;

}  // namespace obhut::platform
