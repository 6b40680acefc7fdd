#include "service/endpoint/update_record.h"

#include <nlohmann/json.hpp>

#include "agent/model/strict_json.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/package_manager.h"
#include "platform/running_system.h"
#include "platform/trusted_program.h"
#include "service/endpoint/json_fields.h"

namespace obhut::endpoint {

namespace {

using nlohmann::json;

constexpr const char* kUpdateRecord = "updates.json";
constexpr const char* kUpdateResult = "result.json";
constexpr std::size_t kMostResult = 64 * 1024;

json attempt_json(const UpdateAttempt& attempt) {
  return {{"id", attempt.id},
          {"version", attempt.version},
          {"sha256", attempt.sha256.text()},
          {"at", format_time_micro(attempt.at)}};
}

std::optional<UpdateAttempt> attempt_in(const json& record, const char* name) {
  const auto found = record.find(name);
  if (found == record.end() || !found->is_object()) return std::nullopt;
  UpdateAttempt attempt{text_or(*found, "id"), text_or(*found, "version"),
                        id_of<Sha256>(*found, "sha256").value_or(Sha256{}),
                        time_of(*found, "at").value_or(Instant{})};
  if (attempt.id.empty()) return std::nullopt;
  return attempt;
}

}  // namespace

Result<UpdateRecord> load_update_record(const StateFolder& state) {
  ASSIGN_OR_RETURN(const std::optional<json> stored, state.load(kUpdateRecord));
  UpdateRecord record;
  if (!stored) return record;
  record.roots = texts_of(*stored, "roots").value_or(std::vector<std::string>());
  record.release = text_or(*stored, "release");
  record.seen = {number_or(*stored, "serial"), id_of<Sha256>(*stored, "hash").value_or(Sha256{})};
  record.checked = time_of(*stored, "checked");
  record.problem = text_or(*stored, "problem");
  record.package = id_of<Sha256>(*stored, "package").value_or(Sha256{});
  record.handed = attempt_in(*stored, "handed");
  record.installed = attempt_in(*stored, "installed");
  record.failed = id_of<Sha256>(*stored, "failed").value_or(Sha256{});
  record.failures = number_or(*stored, "failures");
  record.failed_at = time_of(*stored, "failed_at").value_or(Instant{});
  return record;
}

Result<void> save_update_record(StateFolder& state, const UpdateRecord& record) {
  json value = {{"roots", record.roots},
                {"release", record.release},
                {"serial", record.seen.serial},
                {"hash", record.seen.hash.text()},
                {"problem", record.problem},
                {"package", record.package.text()},
                {"failed", record.failed.text()},
                {"failures", record.failures},
                {"failed_at", format_time_micro(record.failed_at)}};
  if (record.checked) value["checked"] = format_time_micro(*record.checked);
  if (record.handed) value["handed"] = attempt_json(*record.handed);
  if (record.installed) value["installed"] = attempt_json(*record.installed);
  return state.save(kUpdateRecord, value);
}

Result<trust::ReleaseTrust> load_release_trust(const std::string& file,
                                               std::vector<std::string>& roots) {
  // Whoever could write to it would say whose signatures count.
  ASSIGN_OR_RETURN(const std::string guarded, platform::trusted_file(file));
  ASSIGN_OR_RETURN(const Bytes first, platform::read_file(guarded, trust::kReleaseLimit));
  Result<trust::ReleaseTrust> trust = trust::ReleaseTrust::begin(as_text(first));
  if (!trust) return pass_on(std::move(trust).error(), platform::shown(file));
  std::vector<std::string> following;
  for (std::string& root : roots) {
    if (!trust->advance(root)) continue;
    following.push_back(std::move(root));
  }
  roots = std::move(following);
  return trust;
}

const trust::ReleasePackage* package_for_us(const trust::ReleaseManifest& manifest) {
  return trust::find_package(manifest, platform::package_system(),
                             platform::running_system().architecture, platform::package_kind());
}

std::string update_file_name() {
  return "package." + std::string(platform::package_kind());
}

std::optional<UpdateResult> read_update_result(const std::string& folder) {
  const Result<Bytes> bytes =
      platform::read_file(platform::join(folder, kUpdateResult), kMostResult);
  if (!bytes) return std::nullopt;
  const Result<json> value =
      model::parse_strict_json(as_text(*bytes), kUpdateResult, {.bytes = kMostResult, .depth = 4});
  if (!value || !value->is_object()) return std::nullopt;
  return UpdateResult{text_or(*value, "id"), text_or(*value, "outcome"),
                      text_or(*value, "message")};
}

Result<void> write_update_result(const std::string& folder, const UpdateResult& result) {
  const json value = {{"id", result.id}, {"outcome", result.outcome}, {"message", result.message}};
  const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return platform::write_file(platform::join(folder, kUpdateResult), as_bytes(text));
}

}  // namespace obhut::endpoint
