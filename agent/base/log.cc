#include "agent/base/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace obhut {

struct Log::Sink {
  explicit Sink(std::shared_ptr<spdlog::sinks::sink> target) : logger("obhut", std::move(target)) {
    logger.set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc);
    logger.flush_on(spdlog::level::info);
  }
  spdlog::logger logger;
};

namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

}  // namespace

Log Log::to_stderr(LogLevel least) {
  auto sink = std::make_shared<Sink>(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  sink->logger.set_level(to_spdlog(least));
  return Log(std::move(sink));
}

Log Log::to_file(const std::string& file, LogLevel least) {
  constexpr std::size_t kFileSize = 10 << 20;
  constexpr std::size_t kFiles = 5;
  auto sink = std::make_shared<Sink>(
      std::make_shared<spdlog::sinks::rotating_file_sink_mt>(file, kFileSize, kFiles));
  sink->logger.set_level(to_spdlog(least));
  return Log(std::move(sink));
}

Log Log::silent() {
  auto sink = std::make_shared<Sink>(std::make_shared<spdlog::sinks::null_sink_mt>());
  sink->logger.set_level(spdlog::level::off);
  return Log(std::move(sink));
}

void Log::write(LogLevel level, std::string_view event,
                std::initializer_list<LogField> fields) const {
  if (!sink_->logger.should_log(to_spdlog(level))) return;
  std::string line(event);
  for (const LogField& f : fields) {
    line += ' ';
    line += f.name;
    line += '=';
    const bool quote = f.value.empty() || f.value.find_first_of(" =\"") != std::string::npos;
    if (!quote) {
      line += f.value;
      continue;
    }
    line += '"';
    for (char c : f.value) {
      if (c == '"') line += '\\';
      line += c;
    }
    line += '"';
  }
  sink_->logger.log(to_spdlog(level), line);
}

}  // namespace obhut
