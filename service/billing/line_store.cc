#include "service/billing/line_store.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <vector>

namespace obhut::billing {
namespace {

class MemoryLines final : public LineStore {
 public:
  explicit MemoryLines(std::string text) : text_(std::move(text)) {}

  Result<std::string_view> line_at(std::uint64_t position) override {
    const std::string_view rest = std::string_view(text_).substr(position);
    return rest.substr(0, rest.find('\n'));
  }
  Result<std::uint64_t> number_of(std::uint64_t position) override {
    const auto end = text_.begin() + static_cast<std::ptrdiff_t>(position);
    return 1 + static_cast<std::uint64_t>(std::count(text_.begin(), end, '\n'));
  }

 private:
  std::string text_;
};

class FileLines final : public LineStore {
 public:
  FileLines(std::ifstream file, std::string path)
      : file_(std::move(file)), path_(std::move(path)), block_(kBlock) {}

  Result<std::string_view> line_at(std::uint64_t position) override {
    if (position < start_ || position >= start_ + length_) TRY(load(position));
    std::string_view rest = loaded().substr(position - start_);
    std::size_t end = rest.find('\n');
    if (end == std::string_view::npos && start_ != position) {
      TRY(load(position));
      rest = loaded();
      end = rest.find('\n');
    }
    if (end != std::string_view::npos || length_ < block_.size()) return rest.substr(0, end);
    if (block_.size() > kMaxLine) return changed();
    block_.resize(block_.size() * 4);
    length_ = 0;
    return line_at(position);
  }

  Result<std::uint64_t> number_of(std::uint64_t position) override {
    std::uint64_t lines = 1;
    for (std::uint64_t at = 0; at < position; at += length_) {
      TRY(load(at));
      const std::size_t before = std::min<std::uint64_t>(length_, position - at);
      lines += static_cast<std::uint64_t>(std::ranges::count(loaded().substr(0, before), '\n'));
    }
    return lines;
  }

 private:
  static constexpr std::size_t kBlock = 4096;

  std::string_view loaded() const { return {block_.data(), length_}; }
  std::unexpected<Error> changed() const {
    return fail(ErrorKind::kCorrupt, path_ + ": was changed while it was read");
  }

  Result<void> load(std::uint64_t position) {
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(position));
    file_.read(block_.data(), static_cast<std::streamsize>(block_.size()));
    start_ = position;
    length_ = static_cast<std::size_t>(std::max<std::streamsize>(file_.gcount(), 0));
    if (length_ == 0) return changed();
    return {};
  }

  std::ifstream file_;
  std::string path_;
  std::vector<char> block_;
  std::uint64_t start_ = 0;
  std::size_t length_ = 0;
};

}  // namespace

std::unique_ptr<LineStore> lines_in_memory(std::string text) {
  return std::make_unique<MemoryLines>(std::move(text));
}

Result<std::unique_ptr<LineStore>> lines_in_file(const std::string& path) {
  std::ifstream file;
  // Unbuffered: FileLines has a block of its own, and would pay for copying twice.
  file.rdbuf()->pubsetbuf(nullptr, 0);
  file.open(path, std::ios::binary);
  if (!file) return fail(ErrorKind::kNotFound, path + ": cannot be opened");
  return std::make_unique<FileLines>(std::move(file), path);
}

}  // namespace obhut::billing
