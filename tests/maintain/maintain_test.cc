#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/vault_bench.h"

namespace obhut::tests {
namespace {

std::vector<model::ObjectName> names_of(VaultBench& bench, model::ObjectKind kind) {
  std::vector<model::ObjectName> names;
  const auto listed = bench.memory.list(kind, {});
  if (listed) {
    for (const store::ObjectInfo& object : *listed) names.push_back(object.name);
  }
  return names;
}

TEST(Prune, KeepsKeptPointsWholeAndDropsTheRest) {
  VaultBench bench;
  std::vector<model::Summary> points;
  for (std::uint64_t i = 0; i < 6; ++i) {
    write_file(bench.source() + "/file" + std::to_string(i % 3), content_of(i, 600'000, false));
    const auto report = bench.backup();
    ASSERT_TRUE(report) << report.error().message;
    points.push_back(report->summary);
  }
  const std::uint64_t before = bench.memory.bytes();

  const auto pruned = bench.prune({.last = 2});

  ASSERT_TRUE(pruned) << pruned.error().message;
  EXPECT_EQ(pruned->kept_points, 2u);
  EXPECT_EQ(pruned->dropped.size(), 4u);
  EXPECT_GT(pruned->removed_packs, 0u);
  EXPECT_LT(bench.memory.bytes() + 1'000'000, before);
  const auto check = bench.check();
  ASSERT_TRUE(check);
  EXPECT_TRUE(check->ok()) << check->findings[0].subject << check->findings[0].message;
  EXPECT_EQ(check->points, 2u);
  ASSERT_TRUE(bench.restore(points.back(), bench.target()));
  EXPECT_EQ(manifest_difference(bench.source(), bench.landed(bench.target())), "");

  const auto next = bench.backup();
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(next->summary.new_files, 0u);
  EXPECT_LT(next->summary.stored_bytes, 20'000u) << "at most the folders above the source";
}

TEST(Prune, DoesNotLetTheNextRunReferToWhatItRemoved) {
  VaultBench bench;
  write_file(bench.source() + "/comes-back", content_of(1, 900'000, false));
  ASSERT_TRUE(bench.backup());
  move_path(bench.source() + "/comes-back", bench.folder / "away");
  ASSERT_TRUE(bench.backup());
  ASSERT_TRUE(bench.prune({.last = 1}));
  move_path(bench.folder / "away", bench.source() + "/comes-back");

  const auto report = bench.backup();

  ASSERT_TRUE(report);
  const auto check = bench.check();
  ASSERT_TRUE(check);
  EXPECT_TRUE(check->ok()) << check->findings[0].message;
  ASSERT_TRUE(bench.restore(report->summary, bench.target()));
  EXPECT_EQ(manifest_difference(bench.source(), bench.landed(bench.target())), "");
}

TEST(Prune, RefusesRulesThatKeepNothing) {
  VaultBench bench;
  const auto pruned = bench.prune({});
  ASSERT_FALSE(pruned);
  EXPECT_EQ(pruned.error().kind, ErrorKind::kInvalidInput);
}

// A reaper that stops after so many removals: power loss in the middle.
class TiredReaper final : public store::Reaper {
 public:
  TiredReaper(store::Reaper& inner, int strength) : inner_(inner), strength_(strength) {}
  Result<void> remove(const model::ObjectName& name, std::stop_token stop) override {
    if (strength_-- <= 0) return fail(ErrorKind::kUnavailable, "power is gone");
    return inner_.remove(name, stop);
  }
  Result<void> remove_all(std::span<const model::ObjectName> names, std::stop_token stop) override {
    for (const model::ObjectName& name : names) TRY(remove(name, stop));
    return {};
  }
  Result<std::unique_ptr<store::Quiet>> quiet(std::stop_token stop) override {
    return inner_.quiet(std::move(stop));
  }

 private:
  store::Reaper& inner_;
  int strength_;
};

TEST(Prune, MayBeCutOffAnywhere) {
  for (int strength = 0; strength < 14; ++strength) {
    VaultBench bench;
    for (std::uint64_t i = 0; i < 4; ++i) {
      write_file(bench.source() + "/file", content_of(i, 300'000, false));
      ASSERT_TRUE(bench.backup());
    }
    TiredReaper tired(bench.memory, strength);
    (void)maintain::prune_vault(*bench.vault, tired, {.rules = {.last = 1}}, {});
    const auto check = bench.check();
    ASSERT_TRUE(check) << check.error().message;
    EXPECT_TRUE(check->ok()) << "after " << strength << ": " << check->findings[0].message;

    ASSERT_TRUE(bench.prune({.last = 1}));
    const auto chain = bench.vault->heads({});
    ASSERT_TRUE(chain);
    EXPECT_EQ(chain->kept().size(), 1u);
    const auto again = bench.check();
    ASSERT_TRUE(again && again->ok());
  }
}

// ---- damage

// What a vault of a small tree restores to, or nothing where the restore says that it cannot.
class SmallVault {
 public:
  SmallVault() {
    make_folder(bench.source() + "/d");
    write_file(bench.source() + "/d/a", "some content");
    write_file(bench.source() + "/b", content_of(1, 300, true));
    const auto report = bench.backup();
    EXPECT_TRUE(report);
    summary = report->summary;
    sound = bench.memory.snapshot();
  }
  VaultBench bench;
  model::Summary summary;
  std::map<model::ObjectName, Bytes> sound;

  // Opens anew, as after the damage; false where something says that all is well and it is not.
  void expect_honest(const std::string& what) {
    auto opened = vault::Vault::open(bench.store,
                                     vault::MachineSecret{crypto::SecretBytes(Bytes(32, 7))}, {});
    if (!opened) return;  // detected: the key slot itself
    bench.vault = std::move(*opened);
    const auto check = bench.check();
    ASSERT_TRUE(check) << what << check.error().message;
    const auto chain = bench.vault->heads({});
    ASSERT_TRUE(chain) << what;
    const vault::Point* latest = chain->latest();
    if (latest == nullptr) {
      EXPECT_FALSE(check->ok() && bench.vault->key_faults().empty())
          << what << "a point is gone unseen";
      return;
    }
    const auto opened_summary = bench.vault->summary(*latest);
    if (!opened_summary) {
      EXPECT_FALSE(check->ok()) << what;
      return;
    }
    const std::string into = bench.folder / ("into" + std::to_string(++round_));
    const auto restored = bench.restore(*opened_summary, into);
    const bool whole = restored && restored->missing == 0;
    const bool alike = whole && manifest_difference(bench.source(), bench.landed(into)).empty();
    EXPECT_EQ(whole, alike) << what << "wrong bytes were restored";
    EXPECT_TRUE(alike || !check->ok()) << what << "check saw nothing";
    std::filesystem::remove_all(into);
  }

 private:
  int round_ = 0;
};

/// From one damaged byte to the next: 1, and more where a sanitizer makes every restore dear.
std::size_t damage_step() {
  const char* text = std::getenv("OBHUT_DAMAGE_STEP");
  return text == nullptr ? 1 : std::stoul(text);
}

// Every byte of every object: one bit of it turned, zeroed, and the object cut off before it.
TEST(Damage, OfAnyByteIsSeenAndNeverRestored) {
  const std::size_t step = damage_step();
  SmallVault vault;
  const auto expect_honest = [&](const model::ObjectName& name, Bytes body,
                                 const std::string& how) {
    auto damaged = vault.sound;
    if (damaged[name] == body) return;  // zeroed, and zero before
    damaged[name] = std::move(body);
    vault.bench.memory.restore(damaged);
    vault.expect_honest(name.text() + how);
  };
  std::size_t bytes = 0;
  for (const auto& [name, body] : vault.sound) {
    bytes += body.size();
    for (std::size_t at = 0; at < body.size(); at += step) {
      const std::string where = " at byte " + std::to_string(at) + ": ";
      Bytes turned = body;
      turned[at] ^= static_cast<std::uint8_t>(1U << (at % 8));
      expect_honest(name, std::move(turned), " turned" + where);
      Bytes zeroed = body;
      zeroed[at] = 0;
      expect_honest(name, std::move(zeroed), " zeroed" + where);
      expect_honest(name, Bytes(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(at)),
                    " cut" + where);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(bytes, 1000U);
}

TEST(Damage, OfALostObjectIsSeen) {
  SmallVault vault;
  for (const auto& [name, body] : vault.sound) {
    if (name.kind == model::ObjectKind::kHead || name.kind == model::ObjectKind::kKey) continue;
    auto damaged = vault.sound;
    damaged.erase(name);
    vault.bench.memory.restore(damaged);
    vault.expect_honest(name.text() + " gone: ");
  }
}

TEST(Damage, OfTwoSwappedObjectsIsSeen) {
  SmallVault vault;
  for (const auto& [a, a_body] : vault.sound) {
    for (const auto& [b, b_body] : vault.sound) {
      if (!(a < b)) continue;
      auto swapped = vault.sound;
      std::swap(swapped[a], swapped[b]);
      vault.bench.memory.restore(swapped);
      vault.expect_honest(a.text() + " swapped with " + b.text() + ": ");
    }
  }
}

// ---- repair

TEST(Repair, MakesALostIndexAnew) {
  VaultBench bench;
  make_tree(bench.source(), random_items(91, 60));
  const auto report = bench.backup();
  ASSERT_TRUE(report);
  for (const model::ObjectName& name : names_of(bench, model::ObjectKind::kIndex)) {
    ASSERT_TRUE(bench.memory.remove(name, {}));
  }
  ASSERT_FALSE(bench.check()->ok());

  const auto repaired = bench.repair();

  ASSERT_TRUE(repaired) << repaired.error().message;
  EXPECT_EQ(repaired->lost_blobs, 0u);
  EXPECT_TRUE(repaired->points.ok());
  const auto check = bench.check();
  ASSERT_TRUE(check);
  EXPECT_TRUE(check->ok()) << check->findings[0].subject << ": " << check->findings[0].message;
  ASSERT_TRUE(bench.restore(report->summary, bench.target()));
  EXPECT_EQ(manifest_difference(bench.source(), bench.landed(bench.target())), "");
}

TEST(Repair, NamesEachLostFileAndTheNextRunHeals) {
  VaultBench bench;
  write_file(bench.source() + "/lost", content_of(1, 2'000'000, false));
  ASSERT_TRUE(bench.backup());
  const auto first = names_of(bench, model::ObjectKind::kPack);
  write_file(bench.source() + "/safe", content_of(2, 2'000'000, false));
  const auto report = bench.backup();
  ASSERT_TRUE(report);
  for (const model::ObjectName& name : first) {
    if (bench.memory.size_of(name, {})->value() <= 1'000'000) continue;
    ASSERT_TRUE(bench.memory.remove(name, {}));
  }

  const auto repaired = bench.repair();

  ASSERT_TRUE(repaired) << repaired.error().message;
  EXPECT_FALSE(repaired->points.ok());
  std::set<std::string> files;
  for (const maintain::Finding& finding : repaired->points.findings) {
    if (finding.kind == maintain::FindingKind::kFile) files.insert(finding.subject);
  }
  EXPECT_EQ(files, (std::set<std::string>{bench.source().substr(1) + "/lost"}));

  const auto healed = bench.backup();
  ASSERT_TRUE(healed) << healed.error().message;
  ASSERT_TRUE(bench.restore(healed->summary, bench.target()));
  EXPECT_EQ(manifest_difference(bench.source(), bench.landed(bench.target())), "");
}

TEST(Repair, LosesOnlyTheBlobThatIsDamaged) {
  VaultBench bench;
  for (int i = 0; i < 4; ++i) {
    write_file(bench.source() + "/file" + std::to_string(i),
               content_of(static_cast<std::uint64_t>(i), 400'000, false));
  }
  const auto report = bench.backup();
  ASSERT_TRUE(report);
  auto objects = bench.memory.snapshot();
  for (auto& [name, body] : objects) {
    if (name.kind == model::ObjectKind::kPack && body.size() > 300'000) {
      body[5000] ^= 1;
      break;
    }
  }
  bench.memory.restore(objects);

  const auto repaired = bench.repair();

  ASSERT_TRUE(repaired) << repaired.error().message;
  EXPECT_EQ(repaired->lost_blobs, 1u);
  EXPECT_EQ(repaired->damaged_packs, 1u);
  const auto restored = bench.restore(report->summary, bench.target());
  ASSERT_TRUE(restored);
  EXPECT_EQ(restored->missing, 1u);
  EXPECT_EQ(restored->files, 3u);
  // The next run heals the newest point; the older one is said to be damaged still.
  const auto healed = bench.backup();
  ASSERT_TRUE(healed);
  ASSERT_TRUE(bench.restore(healed->summary, bench.folder / "healed"));
  EXPECT_EQ(manifest_difference(bench.source(), bench.landed(bench.folder / "healed")), "");
}

}  // namespace
}  // namespace obhut::tests
