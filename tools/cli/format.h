#pragma once
// Numbers, times and tables for people.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "tools/cli/messages.h"

namespace obhut::cli {

/// "1.3 GB": powers of 1000, three digits that matter.
std::string human_bytes(std::uint64_t bytes, Language language);
/// "112,129", in German "112.129".
std::string human_count(std::uint64_t count, Language language);
/// "0.8 s", "3 min 12 s", "2 h 5 min".
std::string human_duration(std::chrono::microseconds time, Language language);
/// In the local time zone: "2026-11-24 14:03".
std::string human_time(Instant at);
/// In the local time zone; times of entries, in seconds since 1970.
std::string human_file_time(std::int64_t seconds);

/// Columns set under one another; numbers to the right.
class Table {
 public:
  enum class Align { kLeft, kRight };
  explicit Table(std::vector<Align> columns) : columns_(std::move(columns)) {}
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] std::string text() const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace obhut::cli
