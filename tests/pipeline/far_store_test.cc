// A store that takes its time to answer: what is in flight at once hides it.

#include <condition_variable>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/passing_store.h"
#include "tests/support/vault_bench.h"

namespace obhut::tests {
namespace {

using namespace std::chrono_literals;

/// Lets each request for a pack wait until as many run as are wanted, once; a run that never has so
/// many gives up waiting.
class Gathering {
 public:
  explicit Gathering(unsigned wanted) : wanted_(wanted) {}

  void pass() {
    std::unique_lock lock(mutex_);
    ++running_;
    most_ = std::max(most_, running_);
    gathered_.notify_all();
    gathered_.wait_for(lock, 60s, [&] { return most_ >= wanted_; });
    --running_;
  }
  unsigned most() {
    const std::scoped_lock lock(mutex_);
    return most_;
  }

 private:
  const unsigned wanted_;
  std::mutex mutex_;
  std::condition_variable gathered_;
  unsigned running_ = 0;
  unsigned most_ = 0;
};

class FarStore final : public PassingStore {
 public:
  FarStore(store::Store& inner, unsigned puts, unsigned gets)
      : PassingStore(inner), puts_(puts), gets_(gets) {}

  Result<void> put(const store::ObjectName& name, ByteView body, std::stop_token stop) override {
    if (name.kind == model::ObjectKind::kPack) puts_.pass();
    return inner_.put(name, body, stop);
  }
  Result<Bytes> get(const store::ObjectName& name, ByteRange range, std::stop_token stop) override {
    if (name.kind == model::ObjectKind::kPack && range.length > (4U << 20U)) gets_.pass();
    return inner_.get(name, range, stop);
  }
  void expect(std::span<const store::ObjectName> names) override {
    const std::scoped_lock lock(mutex_);
    expected_.insert(expected_.end(), names.begin(), names.end());
  }
  std::vector<store::ObjectName> expected() {
    const std::scoped_lock lock(mutex_);
    return expected_;
  }
  unsigned most_puts() { return puts_.most(); }
  unsigned most_gets() { return gets_.most(); }

 private:
  Gathering puts_;
  Gathering gets_;
  std::mutex mutex_;
  std::vector<store::ObjectName> expected_;
};

TEST(FarStore, HasAsManyPacksOnTheirWayAsWereAllowed) {
  MemStore memory;
  FarStore far(memory, 3, 4);
  VaultBench bench(&far);
  for (int i = 0; i < 9; ++i) {
    write_file(bench.source() + "/file" + std::to_string(i),
               content_of(200 + i, 10'000'000, false));
  }
  pipeline::BackupOptions options = bench.options();
  options.uploaders = 3;

  const auto report = bench.backup(std::move(options));

  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(far.most_puts(), 3U);

  restore::RestoreOptions with;
  with.workers = 4;
  ASSERT_TRUE(bench.restore(report->summary, bench.target(), with));

  EXPECT_EQ(far.most_gets(), 4U);
  EXPECT_GE(far.expected().size(), 5U) << "the store hears of the packs before they are wanted";
  EXPECT_EQ(manifest_difference(bench.source(), bench.landed(bench.target())), "");
}

}  // namespace
}  // namespace obhut::tests
