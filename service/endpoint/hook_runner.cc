#include "service/endpoint/hook_runner.h"

#include "platform/places.h"
#include "platform/process.h"
#include "platform/trusted_program.h"

namespace obhut::endpoint {

namespace {

/// What an `after` hook has once the daemon is asked to stop.
constexpr std::chrono::seconds kPatience{20};

/// How it ended, into `run`. Errors: why it counts as failed.
Result<void> carry_out(const std::string& folder, const platform::Command& prototype, HookRun& run,
                       const std::stop_token& stop) {
  platform::Command command = prototype;
  ASSIGN_OR_RETURN(command.program, platform::trusted_program(folder, run.name));
  ASSIGN_OR_RETURN(platform::Outcome outcome, platform::run(command, stop));
  run.output = std::move(outcome.output);
  run.output_truncated = outcome.truncated;
  if (outcome.timed_out) {
    return fail(
        ErrorKind::kInternal,
        "took longer than " +
            std::to_string(std::chrono::ceil<std::chrono::seconds>(command.timeout).count()) +
            " s and was ended (hook_limit in agent.toml)");
  }
  run.exit_code = outcome.exit_code;
  if (outcome.exit_code == 0) return {};
  return fail(ErrorKind::kInternal, "exit code " + std::to_string(outcome.exit_code));
}

}  // namespace

std::string_view to_string(HookPhase phase) {
  return phase == HookPhase::kBefore ? "before" : "after";
}

HookRun HookRunner::run(const std::string& name, HookPhase phase, const trust::AcceptedPlan& plan,
                        std::string_view outcome, const std::stop_token& stop) {
  platform::Command command;
  // Nothing here is anybody's free text: a plan's name could be meant for a shell.
  command.environment = {{"PATH", platform::standard_places().program_path},
                         {"LANG", "C.UTF-8"},
                         {"OBHUT_PHASE", std::string(to_string(phase))},
                         {"OBHUT_PLAN", plan.hash.text()}};
  if (phase == HookPhase::kAfter) {
    command.environment->emplace_back("OBHUT_OUTCOME", std::string(outcome));
    command.stop_patience = kPatience;
  }
  command.working_directory = platform::standard_places().neutral_folder;
  command.timeout = settings_.limit;
  command.output_cap = kMostOutput;
  command.join_streams = true;
  HookRun run{name, phase, {}, {}, {}, {}, {}};
  const auto began = clock_.steady();
  Result<void> done = carry_out(settings_.folder, command, run, stop);
  run.time = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - began);
  if (done) {
    log_.info("hook ran", field("hook", name), field("phase", to_string(phase)));
  } else {
    run.error = std::move(done.error()).within("hook " + name);
    log_.warn("hook failed", field("phase", to_string(phase)), field("reason", run.error->message));
  }
  return run;
}

std::vector<HookRun> HookRunner::run_before(const trust::AcceptedPlan& plan,
                                            const std::stop_token& stop) {
  std::vector<HookRun> runs;
  for (const std::string& name : plan.plan.hooks.before) {
    runs.push_back(run(name, HookPhase::kBefore, plan, {}, stop));
    if (runs.back().error) break;
  }
  return runs;
}

std::vector<HookRun> HookRunner::run_after(const trust::AcceptedPlan& plan,
                                           std::string_view outcome, const std::stop_token& stop) {
  std::vector<HookRun> runs;
  runs.reserve(plan.plan.hooks.after.size());
  for (const std::string& name : plan.plan.hooks.after) {
    runs.push_back(run(name, HookPhase::kAfter, plan, outcome, stop));
  }
  return runs;
}

}  // namespace obhut::endpoint
