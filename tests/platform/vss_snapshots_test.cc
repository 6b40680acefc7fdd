#include "platform/vss_snapshots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using std::chrono::seconds;
using test::TempFolder;
using testing::ElementsAre;
using testing::HasSubstr;

/// What the service does, attempt after attempt.
struct Service {
  struct Attempt {
    std::string fails_at{};  ///< a step
    Error failure{ErrorKind::kUnsupported, "no"};
    std::vector<VssWriter> writers{};
  };
  std::vector<Attempt> attempts{};
  std::string folder{};
  std::size_t made = 0;
  std::vector<std::string> steps{};
  std::vector<seconds> pauses{};
  int open = 0;
};

class FakeRequester final : public VssRequester {
 public:
  FakeRequester(Service& service, Service::Attempt attempt)
      : service_(service), attempt_(std::move(attempt)) {
    ++service_.open;
  }
  FakeRequester(const FakeRequester&) = delete;
  FakeRequester& operator=(const FakeRequester&) = delete;
  ~FakeRequester() override { --service_.open; }

  Result<void> begin() override { return step("begin"); }
  Result<void> add(const std::string& volume) override { return step("add " + volume); }
  Result<void> prepare() override { return step("prepare"); }
  Result<void> hold() override { return step("hold"); }
  Result<std::vector<VssWriter>> writers() override {
    TRY(step("writers"));
    return attempt_.writers;
  }
  Result<std::string> folder() override {
    TRY(step("folder"));
    return service_.folder;
  }
  Result<void> complete() override { return step("complete"); }

 private:
  Result<void> step(const std::string& name) {
    service_.steps.push_back(name);
    if (attempt_.fails_at == name) return std::unexpected(attempt_.failure);
    return {};
  }
  Service& service_;
  Service::Attempt attempt_;
};

VssSnapshots snapshots_of(Service& service) {
  return VssSnapshots(
      [&service]() -> Result<std::unique_ptr<VssRequester>> {
        const std::size_t index = std::min(service.made++, service.attempts.size() - 1);
        return std::make_unique<FakeRequester>(service, service.attempts.at(index));
      },
      [](const Handle&) -> Result<std::optional<VolumePlace>> {
        return VolumePlace{"//?/Volume{1}/", "data", 7};
      },
      [&service](seconds time) { service.pauses.push_back(time); });
}

TEST(VssSnapshots, GoThroughTheStepsInTheirOrderAndEndTheBackupLast) {
  const TempFolder folder;
  Service service{.attempts = {{}}, .folder = folder.path()};
  VssSnapshots vss = snapshots_of(service);

  auto snapshot = vss.make("//?/Volume{1}/", "name");

  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_EQ((*snapshot)->folder(), folder.path());
  EXPECT_TRUE((*snapshot)->still_whole());
  snapshot->reset();
  EXPECT_THAT(service.steps, ElementsAre("begin", "add //?/Volume{1}/", "prepare", "hold",
                                         "writers", "folder", "complete"));
  EXPECT_EQ(service.open, 0);
  EXPECT_TRUE(service.pauses.empty());
}

TEST(VssSnapshots, NameTheWriterWhoseFaultItIs) {
  Service service{.attempts = {{.writers = {{"Fine", "", false},
                                            {"SqlServerWriter", "it failed, 0x800423f4", false}}}}};

  const auto snapshot = snapshots_of(service).make("v", "name");

  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(snapshot.error().message, HasSubstr("SqlServerWriter (it failed, 0x800423f4)"));
  EXPECT_THAT(snapshot.error().message, Not(HasSubstr("Fine")));
  EXPECT_EQ(service.made, 1U) << "what will not pass is not tried again";
  EXPECT_EQ(service.open, 0) << "nothing stays behind";
}

TEST(VssSnapshots, NameTheWriterWhereAStepFailsBecauseOfIt) {
  for (const std::string step : {"prepare", "hold"}) {
    Service service{.attempts = {{.fails_at = step,
                                  .failure = {ErrorKind::kUnsupported, "0x80042315"},
                                  .writers = {{"WMI Writer", "it took too long", false}}}}};

    const auto snapshot = snapshots_of(service).make("v", "name");

    ASSERT_FALSE(snapshot);
    EXPECT_THAT(snapshot.error().message, HasSubstr("WMI Writer (it took too long)")) << step;
  }
}

TEST(VssSnapshots, KeepTheReasonOfAStepWhereNoWriterFailed) {
  Service service{
      .attempts = {{.fails_at = "hold", .failure = {ErrorKind::kUnsupported, "no room"}}}};

  const auto snapshot = snapshots_of(service).make("v", "name");

  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().message, "no room");
}

TEST(VssSnapshots, TryAgainWhatMayPassWithPausesBetween) {
  const TempFolder folder;
  Service service{
      .attempts = {{.fails_at = "begin", .failure = {ErrorKind::kUnavailable, "another one"}},
                   {.writers = {{"WMI Writer", "for the moment", true}}},
                   {}},
      .folder = folder.path()};

  const auto snapshot = snapshots_of(service).make("v", "name");

  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_EQ(service.made, 3U);
  EXPECT_THAT(service.pauses, ElementsAre(seconds(10), seconds(30)));
}

TEST(VssSnapshots, GiveUpAfterTheThirdAttempt) {
  Service service{.attempts = {{.fails_at = "hold", .failure = {ErrorKind::kTimeout, "too slow"}}}};

  const auto snapshot = snapshots_of(service).make("v", "name");

  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().kind, ErrorKind::kUnsupported) << "so that the plan's fallback holds";
  EXPECT_EQ(service.made, 3U);
  EXPECT_EQ(service.open, 0);
}

TEST(VssSnapshots, TellThatTheSystemDroppedOneWhileItWasRead) {
  Service service{.attempts = {{}}};
  {
    const TempFolder folder;
    service.folder = folder.path();
  }
  const auto snapshot = snapshots_of(service).make("v", "name");
  ASSERT_TRUE(snapshot);

  const Result<void> whole = (*snapshot)->still_whole();

  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().kind, ErrorKind::kSourceGone);
  EXPECT_THAT(whole.error().message, HasSubstr("vssadmin"));
}

TEST(VssSnapshots, HaveNothingToRemoveAfterACrash) {
  Service service{.attempts = {{}}};
  EXPECT_TRUE(snapshots_of(service).remove("v", "name"));
  EXPECT_EQ(service.made, 0U);
}

}  // namespace
}  // namespace obhut::platform
