#include "agent/wire/http_store.h"

#include <gtest/gtest.h>

#include "agent/crypto/digest.h"
#include "agent/crypto/random.h"
#include "agent/store/store.h"
#include "tests/wire/fake_cluster.h"

namespace obhut::wire {
namespace {

using namespace std::chrono_literals;
using store::ObjectKind;
using store::ObjectName;

class MemoryOfHeads final : public HeadMemory {
 public:
  std::optional<OwnHead> newest() override { return newest_; }
  Result<void> remember(const OwnHead& head) override {
    told.push_back(head);
    if (head.acknowledged) newest_ = head;
    return {};
  }
  std::vector<OwnHead> told;

 private:
  std::optional<OwnHead> newest_;
};

class HttpStoreTest : public testing::Test {
 protected:
  HttpStoreTest() { cluster_.now = Instant(std::chrono::hours(24) * 20'000); }

  Bytes signed_head(std::uint64_t sequence, const Sha256& previous, const crypto::SigningKey& key) {
    model::Head head;
    head.vault = place_.vault;
    head.device = place_.device;
    head.signer = key.public_key();
    head.sequence = sequence;
    head.previous = previous;
    head.full = true;
    head.sealed_summary = Bytes(64, std::uint8_t{1});
    const Result<Bytes> bytes = model::encode_head(head, key);
    EXPECT_TRUE(bytes) << bytes.error().message;
    return bytes.value_or(Bytes{});
  }
  static ObjectName name_of(ObjectKind kind, ByteView body) { return {kind, crypto::sha256(body)}; }
  void show(const Bytes& head) { cluster_.heads.push_back({*model::parse_head(head), head}); }

  SystemClock clock_;
  DeviceIdentity device_{crypto::random_id<DeviceId>(), crypto::SigningKey::generate()};
  FakeCluster cluster_{device_};
  MemoryOfHeads memory_;
  ControlClient control_{cluster_, clock_, FakeCluster::kUrl,
                         DeviceIdentity{device_.device, device_.key.clone()}};
  HttpStore::Place place_{crypto::random_id<VaultId>(), device_.device, device_.key.public_key(),
                          cluster_.key.public_key()};
  UploadPace pace_{clock_, [] { return 0U; }};
  HttpStore store_{control_, cluster_, memory_, pace_, place_};
  const Bytes body_ = Bytes(10'000, std::uint8_t{7});
  const ObjectName pack_ = name_of(ObjectKind::kPack, body_);
};

TEST_F(HttpStoreTest, StoresByTicketAndReadsByRange) {
  const Result<void> put = store_.put(pack_, body_, {});
  ASSERT_TRUE(put) << put.error().message;

  const Result<Bytes> middle = store_.get(pack_, {100, 50}, {});
  const auto size = store_.size_of(pack_, {});
  const auto listed = store_.list(ObjectKind::kPack, {});

  ASSERT_TRUE(middle) << middle.error().message;
  EXPECT_EQ(*middle, Bytes(50, std::uint8_t{7}));
  EXPECT_EQ(size->value(), 10'000u);
  ASSERT_EQ(listed->size(), 1u);
  EXPECT_EQ(listed->front().name, pack_);
}

TEST_F(HttpStoreTest, UploadsNothingThatIsStoredAlready) {
  ASSERT_TRUE(store_.put(pack_, body_, {}));
  const std::size_t before = cluster_.seen.size();

  ASSERT_TRUE(store_.put(pack_, body_, {}));

  EXPECT_EQ(cluster_.seen.size(), before + 1) << "the ticket alone";
}

// The upload arrived, its answer did not.
TEST_F(HttpStoreTest, TakesAnObjectThatIsThereForAnUploadWhoseAnswerWasLost) {
  bool lost = false;
  cluster_.after = [&](const Request& request, Response& response) {
    if (request.method == Method::kPut && !lost) {
      lost = true;
      response.status = 409;
    }
  };

  EXPECT_TRUE(store_.put(pack_, body_, {}));
}

TEST_F(HttpStoreTest, SaysWhatIsMissing) {
  const Result<Bytes> bytes = store_.get(pack_, {0, 1}, {});

  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(store_.size_of(pack_, {}).value_or(1), std::nullopt);
}

TEST_F(HttpStoreTest, AsksForManyAddressesAtOnceWhereTheyAreExpected) {
  std::vector<ObjectName> names;
  for (std::uint8_t i = 0; i < 120; ++i) {
    const Bytes body(100, i);
    names.push_back(name_of(ObjectKind::kPack, body));
    ASSERT_TRUE(store_.put(names.back(), body, {}));
  }
  const auto asked = [&] {
    return std::ranges::count_if(cluster_.seen, [](const Request& request) {
      return request.url.find("/downloads") != std::string::npos;
    });
  };

  store_.expect(names);
  const auto silent = asked();
  for (const ObjectName& name : names) {
    const Result<Bytes> bytes = store_.get(name, {0, 100}, {});
    ASSERT_TRUE(bytes) << bytes.error().message;
    EXPECT_EQ(crypto::sha256(*bytes), name.hash);
  }

  EXPECT_EQ(silent, 0) << "a hint asks nothing";
  EXPECT_EQ(asked(), 2);
}

// Opening a vault and looking whether slots are missing each read all of them.
TEST_F(HttpStoreTest, FetchesAKeyObjectOnceAndNeverKeepsADamagedOne) {
  const ObjectName key = name_of(ObjectKind::kKey, body_);
  ASSERT_TRUE(store_.put(key, body_, {}));
  bool damage = true;
  std::size_t fetched = 0;
  cluster_.after = [&](const Request& request, Response& response) {
    if (request.url.find("/store/") == std::string::npos) return;
    ++fetched;
    if (damage) response.body.front() ^= 1U;
  };

  const Result<Bytes> damaged = store::get_whole(store_, key, body_.size(), {});
  damage = false;
  const Result<Bytes> first = store::get_whole(store_, key, body_.size(), {});
  const Result<Bytes> again = store::get_whole(store_, key, body_.size(), {});

  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().kind, ErrorKind::kCorrupt);
  ASSERT_TRUE(first && again);
  EXPECT_EQ(*again, body_);
  EXPECT_EQ(fetched, 2u);
  EXPECT_FALSE(store_.get(key, {body_.size(), 1}, {})) << "no bytes beyond its end";
}

// Repacking took one of them away since the index was read.
TEST_F(HttpStoreTest, ReadsOnWhereSomethingExpectedIsGone) {
  ASSERT_TRUE(store_.put(pack_, body_, {}));
  const ObjectName gone = name_of(ObjectKind::kPack, Bytes(5, std::uint8_t{1}));

  store_.expect(std::vector{pack_, gone});

  EXPECT_TRUE(store_.get(pack_, {0, 10}, {}));
  EXPECT_EQ(store_.get(gone, {0, 1}, {}).error().kind, ErrorKind::kNotFound);
}

TEST_F(HttpStoreTest, RefusesAnswersOfAnotherLength) {
  ASSERT_TRUE(store_.put(pack_, body_, {}));
  cluster_.after = [&](const Request& request, Response& response) {
    if (request.url.find("/store/") != std::string::npos)
      response.body.resize(response.body.size() / 2);
  };

  const Result<Bytes> bytes = store_.get(pack_, {0, 1000}, {});

  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(store_.get(pack_, {9'000, 2'000}, {}).error().kind, ErrorKind::kCorrupt)
      << "past the end";
}

TEST_F(HttpStoreTest, RefusesTicketsForOtherObjects) {
  cluster_.after = [&](const Request& request, Response& response) {
    if (!request.url.ends_with("/tickets")) return;
    response = json_answer(
        200, R"({"tickets":[{"sha256":")" + Sha256{}.text() + R"(","state":"stored"}]})");
  };

  const Result<void> put = store_.put(pack_, body_, {});

  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::kCorrupt);
}

TEST_F(HttpStoreTest, AsksForANewAddressWhenOneRanOut) {
  ASSERT_TRUE(store_.put(pack_, body_, {}));
  ASSERT_TRUE(store_.get(pack_, {0, 10}, {}));
  int refused = 0;
  cluster_.before = [&](const Request& request) -> std::optional<Result<Response>> {
    if (request.url.find("/store/") == std::string::npos || refused++ > 0) return std::nullopt;
    return problem(403, "expired");
  };

  EXPECT_TRUE(store_.get(pack_, {0, 10}, {}));
}

TEST_F(HttpStoreTest, SignsInAgainWhenTheClusterForgotTheToken) {
  ASSERT_TRUE(store_.put(pack_, body_, {}));
  cluster_.token = "token-2";

  EXPECT_TRUE(store_.list(ObjectKind::kPack, {}));
  EXPECT_EQ(cluster_.sign_ins, 2);
}

TEST_F(HttpStoreTest, SignsInWhateverTheDevicesClockShows) {
  for (const auto off : {-48h, 48h, 24h * 9000}) {
    cluster_.now = std::chrono::floor<std::chrono::microseconds>(clock_.now()) + off;
    cluster_.token = "token of " + std::to_string(off.count());

    EXPECT_TRUE(store_.list(ObjectKind::kPack, {})) << off.count();
  }
}

TEST_F(HttpStoreTest, CommitsAHeadAndKeepsItInMind) {
  const Bytes head = signed_head(1, Sha256{}, device_.key);
  const ObjectName name = name_of(ObjectKind::kHead, head);

  ASSERT_TRUE(store_.put(name, head, {}));

  ASSERT_EQ(memory_.told.size(), 2u);
  EXPECT_FALSE(memory_.told[0].acknowledged) << "before the cluster hears of it";
  EXPECT_EQ(memory_.told[1], (OwnHead{1, name.hash, true}));
  EXPECT_EQ(*store_.get(name, {0, head.size()}, {}), head);
  EXPECT_EQ(store_.list(ObjectKind::kHead, {})->size(), 1u);
}

TEST_F(HttpStoreTest, BelievesNoReceiptButTheClusterKeys) {
  cluster_.key = crypto::SigningKey::generate();
  const Bytes head = signed_head(1, Sha256{}, device_.key);

  const Result<void> put = store_.put(name_of(ObjectKind::kHead, head), head, {});

  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::kRefused);
  EXPECT_FALSE(memory_.newest());
}

TEST_F(HttpStoreTest, BelievesNoReceiptForAnotherHead) {
  const Bytes first = signed_head(1, Sha256{}, device_.key);
  std::string receipt;
  cluster_.after = [&](const Request& request, Response& response) {
    if (!request.url.ends_with("/commits")) return;
    if (receipt.empty()) receipt = std::string(as_text(response.body));
    response.body = to_bytes(as_bytes(receipt));
  };
  ASSERT_TRUE(store_.put(name_of(ObjectKind::kHead, first), first, {}));
  const Bytes second = signed_head(2, crypto::sha256(first), device_.key);

  const Result<void> put = store_.put(name_of(ObjectKind::kHead, second), second, {});

  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::kCorrupt);
}

TEST_F(HttpStoreTest, RefusesAClusterThatShowsAnOlderVault) {
  const Bytes first = signed_head(1, Sha256{}, device_.key);
  const Bytes second = signed_head(2, crypto::sha256(first), device_.key);
  ASSERT_TRUE(store_.put(name_of(ObjectKind::kHead, first), first, {}));
  ASSERT_TRUE(store_.put(name_of(ObjectKind::kHead, second), second, {}));
  cluster_.heads.pop_back();

  const auto listed = store_.list(ObjectKind::kHead, {});

  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().kind, ErrorKind::kRefused);
}

TEST_F(HttpStoreTest, RefusesAClusterThatShowsAnotherHistory) {
  const Bytes first = signed_head(1, Sha256{}, device_.key);
  ASSERT_TRUE(store_.put(name_of(ObjectKind::kHead, first), first, {}));
  cluster_.heads.clear();
  show(signed_head(1, Sha256{}, crypto::SigningKey::generate()));

  const auto listed = store_.list(ObjectKind::kHead, {});

  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().kind, ErrorKind::kRefused);
}

