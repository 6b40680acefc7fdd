// obhut-tray: the program of whoever is signed in. Shows the icon, and the restore window.

#include <cstdio>

#include <CLI/CLI.hpp>

#include "agent/base/clock.h"
#include "platform/desktop.h"
#include "platform/local_files.h"
#include "platform/places.h"
#include "platform/signals.h"
#include "platform/startup.h"
#include "service/endpoint/conversation.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/messages.h"
#include "tools/tray/tray.h"
#include "tools/tray/window_host.h"

namespace {

using namespace obhut;

struct Options {
  std::string socket = endpoint::default_socket();
  std::string page = platform::standard_places().window;
  std::string brand = platform::standard_places().brand;
  std::uint16_t port = 0;
  bool serve = false;
  bool open = false;
};

constexpr cli::Message kAbout{"obhut-tray: the backup's icon and restore window",
                              "obhut-tray: Symbol und Wiederherstellungsfenster der Sicherung"};
constexpr cli::Message kServe{"serve the window alone, without an icon, and print its address",
                              "nur das Fenster anbieten, ohne Symbol, und seine Adresse ausgeben"};
constexpr cli::Message kOpen{"open the restore window at once",
                             "das Wiederherstellungsfenster gleich öffnen"};
constexpr cli::Message kSocket{"socket of obhutd (or OBHUT_SOCKET)",
                               "Socket von obhutd (oder OBHUT_SOCKET)"};
constexpr cli::Message kPage{"folder of the window's page", "Ordner der Seite des Fensters"};
constexpr cli::Message kBrand{"folder of brand.json", "Ordner von brand.json"};
constexpr cli::Message kPort{"port on 127.0.0.1; 0: any", "Port auf 127.0.0.1; 0: irgendeiner"};

cli::Language language_of_desktop() {
  return cli::language_of_locale(platform::display_locale());
}

/// Prints where the window is, and serves it until stopped.
Result<void> serve(tray::WindowHost& host, Clock& clock, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::string address, host.address());
  std::puts(address.c_str());
  std::fflush(stdout);
  while (clock.sleep_for(std::chrono::hours(24), stop)) {
  }
  return {};
}

Result<void> run(const Options& options, cli::Language language, const std::stop_token& stop) {
  SystemClock clock;
  const tray::Daemon daemon(options.socket);
  const tray::Brand brand = tray::Brand::read(options.brand);
  tray::WindowHost host(daemon, clock, brand,
                        {.page = options.page,
                         .port = options.port,
                         .language = language == cli::Language::kGerman ? "de" : "en"});
  if (options.serve) return serve(host, clock, stop);
  const auto open_window = [&host]() -> Result<void> {
    ASSIGN_OR_RETURN(const std::string address, host.address());
    return platform::show(address);
  };
  tray::Tray tray(daemon, clock, brand, language, open_window);
  return tray.run(options.open, stop);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> given = platform::start_program(argc, argv);
  const platform::StopOnSignal signals;
  const cli::Language language = language_of_desktop();
  const auto say = [&](const cli::Message& message) { return cli::say(language, message); };
  Options options;
  CLI::App app(say(kAbout), "obhut-tray");
  app.set_version_flag("--version", OBHUT_VERSION);
  app.add_flag("--serve", options.serve, say(kServe));
  app.add_flag("--open", options.open, say(kOpen));
  app.add_option("--socket", options.socket, say(kSocket))->type_name("PATH");
  app.add_option("--page", options.page, say(kPage))->type_name("DIR");
  app.add_option("--brand", options.brand, say(kBrand))->type_name("DIR");
  app.add_option("--port", options.port, say(kPort));
  try {
    app.parse(std::vector<std::string>(given.rbegin(), given.rend() - 1));
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? cli::kExitDone : cli::kExitUsage;
  }
  const Result<void> done = run(options, language, signals.token());
  // One icon is enough: the other program was told to open the window.
  if (done || done.error().kind == ErrorKind::kConflict) return cli::kExitDone;
  std::fprintf(stderr, "obhut-tray: %s\n", done.error().message.c_str());
  return cli::kExitFailed;
}
