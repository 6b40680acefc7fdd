#include "tools/cli/consistency_text.h"

#include <nlohmann/json.hpp>

namespace obhut::cli {
namespace {

constexpr Message kSnapshot{"snapshot", "Schnappschuss"};
constexpr Message kBestEffort{"best effort", "so gut es geht"};
constexpr Message kReadLive{"  read without a snapshot:\n", "  ohne Schnappschuss gelesen:\n"};
constexpr Message kMore{"    … and {} more\n", "    … und {} weitere\n"};

}  // namespace

std::string consistency_text(const Context& context, std::string_view word) {
  if (word == "snapshot") return context.say(kSnapshot);
  return word == "best-effort" ? context.say(kBestEffort) : std::string();
}

std::string read_live_text(const Context& context, const nlohmann::json& read_live) {
  if (read_live.empty()) return {};
  constexpr std::size_t kShown = 20;
  std::string text = context.say(kReadLive);
  for (std::size_t i = 0; i < read_live.size() && i < kShown; ++i) {
    text +=
        "    " + read_live[i].value("path", "") + ": " + read_live[i].value("reason", "") + "\n";
  }
  if (read_live.size() > kShown) {
    text += context.say(kMore, {std::to_string(read_live.size() - kShown)});
  }
  return text;
}

}  // namespace obhut::cli
