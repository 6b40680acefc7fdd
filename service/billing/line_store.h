#pragma once
// The lines of an event file, to be read again after the first pass. Ten million events do not fit
// into memory with their text; their numbers do, and the few ids that a bill shows are looked up.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace obhut::billing {

/// Lines by position, the byte offset at which a line begins. Thread: one at a time.
class LineStore {
 public:
  virtual ~LineStore() = default;

  /// The line without its end, valid until the next call.
  /// Errors: kCorrupt where the file was changed since it was read first.
  virtual Result<std::string_view> line_at(std::uint64_t position) = 0;
  /// Which line that is, counted from 1; for error messages, so it may take its time.
  virtual Result<std::uint64_t> number_of(std::uint64_t position) = 0;
};

/// A longer line is refused: events take a few hundred bytes, and a file without line ends would
/// otherwise be read into memory whole.
inline constexpr std::size_t kMaxLine = std::size_t{1} << 20;

std::unique_ptr<LineStore> lines_in_memory(std::string text);
/// In: a regular file. Errors: kNotFound.
Result<std::unique_ptr<LineStore>> lines_in_file(const std::string& path);

}  // namespace obhut::billing
