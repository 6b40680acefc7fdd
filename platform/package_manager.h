#pragma once
// The system's own package manager: it alone puts programs where they belong.

#include <chrono>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace obhut::platform {

/// What this system installs: "deb", "rpm" or "msi"; "" where it is none of these.
std::string_view package_kind();
/// "linux", "windows".
std::string_view package_system();

struct PackageRun {
  /// False where it goes on by itself, since it could not replace who waits for it.
  bool finished = false;
  int exit_code = 0;
  std::string output;  ///< the end of it, at most 4 KiB
};

/// Installs the package at `path` over what is there, asking nobody anything. Not from a process
/// that ends with the service: that is restarted by it.
/// In: `program`: an administrator's instead, given the package's path; "": the system's own.
/// Errors: kUnsupported without a package manager; kNotFound, kRefused for a program that others
/// may have written; those of starting it.
Result<PackageRun> install_package(const std::string& path, const std::string& program);

}  // namespace obhut::platform
