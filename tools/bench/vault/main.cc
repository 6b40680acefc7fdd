// One step in a synthetic vault, and what it took: a line of JSON on standard output.
// tools/bench/large-vault runs all of them, each in a process of its own for its peak memory.

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <random>

#include <CLI/CLI.hpp>

#include "agent/base/check.h"
#include "agent/base/log.h"
#include "agent/maintain/check.h"
#include "agent/pipeline/backup_job.h"
#include "agent/pipeline/run_index.h"
#include "agent/pipeline/used_packs.h"
#include "agent/restore/restore_job.h"
#include "agent/vault/blob_reader.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/machine.h"
#include "tools/bench/vault/synthetic_vault.h"

namespace obhut::bench {
namespace {

constexpr vault::BlobReaderLimits kReads{
    .cached_plain = 32U << 20U, .alignment = 1, .cached_windows = 1};

struct Step {
  std::string folder;
  VaultShape shape;
  SystemClock clock;
  Log log = Log::silent();

  [[nodiscard]] std::string in(std::string_view name) const { return platform::join(folder, name); }
};

Result<void> build(Step& step) {
  return build_vault(step.folder, step.shape);
}

/// The index alone, as each run loads it: from the store where there is no cache yet.
Result<void> load(Step& step) {
  ASSIGN_OR_RETURN(const OpenVault open, open_vault(step.folder, step.shape));
  ASSIGN_OR_RETURN(const auto index, vault::IndexCache::load(*open.store, open.vault->keyring(),
                                                             step.in("cache/index"), {}));
  CHECK(index->blob_count() > step.shape.ghosts.blobs);
  return index->intact();
}

/// A million blobs that are there, and a million that are not, in no order.
Result<void> look_up(Step& step) {
  ASSIGN_OR_RETURN(const OpenVault open, open_vault(step.folder, step.shape));
  ASSIGN_OR_RETURN(const auto index, vault::IndexCache::load(*open.store, open.vault->keyring(),
                                                             step.in("cache/index"), {}));
  std::mt19937_64 random(1);
  constexpr int kTimes = 1'000'000;
  const std::uint64_t blobs = step.shape.ghosts.blobs;
  for (const std::uint64_t beyond : {std::uint64_t{0}, blobs}) {
    const auto begin = step.clock.steady();
    for (int i = 0; i < kTimes; ++i) {
      CHECK(index->contains(GhostPacks::blob(beyond + random() % blobs)) == (beyond == 0));
    }
    const std::chrono::duration<double, std::nano> took = step.clock.steady() - begin;
    std::fprintf(stderr, "%s blobs: %.0f ns each\n", beyond == 0 ? "known" : "new",
                 took.count() / kTimes);
  }
  return index->intact();
}

/// What a first backup of everything asks the index and tells it.
Result<void> add_all(Step& step) {
  ASSIGN_OR_RETURN(const auto empty, store::LocalStore::create(step.in("empty")));
  const seal::Keyring keyring = seal::Keyring::generate();
  ASSIGN_OR_RETURN(const auto index,
                   vault::IndexCache::load(*empty, keyring, step.in("cache/empty"), {}));
  for (std::uint64_t number = 0; number < step.shape.ghosts.packs; ++number) {
    const pack::PackInfo pack = step.shape.ghosts.pack(number);
    for (const pack::BlobEntry& blob : pack.blobs) CHECK(!index->contains(blob.id));
    index->add(pack);
  }
  for (std::uint64_t number = 0; number < step.shape.ghosts.packs; number += 997) {
    const pack::PackInfo pack = step.shape.ghosts.pack(number);
    const std::optional<vault::BlobLocation> found = index->find(pack.blobs.back().id);
    CHECK(found && found->entry == pack.blobs.back());
  }
  return index->intact();
}

/// Up to the walk, a small tree, and to the end.
Result<void> backup(Step& step) {
  ASSIGN_OR_RETURN(const OpenVault open, open_vault(step.folder, step.shape));
  TRY(platform::write_file(step.in("source/new"), as_bytes("new since the last point")));
  pipeline::BackupOptions options;
  options.sources = {step.in("source")};
  options.cache_directory = step.in("cache");
  options.host = "bench";
  options.reader = kReads;
  pipeline::BackupJob job(*open.vault, step.clock, step.log, std::move(options));
  ASSIGN_OR_RETURN(const pipeline::BackupReport report, job.run({}));
  CHECK(report.complete() && report.adopted_packs == 0);
  return {};
}

/// The last thing that a backup of everything does: a head that names every pack.
Result<void> commit(Step& step) {
  ASSIGN_OR_RETURN(const OpenVault open, open_vault(step.folder, step.shape));
  ASSIGN_OR_RETURN(const vault::HeadChain chain, open.vault->heads({}));
  ASSIGN_OR_RETURN(const pipeline::RunIndex run,
                   pipeline::load_run_index(*open.vault, step.in("cache/index"), step.log, {}));
  pipeline::UsedPacks used(*run.index);
  for (std::uint32_t number = 0; number < run.index->pack_count(); ++number) used.mark(number);
  vault::Vault::HeadDraft draft;
  draft.created = step.clock.now();
  draft.summary = *open.vault->summary(*chain.latest());
  used.add_to(draft.references);
  for (const store::ObjectInfo& object : run.index->index_objects()) {
    draft.references[object.name] = object.size;
  }
  TRY(open.vault->commit(*open.vault->standalone_writer(), chain, draft, {}));
  return run.index->intact();
}

Result<void> restore_one(Step& step) {
  ASSIGN_OR_RETURN(const OpenVault open, open_vault(step.folder, step.shape));
  ASSIGN_OR_RETURN(const vault::HeadChain chain, open.vault->heads({}));
  ASSIGN_OR_RETURN(const model::Summary summary, open.vault->summary(*chain.latest()));
  ASSIGN_OR_RETURN(const auto index, vault::IndexCache::load(*open.store, open.vault->keyring(),
                                                             step.in("cache/index"), {}));
  vault::BlobReader reader(*open.store, open.vault->keyring(), *index, kReads);
  restore::RestoreOptions options;
  options.target = step.in("target");
  const std::string wanted = step.in("source/file-7").substr(1);
  ASSIGN_OR_RETURN(model::RelPath path, model::RelPath::parse(wanted));
  options.selection.paths.push_back(std::move(path));
  restore::RestoreJob job(reader, *index, std::move(options));
  ASSIGN_OR_RETURN(const restore::RestoreReport report, job.run(summary.root, {}));
  CHECK(report.files == 1 && report.missing == 0);
  return {};
}

/// Structure alone: every reference is looked at, no pack is read.
Result<void> check(Step& step) {
  ASSIGN_OR_RETURN(const OpenVault open, open_vault(step.folder, step.shape));
  maintain::CheckOptions options;
  options.cache_directory = step.in("cache/index");
  options.reader = kReads;
  maintain::ReadProgress progress;
  ASSIGN_OR_RETURN(const maintain::CheckReport report,
                   maintain::check_vault(*open.vault, options, progress, {}));
  CHECK(report.packs >= step.shape.ghosts.packs);
  for (const maintain::Finding& finding : report.findings) {
    std::fprintf(stderr, "%s: %s\n", finding.subject.c_str(), finding.message.c_str());
  }
  return {};
}

const std::map<std::string, std::function<Result<void>(Step&)>>& steps() {
  static const std::map<std::string, std::function<Result<void>(Step&)>> kSteps = {
      {"build", build},   {"load", load},     {"lookup", look_up},      {"add", add_all},
      {"backup", backup}, {"commit", commit}, {"restore", restore_one}, {"check", check}};
  return kSteps;
}

int run(const std::string& name, Step& step) {
  const auto begin = step.clock.steady();
  const Result<void> done = steps().at(name)(step);
  const std::chrono::duration<double> took = step.clock.steady() - begin;
  if (!done) {
    std::fprintf(stderr, "obhut-bench-vault: %s: %s\n", name.c_str(), done.error().message.c_str());
    return 1;
  }
  const platform::ResourceUsage usage = platform::resource_usage();
  const std::chrono::duration<double> cpu = usage.user_cpu + usage.system_cpu;
  std::printf(
      "{\"step\": \"%s\", \"seconds\": %.3f, \"cpu_seconds\": %.3f, \"peak_bytes\": %llu}\n",
      name.c_str(), took.count(), cpu.count(),
      static_cast<unsigned long long>(usage.peak_memory_bytes));
  return 0;
}

}  // namespace
}  // namespace obhut::bench

int main(int argc, char** argv) {
  obhut::bench::Step step;
  std::string name;
  CLI::App app{"one step in a synthetic vault"};
  std::vector<std::string> names;
  for (const auto& [known, function] : obhut::bench::steps()) names.push_back(known);
  app.add_option("step", name)->required()->check(CLI::IsMember(names));
  app.add_option("folder", step.folder, "absolute path")->required();
  app.add_option("--packs", step.shape.ghosts.packs, "of 16 MiB")
      ->check(CLI::Range(100, 10'000'000));
  app.add_option("--blobs", step.shape.ghosts.blobs, "in all packs")
      ->check(CLI::Range(std::uint64_t{1000}, std::uint64_t{1} << 32U));
  app.add_option("--points", step.shape.points)->check(CLI::Range(1, 90));
  CLI11_PARSE(app, argc, argv);
  return obhut::bench::run(name, step);
}
