#include "tools/cli/update_commands.h"

#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "service/endpoint/conversation.h"
#include "tools/cli/answer_fields.h"
#include "tools/cli/managed_client.h"

namespace obhut::cli {

namespace {

using nlohmann::json;

constexpr Message kUpdateGroup{"newer versions of the agent", "neuere Versionen des Agenten"};
constexpr Message kUpdateStatus{"what runs, and what is offered",
                                "was läuft, und was angeboten wird"};
constexpr Message kUpdateCheck{"ask the cluster now for a newer version",
                               "den Cluster jetzt nach einer neueren Version fragen"};
constexpr Message kUpdateInstall{"fetch the newer version and have it installed (administrators)",
                                 "die neuere Version holen und installieren lassen "
                                 "(Administratoren)"};
constexpr Message kUpdates{"updates     {}\n", "Updates     {}\n"};
constexpr Message kOffByRoot{
    "off: this package brought no release root; install newer versions by hand",
    "aus: dieses Paket brachte keine Release-Wurzel mit; neuere Versionen von Hand installieren"};
constexpr Message kOffBySettings{"off: agent.toml forbids it (updates = \"no\")",
                                 "aus: agent.toml verbietet es (updates = \"no\")"};
constexpr Message kOffBySystem{"off: this system has neither dpkg nor rpm",
                               "aus: dieses System hat weder dpkg noch rpm"};
constexpr Message kOffByPlan{"off: the plan does not allow it", "aus: der Plan erlaubt es nicht"};
constexpr Message kIsInstalling{"{} is being installed", "{} wird installiert"};
constexpr Message kIsInstalled{"{} is installed and runs once the agent is started anew",
                               "{} ist installiert und läuft, sobald der Agent neu startet"};
constexpr Message kLiesReady{"{} is here: obhut update install",
                             "{} liegt bereit: obhut update install"};
constexpr Message kWillInstall{"{} is here and is installed when no backup runs",
                               "{} liegt bereit und wird installiert, wenn keine Sicherung läuft"};
constexpr Message kIsOffered{"{} is offered", "{} wird angeboten"};
constexpr Message kIsNewest{"{} is the newest", "{} ist die neueste Version"};
constexpr Message kNeverAsked{"the cluster was not asked yet",
                              "der Cluster wurde noch nicht gefragt"};
constexpr Message kDetails{"runs        {}\nasked       {}\n", "läuft       {}\ngefragt     {}\n"};
constexpr Message kSeen{"release     {} (root {})\n", "Release     {} (Wurzel {})\n"};
constexpr Message kNoneYet{"never", "noch nie"};
constexpr Message kUpdateProblem{"problem     {}\n", "Problem     {}\n"};
constexpr Message kHandedOver{
    "{} was given to the package manager; see obhut update status\n",
    "{} wurde der Paketverwaltung übergeben; siehe obhut update status\n"};

std::string state_of(const Context& context, const json& updates) {
  const std::string off = text_of(updates, "off");
  const std::string offered = text_of(updates, "offered");
  if (off == "no-root") return context.say(kOffByRoot);
  if (off == "settings") return context.say(kOffBySettings);
  if (off == "no-package-manager") return context.say(kOffBySystem);
  if (const std::string version = text_of(updates, "installing"); !version.empty()) {
    return context.say(kIsInstalling, {version});
  }
  if (const std::string version = text_of(updates, "installed"); !version.empty()) {
    return context.say(kIsInstalled, {version});
  }
  std::string text;
  if (offered.empty()) {
    text = text_of(updates, "checked").empty() ? context.say(kNeverAsked)
                                               : context.say(kIsNewest, {text_of(updates, "runs")});
  } else if (!updates.value("downloaded", false)) {
    text = context.say(kIsOffered, {offered});
  } else {
    text =
        context.say(text_of(updates, "rule") == "install" ? kWillInstall : kLiesReady, {offered});
  }
  return off == "plan" ? context.say(kOffByPlan) + "; " + text : text;
}

std::string update_text(const Context& context, const json& updates) {
  const std::string checked = text_of(updates, "checked");
  std::string text =
      update_line(context, updates) +
      context.say(kDetails, {text_of(updates, "runs"),
                             checked.empty() ? context.say(kNoneYet) : local_time(checked)});
  if (number_of(updates, "serial") > 0) {
    text += context.say(kSeen,
                        {count_of(context, updates, "serial"), count_of(context, updates, "root")});
  }
  if (const std::string problem = text_of(updates, "problem"); !problem.empty()) {
    text += context.say(kUpdateProblem, {problem});
  }
  return text;
}

std::string handed_text(const Context& context, const json& answer) {
  return context.say(kHandedOver, {text_of(answer, "handed")});
}

void add_update_command(CLI::App& group, Context& context, const char* name, const Message& help,
                        const char* command, ToText to_text) {
  auto socket = std::make_shared<std::string>(endpoint::default_socket());
  add_daemon_command(group, context, name, help, *socket, [&context, socket, command, to_text] {
    return converse(context, *socket, {{"command", command}}, to_text);
  });
}

}  // namespace

std::string update_line(const Context& context, const json& updates) {
  return updates.empty() ? std::string() : context.say(kUpdates, {state_of(context, updates)});
}

void add_update_commands(CLI::App& app, Context& context) {
  CLI::App* group = app.add_subcommand("update", context.say(kUpdateGroup));
  group->require_subcommand(1);
  add_update_command(*group, context, "status", kUpdateStatus, "update-status", update_text);
  add_update_command(*group, context, "check", kUpdateCheck, "update-check", update_text);
  add_update_command(*group, context, "install", kUpdateInstall, "update-install", handed_text);
}

}  // namespace obhut::cli
