#include <charconv>

#include <sys/mount.h>

#include "agent/base/text.h"
#include "platform/mount_table.h"
#include "platform/os_error.h"
#include "platform/posix.h"

namespace obhut::platform {
namespace {

/// Cuts off what stands before the next space.
std::string_view next_word(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

bool parse_number(std::string_view text, std::uint64_t& into, int base = 10) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), into, base);
  return code == std::errc() && end == text.data() + text.size() && !text.empty();
}

/// Space, tabulator, line end and backslash stand there as three octal digits.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::uint64_t code = 0;
    if (text[i] == '\\' && i + 3 < text.size() && parse_number(text.substr(i + 1, 3), code, 8)) {
      out += static_cast<char>(code);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool parse_line(std::string_view line, Mount& into) {
  if (!parse_number(next_word(line), into.id)) return false;
  next_word(line);  // the mount that it lies in
  const std::string_view device = next_word(line);
  const std::size_t colon = device.find(':');
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  if (colon == std::string_view::npos || !parse_number(device.substr(0, colon), major) ||
      !parse_number(device.substr(colon + 1), minor)) {
    return false;
  }
  into.device = major << 32U | minor;
  into.root = unescape(next_word(line));
  into.point = unescape(next_word(line));
  // Any number of fields up to a lone dash.
  while (!line.empty() && next_word(line) != "-") {
  }
  into.type = unescape(next_word(line));
  return into.point.starts_with('/') && !into.type.empty();
}

}  // namespace

std::vector<Mount> parse_mounts(std::string_view text) {
  std::vector<Mount> mounts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    Mount mount;
    if (parse_line(text.substr(0, end), mount)) mounts.push_back(std::move(mount));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return mounts;
}

Result<std::vector<Mount>> mount_table() {
  const Handle file = posix::handle_of(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    return std::unexpected(os_error(errno, Whose::kOurs, "open", "/proc/self/mountinfo"));
  }
  std::string text;
  char buffer[16384];
  while (true) {
    const ssize_t got =
        posix::retry([&] { return ::read(posix::fd_of(file), buffer, sizeof buffer); });
    if (got < 0) {
      return std::unexpected(os_error(errno, Whose::kOurs, "read", "/proc/self/mountinfo"));
    }
    if (got == 0) return parse_mounts(text);
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

std::string path_now(const Handle& directory) {
  const std::string link = posix::proc_path(posix::fd_of(directory));
  std::string path(4096, '\0');
  while (true) {
    const ssize_t got = ::readlink(link.c_str(), path.data(), path.size());
    if (got <= 0) return {};
    if (static_cast<std::size_t>(got) < path.size()) {
      path.resize(static_cast<std::size_t>(got));
      return path.starts_with('/') ? path : std::string();
    }
    path.resize(path.size() * 4);
  }
}

namespace posix {

Result<Handle> open_detached_mount(const DetachedMount& mount) {
  const auto failed = [&mount](int code) {
    std::string why = os_error_text(code);
    if (code == EPERM) why += " (that takes root, CAP_SYS_ADMIN)";
    if (code == ENOSYS) why += " (that takes Linux 5.2)";
    return fail(ErrorKind::kUnsupported, "mount " + printable(mount.device) + " aside: " + why);
  };
  const Handle context = handle_of(::fsopen(mount.type.c_str(), FSOPEN_CLOEXEC));
  if (!context.valid()) return failed(errno);
  const int fd = fd_of(context);
  bool set = ::fsconfig(fd, FSCONFIG_SET_STRING, "source", mount.device.c_str(), 0) == 0;
  for (const auto& [name, value] : mount.options) {
    const char* text = value.empty() ? nullptr : value.c_str();
    const auto how = value.empty() ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    set = set && ::fsconfig(fd, how, name.c_str(), text, 0) == 0;
  }
  if (mount.read_only) set = set && ::fsconfig(fd, FSCONFIG_SET_FLAG, "ro", nullptr, 0) == 0;
  set = set && ::fsconfig(fd, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0;
  if (!set) return failed(errno);
  constexpr unsigned kFlags =
      MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME;
  const unsigned flags = mount.read_only ? kFlags | MOUNT_ATTR_RDONLY : kFlags;
  const Handle root = handle_of(::fsmount(fd, FSMOUNT_CLOEXEC, flags));
  if (!root.valid()) return failed(errno);
  // What fsmount() gives can be looked up in, but not be listed.
  Handle folder = handle_of(::openat(fd_of(root), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return failed(errno);
  return folder;
}

}  // namespace posix
}  // namespace obhut::platform
