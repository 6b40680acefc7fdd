#pragma once
// How we log: one event a line with named fields, through spdlog. Never keys or content; paths at
// debug only.

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "agent/base/ids.h"

namespace obhut {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };

/// A name and a printable value: field("bytes", 12) reads bytes=12.
struct LogField {
  std::string_view name;
  std::string value;
};

inline LogField field(std::string_view name, std::string_view value) {
  return {name, printable(value)};
}
template <std::integral T>
LogField field(std::string_view name, T value) {
  return {name, std::to_string(value)};
}
template <class Tag, std::size_t N>
LogField field(std::string_view name, const Id<Tag, N>& id) {
  return {name, id.text().substr(0, 16)};
}

/// Thread: any. Copies share their sink.
class Log {
 public:
  /// To standard error, from `least` upwards.
  static Log to_stderr(LogLevel least);
  /// To `file`, turned over at 10 MiB and kept five deep.
  static Log to_file(const std::string& file, LogLevel least);
  /// To nowhere.
  static Log silent();

  template <class... Fields>
  void debug(std::string_view event, const Fields&... fields) const {
    write(LogLevel::kDebug, event, {fields...});
  }
  template <class... Fields>
  void info(std::string_view event, const Fields&... fields) const {
    write(LogLevel::kInfo, event, {fields...});
  }
  template <class... Fields>
  void warn(std::string_view event, const Fields&... fields) const {
    write(LogLevel::kWarn, event, {fields...});
  }
  template <class... Fields>
  void error(std::string_view event, const Fields&... fields) const {
    write(LogLevel::kError, event, {fields...});
  }

 private:
  struct Sink;
  explicit Log(std::shared_ptr<Sink> sink) : sink_(std::move(sink)) {}
  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) const;
  std::shared_ptr<Sink> sink_;  // shared by every copy handed to a component
};

}  // namespace obhut
