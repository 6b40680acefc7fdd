#pragma once
// A folder for one test, with short ways to put things into it.

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "agent/base/bytes.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/process.h"

namespace obhut::test {

/// Bytes that tell where they lie.
inline Bytes counted_bytes(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 31 + i / 251);
  return bytes;
}

class TempFolder {
 public:
  TempFolder() {
    Result<std::string> made = platform::make_temporary_directory("obhut-test-");
    if (!made) throw std::runtime_error(made.error().message);
    path_ = *made;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    // By rm, which goes down into trees deeper than any path can name; where there is none, by us.
    const Result<platform::Outcome> ended = platform::run({"rm", {"-rf", "--", path_}, {}, {}, {}});
    if (!ended) static_cast<void>(platform::remove_tree(path_));
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const {
    return platform::join(path_, name);
  }

  void write(std::string_view name, std::string_view content) const {
    const std::string path = *this / name;
    ASSERT_TRUE(platform::make_directories(platform::parent_of(path), 0755));
    ASSERT_TRUE(platform::write_file(path, as_bytes(content), 0644));
  }
  [[nodiscard]] std::string read(std::string_view name) const {
    const Result<Bytes> content = platform::read_file(*this / name, 1 << 26);
    return content ? std::string(as_text(*content)) : "(" + content.error().message + ")";
  }
  void make(std::string_view name) const {
    ASSERT_TRUE(platform::make_directories(*this / name, 0755));
  }

 private:
  std::string path_;
};

/// Runs a shell line in `folder`; true where it succeeds.
inline bool shell(const std::string& folder, const std::string& line) {
  platform::Command command{"sh", {"-c", line}, {}, folder, {}};
  const auto outcome = platform::run(command);
  return outcome && outcome->exit_code == 0;
}

}  // namespace obhut::test
