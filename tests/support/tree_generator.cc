#include "tests/support/tree_generator.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "agent/crypto/digest.h"

namespace obhut::tests {
namespace {

const std::array<const char*, 6> kFolders = {"a", "b with space", "c", "\xff\xfe-not-utf8", "d",
                                             "z"};

std::string name_of(const TreeItem& item) {
  static const std::string kLongest(255, 'n');
  static const std::array<std::string, 16> kNames = {
      "plain",       "with space", "tab\tand\nnewline", "-rf",         "\xc3\xa4\xc3\xb6\xc3\xbc",
      "\x80\x81",    "...",        ".hidden",           "back\\slash", "*?[glob]",
      kLongest,      "'quote'",    "\"double\"",        "trailing ",   "\x01control",
      "\xe2\x98\x83"};
  const std::string& base = kNames[item.name % kNames.size()];
  const unsigned copy = item.name / kNames.size();
  return copy == 0 || base.size() > 200 ? base : base + std::to_string(copy);
}

std::string folder_of(const std::string& root, const TreeItem& item) {
  std::string path = root;
  for (const std::uint8_t index : item.folders) {
    path += "/";
    path += kFolders[index % kFolders.size()];
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return {};
  }
  return path;
}

void write_at(int fd, std::string_view bytes, off_t at) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), at);
    if (n <= 0) throw std::runtime_error("write a test file");
    bytes.remove_prefix(static_cast<std::size_t>(n));
    at += n;
  }
}

bool make_file(const std::string& path, std::size_t size, const TreeItem& item, bool sparse) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return false;
  const std::uint64_t seed = item.variant * 7919ULL + item.size;
  if (sparse) {
    const auto whole = static_cast<off_t>(size) * 4 + 100'000;
    if (::ftruncate(fd, whole) != 0) throw std::runtime_error("truncate a test file");
    if ((item.variant & 1U) != 0) write_at(fd, content_of(seed, size / 8 + 5, true), whole / 2);
    if ((item.variant & 2U) != 0) write_at(fd, content_of(seed + 1, 4096, false), 0);
  } else {
    write_at(fd, content_of(seed, size, (item.variant & 4U) == 0), 0);
  }
  ::close(fd);
  return true;
}

bool make_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool ok = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return ok;
}

bool make_symlink(const std::string& path, const TreeItem& item) {
  static const std::array<std::string, 5> kTargets = {
      "plain", "../../../../etc/passwd", "/nowhere/at all", "\xff\xfe", std::string(1000, 'x')};
  return ::symlink(kTargets[item.size % kTargets.size()].c_str(), path.c_str()) == 0;
}

