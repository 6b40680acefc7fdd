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
#include "platform/detached.h"
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
#include "service/endpoint/removal.h"
#include "service/endpoint/requests.h"
#include "service/endpoint/restore_service.h"
#include "service/endpoint/update_install.h"
#include "tools/cli/exit_codes.h"

namespace obhut::endpoint {
namespace {

struct Arguments {
  std::string config = platform::standard_places().config;
  std::string state;
  std::string socket;
  std::string token_file;
  std::string log_file;
};

/// What the installer was told goes first: a settings file says the same in the end.
void apply_installed(Config& config) {
  std::map<std::string, std::string> installed = platform::installed_settings();
  config.proxy = installed["Proxy"];
  config.token_file = installed["TokenFile"];
}

/// What the package left is for the agent that it installed, and for no other on this machine.
void take_left_token(Config& config) {
  const platform::Places& places = platform::standard_places();
  if (config.token_file.empty() && !places.left_token.empty() && config.state == places.state &&
      platform::exists(places.left_token)) {
    config.token_file = places.left_token;
  }
}

Result<Config> config_of(const Arguments& arguments) {
  Config config;
  config.file = arguments.config;
  config.version = OBHUT_VERSION;
  apply_installed(config);
  TRY(load_config(arguments.config, config));
  if (const char* token = std::getenv("OBHUT_TOKEN_FILE")) config.token_file = token;
  if (const char* socket = std::getenv("OBHUT_RESTORE_SOCKET")) config.restore_socket = socket;
  if (const char* socket = std::getenv("OBHUT_UPDATE_SOCKET")) config.update_socket = socket;
  if (!arguments.token_file.empty()) config.token_file = arguments.token_file;
  if (!arguments.state.empty()) config.state = arguments.state;
  if (!arguments.socket.empty()) config.socket = arguments.socket;
  if (!arguments.log_file.empty()) config.log_file = arguments.log_file;
  take_left_token(config);
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

/// Takes the locks that all work takes: where one of them never opens again, there is no answer.
bool is_alive(Daemon& daemon) {
  static_cast<void>(daemon.enrolment());
  if (Engine* const engine = daemon.engine()) {
    static_cast<void>(engine->scheduler().view());
    static_cast<void>(engine->plans().in_force());
    static_cast<void>(engine->pauses().view());
  }
  return true;
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
  const platform::Places& places = platform::standard_places();
  const std::string crashes =
      config.state == places.state ? places.crashes : platform::join(config.state, "crashes");
  if (Result<void> kept = platform::keep_crash_dumps(crashes); !kept) {
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
    host->watch([&] { return is_alive(*daemon); });
    host->started();
    platform::log_event(platform::LoggedEvent::kServiceStarted, OBHUT_VERSION);
  }
  Result<void> served = daemon->run(std::move(stop));
  if (host != nullptr) {
    host->on_event({});
    host->watch({});
  }
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

int tell_removal(const Arguments& arguments) {
  const Result<Config> config = config_of(arguments);
  if (!config) return failed(config.error());
  SystemClock clock;
  const Result<void> told = report_removal(*config, clock, Log::to_stderr(config->log));
  return told ? cli::kExitDone : failed(told.error());
}

int restore_for_one(const Arguments& arguments, const std::stop_token& stop) {
  const Result<Config> config = config_of(arguments);
  if (!config) return failed(config.error());
  platform::raise_open_file_limit();
  SystemClock clock;
  const Result<void> served = serve_restore(*config, clock, Log::to_stderr(config->log), stop);
  return served ? cli::kExitDone : failed(served.error());
}

int install_handed_update(const Arguments& arguments) {
  // Nobody's signal and no closed pipe ends it halfway.
  const platform::StopOnSignal unheeded;
  const Result<Config> config = config_of(arguments);
  if (!config) return failed(config.error());
  SystemClock clock;
  const Result<void> installed = install_update(*config, clock, Log::to_stderr(config->log), [] {
    // Whoever started us in the background need not wait for the package manager.
    std::putchar(platform::kReadyByte);
    std::fflush(stdout);
  });
  return installed ? cli::kExitDone : failed(installed.error());
}

int run(int argc, char** argv) {
  const std::vector<std::string> given = platform::start_program(argc, argv);
  Arguments arguments;
  bool foreground = false;
  bool removal = false;
  bool restore = false;
  bool update = false;
  CLI::App app("Obhut's daemon of an endpoint", "obhutd");
  app.set_version_flag("--version", OBHUT_VERSION);
  const platform::Places& places = platform::standard_places();
  app.add_option("--config", arguments.config, "settings (default " + places.config + ")");
  app.add_option("--state", arguments.state, "state folder (default " + places.state + ")");
  app.add_option("--socket", arguments.socket, "local socket (default " + places.socket + ")");
  app.add_option("--token-file", arguments.token_file,
                 "registration token to enrol with (or OBHUT_TOKEN_FILE)");
  app.add_option("--log-file", arguments.log_file, "log into this file (default standard error)");
  app.add_flag("--foreground", foreground,
               "never as a service: for looking at what it does, on a console");
  app.add_flag("--report-removal", removal,
               "tell the cluster that the software leaves this machine, and end: for packages");
  app.add_flag("--restore", restore,
               "carry out the one restore that is handed over on standard input, and end: for "
               "obhut-restore@.service");
  app.add_flag(
      "--install-update", update,
      "install the update that the daemon handed over, and end: for obhut-update@.service");
  try {
    // The library takes them from behind, and without the program's name.
    app.parse(std::vector<std::string>(given.rbegin(), given.rend() - 1));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? cli::kExitDone : cli::kExitUsage;
  }
  if (removal) return tell_removal(arguments);
  if (update) return install_handed_update(arguments);
  if (!foreground && !restore) {
    const std::optional<int> code = platform::run_as_service(
        "Obhut", [&](platform::ServiceHost& host) { return run_service(arguments, host); });
    if (code) return *code;
  }
  const platform::StopOnSignal signals;
  if (restore) return restore_for_one(arguments, signals.token());
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
