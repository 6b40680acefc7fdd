#include "tools/cli/progress_line.h"

#include <chrono>
#include <cstdio>

#include "platform/terminal.h"
#include "tools/cli/format.h"

namespace obhut::cli {
namespace {

constexpr std::chrono::milliseconds kPause{200};

std::string cut_to_width(std::string text, std::size_t columns) {
  while (!text.empty() && width_of(text) > columns) text.pop_back();
  return text;
}

}  // namespace

ProgressLine::ProgressLine(const Context& context, std::function<std::string()> line)
    : clock_(context.clock), line_(std::move(line)) {
  if (context.json || !platform::is_terminal(platform::Stream::kError)) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

ProgressLine::~ProgressLine() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  std::fputs("\r\x1b[K", stderr);
}

void ProgressLine::run(const std::stop_token& stop) {
  while (clock_.sleep_for(kPause, stop)) {
    const std::string text = cut_to_width(line_(), platform::terminal_width() - 1);
    std::fputs(("\r" + text + "\x1b[K").c_str(), stderr);
    std::fflush(stderr);
  }
}

}  // namespace obhut::cli
