#include <algorithm>
#include <chrono>
#include <thread>

#include "agent/base/text.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/lvm_snapshots.h"
#include "platform/os_error.h"
#include "platform/posix.h"
#include "platform/process.h"
#include "platform/trusted_program.h"

namespace obhut::platform {

using posix::fd_of;
using posix::handle_of;

namespace {

// LVM waits for its locks and for what is being written to the volume.
constexpr std::chrono::seconds kPatience{60};
constexpr std::size_t kLongestName = 1024;

struct LogicalVolume {
  std::string group;
  std::string name;
  std::string type;  ///< of its file system

  [[nodiscard]] std::string path() const { return group + "/" + name; }
};

/// Our snapshot of any volume: nobody else's volume has such a name.
std::string snapshot_name(const std::string& name) {
  return "obhut-" + name;
}

std::unexpected<Error> no_lvm_snapshot(const std::string& why) {
  return fail(ErrorKind::kUnsupported, "lvm: " + why);
}

/// "group-volume", with a dash in either doubled, as the device mapper names it.
std::optional<LogicalVolume> parse_mapper_name(std::string_view text) {
  LogicalVolume found;
  std::string* into = &found.group;
  for (std::size_t i = 0; i < text.size() && text[i] != '\n'; ++i) {
    if (text[i] == '-' && i + 1 < text.size() && text[i + 1] == '-') {
      ++i;
    } else if (text[i] == '-') {
      if (into == &found.name) return std::nullopt;  // a part of a volume, such as "-real"
      into = &found.name;
      continue;
    }
    *into += text[i];
  }
  if (found.group.empty() || found.name.empty()) return std::nullopt;
  return found;
}

/// What VolumePlace::volume names.
std::optional<LogicalVolume> parse_volume(const std::string& volume) {
  const std::size_t slash = volume.find('/');
  const std::size_t colon = volume.rfind(':');
  if (slash == std::string::npos || colon == std::string::npos || colon < slash) {
    return std::nullopt;
  }
  return LogicalVolume{volume.substr(0, slash), volume.substr(slash + 1, colon - slash - 1),
                       volume.substr(colon + 1)};
}

std::string read_line(const std::string& path) {
  const Result<Bytes> content = read_file(path, kLongestName);
  if (!content) return {};
  const std::string_view text = as_text(*content);
  return std::string(text.substr(0, text.find('\n')));
}

/// What `lvm` with these arguments writes. Errors: kUnsupported with the last line of its
/// complaint.
Result<std::string> run_lvm(const LvmHost& host, std::vector<std::string> arguments) {
  Result<std::string> program = trusted_program(host.programs, "lvm");
  if (!program && program.error().kind == ErrorKind::kNotFound) {
    return no_lvm_snapshot("there is no " + join(host.programs, "lvm") + ": install lvm2");
  }
  if (!program) return std::unexpected(std::move(program).error());
  const std::string action = "lvm " + arguments.front();
  Command command;
  command.program = *program;
  command.arguments = std::move(arguments);
  command.environment = {{{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"},
                          {"LC_ALL", "C"},
                          {"LVM_SUPPRESS_FD_WARNINGS", "1"}}};
  command.working_directory = "/";
  command.timeout = kPatience;
  ASSIGN_OR_RETURN(const Outcome outcome, run(command));
  if (outcome.timed_out) {
    return no_lvm_snapshot(action + ": no answer within " + std::to_string(kPatience.count()) +
                           " seconds");
  }
  if (outcome.exit_code == 0) return outcome.output;
  std::string_view complaint = outcome.error_output;
  while (complaint.ends_with('\n') || complaint.ends_with(' ')) complaint.remove_suffix(1);
  complaint.remove_prefix(complaint.rfind('\n') + 1);
  complaint.remove_prefix(std::min(complaint.find_first_not_of(' '), complaint.size()));
  return no_lvm_snapshot(action + ": " + printable(complaint));
}

/// One field of what `lvs` tells of a volume.
Result<std::string> ask_lvs(const LvmHost& host, const std::string& field,
                            const std::string& volume) {
  ASSIGN_OR_RETURN(std::string answer,
                   run_lvm(host, {"lvs", "--noheadings", "--options", field, volume}));
  std::erase_if(answer, [](char c) { return c == ' ' || c == '\n'; });
  return answer;
}

class OpenLogicalVolume final : public OpenSnapshot {
 public:
  OpenLogicalVolume(const LvmHost& host, std::string volume, Handle root, std::uint64_t device)
      : host_(host), volume_(std::move(volume)), root_(std::move(root)), device_(device) {}
  [[nodiscard]] std::string folder() const override { return posix::proc_path(fd_of(root_)); }
  [[nodiscard]] std::uint64_t device() const override { return device_; }
  [[nodiscard]] Result<void> still_whole() const override {
    ASSIGN_OR_RETURN(const std::string invalid, ask_lvs(host_, "lv_snapshot_invalid", volume_));
    if (invalid.empty() || invalid == "0") return {};
    return fail(ErrorKind::kSourceGone,
                "lvm: the snapshot " + volume_ +
                    " became full before it was read: more than a tenth of the volume was "
                    "overwritten meanwhile. Back up at a quieter time, use a thin volume, or have "
                    "it read without a snapshot");
  }

 private:
  const LvmHost& host_;
  std::string volume_;
  Handle root_;
  std::uint64_t device_;
};

/// `real`, a path without links, from the root of its file system on; nothing where it does not lie
/// in `mount`.
std::optional<std::string> inner_path(const Mount& mount, std::string_view real) {
  std::string_view rest = real;
  if (mount.point != "/") {
    if (!rest.starts_with(mount.point)) return std::nullopt;
    rest.remove_prefix(mount.point.size());
    if (!rest.empty() && rest.front() != '/') return std::nullopt;
  }
  std::string inner = mount.root == "/" ? std::string() : mount.root;
  if (rest != "/") inner.append(rest);
  if (inner.starts_with('/')) inner.erase(0, 1);
  return inner;
}

}  // namespace

Result<std::optional<VolumePlace>> LvmSnapshots::locate(const Handle& directory) {
  FileStatus status;
  if (posix::status_at(fd_of(directory), "", false, status) != 0) {
    return no_lvm_snapshot("look at it: " + os_error_text(errno));
  }
  const std::string mapper =
      join(host_.block_devices, std::to_string(status.device >> 32U) + ":" +
                                    std::to_string(status.device & 0xffffffffU) + "/dm");
  if (!read_line(join(mapper, "uuid")).starts_with("LVM-")) return std::nullopt;
  const std::optional<LogicalVolume> found = parse_mapper_name(read_line(join(mapper, "name")));
  if (!found) return no_lvm_snapshot("lies on a part of a logical volume, or on a snapshot");
  ASSIGN_OR_RETURN(const std::vector<Mount> mounts, host_.mounts());
  const auto mount = std::ranges::find_if(mounts, [&status](const Mount& each) {
    return status.mount_id && each.id == *status.mount_id;
  });
  const std::optional<std::string> inner =
      mount == mounts.end() ? std::nullopt : inner_path(*mount, path_now(directory));
  if (!inner) return no_lvm_snapshot("where it is mounted cannot be told");
  VolumePlace place;
  place.volume = found->path() + ":" + mount->type;
  place.inner = *inner;
  place.device = status.device;
  return place;
}

Result<std::unique_ptr<OpenSnapshot>> LvmSnapshots::make(const std::string& volume,
                                                         const std::string& name) {
  const std::optional<LogicalVolume> origin = parse_volume(volume);
  if (!origin) return fail(ErrorKind::kInvalidInput, "lvm: no volume: " + printable(volume));
  const std::string snapshot = snapshot_name(name);
  ASSIGN_OR_RETURN(const std::string kind, ask_lvs(host_, "segtype", origin->path()));
  std::vector<std::string> arguments{"lvcreate", "--snapshot", "--name", snapshot};
  if (kind == "thin") {
    arguments.insert(arguments.end(), {"--setactivationskip", "n"});
  } else {
    arguments.insert(arguments.end(), {"--extents", "10%ORIGIN"});
  }
  arguments.push_back(origin->path());
  TRY(run_lvm(host_, std::move(arguments)));
  posix::DetachedMount mount;
  mount.device = join(join(host_.device_nodes, origin->group), snapshot);
  mount.type = origin->type;
  // The same UUID is mounted already, which XFS minds.
  if (origin->type == "xfs") mount.options.emplace_back("nouuid", "");
  ASSIGN_OR_RETURN(Handle root, host_.mount(mount));
  FileStatus status;
  if (posix::status_at(fd_of(root), "", false, status) != 0) {
    return no_lvm_snapshot("look at the snapshot: " + os_error_text(errno));
  }
  return std::make_unique<OpenLogicalVolume>(host_, origin->group + "/" + snapshot, std::move(root),
                                             status.device);
}

Result<void> LvmSnapshots::remove(const std::string& volume, const std::string& name) {
  const std::optional<LogicalVolume> origin = parse_volume(volume);
  if (!origin) return fail(ErrorKind::kInvalidInput, "lvm: no volume: " + printable(volume));
  const std::string snapshot = snapshot_name(name);
  ASSIGN_OR_RETURN(const std::string listed,
                   run_lvm(host_, {"lvs", "--noheadings", "--options", "lv_name", "--select",
                                   "lv_name=" + snapshot, origin->group}));
  if (listed.find(snapshot) == std::string::npos) return {};
  // The kernel lets go of a mount a moment after its last file was closed.
  constexpr int kTries = 5;
  for (int left = kTries - 1;; --left) {
    Result<std::string> removed =
        run_lvm(host_, {"lvremove", "--yes", origin->group + "/" + snapshot});
    if (removed) return {};
    if (left == 0) {
      return fail(ErrorKind::kUnavailable, removed.error().message);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

}  // namespace obhut::platform
