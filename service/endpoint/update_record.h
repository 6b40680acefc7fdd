#pragma once
// What is known of newer versions of the agent, in the state folder: the daemon writes it, the
// process that installs reads it and believes none of it unproved.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/trust/release.h"
#include "service/endpoint/state_folder.h"

namespace obhut::endpoint {

/// A package on its way to the package manager, or there.
struct UpdateAttempt {
  std::string id;  ///< of the activity
  std::string version;
  Sha256 sha256;
  Instant at{};
};

struct UpdateRecord {
  std::vector<std::string> roots;  ///< those after the package's own, in order
  std::string release;             ///< the document with the highest serial
  trust::ReleaseMemory seen;
  std::optional<Instant> checked;  ///< when the cluster was last asked with success
  std::string problem;             ///< one line for people; empty: none
  Sha256 package;                  ///< what lies in the folder, proved; zero: nothing
  std::optional<UpdateAttempt> handed;
  std::optional<UpdateAttempt> installed;  ///< the last that the package manager took
  Sha256 failed;                           ///< the package that could not be installed
  std::uint64_t failures = 0;              ///< of it
  Instant failed_at{};
};

/// Errors: those of the state folder. What makes no sense in it counts as missing.
Result<UpdateRecord> load_update_record(const StateFolder& state);
Result<void> save_update_record(StateFolder& state, const UpdateRecord& record);

/// The root that the package brought, and after it those of `roots` that follow; whatever does not
/// is dropped from them.
/// Errors: kNotFound where the package brought none; kRefused, also where others may write to the
/// file; kInvalidInput, kCrypto for a bad one.
Result<trust::ReleaseTrust> load_release_trust(const std::string& file,
                                               std::vector<std::string>& roots);

/// Of this machine; null where the release has none.
const trust::ReleasePackage* package_for_us(const trust::ReleaseManifest& manifest);

/// In the state folder, for one package.
inline constexpr const char* kUpdateFolder = "updates";
/// "package.deb"
std::string update_file_name();

/// What the installing process leaves for the daemon, in a folder that the daemon does not write.
struct UpdateResult {
  std::string id;
  std::string outcome;  ///< "done", "failed", "started" where nobody waits for it
  std::string message;  ///< of a failure, one line
};
/// Nothing where there is none, or none that makes sense.
std::optional<UpdateResult> read_update_result(const std::string& folder);
Result<void> write_update_result(const std::string& folder, const UpdateResult& result);

}  // namespace obhut::endpoint
