// The upload limit over a real connection and by a real clock. A busy machine makes a transfer
// slower, never faster.

#include <atomic>
#include <deque>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "agent/wire/cpprest_transport.h"
#include "agent/wire/upload_pace.h"
#include "tests/wire/tls_server.h"

namespace obhut::wire {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration;
using std::chrono::steady_clock;

struct Arrival {
  steady_clock::time_point at;
  std::size_t bytes = 0;
};

/// Notes when how much of a body of `length` bytes arrives, and answers at its end.
auto watching(std::size_t length, std::vector<Arrival>& arrivals) {
  return [length, &arrivals](TlsPeer& peer) {
    std::size_t seen = 0;
    while (seen < length) {
      const std::size_t got = peer.read_some();
      if (got == 0) return;
      seen += got;  // the head comes in a read of its own, and counts for next to nothing
      arrivals.push_back({steady_clock::now(), got});
    }
    peer.write(http_answer(200, ""));
    peer.stall();
  };
}

Request put(const std::string& url, ByteView body, Pace& pace) {
  Request request;
  request.method = Method::kPut;
  request.url = url;
  request.body = body;
  request.pace = &pace;
  request.deadline = 10s;
  return request;
}

/// The most within 5 s, in bytes a second. A machine that did not run us for a while delivers late
/// what was sent in time: such a stretch ends the window.
double fullest(const std::vector<Arrival>& arrivals) {
  constexpr auto kLate = 200ms;
  double most = 0;
  double sum = 0;
  std::deque<Arrival> window;
  for (const Arrival& arrival : arrivals) {
    if (!window.empty() && arrival.at - window.back().at > kLate) {
      window.clear();
      sum = 0;
    }
    window.push_back(arrival);
    sum += static_cast<double>(arrival.bytes);
    while (arrival.at - window.front().at > 5s) {
      sum -= static_cast<double>(window.front().bytes);
      window.pop_front();
    }
    most = std::max(most, sum);
  }
  return most / 5;
}

class PacedUpload : public testing::Test {
 protected:
  TestAuthority authority_;
  SystemClock clock_;
};

TEST_F(PacedUpload, KeepsWithinFivePercentOfTheLimit) {
  const auto measure = [this](std::uint64_t limit) {
    const Bytes body(limit * 7, std::uint8_t{5});
    std::vector<Arrival> arrivals;
    Result<Response> response = fail(ErrorKind::kInternal, "not sent");
    double took = 0;
    {
      TlsServer server(authority_, {}, watching(body.size(), arrivals));
      CpprestTransport transport(Trust{"", authority_.spki()});
      UploadPace pace(clock_, [=] { return limit; });
      const auto transfer = *pace.begin({});
      const auto begun = steady_clock::now();
      Request request = put(server.url(), body, *transfer);
      // For the line and the server; how long a limit takes is the plan's affair.
      request.deadline = 5s;
      response = transport.send(request, {});
      took = duration<double>(steady_clock::now() - begun).count();
    }
    ASSERT_TRUE(response) << response.error().message;
    const double rate = static_cast<double>(body.size()) / took;
    const auto wanted = static_cast<double>(limit);
    EXPECT_LE(rate, wanted * 1.05);
    EXPECT_GE(rate, wanted * 0.5) << "even on a busy machine";
    EXPECT_LE(fullest(arrivals), wanted * 1.08) << "with what a machine may deliver late";
    RecordProperty("percent_of_" + std::to_string(limit), static_cast<int>(rate / wanted * 100));
  };
  std::vector<std::jthread> together;
  for (const std::uint64_t limit : {8'000U, 400'000U, 5'000'000U}) {
    together.emplace_back([&, limit] { measure(limit); });
  }
}

TEST_F(PacedUpload, FindsAServerThatStallsAllTheSame) {
  TlsServer server(authority_, {}, [](TlsPeer& peer) { peer.stall(); });
  const Bytes body(40'000'000);
  CpprestTransport transport(Trust{"", authority_.spki()});
  UploadPace pace(clock_, [] { return 100'000'000U; });
  const auto transfer = *pace.begin({});
  Request request = put(server.url(), body, *transfer);
  request.deadline = 500ms;

  const Result<Response> response = transport.send(request, {});

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTimeout) << response.error().message;
}

TEST_F(PacedUpload, StopsAtOnceWhileItWaitsForTheLimit) {
  std::vector<Arrival> arrivals;
  const Bytes body(1'000'000);
  TlsServer server(authority_, {}, watching(body.size(), arrivals));
  CpprestTransport transport(Trust{"", authority_.spki()});
  UploadPace pace(clock_, [] { return 8'000U; });
  const auto transfer = *pace.begin({});
  std::stop_source stop;
  steady_clock::time_point asked;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(300ms);
    asked = steady_clock::now();
    stop.request_stop();
  });

  const Result<Response> response =
      transport.send(put(server.url(), body, *transfer), stop.get_token());
  const auto ended = steady_clock::now();
  stopper.join();

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kCancelled);
  EXPECT_LT(ended - asked, 30s) << "the body alone takes two minutes";
}

TEST_F(PacedUpload, SendsEveryByteInItsPlace) {
  std::string seen;
  std::mutex mutex;
  TlsServer server(authority_, {}, [&](TlsPeer& peer) {
    {
      const std::scoped_lock lock(mutex);
      seen = peer.read_request();
    }
    peer.write(http_answer(200, ""));
  });
  Bytes body(1'000'000);
  for (std::size_t i = 0; i < body.size(); ++i)
    body[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  CpprestTransport transport(Trust{"", authority_.spki()});
  UploadPace pace(clock_, [] { return 4'000'000U; });
  const auto transfer = *pace.begin({});

  const Result<Response> response = transport.send(put(server.url(), body, *transfer), {});

  ASSERT_TRUE(response) << response.error().message;
  const std::scoped_lock lock(mutex);
  EXPECT_TRUE(seen.ends_with(as_text(body)));
}

// As a proxy or a server does that restarts: the library notices only when it uses the connection.
TEST_F(PacedUpload, BeginsAgainWhereAKeptConnectionBreaksInTheMiddle) {
  std::atomic<int> seen = 0;
  std::atomic<std::size_t> arrived = 0;
  TlsServer server(authority_, {}, [&](TlsPeer& peer) {
    const bool first = seen++ == 0;
    const std::string request = peer.read_request();
    if (request.empty()) return;
    arrived = request.size();
    peer.write(http_answer(200, "ok"));
    if (first) peer.read_some();  // and hangs up in the middle of what comes
  });
  CpprestTransport transport(Trust{"", authority_.spki()});
  UploadPace pace(clock_, [] { return 20'000'000U; });
  const auto transfer = *pace.begin({});
  Request ask;
  ask.url = server.url();
  ASSERT_TRUE(transport.send(ask, {}));
  const Bytes body(8'000'000);

  const Result<Response> response = transport.send(put(server.url(), body, *transfer), {});

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_GT(arrived, body.size());
}

}  // namespace
}  // namespace obhut::wire
