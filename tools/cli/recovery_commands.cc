#include "tools/cli/recovery_commands.h"

#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "platform/atomic_file.h"
#include "service/endpoint/conversation.h"
#include "tools/cli/answer_fields.h"
#include "tools/cli/format.h"
#include "tools/cli/input.h"
#include "tools/cli/managed_client.h"
#include "tools/cli/managed_output.h"
#include "tools/cli/secrets.h"

namespace obhut::cli {

namespace {

using nlohmann::json;

constexpr Message kVault{"vault to open (default: the newest with recovery points)",
                         "zu öffnender Tresor (sonst der neueste mit Wiederherstellungspunkten)"};

constexpr Message kRecover{"open the vault of the device that this one replaces",
                           "den Tresor des Geräts öffnen, das dieses ersetzt"};
constexpr Message kKeyFile{
    "file with its recovery key or passphrase (-: standard input; without it, the terminal asks)",
    "Datei mit seinem Wiederherstellungsschlüssel oder seiner Passphrase (-: Standardeingabe; ohne "
    "sie fragt das Terminal)"};
constexpr Message kAnswer{"file with the partner's answer to `key request`",
                          "Datei mit der Antwort des Partners auf `key request`"};
constexpr Message kMadeBy{
    "with --answer: an earlier device of this machine that made the newest point",
    "mit --answer: ein früheres Gerät dieser Maschine, das den neuesten Punkt angelegt hat"};
constexpr Message kRecovered{
    "vault {} is open again: newest point {}, number {}. Backups go on in it; "
    "`obhut points` lists what can be restored.\n",
    "Tresor {} ist wieder offen: neuester Punkt {}, Nummer {}. Sicherungen gehen darin weiter; "
    "`obhut points` zeigt, was sich wiederherstellen lässt.\n"};
constexpr Message kUnfinished{"This device is entered in it with the next backup: {}\n",
                              "Dieses Gerät wird mit der nächsten Sicherung eingetragen: {}\n"};

constexpr Message kRequest{"ask the partner to open it by escrow",
                           "den Partner bitten, ihn mit seinem Escrow-Schlüssel zu öffnen"};
constexpr Message kOut{"file to write, for the partner", "Datei für den Partner"};
constexpr Message kRequested{
    "{}: request for vault {}, to be sent to the partner\n\n"
    "  fingerprint  {}\n\n"
    "Tell the partner the fingerprint by telephone or face to face, never along with the file.\n"
    "With the answer: obhut key recover --answer FILE\n",
    "{}: Anfrage für Tresor {}, an den Partner zu senden\n\n"
    "  Fingerabdruck  {}\n\n"
    "Dem Partner den Fingerabdruck am Telefon oder persönlich nennen, nie zusammen mit der Datei.\n"
    "Mit der Antwort: obhut key recover --answer DATEI\n"};

constexpr Message kStartOver{
    "give the lost device's recovery points up, begin a new vault",
    "die Wiederherstellungspunkte des verlorenen Geräts aufgeben und einen "
    "neuen Tresor beginnen"};
constexpr Message kYes{"do it", "ausführen"};
constexpr Message kSure{
    "this endpoint will not come by the lost device's recovery points any more; "
    "say --yes to give them up",
    "dieser Endpunkt kommt dann an die Wiederherstellungspunkte des verlorenen Geräts nicht mehr "
    "heran; mit --yes werden sie aufgegeben"};
constexpr Message kStarted{"a new vault begins with the next backup\n",
                           "mit der nächsten Sicherung beginnt ein neuer Tresor\n"};

constexpr std::size_t kMaxAnswer = std::size_t{1} << 20U;

struct Arguments {
  std::string socket = endpoint::default_socket();
  std::string vault;
  std::string key_file;
  std::string answer;
  std::string made_by;
  std::string out;
  bool yes = false;
};
using Shared = std::shared_ptr<Arguments>;

void tell_recovered(const Context& context, const json& answer) {
  if (context.json) return print(answer.dump(2) + "\n");
  const auto at = parse_time(text_of(answer, "time"));
  const auto number = answer.value("sequence", json());
  print(context.say(kRecovered, {text_of(answer, "vault"), at ? human_time(*at) : "?",
                                 number.is_number() ? number.dump() : "?"}));
  if (const std::string reason = text_of(answer, "reason"); !reason.empty()) {
    print(context.say(kUnfinished, {reason}));
  }
}

Result<json> answer_request(const Arguments& arguments) {
  Result<Bytes> text = read_named_file(arguments.answer, kMaxAnswer);
  if (!text) return pass_on(std::move(text.error()), "escrow answer");
  return json{{"command", "key-answer"},
              {"answer", std::string(as_text(*text))},
              {"made_by", arguments.made_by}};
}

Result<json> key_request(const Context& context, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const crypto::SecretBytes key, read_key_text(context, arguments.key_file));
  return json{
      {"command", "key-recover"}, {"key", to_base64url(key.view())}, {"vault", arguments.vault}};
}

Result<void> run_recover(Context& context, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const json request, arguments.answer.empty() ? key_request(context, arguments)
                                                                : answer_request(arguments));
  Result<json> answer = ask_daemon(context, arguments.socket, request, {});
  if (!answer && answer.error().kind == ErrorKind::kRefused && !arguments.key_file.empty()) {
    return pass_on(std::move(answer).error(), "key file " + arguments.key_file);
  }
  if (!answer) return std::unexpected(std::move(answer).error());
  tell_recovered(context, *answer);
  return {};
}

