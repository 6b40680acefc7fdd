#include "service/endpoint/state_folder.h"

#include <nlohmann/json.hpp>

#include "agent/model/strict_json.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"

namespace obhut::endpoint {

namespace {

constexpr std::size_t kMaxStateFile = std::size_t{32} << 20U;

}  // namespace

Result<StateFolder> StateFolder::open(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::string absolute, platform::absolute_path(folder));
  TRY(platform::make_directories(absolute, 0700));
  ASSIGN_OR_RETURN(platform::FileLock lock,
                   platform::FileLock::acquire(platform::join(absolute, "lock"),
                                               platform::LockMode::kExclusive, "obhutd"));
  ASSIGN_OR_RETURN(platform::SecretStore secrets,
                   platform::SecretStore::open(platform::join(absolute, "secrets")));
  return StateFolder(absolute, std::move(lock), std::move(secrets));
}

Result<StateFolder> StateFolder::open_to_read(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::string absolute, platform::absolute_path(folder));
  ASSIGN_OR_RETURN(platform::SecretStore secrets,
                   platform::SecretStore::open(platform::join(absolute, "secrets")));
  return StateFolder(absolute, std::nullopt, std::move(secrets));
}

std::string StateFolder::path(std::string_view name) const {
  return platform::join(folder_, name);
}

Result<std::optional<std::string>> StateFolder::load_text(std::string_view name) const {
  Result<Bytes> bytes = platform::read_file(path(name), kMaxStateFile);
  if (bytes) return std::string(as_text(*bytes));
  if (bytes.error().kind == ErrorKind::kNotFound) return std::nullopt;
  return std::unexpected(std::move(bytes).error());
}

Result<std::optional<nlohmann::json>> StateFolder::load(std::string_view name) const {
  ASSIGN_OR_RETURN(const std::optional<std::string> text, load_text(name));
  if (!text) return std::nullopt;
  Result<nlohmann::json> value =
      model::parse_strict_json(*text, name, {.bytes = kMaxStateFile, .depth = 16});
  if (!value || !value->is_object()) {
    return fail(ErrorKind::kCorrupt,
                path(name) + ": damaged; restore it, or remove it and enrol again");
  }
  return std::optional(std::move(*value));
}

Result<void> StateFolder::save(std::string_view name, const nlohmann::json& value) {
  return save_text(name, value.dump(1, ' ', false, nlohmann::json::error_handler_t::replace));
}

Result<void> StateFolder::save_text(std::string_view name, std::string_view text) {
  if (!lock_) return fail(ErrorKind::kRefused, path(name) + ": is another process's to write");
  return platform::write_file(path(name), as_bytes(text), 0600);
}

}  // namespace obhut::endpoint
