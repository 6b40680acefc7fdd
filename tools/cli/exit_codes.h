#pragma once
// What every program of ours ends with. Scripts and the manual page rely on these numbers.

namespace obhut::cli {

enum ExitCode : int {
  kExitDone = 0,
  /// Done, but entries were skipped or changed while they were read, or a hook failed.
  kExitSkipped = 1,
  kExitUsage = 2,        ///< wrong arguments or input
  kExitFailed = 3,       ///< not done
  kExitRefused = 4,      ///< missing rights, wrong key, bad signature
  kExitUnreachable = 5,  ///< the cluster could not be reached
};

}  // namespace obhut::cli
