#include <utility>

#include <sys/mman.h>

#include "platform/mapped_file.h"
#include "platform/os_error.h"
#include "platform/posix.h"

namespace obhut::platform {

Result<MappedFile> MappedFile::open(const std::string& path) {
  const auto failure = [&](std::string_view action) {
    return std::unexpected(os_error(errno, Whose::kOurs, action, path));
  };
  const Handle file = posix::handle_of(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return failure("open");
  struct stat found {};
  if (::fstat(posix::fd_of(file), &found) != 0) return failure("stat");
  const auto size = static_cast<std::size_t>(found.st_size);
  if (size == 0) return MappedFile(nullptr, 0);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, posix::fd_of(file), 0);
  if (data == MAP_FAILED) return failure("map");
  return MappedFile(static_cast<const std::uint8_t*>(data), size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    unmap();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

MappedFile::~MappedFile() {
  unmap();
}

void MappedFile::unmap() {
  // ignored: fails only for what is no mapping.
  if (data_ != nullptr) static_cast<void>(::munmap(const_cast<std::uint8_t*>(data_), size_));
  data_ = nullptr;
}

void MappedFile::advise_random() const {
  if (data_ == nullptr) return;
  // ignored: advice.
  static_cast<void>(::madvise(const_cast<std::uint8_t*>(data_), size_, MADV_RANDOM));
}

}  // namespace obhut::platform