bool make_item(const std::string& path, const TreeItem& item, std::vector<std::string>& files) {
  switch (item.kind) {
    case ItemKind::kEmptyFile:
      return make_file(path, 0, item, false);
    case ItemKind::kSmallFile:
      return make_file(path, item.size % 5000, item, false);
    case ItemKind::kMediumFile:
      return make_file(path, 200'000 + item.size % 150'000, item, false);
    case ItemKind::kLargeFile:
      return make_file(path, 1'000'000 + item.size % 5'000'000, item, false);
    case ItemKind::kSparseFile:
      return make_file(path, item.size % 2'000'000, item, true);
    case ItemKind::kSymlink:
      return make_symlink(path, item);
    case ItemKind::kHardLink:
      return !files.empty() && ::link(files[item.size % files.size()].c_str(), path.c_str()) == 0;
    case ItemKind::kFifo:
      return ::mkfifo(path.c_str(), 0640) == 0;
    case ItemKind::kDevice:
      return ::mknod(path.c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0;
    case ItemKind::kSocket:
      return make_socket(path);
    case ItemKind::kDirectory:
      return ::mkdir(path.c_str(), 0755) == 0;
  }
  return false;
}

// A minimal POSIX ACL as the kernel keeps it: version 2, owner, user 1000, group, mask, other.
std::string acl_bytes() {
  std::string out("\x02\x00\x00\x00", 4);
  const auto add = [&](std::uint16_t tag, std::uint16_t rights, std::uint32_t id) {
    out.append(reinterpret_cast<const char*>(&tag), 2);
    out.append(reinterpret_cast<const char*>(&rights), 2);
    out.append(reinterpret_cast<const char*>(&id), 4);
  };
  add(0x01, 6, 0xFFFFFFFF);
  add(0x02, 7, 1000);
  add(0x04, 4, 0xFFFFFFFF);
  add(0x10, 7, 0xFFFFFFFF);
  add(0x20, 4, 0xFFFFFFFF);
  return out;
}

void set_metadata(const std::string& path, const TreeItem& item) {
  const bool link = item.kind == ItemKind::kSymlink;
  const bool root = ::geteuid() == 0;
  if (root && (item.variant & 8U) != 0 &&
      ::lchown(path.c_str(), 1000 + item.variant % 7, 33) != 0) {
    throw std::runtime_error("chown a test file");
  }
  if (!link) {
    static const std::array<mode_t, 6> kModes = {0644, 0600, 0755, 04755, 0444, 01777};
    (void)::chmod(path.c_str(), kModes[(item.variant >> 4U) % kModes.size()]);
    const bool attributes = item.kind != ItemKind::kFifo && item.kind != ItemKind::kDevice &&
                            item.kind != ItemKind::kSocket;
    if (attributes && (item.variant & 128U) != 0) {
      (void)::setxattr(path.c_str(), "user.colour", "bl\0ue", 5, 0);
      (void)::setxattr(path.c_str(), "user.empty", "", 0, 0);
    }
    if (attributes && (item.variant & 256U) != 0) {
      const std::string acl = acl_bytes();
      (void)::setxattr(path.c_str(), "system.posix_acl_access", acl.data(), acl.size(), 0);
    }
  }
  if ((item.variant & 512U) != 0) {
    const timespec at{1'000'000'000 - static_cast<time_t>(item.variant) * 1000,
                      static_cast<long>(item.variant % 1'000'000'000U)};
    const std::array<timespec, 2> times = {at, at};
    (void)::utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
  }
}

std::string attributes_of(const std::string& path) {
  std::string names(65536, '\0');
  const ssize_t n = ::llistxattr(path.c_str(), names.data(), names.size());
  std::map<std::string, std::string> all;
  for (ssize_t at = 0; at < n;) {
    const std::string name(names.c_str() + at);
    std::string value(65536, '\0');
    const ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    value.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    all[name] = value;
    at += static_cast<ssize_t>(name.size()) + 1;
  }
  std::string text;
  for (const auto& [name, value] : all) text += " " + name + "=" + to_hex(as_bytes(value));
  return text;
}

struct Links {
  std::map<std::pair<dev_t, ino_t>, std::string> first;
};

std::string line_of(const std::string& path, const std::string& relative, const struct stat& s,
                    Links& links) {
  std::string line = std::to_string(s.st_mode) + " " + std::to_string(s.st_uid) + ":" +
                     std::to_string(s.st_gid) + " " + std::to_string(s.st_mtim.tv_sec) + "." +
                     std::to_string(s.st_mtim.tv_nsec);
  if (S_ISREG(s.st_mode)) {
    line += " size " + std::to_string(s.st_size) + " sha " +
            crypto::sha256(as_bytes(read_file(path))).text();
  }
  if (S_ISCHR(s.st_mode) || S_ISBLK(s.st_mode)) line += " rdev " + std::to_string(s.st_rdev);
  if (S_ISLNK(s.st_mode)) {
    std::string target(5000, '\0');
    const ssize_t n = ::readlink(path.c_str(), target.data(), target.size());
    line += " -> " + target.substr(0, n < 0 ? 0 : static_cast<std::size_t>(n));
  }
  if (!S_ISDIR(s.st_mode) && s.st_nlink > 1) {
    line += " link " + links.first.try_emplace({s.st_dev, s.st_ino}, relative).first->second;
  }
  return line + attributes_of(path);
}

void collect(const std::string& root, const std::string& relative, Links& links,
             std::map<std::string, std::string>& out) {
  const std::string here = relative.empty() ? root : root + "/" + relative;
  std::map<std::string, struct stat> entries;
  if (DIR* dir = ::opendir(here.c_str())) {
    while (const dirent* e = ::readdir(dir)) {
      const std::string name = e->d_name;
      struct stat s {};
      if (name == "." || name == ".." || ::lstat((here + "/" + name).c_str(), &s) != 0) continue;
      if (!S_ISSOCK(s.st_mode)) entries[name] = s;
    }
    ::closedir(dir);
  }
  for (const auto& [name, s] : entries) {
    const std::string path = relative.empty() ? name : relative + "/" + name;
    out[path] = line_of(root + "/" + path, path, s, links);
    if (S_ISDIR(s.st_mode)) collect(root, path, links, out);
  }
}

}  // namespace

void make_tree(const std::string& root, const std::vector<TreeItem>& items) {
  run_shell("mkdir -p " + shell_quoted(root));
  std::vector<std::string> files;
  std::vector<std::pair<std::string, const TreeItem*>> made;
  for (const TreeItem& item : items) {
    const std::string folder = folder_of(root, item);
    if (folder.empty()) continue;
    const std::string path = folder + "/" + name_of(item);
    if (!make_item(path, item, files)) continue;
    made.emplace_back(path, &item);
    const bool file = item.kind <= ItemKind::kSparseFile;
    if (file) files.push_back(path);
  }
  // Last to first, so that making an entry does not touch a folder's time again.
  for (auto it = made.rbegin(); it != made.rend(); ++it) set_metadata(it->first, *it->second);
}

std::map<std::string, std::string> manifest_of(const std::string& root) {
  std::map<std::string, std::string> out;
  Links links;
  collect(root, "", links, out);
  return out;
}

std::string rsync_difference(const std::string& original, const std::string& copy) {
  // Sockets are asked for by rsync's --specials, which also stands for FIFOs: name them instead.
  std::string skip;
  const std::string sockets =
      run_shell("find " + shell_quoted(original) + " -type s -printf '%P\\0' | tr '\\0' '\\1'");
  for (std::size_t at = 0; at < sockets.size();) {
    const std::size_t end = sockets.find('\1', at);
    const std::string name = sockets.substr(at, end - at);
    // rsync takes a pattern without wildcards as it is, backslashes too.
    const bool escape = name.find_first_of("*?[") != std::string::npos;
    std::string pattern;
    for (const char c : name) {
      if (escape && std::strchr("*?[\\", c) != nullptr) pattern += '\\';
      pattern += c;
    }
    skip += " --exclude=" + shell_quoted("/" + pattern);
    at = end + 1;
  }
  int status = 0;
  const std::string out =
      run_shell("rsync -aHAX --dry-run --itemize-changes --checksum --delete" + skip + " " +
                    shell_quoted(original + "/") + " " + shell_quoted(copy + "/") + " 2>&1",
                &status);
  return status == 0 ? out : out + "rsync ended with " + std::to_string(status);
}

}  // namespace obhut::tests
