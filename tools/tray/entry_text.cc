#include "tools/tray/entry_text.h"

#include <nlohmann/json.hpp>

#include "service/endpoint/json_fields.h"

namespace obhut::tray {

using endpoint::flag_or;
using endpoint::number_or;
using endpoint::text_or;
using nlohmann::json;

json page_entry(const json& entry) {
  const std::string path = text_or(entry, "path");
  json shown = {{"name", name_of(path)},
                {"path", path},
                {"type", page_type(text_or(entry, "type"))},
                {"size", number_or(entry, "size")},
                {"modified", text_or(entry, "modified")},
                {"mode", mode_text(number_or(entry, "mode"))},
                {"user", text_or(entry, "user")},
                {"group", text_or(entry, "group")},
                {"denied", flag_or(entry, "denied")}};
  if (entry.contains("target")) shown["target"] = text_or(entry, "target");
  return shown;
}

std::string mode_text(std::uint64_t mode) {
  constexpr std::string_view kLetters = "rwxrwxrwx";
  std::string text(kLetters.size(), '-');
  for (std::size_t i = 0; i < kLetters.size(); ++i) {
    if ((mode >> (kLetters.size() - 1 - i) & 1U) != 0) text[i] = kLetters[i];
  }
  return text;
}

std::string json_text(std::string_view text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string name_of(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

std::string page_type(const std::string& type) {
  return type == "file" || type == "directory" || type == "symlink" ? type : "other";
}

}  // namespace obhut::tray
