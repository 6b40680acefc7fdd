#include "tests/support/vault_bench.h"

#include <stdexcept>

namespace obhut::tests {
namespace {

Instant an_hour_ahead() {
  return std::chrono::time_point_cast<Instant::duration>(std::chrono::system_clock::now()) +
         std::chrono::hours(1);
}

vault::KeySource key() {
  return vault::MachineSecret{crypto::SecretBytes(Bytes(32, 7))};
}

}  // namespace

VaultBench::VaultBench(store::Store* other)
    : clock(an_hour_ahead()), store(other != nullptr ? *other : memory) {
  auto made = vault::Vault::create_standalone(store, key(), clock, {});
  if (!made) throw std::runtime_error("make a vault: " + made.error().message);
  vault = std::move(*made);
  make_folder(source());
}

pipeline::BackupOptions VaultBench::options() const {
  pipeline::BackupOptions options;
  options.sources = {source()};
  options.host = "bench";
  options.reader.alignment = 1;
  return options;
}

Result<pipeline::BackupReport> VaultBench::backup(std::stop_token stop) {
  return backup(options(), stop);
}

Result<pipeline::BackupReport> VaultBench::backup(pipeline::BackupOptions with,
                                                  std::stop_token stop) {
  clock.advance(std::chrono::hours(1));
  pipeline::BackupJob job(*vault, clock, log, std::move(with));
  return job.run(stop);
}

std::unique_ptr<vault::IndexCache> VaultBench::index() {
  auto loaded = vault::IndexCache::load(store, vault->keyring(), "", {});
  if (!loaded) throw std::runtime_error("load the index: " + loaded.error().message);
  return std::move(*loaded);
}

Result<restore::RestoreReport> VaultBench::restore(const model::Summary& point,
                                                   const std::string& into,
                                                   restore::RestoreOptions with) {
  const std::unique_ptr<vault::IndexCache> loaded = index();
  vault::BlobReader reader(store, vault->keyring(), *loaded, {.alignment = 1});
  with.target = into;
  restore::RestoreJob job(reader, *loaded, std::move(with));
  return job.run(point.root, {});
}

Result<maintain::CheckReport> VaultBench::check(bool read_data) {
  maintain::ReadProgress progress;
  maintain::CheckOptions with;
  with.read_data = read_data;
  with.reader.alignment = 1;
  return maintain::check_vault(*vault, with, progress, {});
}

Result<maintain::RepairReport> VaultBench::repair() {
  maintain::ReadProgress progress;
  maintain::CheckOptions with;
  with.reader.alignment = 1;
  return maintain::repair_vault(*vault, with, progress, {});
}

Result<maintain::PruneReport> VaultBench::prune(const maintain::KeepRules& rules) {
  return maintain::prune_vault(*vault, memory, {.rules = rules}, {});
}

std::string manifest_difference(const std::string& original, const std::string& copy) {
  const auto before = manifest_of(original);
  const auto after = manifest_of(copy);
  std::string out;
  for (const auto& [path, line] : before) {
    const auto found = after.find(path);
    if (found == after.end()) {
      out += "missing " + path + "\n";
    } else if (found->second != line) {
      out += path + "\n  was " + line + "\n  is  " + found->second + "\n";
    }
  }
  for (const auto& [path, line] : after) {
    if (!before.contains(path)) out += "extra " + path + "\n";
  }
  return out.substr(0, 4000);
}

}  // namespace obhut::tests
