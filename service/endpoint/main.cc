// obhutd: builds the object graph of an endpoint and runs it.

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "platform/crash_dump.h"
#include "platform/event_log.h"
#include "platform/installed_settings.h"
#include "platform/local_files.h"
#include "platform/machine.h"
#include "platform/places.h"
#include "platform/secret_store.h"
#include "platform/service_host.h"
#include "platform/signals.h"
#include "platform/startup.h"
#include "service/endpoint/config.h"
#include "service/endpoint/daemon.h"
#include "service/endpoint/local_control.h"
#include "service/endpoint/requests.h"
#include "tools/cli/exit_codes.h"

namespace obhut::endpoint {
namespace {

struct Arguments {
  std::string config = platform::standard_places().config;
  std::string state;
  std::string socket;
  std::string token_file;
};

/// What the installer was told goes first: a settings file says the same in the end.
void apply_installed(Config& config) {
  std::map<std::string, std::string> installed = platform::installed_settings();
  config.proxy = installed["Proxy"];
  config.token_file = installed["TokenFile"];
  const std::string& left = platform::standard_places().left_token;
  if (config.token_file.empty() && !left.empty() && platform::exists(left)) {
    config.token_file = left;
  }
}

Result<Config> config_of(const Arguments& arguments) {
  Config config;
  apply_installed(config);
  TRY(load_config(arguments.config, config));
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

/// What a service manager says besides to stop.
void obey(Daemon& daemon, platform::ServiceEvent event) {
  Engine* const engine = daemon.engine();
  if (engine == nullptr) return;
  Result<void> done;
  switch (event) {
    case platform::ServiceEvent::kPause:
      done = engine->pauses().pause(std::nullopt);
      break;
    case platform::ServiceEvent::kContinue:
      done = engine->pauses().resume();
      break;
    case platform::ServiceEvent::kSleep:
      break;  // whatever is under way survives it, as it does a power cut
    case platform::ServiceEvent::kWake:
      engine->pauses().look();  // the battery may have changed, and the network
      break;
  }
  if (!done) daemon.log().warn("not as asked", field("reason", done.error().message));
}

Result<void> serve(const Config& config, std::stop_token stop, platform::ServiceHost* host) {
  // Whoever may write to the folder of our settings could give us his own. On Windows anybody may
  // make folders where ours lies.
  const std::string& home = platform::standard_places().home;
  if (!home.empty() && config.state.starts_with(home)) {
    TRY(platform::SecretStore::open(home));
  }
  Result<Log> log = Log::to_stderr(config.log);
  if (!config.log_file.empty()) {
    TRY(platform::make_directories(platform::parent_of(config.log_file), 0700));
    log = Log::to_file(platform::system_text(config.log_file), config.log);
  }
  SystemClock clock;
  // Others may connect, so that anybody can ask for the status; the folder is ours alone.
  TRY(platform::make_directories(platform::parent_of(config.socket), 0755));
  platform::restrict_new_files();
  platform::raise_open_file_limit();
  if (Result<void> kept = platform::keep_crash_dumps(platform::standard_places().crashes); !kept) {
    log->warn("crashes leave no trace", field("reason", kept.error().message));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Daemon> daemon, Daemon::make(config, clock, *log));
  ASSIGN_OR_RETURN(const std::unique_ptr<LocalControl> control,
                   LocalControl::make(*daemon, config.socket));
  const std::jthread answering([&](std::stop_token end) { control->run(std::move(end)); });
  log->info("obhutd runs", field("enrolled", daemon->enrolment().enrolled ? "yes" : "no"));
  std::atomic<bool> held{false};  // by the service manager, for as long as the service runs
  if (host != nullptr) {
    host->on_event([&](platform::ServiceEvent event) {
      obey(*daemon, event);
      if (event == platform::ServiceEvent::kPause) held = true;
      if (event == platform::ServiceEvent::kContinue) held = false;
    });
    host->started();
    platform::log_event(platform::LoggedEvent::kServiceStarted, OBHUT_VERSION);
  }
  Result<void> served = daemon->run(std::move(stop));
  if (host != nullptr) host->on_event({});
  if (held) obey(*daemon, platform::ServiceEvent::kContinue);
  return served;
}

int run_service(const Arguments& arguments, platform::ServiceHost& host) {
  Result<Config> config = config_of(arguments);
  if (config && config->log_file.empty()) config->log_file = platform::standard_places().log_file;
  const Result<void> served =
      config ? serve(*config, host.stop(), &host) : Result<void>(std::unexpected(config.error()));
  if (served) return cli::kExitDone;
  platform::log_event(platform::LoggedEvent::kServiceFailed, served.error().message);
  return failed(served.error());
}

int run(int argc, char** argv) {
  const std::vector<std::string> given = platform::start_program(argc, argv);
  Arguments arguments;
  bool foreground = false;
  CLI::App app("Obhut's daemon of an endpoint", "obhutd");
  app.set_version_flag("--version", OBHUT_VERSION);
  const platform::Places& places = platform::standard_places();
  app.add_option("--config", arguments.config, "settings (default " + places.config + ")");
  app.add_option("--state", arguments.state, "state folder (default " + places.state + ")");
  app.add_option("--socket", arguments.socket, "local socket (default " + places.socket + ")");
  app.add_option("--token-file", arguments.token_file,
                 "registration token to enrol with (or OBHUT_TOKEN_FILE)");
  app.add_flag("--foreground", foreground,
               "never as a service: for looking at what it does, on a console");
  try {
    // The library takes them from behind, and without the program's name.
    app.parse(std::vector<std::string>(given.rbegin(), given.rend() - 1));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? cli::kExitDone : cli::kExitUsage;
  }
  if (!foreground) {
    const std::optional<int> code = platform::run_as_service(
        "Obhut", [&](platform::ServiceHost& host) { return run_service(arguments, host); });
    if (code) return *code;
  }
  const platform::StopOnSignal signals;
  const Result<Config> config = config_of(arguments);
  if (!config) return failed(config.error());
  const Result<void> served = serve(*config, signals.token(), nullptr);
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
