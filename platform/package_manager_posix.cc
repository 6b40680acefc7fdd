#include "platform/local_files.h"
#include "platform/package_manager.h"
#include "platform/places.h"
#include "platform/process.h"
#include "platform/trusted_program.h"

namespace obhut::platform {
namespace {

constexpr const char* kApt = "/usr/bin/apt-get";
constexpr const char* kDpkg = "/usr/bin/dpkg";
constexpr const char* kDnf = "/usr/bin/dnf";
constexpr const char* kRpm = "/usr/bin/rpm";
/// Another one may hold the package manager's lock, and mirrors may be slow.
constexpr std::chrono::minutes kPatience{45};
constexpr std::size_t kEndOfOutput = 4096;

/// Settings that an administrator changed stay; nothing that is installed is removed for it.
Command package_command(const std::string& path) {
  Command command;
  if (package_kind() == "deb" && exists(kApt)) {
    command.program = kApt;
    command.arguments = {"-y",          "-q",
                         "--no-remove", "--no-install-recommends",
                         "-o",          "DPkg::Lock::Timeout=600",
                         "-o",          "Dpkg::Options::=--force-confdef",
                         "-o",          "Dpkg::Options::=--force-confold",
                         "install",     path};
  } else if (package_kind() == "deb") {
    command.program = kDpkg;
    command.arguments = {"--force-confdef", "--force-confold", "--install", path};
  } else if (exists(kDnf)) {
    command.program = kDnf;
    command.arguments = {"-y", "install", path};
  } else {
    command.program = kRpm;
    command.arguments = {"--upgrade", path};
  }
  return command;
}

}  // namespace

std::string_view package_kind() {
  static const std::string_view kKind = [] {
    // dpkg alone may be a tool on a machine of rpm's.
    if (exists(kDpkg) && exists("/etc/debian_version")) return "deb";
    return exists(kRpm) ? "rpm" : "";
  }();
  return kKind;
}

std::string_view package_system() {
  return "linux";
}

Result<PackageRun> install_package(const std::string& path, const std::string& program) {
  Command command;
  if (!program.empty()) {
    ASSIGN_OR_RETURN(command.program, trusted_program(parent_of(program), file_name_of(program)));
    command.arguments = {path};
  } else if (package_kind().empty()) {
    return fail(ErrorKind::kUnsupported,
                "this system has neither dpkg nor rpm: set update_program in agent.toml");
  } else {
    command = package_command(path);
  }
  command.environment = {{"PATH", standard_places().program_path},
                         {"LC_ALL", "C.UTF-8"},
                         {"HOME", "/root"},
                         {"DEBIAN_FRONTEND", "noninteractive"}};
  command.working_directory = standard_places().neutral_folder;
  command.timeout = kPatience;
  command.join_streams = true;
  ASSIGN_OR_RETURN(Outcome outcome, run(command));
  if (outcome.timed_out) {
    return fail(ErrorKind::kTimeout, command.program + ": did not end within 45 minutes");
  }
  if (outcome.output.size() > kEndOfOutput) {
    outcome.output.erase(0, outcome.output.size() - kEndOfOutput);
  }
  return PackageRun{true, outcome.exit_code, std::move(outcome.output)};
}

}  // namespace obhut::platform
