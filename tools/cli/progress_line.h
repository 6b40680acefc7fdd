#pragma once
// How far a job is, for as long as it runs: one line that is written over five times a second on a
// terminal, JSON lines on request.

#include <functional>
#include <optional>
#include <thread>

#include "agent/model/job_progress.h"
#include "tools/cli/context.h"

namespace obhut::cli {

/// What is to be shown now; nothing before there is anything.
using LookAtJob = std::function<std::optional<model::ProgressView>()>;

/// Looks at a job of this process, with a meter that begins now.
LookAtJob measured(const Clock& clock, std::function<model::JobProgress()> job);

/// By Context::progress:
///   auto    on a terminal (standard error), unless the output is JSON
///   always  with --json a line each on standard output, the last one with the phase "done" where
///           the job ended well; else, where standard error is no terminal, a line there every ten
///           seconds
///   never   nothing
/// Until it goes; then the line on the terminal goes too.
class ProgressLine {
 public:
  ProgressLine(const Context& context, LookAtJob look);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// True where somebody sees it.
  [[nodiscard]] static bool is_shown(const Context& context);

 private:
  enum class Form : std::uint8_t { kNone, kTerminal, kJson, kLines };
  static Form form_for(const Context& context);
  void run(const std::stop_token& stop);
  void show(const model::ProgressView& view) const;
  const Context& context_;
  LookAtJob look_;
  Form form_;
  std::jthread thread_;
};

}  // namespace obhut::cli
