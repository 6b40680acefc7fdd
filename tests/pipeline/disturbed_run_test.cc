// Runs that do not go as they should.

#include <atomic>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/store/local_store.h"
#include "tests/support/faulty_store.h"
#include "tests/support/passing_store.h"
#include "tests/support/vault_bench.h"

namespace obhut::tests {
namespace {

constexpr auto kOutOfReach = ErrorKind::kUnavailable;

// Counts the bytes of packs that were put, and fails after some.
class PutCounter final : public PassingStore {
 public:
  using PassingStore::PassingStore;
  Result<void> put(const store::ObjectName& name, ByteView body, std::stop_token stop) override {
    if (stop_after > 0 && name.kind == model::ObjectKind::kPack && ++packs > stop_after) {
      return fail(kOutOfReach, "the network is gone");
    }
    Result<void> done = inner_.put(name, body, stop);
    if (done && name.kind == model::ObjectKind::kPack) put_bytes += body.size();
    return done;
  }
  std::atomic<std::uint64_t> put_bytes{0};
  std::atomic<int> packs{0};
  std::atomic<int> stop_after{0};
};

TEST(DisturbedRun, UploadsNothingTwiceAfterTheNetworkWentAway) {
  MemStore memory;
  PutCounter counter(memory);
  VaultBench bench(&counter);
  for (int i = 0; i < 7; ++i) {
    write_file(bench.source() + "/file" + std::to_string(i),
               content_of(100 + i, 10'000'000, false));
  }
  const auto options = [&] {
    pipeline::BackupOptions with = bench.options();
    with.cache_directory = bench.folder / "cache";
    with.checkpoint_after = std::chrono::seconds(0);
    return with;
  };
  counter.stop_after = 2;
  const auto cut = bench.backup(options());
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().kind, kOutOfReach);
  EXPECT_EQ(memory.count(model::ObjectKind::kHead), 0u) << "no point without all of its bytes";
  const std::uint64_t acknowledged = counter.put_bytes;
  ASSERT_GT(acknowledged, 30'000'000u);

  counter.stop_after = 0;
  const auto resumed = bench.backup(options());

  ASSERT_TRUE(resumed) << resumed.error().message;
  EXPECT_EQ(resumed->adopted_packs, 2u);
  // Two unfinished packs at most were lost on the way, and padding differs.
  EXPECT_LT(counter.put_bytes, 70'000'000u + 1'000'000u) << "acknowledged bytes were sent again";
  EXPECT_LT(resumed->summary.read_bytes, 70'000'000u) << "finished files were read again";
  const auto check = bench.check();
  ASSERT_TRUE(check);
  EXPECT_TRUE(check->ok()) << check->findings[0].message;
  ASSERT_TRUE(bench.restore(resumed->summary, bench.target()));
  EXPECT_EQ(manifest_difference(bench.source(), bench.landed(bench.target())), "");
}

TEST(DisturbedRun, LeavesNoPointWhenStopped) {
  VaultBench bench;
  make_tree(bench.source(), random_items(41, 200));
  std::stop_source stop;
  stop.request_stop();

  const auto report = bench.backup(stop.get_token());

  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(bench.memory.count(model::ObjectKind::kHead), 0u);
}

// Closes the gate with the first pack that it is given.
class PausingStore final : public PassingStore {
 public:
  PausingStore(store::Store& inner, PauseGate& gate) : PassingStore(inner), gate_(gate) {}
  Result<void> put(const store::ObjectName& name, ByteView body, std::stop_token stop) override {
    if (!paused.exchange(true)) gate_.pause();
    return inner_.put(name, body, stop);
  }
  std::atomic<bool> paused{true};

 private:
  PauseGate& gate_;
};

// Waits until nothing has been read for a while; what had been read by then.
std::uint64_t read_when_still(const pipeline::BackupJob& job) {
  std::uint64_t before = 0;
  for (int still = 0; still < 20; ++still) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const std::uint64_t now = job.progress().new_bytes;
    if (now != before) still = 0;
    before = now;
  }
  return before;
}

