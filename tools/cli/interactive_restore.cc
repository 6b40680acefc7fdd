#include "tools/cli/interactive_restore.h"

#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "agent/base/escapes.h"
#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/model/picked_folder.h"
#include "platform/terminal.h"
#include "tools/cli/answer_fields.h"
#include "tools/cli/daemon_browser.h"
#include "tools/cli/lookup_output.h"
#include "tools/cli/managed_client.h"
#include "tools/cli/managed_output.h"
#include "tools/cli/restore_picker.h"

namespace obhut::cli {
namespace {

using nlohmann::json;

constexpr Message kNeedsTerminal{
    "restore -i asks on a terminal, and there is none; without one: obhut restore POINT PATH --to "
    "FOLDER",
    "restore -i fragt auf einem Terminal, und es gibt keins; ohne: obhut restore PUNKT PFAD --to "
    "ORDNER"};
constexpr Message kNothingRestored{"nothing was restored\n", "nichts wurde wiederhergestellt\n"};

class RealTerminal final : public PickerTerminal {
 public:
  explicit RealTerminal(const std::stop_token& stop) : stop_(stop) {}
  void show(std::string_view text) override { print(text); }
  Result<std::optional<std::string>> ask(std::string_view prompt) override {
    std::fflush(stdout);
    return platform::ask_line(prompt, stop_);
  }
  [[nodiscard]] std::size_t width() const override { return platform::terminal_width(); }

 private:
  const std::stop_token& stop_;
};

class DaemonActions final : public PickerActions {
 public:
  DaemonActions(Context& context, const std::string& socket, const std::string& target)
      : context_(context), socket_(socket), target_(target) {}

  Result<std::vector<FoundByName>> search(const std::string& point, const std::string& text,
                                          std::size_t most) override {
    std::vector<FoundByName> found;
    const json request = {{"command", "search"},
                          {"target", target_},
                          {"point", point},
                          {"text", text},
                          {"limit", most}};
    const Result<json> answer = ask_daemon(context_, socket_, request, [&](const json& event) {
      const auto entries = event.find("entries");
      if (entries == event.end() || !entries->is_array()) return;
      for (const json& entry : *entries) found.push_back(found_in(entry));
    });
    // Whatever went wrong is not how the whole ends.
    context_.exit_code = kExitDone;
    if (!answer) return std::unexpected(answer.error());
    return found;
  }

  Result<std::string> would(const RestoreOrder& order) override {
    json request = request_of(order);
    request["dry_run"] = true;
    const Result<json> answer = ask_daemon(context_, socket_, request, {});
    context_.exit_code = kExitDone;
    if (!answer) return std::unexpected(answer.error());
    return dry_run_text(context_, *answer);
  }

  Result<void> restore(const RestoreOrder& order) override {
    return converse(context_, socket_, request_of(order), restore_text);
  }

 private:
  static FoundByName found_in(const json& entry) {
    FoundByName found;
    const std::string path =
        from_printable(text_of(entry, "path")).value_or(text_of(entry, "path"));
    found.path = path.substr(std::min<std::size_t>(1, path.size()));
    found.type = text_of(entry, "type") == "directory" ? model::EntryType::kDirectory
                                                       : model::EntryType::kFile;
    found.size = number_of(entry, "size");
    found.modified = parse_time(text_of(entry, "modified")).value_or(Instant());
    found.denied = entry.contains("denied");
    return found;
  }

  [[nodiscard]] json request_of(const RestoreOrder& order) const {
    // Escaped, since names are bytes.
    json paths = json::array();
    for (const std::string& path : order.paths) paths.push_back(printable(path));
    json request = {{"command", "restore"},      {"target", target_}, {"point", order.point},
                    {"paths", std::move(paths)}, {"escaped", true},   {"to", printable(order.to)},
                    {"existing", order.existing}};
    if (order.to != "/") request["below"] = printable(model::folder_of(order.paths));
    return request;
  }

  Context& context_;
  const std::string& socket_;
  const std::string& target_;
};

}  // namespace

Result<void> run_interactive_restore(Context& context, const std::string& socket,
                                     const std::string& target) {
  if (context.json || !platform::is_terminal(platform::Stream::kInput) ||
      !platform::is_terminal(platform::Stream::kOutput)) {
    return fail(ErrorKind::kInvalidInput, context.say(kNeedsTerminal));
  }
  Result<std::unique_ptr<DaemonBrowser>> browser = DaemonBrowser::open(
      context.clock,
      [&context, &socket, &target] {
        return begin_conversation(context, socket,
                                  {{"command", "browse"}, {"target", target}, {"names", true}});
      },
      context.stop);
  if (!browser) {
    context.exit_code = exit_code_of_daemon(browser.error());
    return std::unexpected(std::move(browser.error()));
  }
  DaemonActions actions(context, socket, target);
  RealTerminal terminal(context.stop);
  RestorePicker picker(context, **browser, actions, terminal);
  ASSIGN_OR_RETURN(const bool restored, picker.run());
  if (!restored) print(context.say(kNothingRestored));
  return {};
}

}  // namespace obhut::cli
