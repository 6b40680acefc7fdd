#include "platform/atomic_file.h"

#include <utility>

namespace obhut::platform {

Result<void> write_file(const std::string& path, ByteView content, std::uint32_t mode) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path, mode));
  TRY(file.write(content));
  return file.commit();
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : handle_(std::move(other.handle_)),
      path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this != &other) {
    discard();
    handle_ = std::move(other.handle_);
    path_ = std::move(other.path_);
    temporary_ = std::exchange(other.temporary_, {});
  }
  return *this;
}

AtomicFile::~AtomicFile() {
  discard();
}

}  // namespace obhut::platform