TEST_F(HttpStoreTest, RefusesANewerHeadThatThisDeviceDidNotSign) {
  const Bytes first = signed_head(1, Sha256{}, device_.key);
  ASSERT_TRUE(store_.put(name_of(ObjectKind::kHead, first), first, {}));
  show(signed_head(2, crypto::sha256(first), crypto::SigningKey::generate()));

  const auto listed = store_.list(ObjectKind::kHead, {});

  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().kind, ErrorKind::kRefused);
}

// A machine restored from last week's snapshot.
TEST_F(HttpStoreTest, AdoptsNewerHeadsUnderItsOwnSignature) {
  const Bytes first = signed_head(1, Sha256{}, device_.key);
  ASSERT_TRUE(store_.put(name_of(ObjectKind::kHead, first), first, {}));
  const Bytes second = signed_head(2, crypto::sha256(first), device_.key);
  show(second);

  const auto listed = store_.list(ObjectKind::kHead, {});

  ASSERT_TRUE(listed) << listed.error().message;
  EXPECT_EQ(listed->size(), 2u);
  EXPECT_EQ(memory_.newest(), (OwnHead{2, crypto::sha256(second), true}));
}

TEST_F(HttpStoreTest, NamesProblemsByWhatCanBeDoneAboutThem) {
  const std::pair<int, ErrorKind> cases[] = {
      {403, ErrorKind::kRefused},     {410, ErrorKind::kRefused},
      {409, ErrorKind::kConflict},    {422, ErrorKind::kInvalidInput},
      {429, ErrorKind::kThrottled},   {500, ErrorKind::kUnavailable},
      {503, ErrorKind::kUnavailable}, {507, ErrorKind::kQuotaExceeded},
      {302, ErrorKind::kCorrupt}};
  for (const auto& [status, kind] : cases) {
    cluster_.before = [status = status](const Request& request) -> std::optional<Result<Response>> {
      if (!request.url.ends_with("/tickets")) return std::nullopt;
      return problem(status, "some-code");
    };

    const Result<void> put = store_.put(pack_, body_, {});

    ASSERT_FALSE(put) << status;
    EXPECT_EQ(put.error().kind, kind) << status;
    EXPECT_NE(put.error().message.find("some-code"), std::string::npos);
  }
}