TEST(DisturbedRun, StandsStillWhilePausedAndGoesOnWhereItWas) {
  PauseGate gate;
  MemStore memory;
  PausingStore pausing(memory, gate);
  VaultBench bench(&pausing);
  constexpr std::uint64_t kTotal = 150'000'000;
  write_file(bench.source() + "/large", content_of(7, kTotal / 2, false));
  for (int i = 0; i < 5; ++i) {
    write_file(bench.source() + "/file" + std::to_string(i),
               content_of(100 + i, kTotal / 10, false));
  }
  pipeline::BackupOptions with = bench.options();
  with.pause = &gate;
  pipeline::BackupJob job(*bench.vault, bench.clock, bench.log, std::move(with));
  Result<pipeline::BackupReport> report;
  pausing.paused = false;
  std::jthread running([&] { report = job.run({}); });
  while (!pausing.paused) std::this_thread::yield();

  EXPECT_LT(read_when_still(job), kTotal);
  EXPECT_EQ(memory.count(model::ObjectKind::kHead), 0u);
  gate.resume();
  running.join();

  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->summary.read_bytes, kTotal) << "nothing is read twice";
  ASSERT_TRUE(bench.restore(report->summary, bench.target()));
  EXPECT_EQ(manifest_difference(bench.source(), bench.landed(bench.target())), "");
}

// Nothing of it is read but directories, and those not either.
TEST(DisturbedRun, StandsStillOverAnUnchangedTree) {
  VaultBench bench;
  make_tree(bench.source(), random_items(44, 200));
  ASSERT_TRUE(bench.backup());
  PauseGate gate;
  gate.pause();
  pipeline::BackupOptions with = bench.options();
  with.pause = &gate;
  pipeline::BackupJob job(*bench.vault, bench.clock, bench.log, std::move(with));
  Result<pipeline::BackupReport> report;
  std::jthread running([&] { report = job.run({}); });

  EXPECT_EQ(read_when_still(job), 0u);
  EXPECT_EQ(job.progress().files + job.progress().directories, 0u);
  gate.resume();
  running.join();

  ASSERT_TRUE(report) << report.error().message;
  EXPECT_GT(job.progress().files, 0u);
}

TEST(DisturbedRun, CanBeStoppedWhilePaused) {
  VaultBench bench;
  make_tree(bench.source(), random_items(43, 200));
  PauseGate gate;
  gate.pause();
  pipeline::BackupOptions with = bench.options();
  with.pause = &gate;
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });

  const auto report = bench.backup(std::move(with), stop.get_token());

  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kCancelled);
}

TEST(DisturbedRun, StopsAtAnyInstantAndGoesOnLater) {
  for (int delay = 0; delay < 40; delay += 4) {
    VaultBench bench;
    make_tree(bench.source(), random_items(51, 150));
    std::stop_source stop;
    std::jthread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(delay));
      stop.request_stop();
    });
    (void)bench.backup(stop.get_token());

    const auto report = bench.backup();

    ASSERT_TRUE(report) << report.error().message;
    const auto check = bench.check();
    ASSERT_TRUE(check && check->ok());
  }
}

TEST(DisturbedRun, FailsAtEveryCallOfTheStoreWithoutHarm) {
  MemStore memory;
  FaultyStore faulty(memory);
  VaultBench bench(&faulty);
  make_tree(bench.source(), random_items(61, 60));
  const auto first = bench.backup();
  ASSERT_TRUE(first);
  const std::uint64_t start = faulty.calls();
  ASSERT_TRUE(bench.backup());
  const std::uint64_t calls = faulty.calls() - start;
  make_tree(bench.source(), random_items(62, 60));

  for (std::uint64_t call = 0; call < calls + 8; ++call) {
    faulty.fail_from(faulty.calls() + call, Error{kOutOfReach, "gone"});
    (void)bench.backup();
    faulty.fail_from(~std::uint64_t{0}, Error{kOutOfReach, "gone"});
    const auto check = bench.check(false);
    ASSERT_TRUE(check) << check.error().message;
    ASSERT_TRUE(check->ok()) << "after call " << call << ": " << check->findings[0].message;
  }
  const auto last = bench.backup();
  ASSERT_TRUE(last);
  ASSERT_TRUE(bench.restore(last->summary, bench.target()));
  EXPECT_EQ(manifest_difference(bench.source(), bench.landed(bench.target())), "");
}

