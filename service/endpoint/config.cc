#include "service/endpoint/config.h"

#include <sstream>

#include <toml++/toml.h>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "platform/atomic_file.h"
#include "platform/system_proxy.h"

namespace obhut::endpoint {

namespace {

Result<LogLevel> level_of(const std::string& text) {
  if (text == "debug") return LogLevel::kDebug;
  if (text == "info") return LogLevel::kInfo;
  if (text == "warn") return LogLevel::kWarn;
  if (text == "error") return LogLevel::kError;
  return fail(ErrorKind::kInvalidInput, "log: want debug, info, warn or error");
}

Result<void> set(Config& config, std::string_view name, const std::string& value) {
  if (name == "log") {
    ASSIGN_OR_RETURN(config.log, level_of(value));
    return {};
  }
  if (name == "hook_limit") {
    const auto limit = parse_duration(value);
    if (!limit) return fail(ErrorKind::kInvalidInput, "hook_limit: want a time such as 15m or 2h");
    config.hook_limit = *limit;
    return {};
  }
  if (name == "pause_by_users") {
    if (value != "yes" && value != "no") {
      return fail(ErrorKind::kInvalidInput, "pause_by_users: want yes or no");
    }
    config.pause_by_users = value == "yes";
    return {};
  }
  if (name == "updates") {
    if (value != "yes" && value != "no") {
      return fail(ErrorKind::kInvalidInput, "updates: want yes or no");
    }
    config.updates = value == "yes";
    return {};
  }
  std::string* target = name == "state"            ? &config.state
                        : name == "socket"         ? &config.socket
                        : name == "keys"           ? &config.keys
                        : name == "hooks"          ? &config.hooks
                        : name == "token_file"     ? &config.token_file
                        : name == "release_root"   ? &config.release_root
                        : name == "update_folder"  ? &config.update_folder
                        : name == "update_program" ? &config.update_program
                        : name == "proxy"          ? &config.proxy
                        : name == "log_file"       ? &config.log_file
                                                   : nullptr;
  if (target == nullptr)
    return fail(ErrorKind::kInvalidInput, printable(name) + ": no such setting");
  if (name == "proxy" && value != "direct" && !value.starts_with("http://")) {
    return fail(ErrorKind::kInvalidInput, "proxy: want http://host:port or direct");
  }
  *target = value;
  return {};
}

}  // namespace

Result<void> load_config(const std::string& file, Config& config) {
  const Result<Bytes> bytes = platform::read_file(file, std::size_t{1} << 20U);
  if (!bytes && bytes.error().kind == ErrorKind::kNotFound) return {};
  if (!bytes) return std::unexpected(bytes.error());
  try {
    const toml::table table = toml::parse(as_text(*bytes));
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      const auto value = node.value<std::string>();
      if (!node.is_string() || !value) {
        return fail(ErrorKind::kInvalidInput,
                    file + ": " + printable(name) + ": want a text in quotes");
      }
      if (Result<void> done = set(config, name, *value); !done)
        return pass_on(std::move(done.error()), file);
    }
  } catch (const toml::parse_error& error) {
    std::ostringstream where;
    where << error.source().begin.line;
    return fail(ErrorKind::kInvalidInput,
                file + ": line " + where.str() + ": " + printable(error.description()));
  }
  return {};
}

Result<Config> load_config(const std::string& file) {
  Config config;
  TRY(load_config(file, config));
  return config;
}

std::vector<std::string> ways_out(const Config& config, const std::string& plans_proxy,
                                  const std::string& url) {
  if (config.proxy == "direct") return {""};
  if (!config.proxy.empty()) return {config.proxy};
  std::string systems = platform::system_proxy(url);
  if (plans_proxy.empty()) return {std::move(systems)};
  return {plans_proxy, std::move(systems)};
}

}  // namespace obhut::endpoint
