#include "tools/cli/left_out_text.h"

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "tools/cli/format.h"

namespace obhut::cli {
namespace {

constexpr Message kOfWindows{
    "  {} {entry|entries}: rights, dates of making and streams of Windows are left out here\n",
    "  {} {Eintrag|Einträge}: Rechte, Erstelldatum und Streams von Windows entfallen hier\n"};
constexpr Message kOfOthers{
    "  {} {entry|entries}: attributes {}.* are left out, which this system does not have\n",
    "  {} {Eintrag|Einträge}: Attribute {}.* entfallen, die dieses System nicht kennt\n"};

}  // namespace

std::string left_out_text(const Context& context, const nlohmann::json& left_out) {
  std::string text;
  if (!left_out.is_object()) return text;
  for (const auto& [family, entries] : left_out.items()) {
    const auto* count = entries.get_ptr<const nlohmann::json::number_integer_t*>();
    if (count == nullptr || *count < 0) continue;
    const std::string number = human_count(static_cast<std::uint64_t>(*count), context.language);
    text += family == "windows" ? context.say(kOfWindows, {number})
                                : context.say(kOfOthers, {number, printable(family)});
  }
  return text;
}

}  // namespace obhut::cli