TEST(DisturbedRun, MarksAFileThatKeepsChanging) {
  VaultBench bench;
  const std::string busy = bench.source() + "/busy";
  // To read it takes many ticks of the clock that times of change are told by.
  write_file(busy, content_of(1, 60'000'000, false));
  write_file(bench.source() + "/quiet", "quiet");
  std::atomic<bool> writes = false;
  std::jthread writer([&](const std::stop_token& stop) {
    std::fstream file(busy, std::ios::in | std::ios::out | std::ios::binary);
    for (unsigned i = 0; !stop.stop_requested(); ++i) {
      file.seekp(i * 7919 % 59'000'000);
      file.put('x').flush();
      writes = true;
      writes.notify_one();
    }
  });
  writes.wait(false);

  const auto report = bench.backup();
  writer.request_stop();
  writer.join();

  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->changed, 1u);
  EXPECT_FALSE(report->complete());
  ASSERT_EQ(report->incidents.size(), 1u);
  EXPECT_EQ(report->incidents[0].path, busy);
  // Once it is quiet it is read again, although nothing but the mark says so.
  const auto second = bench.backup();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->changed, 0u);
  EXPECT_GE(second->summary.read_bytes, 20'000'000u);
}

TEST(DisturbedRun, RefusesASourceThatIsNoPath) {
  VaultBench bench;
  pipeline::BackupOptions options = bench.options();
  options.sources = {"relative"};

  const auto report = bench.backup(std::move(options));

  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kInvalidInput);
}

TEST(DisturbedRun, ListsASourceThatIsGone) {
  VaultBench bench;
  pipeline::BackupOptions options = bench.options();
  options.sources.push_back("/no/such/folder");

  const auto report = bench.backup(std::move(options));

  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->skipped, 1u);
}

TEST(DisturbedRun, KeepsTheVaultWholeOnAFullDisk) {
  TempFolder place;
  const std::string disk = place / "disk";
  ::mkdir(disk.c_str(), 0700);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=24m") != 0) GTEST_SKIP() << "needs root";
  {
    auto store = store::LocalStore::create(disk + "/vault");
    ASSERT_TRUE(store) << store.error().message;
    VaultBench bench(store->get());
    write_file(bench.source() + "/small", content_of(1, 1'000'000, false));
    const auto first = bench.backup();
    ASSERT_TRUE(first) << first.error().message;
    write_file(bench.source() + "/large", content_of(2, 60'000'000, false));

    const auto full = bench.backup();

    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().kind, ErrorKind::kQuotaExceeded) << full.error().message;
    EXPECT_EQ(run_shell("ls -A " + shell_quoted(disk + "/vault/tmp")), "");
    const auto check = bench.check();
    ASSERT_TRUE(check) << check.error().message;
    EXPECT_TRUE(check->ok());
    EXPECT_TRUE(bench.restore(first->summary, bench.target()));
  }
  ::umount2(disk.c_str(), MNT_DETACH);
}

TEST(DisturbedRun, ReadsAnewWhatThePointBeforeHasLost) {
  VaultBench bench;
  make_tree(bench.source(), random_items(71, 100));
  ASSERT_TRUE(bench.backup());
  const auto packs = bench.memory.list(model::ObjectKind::kPack, {});
  ASSERT_TRUE(packs);
  for (const store::ObjectInfo& pack : *packs) ASSERT_TRUE(bench.memory.remove(pack.name, {}));

  const auto again = bench.backup();

  ASSERT_TRUE(again) << again.error().message;
  ASSERT_TRUE(bench.restore(again->summary, bench.target()));
  EXPECT_EQ(manifest_difference(bench.source(), bench.landed(bench.target())), "");
}

}  // namespace
}  // namespace obhut::tests
