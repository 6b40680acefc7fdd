#include "agent/base/text.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/os_error.h"
#include "platform/posix.h"
#include "platform/secret_store.h"

namespace obhut::platform {

using posix::fd_of;
using posix::handle_of;

namespace {

std::string octal(mode_t mode) {
  std::string text;
  for (int shift = 9; shift >= 0; shift -= 3) {
    text += static_cast<char>('0' + ((mode >> static_cast<unsigned>(shift)) & 7U));
  }
  return text;
}

Result<void> check_private(const struct stat& found, const std::string& path,
                           std::string_view right_mode) {
  if (found.st_uid == ::geteuid() && (found.st_mode & 077U) == 0) return {};
  const std::string owner = std::to_string(::geteuid());
  return fail(ErrorKind::kRefused,
              "secret " + printable(path) + ": is owned by user " + std::to_string(found.st_uid) +
                  " with mode " + octal(found.st_mode & 07777U) +
                  ", so others may have seen or changed it; if you trust it: chown " + owner + " " +
                  printable(path) + " && chmod " + std::string(right_mode) + " " + printable(path));
}

}  // namespace

Result<SecretStore> SecretStore::open(const std::string& folder) {
  TRY(make_directories(folder, 0700));
  struct stat found {};
  if (::stat(folder.c_str(), &found) != 0) {
    return std::unexpected(os_error(errno, Whose::kOurs, "stat", folder));
  }
  TRY(check_private(found, folder, "0700"));
  return SecretStore(folder);
}

Result<void> SecretStore::save(const std::string& name, ByteView secret) {
  ASSIGN_OR_RETURN(const std::string path, path_of(name));
  if (secret.size() > kLargestSecret) {
    return fail(ErrorKind::kInvalidInput, "secret " + printable(path) + ": too long to be one");
  }
  return write_file(path, secret, 0600);
}

Result<Bytes> SecretStore::load(const std::string& name) const {
  ASSIGN_OR_RETURN(const std::string path, path_of(name));
  const auto failure = [&](std::string_view action) {
    return std::unexpected(os_error(errno, Whose::kOurs, action, path));
  };
  const Handle file =
      handle_of(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) return failure("open secret");
  struct stat found {};
  if (::fstat(fd_of(file), &found) != 0) return failure("stat");
  TRY(check_private(found, path, "0600"));
  if (!S_ISREG(found.st_mode) || static_cast<std::size_t>(found.st_size) > kLargestSecret) {
    return fail(ErrorKind::kInvalidInput, "secret " + printable(path) + ": no file of a secret");
  }
  Bytes secret(static_cast<std::size_t>(found.st_size));
  const ssize_t got =
      posix::retry([&] { return ::pread(fd_of(file), secret.data(), secret.size(), 0); });
  if (got < 0) return failure("read secret");
  if (static_cast<std::size_t>(got) != secret.size()) {
    return fail(ErrorKind::kUnavailable,
                "secret " + printable(path) + ": changed while it was read");
  }
  return secret;
}

}  // namespace obhut::platform
