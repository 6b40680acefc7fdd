#include "agent/store/local_store.h"
#include "agent/store/measured_store.h"
#include "agent/store/retrying_store.h"
#include "tests/contract/store_contract.h"
#include "tests/store/scratch.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/mem_store.h"

namespace obhut::tests {
namespace {

struct MemoryFixture {
  MemStore held;
  store::Store& store() { return held; }
};

struct DirectoryFixture {
  Scratch scratch;
  std::unique_ptr<store::LocalStore> held = *store::LocalStore::create(scratch.in("vault"));
  store::Store& store() { return *held; }
};

struct RetryingFixture {
  MemStore inner;
  FakeClock clock;
  store::RetryingStore held{inner, clock, {}, 3};
  store::Store& store() { return held; }
};

/// Every call fails once before it works.
class Reluctant final : public store::Store {
 public:
  explicit Reluctant(store::Store& inner) : faulty_(inner) {}
  Result<void> put(const model::ObjectName& name, ByteView body, std::stop_token stop) override {
    if (refuse()) return fail(ErrorKind::kUnavailable, "not now");
    return faulty_.put(name, body, stop);
  }
  Result<Bytes> get(const model::ObjectName& name, ByteRange range, std::stop_token stop) override {
    if (refuse()) return fail(ErrorKind::kTimeout, "not now");
    return faulty_.get(name, range, stop);
  }
  Result<std::optional<std::uint64_t>> size_of(const model::ObjectName& name,
                                               std::stop_token stop) override {
    if (refuse()) return fail(ErrorKind::kThrottled, "not now");
    return faulty_.size_of(name, stop);
  }
  Result<std::vector<store::ObjectInfo>> list(model::ObjectKind kind,
                                              std::stop_token stop) override {
    if (refuse()) return fail(ErrorKind::kUnavailable, "not now");
    return faulty_.list(kind, stop);
  }

 private:
  static bool refuse() {
    // Each thread alternates, so that the repetition after a refusal always works.
    thread_local bool refused = false;
    refused = !refused;
    return refused;
  }
  FaultyStore faulty_;
};

struct RetryingOverFaultsFixture {
  MemStore inner;
  Reluctant reluctant{inner};
  FakeClock clock;
  store::RetryingStore held{reluctant, clock, {}, 2};
  store::Store& store() { return held; }
};

struct MeasuredFixture {
  MemStore inner;
  store::MeasuredStore held{inner};
  store::Store& store() { return held; }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StoreContract, MemoryFixture);
INSTANTIATE_TYPED_TEST_SUITE_P(Directory, StoreContract, DirectoryFixture);
INSTANTIATE_TYPED_TEST_SUITE_P(Retrying, StoreContract, RetryingFixture);
INSTANTIATE_TYPED_TEST_SUITE_P(RetryingOverFaults, StoreContract, RetryingOverFaultsFixture);
INSTANTIATE_TYPED_TEST_SUITE_P(Measured, StoreContract, MeasuredFixture);

}  // namespace
}  // namespace obhut::tests
