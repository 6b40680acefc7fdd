#pragma once
// A file of ours seen as memory, for tables that are larger than what we want to hold.

#include <string>

#include "agent/base/bytes.h"
#include "agent/base/result.h"

namespace obhut::platform {

/// Read-only. Only for files that nobody cuts while they are mapped (our own caches, replaced by
/// rename): reading behind a new end would end the process.
class MappedFile {
 public:
  /// An empty file gives an empty view.
  static Result<MappedFile> open(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  [[nodiscard]] ByteView bytes() const { return {data_, size_}; }
  /// Tells the system that lookups jump around, so that it reads no pages ahead.
  void advise_random() const;

 private:
  MappedFile(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  void unmap();
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace obhut::platform
