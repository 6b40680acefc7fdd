#include "tools/cli/mount_commands.h"

#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "platform/detached.h"
#include "platform/local_files.h"
#include "platform/machine.h"
#include "platform/read_only_mount.h"
#include "service/endpoint/conversation.h"
#include "tools/cli/command.h"
#include "tools/cli/daemon_browser.h"
#include "tools/cli/managed_client.h"
#include "tools/cli/mount_tree.h"

namespace obhut::cli {
namespace {

using nlohmann::json;

constexpr Message kMount{"show the recovery points as a folder that can be read",
                         "die Wiederherstellungspunkte als lesbaren Ordner zeigen"};
constexpr Message kUnmount{"end a mount", "eine Einbindung beenden"};
constexpr Message kDirectory{"empty folder to show them in",
                             "leerer Ordner, in dem sie erscheinen"};
constexpr Message kMountedDirectory{"folder that they are shown in",
                                    "Ordner, in dem sie erscheinen"};
constexpr Message kTarget{"cluster, or the folder of a local target",
                          "cluster oder der Ordner eines lokalen Ziels"};
constexpr Message kPoint{"one point alone: its id, or \"latest\"",
                         "nur ein Punkt: seine Kennung oder „latest“"};
constexpr Message kBackground{"go on in the background", "im Hintergrund weiterlaufen"};
constexpr Message kStands{"{}: recovery points are here until Ctrl-C, or `obhut unmount {}`\n",
                          "{}: Wiederherstellungspunkte sind hier bis Strg-C oder "
                          "`obhut unmount {}`\n"};
constexpr Message kStandsBehind{"{}: recovery points are here until `obhut unmount {}`\n",
                                "{}: Wiederherstellungspunkte sind hier bis `obhut unmount {}`\n"};
constexpr Message kGone{"{}: unmounted\n", "{}: ausgehängt\n"};
constexpr Message kNoPoint{"{}: no recovery point", "{}: kein Wiederherstellungspunkt"};
constexpr Message kSeveralPoints{"{}: begins more than one id", "{}: beginnt mehrere Kennungen"};

/// The fewest digits of an id, as everywhere.
constexpr std::size_t kLeastOfId = 4;

struct Arguments {
  std::string socket = endpoint::default_socket();
  std::string directory;
  std::string target;
  std::string point;
  bool background = false;
  bool is_background = false;  // the process that was started for it
};
using Shared = std::shared_ptr<Arguments>;

/// The whole id of what a person typed.
Result<std::string> point_of(const Context& context, Browser& browser, const std::string& typed) {
  if (typed.empty()) return typed;
  ASSIGN_OR_RETURN(const std::vector<BrowsedPoint> points, browser.points());
  std::string found;
  if (typed == "latest" && !points.empty()) return points.back().id;
  for (const BrowsedPoint& point : points) {
    if (typed.size() < kLeastOfId || !point.id.starts_with(typed)) continue;
    if (!found.empty()) {
      return fail(ErrorKind::kInvalidInput, context.say(kSeveralPoints, {printable(typed)}));
    }
    found = point.id;
  }
  if (!found.empty()) return found;
  return fail(ErrorKind::kNotFound, context.say(kNoPoint, {printable(typed)}));
}

void tell_mounted(const Context& context, const Message& message, const std::string& directory) {
  const std::string shown = printable(directory);
  print(context.json ? json{{"mounted", shown}}.dump() + "\n"
                     : context.say(message, {shown, shown}));
}

Result<void> mount_here(Context& context, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::unique_ptr<DaemonBrowser> browser,
                   DaemonBrowser::open(
                       context.clock,
                       [&] {
                         return begin_conversation(
                             context, arguments.socket,
                             {{"command", "browse"}, {"target", arguments.target}});
                       },
                       context.stop));
  ASSIGN_OR_RETURN(std::string point, point_of(context, *browser, arguments.point));
  MountTree tree(*browser, context.clock, std::move(point), platform::user_id(),
                 platform::group_id(), {});
  const auto on_ready = [&] {
    if (arguments.is_background) {
      print({&platform::kReadyByte, 1});
    } else {
      tell_mounted(context, kStands, arguments.directory);
    }
    std::fflush(stdout);
  };
  return platform::serve_mount(tree, arguments.directory, on_ready, context.stop);
}

/// By another process: of this one's threads none would go along.
Result<void> mount_behind(Context& context, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::string program, platform::program_path());
  std::vector<std::string> words{"mount", arguments.directory, "--in-background", "--socket",
                                 arguments.socket};
  if (!arguments.target.empty()) words.insert(words.end(), {"--target", arguments.target});
  if (!arguments.point.empty()) words.insert(words.end(), {"--point", arguments.point});
  if (context.json) words.emplace_back("--json");
  ASSIGN_OR_RETURN(const platform::Started started, platform::start_detached(program, words));
  if (started.ready) {
    tell_mounted(context, kStandsBehind, arguments.directory);
    return {};
  }
  // It has told what went wrong, in words for people.
  static_cast<void>(std::fwrite(started.output.data(), 1, started.output.size(), stderr));
  context.exit_code = started.exit_code;
  return {};
}

Result<void> run_mount(Context& context, Arguments& arguments) {
  ASSIGN_OR_RETURN(arguments.directory, platform::absolute_path(arguments.directory));
  if (arguments.background) {
    ASSIGN_OR_RETURN(arguments.socket, platform::absolute_path(arguments.socket));
    return mount_behind(context, arguments);
  }
  Result<void> served = mount_here(context, arguments);
  if (!served) context.exit_code = exit_code_of_daemon(served.error());
  return served;
}

Result<void> run_unmount(Context& context, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::string directory, platform::absolute_path(arguments.directory));
  TRY(platform::unmount(directory));
  const std::string shown = printable(directory);
  print(context.json ? json{{"unmounted", shown}}.dump() + "\n" : context.say(kGone, {shown}));
  return {};
}

}  // namespace

void add_mount_commands(CLI::App& app, Context& context) {
  Shared in = std::make_shared<Arguments>();
  CLI::App* mount = add_daemon_command(app, context, "mount", kMount, in->socket,
                                       [&context, in] { return run_mount(context, *in); });
  mount->add_option("directory", in->directory, context.say(kDirectory))->required();
  mount->add_option("--target", in->target, context.say(kTarget));
  mount->add_option("--point", in->point, context.say(kPoint));
  mount->add_flag("--background", in->background, context.say(kBackground));
  mount->add_flag("--in-background", in->is_background)->group("");
  in = std::make_shared<Arguments>();
  add_command(app, context, "unmount", kUnmount,
              [&context, in] { return run_unmount(context, *in); })
      ->add_option("directory", in->directory, context.say(kMountedDirectory))
      ->required();
}

}  // namespace obhut::cli
