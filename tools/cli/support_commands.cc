#include "tools/cli/support_commands.h"

#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/machine.h"
#include "platform/places.h"
#include "service/endpoint/conversation.h"
#include "tools/cli/format.h"
#include "tools/cli/managed_client.h"
#include "tools/cli/support_bundle.h"

namespace obhut::cli {
namespace {

using nlohmann::json;

constexpr Message kSupportBundle{
    "gather logs, versions, plan and status for support, without secrets",
    "Protokolle, Versionen, Plan und Status für den Support sammeln, ohne Geheimnisse"};
constexpr Message kBundleTo{
    "archive to write (default: obhut-support-HOST-TIME.zip here)",
    "Archiv, das geschrieben wird (sonst obhut-support-HOST-ZEIT.zip hier)"};
constexpr Message kWithNames{"keep the names of the user's files",
                             "die Namen der Dateien des Benutzers behalten"};
constexpr Message kSettingsFile{"settings file of obhutd", "Einstellungsdatei von obhutd"};
constexpr Message kWritten{"{}: {}, for support. README.txt in it says what it holds.\n",
                           "{}: {}, für den Support. README.txt darin sagt, was es enthält.\n"};
constexpr Message kTitleLeftOut{"Left out:\n", "Weggelassen:\n"};
constexpr Message kTooLarge{"support bundle: larger than 20 MB", "Supportpaket: größer als 20 MB"};

constexpr std::size_t kMostBundle = std::size_t{20} << 20U;

struct BundleArguments {
  BundleRequest request;
  std::string to;
  bool with_names = false;
};

/// "2026-11-30T14:03:02Z" -> "20261130-140302"
std::string time_in_name(Instant at) {
  std::string text;
  for (const char c : format_time(at)) {
    if (c >= '0' && c <= '9') text += c;
    if (c == 'T') text += '-';
  }
  return text;
}

std::string default_bundle_name(Instant now) {
  std::string host = platform::host_name();
  for (char& c : host) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '.';
    if (!plain) c = '-';
  }
  return "obhut-support-" + host + "-" + time_in_name(now) + ".zip";
}

void tell_written(const Context& context, const std::string& file, std::size_t bytes,
                  const std::vector<LeftOut>& left_out) {
  if (context.json) {
    json list = json::array();
    for (const LeftOut& each : left_out) {
      list.push_back({{"what", printable(each.what)}, {"why", printable(each.why)}});
    }
    return print(
        json{{"file", printable(file)}, {"bytes", bytes}, {"left_out", std::move(list)}}.dump(2) +
        "\n");
  }
  print(context.say(kWritten, {platform::shown(file), human_bytes(bytes, context.language)}));
  print(context.say(kTitleLeftOut));
  for (const LeftOut& each : left_out) print("  " + each.what + ": " + each.why + "\n");
}

Result<void> run_support_bundle(Context& context, BundleArguments& arguments) {
  arguments.request.names = arguments.with_names ? FileNames::kKept : FileNames::kHidden;
  const std::string name =
      arguments.to.empty() ? default_bundle_name(context.clock.now()) : arguments.to;
  ASSIGN_OR_RETURN(const std::string file, platform::absolute_path(name));
  ASSIGN_OR_RETURN(const SupportBundle bundle, gather_support_bundle(context, arguments.request));
  ASSIGN_OR_RETURN(const Bytes archive, restore::make_zip(bundle.members, context.clock.now()));
  if (archive.size() > kMostBundle) return fail(ErrorKind::kInternal, context.say(kTooLarge));
  TRY(platform::write_file(file, archive, 0600));
  tell_written(context, file, archive.size(), bundle.left_out);
  return {};
}

}  // namespace

void add_support_commands(CLI::App& app, Context& context, const std::string& version) {
  const auto in = std::make_shared<BundleArguments>();
  in->request.version = version;
  in->request.socket = endpoint::default_socket();
  in->request.config = platform::standard_places().config;
  in->request.crashes = platform::standard_places().crashes;
  CLI::App* bundle =
      add_daemon_command(app, context, "support-bundle", kSupportBundle, in->request.socket,
                         [&context, in] { return run_support_bundle(context, *in); });
  bundle->add_option("--to", in->to, context.say(kBundleTo))->type_name("FILE");
  bundle->add_flag("--with-names", in->with_names, context.say(kWithNames));
  bundle->add_option("--config", in->request.config, context.say(kSettingsFile))->type_name("FILE");
}

}  // namespace obhut::cli
