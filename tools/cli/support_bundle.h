#pragma once
// What a partner's support gets to see of an endpoint: gathered, scrubbed, in one archive.

#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/restore/zip_file.h"
#include "tools/cli/context.h"
#include "tools/cli/scrubber.h"

namespace obhut::cli {

struct BundleRequest {
  std::string version;  ///< of this program
  std::string socket;   ///< of the daemon
  std::string config;   ///< agent.toml
  std::string crashes;  ///< folder for what is left of crashes
  FileNames names = FileNames::kHidden;
};

/// What is not in it, and why, in the language of whoever asks.
struct LeftOut {
  std::string what;
  std::string why;
};

struct SupportBundle {
  std::vector<restore::ZipMember> members;  ///< README.txt first
  std::vector<LeftOut> left_out;
};

/// Never fails for what cannot be read or a daemon that does not answer: that is left out, and
/// said. Reads with the rights of whoever runs us, and opens no file that holds a key. At most 20
/// MB. Errors: kCancelled.
Result<SupportBundle> gather_support_bundle(const Context& context, const BundleRequest& request);

}  // namespace obhut::cli
