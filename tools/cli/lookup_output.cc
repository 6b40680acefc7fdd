#include "tools/cli/lookup_output.h"

#include <nlohmann/json.hpp>

#include "tools/cli/answer_fields.h"
#include "tools/cli/managed_output.h"

namespace obhut::cli {
namespace {

using nlohmann::json;

constexpr Message kNoVersions{"no recovery point holds it\n",
                              "kein Wiederherstellungspunkt enthält es\n"};
constexpr Message kSince{"{} added, {} changed, {} removed since the point before\n",
                         "{} neu, {} geändert, {} entfernt seit dem Punkt davor\n"};
constexpr Message kFirst{"the first point: {} {entry|entries}\n",
                         "der erste Punkt: {} {Eintrag|Einträge}\n"};
constexpr Message kWould{
    "would create {}, overwrite {}, keep {} and write {} under another name; {} to write\n",
    "würde {} anlegen, {} überschreiben, {} belassen und {} unter anderem Namen schreiben; {} zu "
    "schreiben\n"};
constexpr Message kDenied{"{} {entry|entries} could not be read by you when backed up\n",
                          "{} {Eintrag|Einträge} durften Sie bei der Sicherung nicht lesen\n"};
constexpr Message kCreate{"create", "anlegen"};
constexpr Message kOverwrite{"overwrite", "überschreiben"};
constexpr Message kKeep{"keep", "belassen"};
constexpr Message kRename{"other name", "anderer Name"};

std::string sign_of(const std::string& change) {
  return change == "added" ? "+" : change == "removed" ? "-" : "~";
}

const Message& word_of(const std::string& action) {
  if (action == "create") return kCreate;
  if (action == "overwrite") return kOverwrite;
  return action == "keep" ? kKeep : kRename;
}

}  // namespace

std::string found_line(const Context& context, const json& entry) {
  return local_time(text_of(entry, "point_time")) + "  " + entry_line(context, entry);
}

std::string versions_text(const Context& context, const json& answer) {
  const json versions = answer.value("versions", json::array());
  if (versions.empty()) return context.say(kNoVersions);
  std::string text;
  for (const json& version : versions) {
    // The oldest point that has it says since when it is as it is.
    if (!version.value("same", false)) text += found_line(context, version);
  }
  return text;
}

std::string changes_text(const Context& context, const json& answer) {
  const bool first = !answer.contains("since") || answer["since"].is_null();
  std::string text = first ? context.say(kFirst, {count_of(context, answer, "added")})
                           : context.say(kSince, {count_of(context, answer, "added"),
                                                  count_of(context, answer, "changed"),
                                                  count_of(context, answer, "removed")});
  const json examples = answer.value("examples", json::array());
  for (const json& example : examples) {
    text += sign_of(text_of(example, "change")) + " " + text_of(example, "path") + "\n";
  }
  return text;
}

std::string dry_run_text(const Context& context, const json& answer) {
  std::string text = context.say(
      kWould, {count_of(context, answer, "create"), count_of(context, answer, "overwrite"),
               count_of(context, answer, "keep"), count_of(context, answer, "rename"),
               bytes_of(context, answer, "bytes")});
  if (number_of(answer, "denied") > 0) {
    text += context.say(kDenied, {count_of(context, answer, "denied")});
  }
  const json examples = answer.value("examples", json::array());
  for (const json& example : examples) {
    text +=
        context.say(word_of(text_of(example, "action"))) + "  " + text_of(example, "path") + "\n";
  }
  return text;
}

}  // namespace obhut::cli
