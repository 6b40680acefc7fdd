#include "tools/cli/grant_commands.h"

#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "platform/local_files.h"
#include "service/endpoint/conversation.h"
#include "tools/cli/answer_fields.h"
#include "tools/cli/format.h"
#include "tools/cli/input.h"
#include "tools/cli/managed_client.h"

namespace obhut::cli {

namespace {

using nlohmann::json;

constexpr Message kGroup{"what the partner lets one restore beyond one's own rights",
                         "was man mit Erlaubnis des Partners über die eigenen Rechte hinaus "
                         "wiederherstellen darf"};
constexpr Message kAdd{"take a restore grant that the partner made",
                       "eine Freigabe übernehmen, die der Partner ausgestellt hat"};
constexpr Message kFile{"the grant, as the partner sent it (-: standard input)",
                        "die Freigabe, wie der Partner sie geschickt hat (-: Standardeingabe)"};
constexpr Message kCode{"the code that the partner told: it fetches the grant, once",
                        "der Code, den der Partner genannt hat: er holt die Freigabe, einmal"};
constexpr Message kWant{"give the file of the grant, or --code",
                        "die Datei der Freigabe angeben oder --code"};
constexpr Message kList{"the grants that are held here", "die Freigaben, die hier vorliegen"};
constexpr Message kDrop{"give a grant back before it ends",
                        "eine Freigabe vor ihrem Ende zurückgeben"};
constexpr Message kId{"its id, or how it begins", "ihre Kennung oder deren Anfang"};
constexpr Message kAdded{"taken until {}; every use is reported to the partner\n",
                         "übernommen bis {}; jede Nutzung wird dem Partner gemeldet\n"};
constexpr Message kDropped{"{} given back\n", "{} zurückgegeben\n"};
constexpr Message kNone{"no grants\n", "keine Freigaben\n"};
constexpr Message kGrantLines{
    "{}\n  may read    {}\n  restore to  {}\n  for         {}\n  until       {}\n  reason      {} "
    "({})\n",
    "{}\n  lesen       {}\n  Ziel        {}\n  für         {}\n  bis         {}\n  Grund       {} "
    "({})\n"};
constexpr Message kLater{"  begins      {}\n", "  beginnt     {}\n"};
constexpr Message kOriginalPlace{"its original place", "ursprünglicher Ort"};
constexpr Message kAnyPlace{"wherever the user may write", "wo der Benutzer schreiben darf"};
constexpr Message kEverything{"everything", "alles"};

constexpr std::size_t kMostDocument = 64 * 1024;

struct Arguments {
  std::string socket = endpoint::default_socket();
  std::string file;
  std::string code;
  std::string id;
};
using Shared = std::shared_ptr<Arguments>;

std::string time_in(const json& grant, const char* name) {
  const auto at = parse_time(text_of(grant, name));
  return at ? human_time(*at) : "?";
}

std::string scope_in(const Context& context, const json& grant) {
  std::string text;
  const json scope = grant.value("scope", json::array());
  for (const json& path : scope) {
    if (!path.is_string()) continue;
    const auto& shown = path.get_ref<const std::string&>();
    if (!text.empty()) text += ", ";
    text += shown == "/" ? context.say(kEverything) : platform::shown(shown);
  }
  return text;
}

std::string destination_in(const Context& context, const json& grant) {
  const std::string destination = text_of(grant, "destination");
  if (destination == "original") return context.say(kOriginalPlace);
  if (destination == "any") return context.say(kAnyPlace);
  return platform::shown(destination);
}

std::string grant_text(const Context& context, const json& grant) {
  std::string text = context.say(
      kGrantLines, {text_of(grant, "id"), scope_in(context, grant), destination_in(context, grant),
                    printable(text_of(grant, "account")), time_in(grant, "expires"),
                    printable(text_of(grant, "reason")), printable(text_of(grant, "signer"))});
  if (!grant.value("open", true)) text += context.say(kLater, {time_in(grant, "not_before")});
  return text;
}

Result<void> run_add(Context& context, const Arguments& arguments) {
  if (arguments.file.empty() == arguments.code.empty()) {
    return fail(ErrorKind::kInvalidInput, context.say(kWant));
  }
  json request = {{"command", "grant-add"}};
  if (!arguments.code.empty()) {
    request["code"] = arguments.code;
  } else {
    ASSIGN_OR_RETURN(request["document"], read_text_input(arguments.file, kMostDocument));
  }
  ASSIGN_OR_RETURN(const json answer, ask_daemon(context, arguments.socket, request, {}));
  const json grant = answer.value("grant", json::object());
  print(context.json
            ? grant.dump(2) + "\n"
            : context.say(kAdded, {time_in(grant, "expires")}) + grant_text(context, grant));
  return {};
}

Result<void> run_list(Context& context, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const json answer,
                   ask_daemon(context, arguments.socket, {{"command", "grants"}}, {}));
  const json grants = answer.value("grants", json::array());
  if (context.json) {
    print(grants.dump(2) + "\n");
    return {};
  }
  if (grants.empty()) print(context.say(kNone));
  for (const json& grant : grants) print(grant_text(context, grant));
  return {};
}

Result<void> run_drop(Context& context, const Arguments& arguments) {
  ASSIGN_OR_RETURN(
      const json answer,
      ask_daemon(context, arguments.socket, {{"command", "grant-drop"}, {"id", arguments.id}}, {}));
  print(context.json ? answer.dump(2) + "\n" : context.say(kDropped, {text_of(answer, "dropped")}));
  return {};
}

CLI::App* add_one(CLI::App& group, Context& context, const char* name, const Message& help,
                  const Shared& arguments, Result<void> (*body)(Context&, const Arguments&)) {
  return add_daemon_command(group, context, name, help, arguments->socket,
                            [&context, arguments, body] { return body(context, *arguments); });
}

}  // namespace

void add_grant_commands(CLI::App& app, Context& context) {
  CLI::App* group = app.add_subcommand("grant", context.say(kGroup));
  group->require_subcommand(1);
  Shared in = std::make_shared<Arguments>();
  CLI::App* add = add_one(*group, context, "add", kAdd, in, run_add);
  CLI::Option* file = add->add_option("file", in->file, context.say(kFile))->type_name("FILE");
  add->add_option("--code", in->code, context.say(kCode))->type_name("CODE")->excludes(file);
  add_one(*group, context, "list", kList, std::make_shared<Arguments>(), run_list);
  in = std::make_shared<Arguments>();
  add_one(*group, context, "drop", kDrop, in, run_drop)
      ->add_option("id", in->id, context.say(kId))
      ->required();
}

}  // namespace obhut::cli
