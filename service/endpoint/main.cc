// obhutd: builds the object graph of an endpoint and runs it.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "platform/local_files.h"
#include "platform/machine.h"
#include "platform/signals.h"
#include "service/endpoint/config.h"
#include "service/endpoint/daemon.h"
#include "service/endpoint/local_control.h"
#include "service/endpoint/requests.h"
#include "tools/cli/exit_codes.h"

namespace obhut::endpoint {
namespace {

struct Arguments {
  std::string config = "/etc/obhut/agent.toml";
  std::string state;
  std::string socket;
  std::string token_file;
};

Result<Config> config_of(const Arguments& arguments) {
  ASSIGN_OR_RETURN(Config config, load_config(arguments.config));
  if (const char* token = std::getenv("OBHUT_TOKEN_FILE")) config.token_file = token;
  if (!arguments.token_file.empty()) config.token_file = arguments.token_file;
  if (!arguments.state.empty()) config.state = arguments.state;
  if (!arguments.socket.empty()) config.socket = arguments.socket;
  return config;
}

int failed(const Error& error) {
  std::fprintf(stderr, "obhutd: %s\n", error.message.c_str());
  return exit_code_of(error.kind);
}

Result<void> serve(const Config& config, const platform::StopOnSignal& signals) {
  const Log log = Log::to_stderr(config.log);
  SystemClock clock;
  // Others may connect, so that anybody can ask for the status; the folder is ours alone.
  TRY(platform::make_directories(platform::parent_of(config.socket), 0755));
  platform::restrict_new_files();
  platform::raise_open_file_limit();
  ASSIGN_OR_RETURN(const std::unique_ptr<Daemon> daemon, Daemon::make(config, clock, log));
  ASSIGN_OR_RETURN(const std::unique_ptr<LocalControl> control,
                   LocalControl::make(*daemon, config.socket));
  const std::jthread answering([&](std::stop_token stop) { control->run(std::move(stop)); });
  log.info("obhutd runs", field("enrolled", daemon->enrolment().enrolled ? "yes" : "no"));
  return daemon->run(signals.token());
}

int run(int argc, char** argv) {
  const platform::StopOnSignal signals;
  Arguments arguments;
  bool foreground = false;
  CLI::App app("Obhut's daemon of an endpoint", "obhutd");
  app.add_option("--config", arguments.config, "settings")->capture_default_str();
  app.add_option("--state", arguments.state, "state folder (default /var/lib/obhut)");
  app.add_option("--socket", arguments.socket, "local socket (default /run/obhut/obhutd.sock)");
  app.add_option("--token-file", arguments.token_file,
                 "registration token to enrol with (or OBHUT_TOKEN_FILE)");
  app.add_flag("--foreground", foreground, "what it does always: the service manager keeps it");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? cli::kExitDone : cli::kExitUsage;
  }
  const Result<Config> config = config_of(arguments);
  if (!config) return failed(config.error());
  const Result<void> served = serve(*config, signals);
  return served ? cli::kExitDone : failed(served.error());
}

}  // namespace
}  // namespace obhut::endpoint

int main(int argc, char** argv) {
  try {
    return obhut::endpoint::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "obhutd: %s\n", error.what());
    return obhut::cli::kExitFailed;
  }
}
