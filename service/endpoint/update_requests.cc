#include "service/endpoint/update_requests.h"

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"

namespace obhut::endpoint {

namespace {

using nlohmann::json;

const char* rule_word(model::UpdateRule rule) {
  switch (rule) {
    case model::UpdateRule::kDownload:
      return "download";
    case model::UpdateRule::kInstall:
      return "install";
    case model::UpdateRule::kOff:
      break;
  }
  return "off";
}

/// Whoever works at this machine may ask, but not have the cluster asked all the time.
Result<json> check_for_update(Engine& engine, const Asker& asker, const std::stop_token& stop) {
  const bool administrator = asker.audience == Audience::kAdministrator;
  TRY(engine.updater().check(stop, std::chrono::minutes(administrator ? 0 : 5)));
  return update_json(engine.updater().view());
}

Result<json> install_newest(Engine& engine, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::string version, engine.updater().install(stop));
  json value = update_json(engine.updater().view());
  value["handed"] = version;
  return value;
}

}  // namespace

json update_json(const UpdateView& view) {
  json value = {{"rule", rule_word(view.rule)},
                {"off", view.off},
                {"runs", view.runs},
                {"offered", view.offered},
                {"downloaded", view.downloaded},
                {"installing", view.installing},
                {"installed", view.installed},
                {"checked", nullptr},
                {"serial", view.serial},
                {"root", view.root},
                {"problem", printable(view.problem)}};
  if (view.checked) value["checked"] = format_time(*view.checked);
  return value;
}

std::optional<Result<json>> carry_out_update(Engine& engine, const Asker& asker,
                                             std::string_view command,
                                             const std::stop_token& stop) {
  if (command == "update-status") return update_json(engine.updater().view());
  if (command == "update-check") return check_for_update(engine, asker, stop);
  if (command == "update-install") return install_newest(engine, stop);
  return std::nullopt;
}

}  // namespace obhut::endpoint