TEST_F(HttpStoreTest, EveryWriteHasAKeyOfItsOwnAndReadsHaveNone) {
  const Bytes head = signed_head(1, Sha256{}, device_.key);
  ASSERT_TRUE(control_.create_vault(place_.vault, {}).error().kind == ErrorKind::kNotFound);
  ASSERT_TRUE(store_.put(name_of(ObjectKind::kHead, head), head, {}));

  std::vector<std::string> keys;
  for (const Request& request : cluster_.seen) {
    for (const Header& header : request.headers) {
      if (header.name == "Idempotency-Key") keys.push_back(header.value);
    }
  }

  ASSERT_EQ(keys.size(), 2u);
  EXPECT_NE(keys[0], keys[1]);
}

TEST_F(HttpStoreTest, SurvivesAnyGarbageForAnAnswer) {
  const std::string garbage[] = {"",
                                 "{",
                                 "[]",
                                 "null",
                                 "{\"tickets\":{}}",
                                 "{\"tickets\":[1]}",
                                 R"({"tickets":[{"sha256":"xyz","state":"upload"}]})",
                                 R"({"tickets":[{"sha256":1,"state":[]}],"tickets":[]})",
                                 std::string(100'000, '['),
                                 std::string("\xff\xfe\0", 3)};
  for (const std::string& text : garbage) {
    cluster_.after = [&](const Request& request, Response& response) {
      if (request.url.ends_with("/tickets")) response = json_answer(200, text);
    };

    const Result<void> put = store_.put(pack_, body_, {});

    ASSERT_FALSE(put) << text.substr(0, 40);
    EXPECT_EQ(put.error().kind, ErrorKind::kCorrupt) << text.substr(0, 40);
  }
}

}  // namespace
}  // namespace obhut::wire
