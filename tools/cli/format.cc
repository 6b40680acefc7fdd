#include "tools/cli/format.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "tools/cli/columns.h"

namespace obhut::cli {
namespace {

std::string decimal(double value, int digits, Language language) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  std::string out = text.data();
  if (language == Language::kGerman) std::ranges::replace(out, '.', ',');
  return out;
}

std::string local_text(std::time_t seconds, const char* pattern) {
  std::tm parts{};
  // localtime_r is the one call that both C libraries lack in common; std::localtime's shared
  // buffer is harmless in this single-threaded part of a command.
  const std::tm* local = std::localtime(&seconds);
  if (local == nullptr) return std::to_string(seconds);
  parts = *local;
  std::array<char, 64> text{};
  const std::size_t n = std::strftime(text.data(), text.size(), pattern, &parts);
  return {text.data(), n};
}

}  // namespace

std::string human_bytes(std::uint64_t bytes, Language language) {
  static constexpr std::array<const char*, 7> kUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return std::to_string(bytes) + " B";
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  // 999.95 would print as 1000.0
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  const int digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return decimal(value, digits, language) + " " + kUnits[unit];
}

std::string human_count(std::uint64_t count, Language language) {
  std::string out = std::to_string(count);
  const char mark = language == Language::kGerman ? '.' : ',';
  for (std::size_t at = out.size(); at > 3;) out.insert(at -= 3, 1, mark);
  return out;
}

std::string human_duration(std::chrono::microseconds time, Language language) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  if (seconds < 60) {
    return decimal(static_cast<double>(time.count()) / 1e6, seconds < 10 ? 1 : 0, language) + " s";
  }
  if (seconds < 3600) {
    return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
  }
  return std::to_string(seconds / 3600) + " h " + std::to_string(seconds % 3600 / 60) + " min";
}

std::string human_time(Instant at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  return local_text(std::chrono::system_clock::to_time_t(seconds), "%Y-%m-%d %H:%M");
}

std::string human_file_time(std::int64_t seconds) {
  return local_text(static_cast<std::time_t>(seconds), "%Y-%m-%d %H:%M:%S");
}

std::string Table::text() const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row[i]));
    }
  }
  std::string out;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      const std::string space(widths[i] - width_of(row[i]), ' ');
      const bool last = i + 1 == row.size();
      out += columns_[i] == Align::kRight ? space + row[i] : last ? row[i] : row[i] + space;
      out += last ? "\n" : "  ";
    }
  }
  return out;
}

}  // namespace obhut::cli
