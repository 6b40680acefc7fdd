#include "agent/pipeline/work_queue.h"

#include <array>
#include <atomic>
#include <map>
#include <thread>

#include <gtest/gtest.h>

namespace obhut::pipeline {
namespace {

using namespace std::chrono_literals;

BlobId id_of(std::uint32_t number) {
  std::array<std::uint8_t, BlobId::kSize> bytes{};
  bytes[0] = static_cast<std::uint8_t>(number);
  bytes[1] = static_cast<std::uint8_t>(number >> 8U);
  return BlobId(bytes);
}

Result<void> nothing_comes(const BlobId& /*id*/, ByteView /*chunk*/) {
  ADD_FAILURE() << "a chunk that nobody offered";
  return {};
}

ReadJob job_of(std::size_t files) {
  ReadJob job;
  for (std::size_t i = 0; i < files; ++i) job.works.push_back(std::make_shared<FileWork>());
  return job;
}

TEST(WorkQueue, HandsOutJobsInOrderAndEnds) {
  WorkQueue queue(4);
  for (const std::size_t files : {1U, 2U, 3U}) EXPECT_TRUE(queue.push(job_of(files), {}));
  queue.close();
  EXPECT_FALSE(queue.push(job_of(4), {}));
  for (const std::size_t files : {1U, 2U, 3U}) {
    const auto job = queue.next(nothing_comes, {});
    ASSERT_TRUE(job && *job);
    EXPECT_EQ((**job).works.size(), files);
    queue.done();
  }
  const auto end = queue.next(nothing_comes, {});
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);
}

TEST(WorkQueue, TakesNoChunkWhereNobodyWaits) {
  WorkQueue queue(4);
  EXPECT_TRUE(queue.push(job_of(1), {}));
  ASSERT_TRUE(queue.next(nothing_comes, {}));
  EXPECT_FALSE(queue.offer(id_of(1), Bytes(1000)));
}

TEST(WorkQueue, AStopEndsWhoWaits) {
  WorkQueue queue(1);
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(20ms);
    stop.request_stop();
  });
  const auto waited = queue.next(nothing_comes, stop.get_token());
  ASSERT_TRUE(waited);
  EXPECT_FALSE(*waited);
}

TEST(WorkQueue, AnErrorOfTheStoreGoesUp) {
  WorkQueue queue(2);
  EXPECT_TRUE(queue.push(job_of(1), {}));
  ASSERT_TRUE(queue.next(nothing_comes, {}));
  Result<std::optional<ReadJob>> helped;
  std::jthread helper([&] {
    helped = queue.next(
        [](const BlobId&, ByteView) -> Result<void> { return fail(ErrorKind::kCrypto, "seal"); },
        {});
  });
  while (!queue.offer(id_of(1), Bytes(1000))) std::this_thread::yield();
  helper.join();
  ASSERT_FALSE(helped);
  EXPECT_EQ(helped.error().kind, ErrorKind::kCrypto);
}

// Each reader offers many chunks; all are stored once, with the bytes that were offered, before
// the last worker leaves.
TEST(WorkQueue, NoChunkIsLostHoweverWorkersComeAndGo) {
  constexpr std::uint32_t kJobs = 24;
  constexpr std::uint32_t kChunks = 60;
  WorkQueue queue(3);
  std::mutex mutex;
  std::map<BlobId, Bytes> stored;
  std::atomic<std::uint32_t> next_number{0};
  std::atomic<std::uint32_t> helped{0};
  const auto keep = [&](const BlobId& id, ByteView chunk) {
    const std::scoped_lock lock(mutex);
    EXPECT_TRUE(stored.emplace(id, Bytes(chunk.begin(), chunk.end())).second);
    return Result<void>{};
  };
  const auto chunk_of = [](std::uint32_t number) {
    return Bytes(1 + number * 37 % 5000, static_cast<std::uint8_t>(number * 7));
  };
  const auto work = [&] {
    for (;;) {
      const auto job = queue.next(
          [&](const BlobId& id, ByteView chunk) {
            ++helped;
            return keep(id, chunk);
          },
          {});
      ASSERT_TRUE(job);
      if (!*job) return;
      for (std::uint32_t i = 0; i < kChunks; ++i) {
        const std::uint32_t number = next_number++;
        const Bytes chunk = chunk_of(number);
        if (queue.offer(id_of(number), chunk)) continue;
        ASSERT_TRUE(keep(id_of(number), chunk));
      }
      queue.done();
    }
  };
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < 4; ++i) workers.emplace_back(work);
    for (std::uint32_t i = 0; i < kJobs; ++i) {
      EXPECT_TRUE(queue.push(job_of(1), {}));
      if (i % 5 == 0) std::this_thread::sleep_for(2ms);
    }
    // The last job meets workers that have nothing else to do.
    std::this_thread::sleep_for(5ms);
    EXPECT_TRUE(queue.push(job_of(1), {}));
    queue.close();
  }
  ASSERT_EQ(stored.size(), std::size_t{kJobs + 1} * kChunks);
  for (std::uint32_t number = 0; number < stored.size(); ++number) {
    EXPECT_EQ(stored[id_of(number)], chunk_of(number)) << number;
  }
  EXPECT_GT(helped, 0U);
}

TEST(WorkQueue, HoldsFewBytesOfWhatIsOffered) {
  WorkQueue queue(2);
  EXPECT_TRUE(queue.push(job_of(1), {}));
  ASSERT_TRUE(queue.next(nothing_comes, {}));
  std::atomic<bool> go{false};
  std::atomic<std::size_t> bytes{0};
  std::jthread helper([&] {
    const auto end = queue.next(
        [&](const BlobId&, ByteView chunk) {
          while (!go) std::this_thread::yield();
          bytes += chunk.size();
          return Result<void>{};
        },
        {});
    EXPECT_TRUE(end && !*end);
  });
  const Bytes chunk(1U << 20U);
  std::size_t accepted = 0;
  while (accepted == 0) accepted += queue.offer(id_of(0), chunk) ? chunk.size() : 0;
  std::this_thread::sleep_for(20ms);  // the helper holds that one
  for (std::uint32_t i = 1; i < 100; ++i) {
    accepted += queue.offer(id_of(i), chunk) ? chunk.size() : 0;
  }
  EXPECT_LE(accepted, 4U << 20U);
  go = true;
  queue.done();
  queue.close();
  helper.join();
  EXPECT_EQ(bytes, accepted);
}

}  // namespace
}  // namespace obhut::pipeline
