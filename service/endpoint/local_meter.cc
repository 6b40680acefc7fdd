#include "service/endpoint/local_meter.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/maintain/stored_bytes.h"
#include "agent/trust/measurement.h"
#include "agent/wire/json_codec.h"
#include "platform/local_files.h"
#include "platform/machine.h"
#include "service/endpoint/json_fields.h"

namespace obhut::endpoint {
namespace {

using nlohmann::json;

constexpr const char* kFile = "local-vaults.json";
/// In the cluster's words: another installation has the vault now.
constexpr std::string_view kOthersVault = "vault-taken-over";

json to_json(const LocalVault& vault) {
  return {{"vault", vault.vault.text()},
          {"path", vault.path},
          {"file_system", vault.file_system},
          {"bytes", vault.bytes},
          {"measured_at", format_time_micro(vault.measured_at)},
          {"number", vault.number},
          {"told", vault.told}};
}

std::optional<LocalVault> vault_from(const json& value) {
  const auto id = id_of<VaultId>(value, "vault");
  if (!id) return std::nullopt;
  return LocalVault{*id,
                    text_or(value, "path"),
                    text_or(value, "file_system"),
                    number_or(value, "bytes"),
                    time_of(value, "measured_at").value_or(Instant{}),
                    number_or(value, "number"),
                    flag_or(value, "told")};
}

}  // namespace

Result<std::unique_ptr<LocalMeter>> LocalMeter::open(StateFolder& state, Clock& clock,
                                                     const Log& log, VaultKeeper& keeper,
                                                     const Identity& identity) {
  std::unique_ptr<LocalMeter> meter(new LocalMeter(state, clock, log, keeper, identity));
  TRY(meter->load());
  return meter;
}

Result<void> LocalMeter::load() {
  ASSIGN_OR_RETURN(const std::optional<json> stored, state_.load(kFile));
  if (!stored) return {};
  scanned_ = time_of(*stored, "scanned");
  for (const json& value : stored->value("vaults", json::array())) {
    if (std::optional<LocalVault> vault = vault_from(value)) vaults_.push_back(std::move(*vault));
  }
  return {};
}

Result<void> LocalMeter::save() {
  json vaults = json::array();
  for (const LocalVault& vault : vaults_) vaults.push_back(to_json(vault));
  json value = {{"vaults", std::move(vaults)}};
  if (scanned_) value["scanned"] = format_time_micro(*scanned_);
  return state_.save(kFile, value);
}

Result<void> LocalMeter::measure(const std::string& path, vault::Vault& vault,
                                 const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::uint64_t bytes,
                   maintain::stored_bytes(vault, state_.cache_folder(vault.id()), stop));
  return note(vault.id(), path, bytes);
}

Result<void> LocalMeter::note(const VaultId& id, const std::string& path, std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  auto at = std::ranges::find(vaults_, id, &LocalVault::vault);
  if (at == vaults_.end()) {
    at = vaults_.emplace(vaults_.end());
    at->vault = id;
  }
  at->path = path;
  // Only ever of the place at which it was seen: an empty mount point lies on another one.
  if (const auto here = platform::file_system_id(path); here && platform::exists(path)) {
    at->file_system = *here;
  }
  at->measured_at = clock_.now();
  if (at->number == 0 || at->bytes != bytes) at->told = false;
  at->bytes = bytes;
  if (!at->told) ++at->number;
  return save();
}

/// Nothing where the place is not there to be looked at.
Result<std::optional<std::uint64_t>> LocalMeter::look_again(const LocalVault& known,
                                                            const std::stop_token& stop) {
  Result<std::unique_ptr<store::LocalStore>> opened = store::LocalStore::open(known.path);
  if (!opened && opened.error().kind != ErrorKind::kNotFound) {
    return std::unexpected(std::move(opened).error());
  }
  if (opened) {
    ASSIGN_OR_RETURN(const auto lock, (*opened)->lock(store::Use::kRead));
    ASSIGN_OR_RETURN(const std::unique_ptr<vault::Vault> vault, keeper_.read_local(**opened, stop));
    // Another vault in its place: that one is measured under its own name.
    if (vault->id() != known.vault) return std::optional<std::uint64_t>(0);
    ASSIGN_OR_RETURN(const std::uint64_t bytes,
                     maintain::stored_bytes(*vault, state_.cache_folder(known.vault), stop));
    return std::optional(bytes);
  }
  const auto here = platform::file_system_id(known.path);
  if (!here || *here != known.file_system) return std::optional<std::uint64_t>{};
  return std::optional<std::uint64_t>(0);
}

Result<void> LocalMeter::scan_if_due(const std::stop_token& stop) {
  const Instant now = clock_.now();
  std::vector<LocalVault> known;
  {
    const std::scoped_lock lock(mutex_);
    if (scanned_ && *scanned_ <= now && now - *scanned_ < kScanEvery) return {};
    known = vaults_;
  }
  for (const LocalVault& vault : known) {
    // What somebody else took over, or what is gone for good, is nobody's to look for.
    if (vault.bytes == 0 && vault.told) continue;
    const auto bytes = look_again(vault, stop);
    if (!bytes && bytes.error().kind == ErrorKind::kCancelled) {
      return std::unexpected(bytes.error());
    }
    if (!bytes) {
      log_.info("a local vault could not be measured", field("vault", vault.vault),
                field("reason", bytes.error().message));
    } else if (*bytes) {
      TRY(note(vault.vault, vault.path, **bytes));
    }
  }
  const std::scoped_lock lock(mutex_);
  scanned_ = now;
  return save();
}

/// True where the cluster has it, or wants none of it.
Result<bool> LocalMeter::tell(wire::ControlClient& cluster, LocalVault& vault,
                              const std::stop_token& stop) {
  const trust::Measurement measurement{identity_.device, vault.vault, vault.number, vault.bytes,
                                       vault.measured_at};
  const std::string document = trust::make_measurement(measurement, keeper_.writer().key);
  const auto newest = cluster.report_measurement(document, stop);
  if (newest && !*newest) return true;
  if (newest) {
    // This machine was set back: others of its measurements are known already.
    vault.number = **newest + 1;
    return false;
  }
  const bool foreign =
      newest.error().kind == ErrorKind::kNotFound || wire::has_code(newest.error(), kOthersVault);
  if (!foreign) return std::unexpected(newest.error());
  log_.info("a local vault is metered by another installation", field("vault", vault.vault));
  return true;
}

Result<void> LocalMeter::send(wire::ControlClient& cluster, const std::stop_token& stop) {
  for (const LocalVault& known : vaults()) {
    if (known.told) continue;
    LocalVault vault = known;
    ASSIGN_OR_RETURN(bool done, tell(cluster, vault, stop));
    if (!done) {
      ASSIGN_OR_RETURN(done, tell(cluster, vault, stop));
    }
    const std::scoped_lock lock(mutex_);
    const auto at = std::ranges::find(vaults_, vault.vault, &LocalVault::vault);
    // It may have been measured again while this was on its way.
    const bool same = at->number == known.number;
    at->number = std::max(at->number, vault.number);
    if (same) at->told = done;
    if (!same && at->number == vault.number) ++at->number;
    TRY(save());
  }
  return {};
}

std::vector<LocalVault> LocalMeter::vaults() const {
  const std::scoped_lock lock(mutex_);
  return vaults_;
}

}  // namespace obhut::endpoint
