#include "tools/cli/progress_line.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

#include <nlohmann/json.hpp>

#include "agent/model/progress_json.h"
#include "agent/model/progress_meter.h"
#include "platform/terminal.h"
#include "tools/cli/progress_text.h"

namespace obhut::cli {
namespace {

constexpr std::chrono::milliseconds kPause{200};
constexpr std::chrono::seconds kPauseOfLines{10};
constexpr std::size_t kNoLimit = 4096;

bool can_write_over() {
  const char* kind = std::getenv("TERM");
  const bool dumb = kind == nullptr || *kind == '\0' || std::string_view(kind) == "dumb";
  return !dumb && platform::is_terminal(platform::Stream::kError);
}

void write_error(const std::string& text) {
  // ignored: there is nobody left to tell
  (void)std::fputs(text.c_str(), stderr);
  (void)std::fflush(stderr);
}

}  // namespace

LookAtJob measured(const Clock& clock, std::function<model::JobProgress()> job) {
  // Shared by the copies of one function, of which one is called at a time.
  const auto meter = std::make_shared<model::ProgressMeter>(clock);
  return [meter, job = std::move(job)]() -> std::optional<model::ProgressView> {
    model::JobProgress now = job();
    const model::ProgressEstimate estimate = meter->look(now);
    return model::ProgressView{std::move(now), estimate};
  };
}

ProgressLine::Form ProgressLine::form_for(const Context& context) {
  const bool always = context.progress == ProgressMode::kAlways;
  if (context.progress == ProgressMode::kNever) return Form::kNone;
  if (context.json) return always ? Form::kJson : Form::kNone;
  if (can_write_over()) return Form::kTerminal;
  return always ? Form::kLines : Form::kNone;
}

bool ProgressLine::is_shown(const Context& context) {
  return form_for(context) != Form::kNone;
}

ProgressLine::ProgressLine(const Context& context, LookAtJob look)
    : context_(context), look_(std::move(look)), form_(form_for(context)) {
  if (form_ == Form::kNone) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

ProgressLine::~ProgressLine() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  if (form_ == Form::kTerminal) write_error("\r\x1b[K");
  if (form_ != Form::kJson) return;
  const std::optional<model::ProgressView> last = look_();
  if (last && last->progress.phase == model::kDonePhase) show(*last);
}

void ProgressLine::run(const std::stop_token& stop) {
  while (context_.clock.sleep_for(form_ == Form::kLines ? kPauseOfLines : kPause, stop)) {
    if (const std::optional<model::ProgressView> now = look_()) show(*now);
  }
}

void ProgressLine::show(const model::ProgressView& view) const {
  switch (form_) {
    case Form::kNone:
      return;
    case Form::kTerminal:
      // The width is asked for each time: windows change. One column stays free, since some
      // terminals wrap as soon as the last one is taken.
      write_error("\r" + line_of(context_, view, platform::terminal_width() - 1) + "\x1b[K");
      return;
    case Form::kJson:
      print(progress_json(view, model::ShowPath::kYes).dump() + "\n");
      // ignored: a reader that has gone wants no more; the job goes on
      (void)std::fflush(stdout);
      return;
    case Form::kLines:
      write_error(line_of(context_, view, kNoLimit) + "\n");
      return;
  }
}

}  // namespace obhut::cli