Result<void> run_request(Context& context, const Arguments& arguments) {
  ASSIGN_OR_RETURN(json answer,
                   ask_daemon(context, arguments.socket,
                              {{"command", "key-request"}, {"vault", arguments.vault}}, {}));
  TRY(platform::write_file(arguments.out, as_bytes(text_of(answer, "request") + "\n"), 0644));
  answer.erase("request");
  answer["file"] = printable(arguments.out);
  print(context.json ? answer.dump(2) + "\n"
                     : context.say(kRequested, {printable(arguments.out), text_of(answer, "vault"),
                                                text_of(answer, "fingerprint")}));
  return {};
}

Result<void> run_start_over(Context& context, const Arguments& arguments) {
  if (!arguments.yes) return fail(ErrorKind::kInvalidInput, context.say(kSure));
  ASSIGN_OR_RETURN(const json answer,
                   ask_daemon(context, arguments.socket, {{"command", "key-start-over"}}, {}));
  print(context.json ? answer.dump(2) + "\n" : context.say(kStarted));
  return {};
}

CLI::App* add(CLI::App& parent, Context& context, const char* name, const Message& help,
              const Shared& arguments, Result<void> (*body)(Context&, const Arguments&)) {
  return add_daemon_command(parent, context, name, help, arguments->socket,
                            [&context, arguments, body] { return body(context, *arguments); });
}

}  // namespace

void add_recovery_commands(CLI::App& key, Context& context) {
  Shared in = std::make_shared<Arguments>();
  CLI::App* recover = add(key, context, "recover", kRecover, in, run_recover);
  CLI::Option* file =
      recover->add_option("--key-file", in->key_file, context.say(kKeyFile))->type_name("FILE");
  CLI::Option* vault =
      recover->add_option("--vault", in->vault, context.say(kVault))->type_name("ID");
  CLI::Option* answer =
      recover->add_option("--answer", in->answer, context.say(kAnswer))->type_name("FILE");
  answer->excludes(file)->excludes(vault);
  recover->add_option("--made-by", in->made_by, context.say(kMadeBy))
      ->type_name("ID")
      ->needs(answer);
  in = std::make_shared<Arguments>();
  CLI::App* request = add(key, context, "request", kRequest, in, run_request);
  request->add_option("--out", in->out, context.say(kOut))->required()->type_name("FILE");
  request->add_option("--vault", in->vault, context.say(kVault))->type_name("ID");
  in = std::make_shared<Arguments>();
  CLI::App* start_over = add(key, context, "start-over", kStartOver, in, run_start_over);
  start_over->add_flag("--yes", in->yes, context.say(kYes));
}

}  // namespace obhut::cli
