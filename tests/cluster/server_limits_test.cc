// What a peer that is slow, silent, endless, lying or gone gets: a bounded amount of our time.

#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

#include "agent/base/guarded.h"
#include "service/cluster/http/server.h"
#include "service/cluster/tls/authority.h"
#include "tests/cluster/tls_client.h"

namespace obhut::cluster::http {
namespace {

using namespace std::chrono_literals;
using test::TlsClient;

class EchoApplication final : public Application {
 public:
  Admission admit(Request& request) override {
    Admission admission;
    if (request.path == "/refused") admission.refused = problem(403, "refused", "not you");
    admission.body_limit = 1U << 20U;
    if (request.path == "/full") {
      admission.body_limit = std::uint64_t{64} << 20U;
      request.sink = std::make_unique<FullDisk>();
    }
    return admission;
  }
  Response handle(Request& request, bool last) override {
    ++handled;
    if (request.path == "/wait" && !last && !topic->has_fired()) {
      Response response = empty(204);
      response.wait = topic;
      response.wait_for = 60s;
      return response;
    }
    Response response;
    response.content_type = "text/plain";
    response.body = std::to_string(request.body.size());
    return response;
  }

  /// Takes a mebibyte, then has no room.
  class FullDisk final : public BodySink {
   public:
    Result<void> write(ByteView bytes) override {
      taken_ += bytes.size();
      if (taken_ > std::size_t{1} << 20U) return fail(ErrorKind::kQuotaExceeded, "disk full");
      return {};
    }

   private:
    std::size_t taken_ = 0;
  };

  class Topic final : public Subscription {
   public:
    void on_change(std::function<void()> wake) override {
      wake_.with([&](auto& held) { held = std::move(wake); });
    }
    [[nodiscard]] bool has_fired() const { return has_fired_; }
    void fire() {
      has_fired_ = true;
      wake_.with([](auto& held) {
        if (held) held();
      });
    }

   private:
    std::atomic<bool> has_fired_ = false;
    Guarded<std::function<void()>> wake_;
  };
  std::shared_ptr<Topic> topic = std::make_shared<Topic>();
  std::atomic<int> handled{0};
};

class ServerLimits : public ::testing::Test {
 protected:
  void SetUp() override {
    const Instant now = SystemClock().now();
    const auto ca = tls::make_authority("test", now).value();
    const auto leaf = tls::issue_server(ca, {"localhost", "127.0.0.1"}, now).value();
    ca_pem = ca.pem;
    config.port = 0;
    config.certificate_chain = leaf.pem + ca.pem;
    config.private_key = leaf.key;
    config.workers = 2;
    start();
  }
  void start() {
    server.reset();
    auto started = Server::start(config, application, Log::silent());
    ASSERT_TRUE(started) << started.error().message;
    server = std::move(*started);
  }
  TlsClient connect(TlsClient::Handshake handshake = TlsClient::Handshake::kDo) {
    return TlsClient(server->port(), ca_pem, handshake);
  }
  /// The first byte of the first request has to come within the time for a header, so that a client
  /// that was held up is closed without a word; that of the second within the time to be idle.
  TlsClient connect_and_ask() {
    while (true) {
      TlsClient client = connect();
      if (client.request("GET", "/echo", {}, "")) return client;
    }
  }
  void wait_for_a_poll() {
    for (int i = 0; i < 2000 && server->counters().polls_waiting == 0; ++i)
      std::this_thread::sleep_for(5ms);
    ASSERT_EQ(server->counters().polls_waiting, 1u);
  }
  void expect_no_connections() {
    for (int i = 0; i < 800 && server->counters().connections_open > 0; ++i) {
      std::this_thread::sleep_for(10ms);
    }
    EXPECT_EQ(server->counters().connections_open, 0u);
  }
  static std::size_t descriptors() {
    std::size_t n = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
      ++n;
    return n;
  }

  std::string ca_pem;
  ServerConfig config;
  EchoApplication application;
  std::unique_ptr<Server> server;
};

// A client that sends sixteen mebibytes does not listen before it has sent them: cut off, it would
// take the full disk for a bad line, and try again.
TEST_F(ServerLimits, AFullDiskIsToldToAClientThatSendsOnAndTheConnectionStays) {
  TlsClient client = connect();
  ASSERT_TRUE(client.connected());
  for (int round = 0; round < 2; ++round) {
    const auto refused = client.request("PUT", "/full", {}, std::string(16U << 20U, 'x'));
    ASSERT_TRUE(refused) << "no answer";
    EXPECT_EQ(refused->status, 507);
    EXPECT_NE(refused->body.find("disk is full"), std::string::npos) << refused->body;
  }
  EXPECT_EQ(client.request("POST", "/echo", {}, "x")->status, 200);
  EXPECT_EQ(application.handled, 1) << "what could not be stored is not handled";
}

TEST_F(ServerLimits, ServesManyRequestsOnOneConnection) {
  TlsClient client = connect();
  ASSERT_TRUE(client.connected());
  for (const std::size_t size : {0U, 1U, 4096U, 70'000U, 1U << 20U}) {
    const auto reply = client.request("POST", "/echo", {}, std::string(size, 'x'));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->body, std::to_string(size));
  }
}

TEST_F(ServerLimits, ReadsAChunkedBody) {
  TlsClient client = connect();
  ASSERT_TRUE(
      client.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"));
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, "11");
}

TEST_F(ServerLimits, AnswersPipelinedRequestsInOrder) {
  TlsClient client = connect();
  ASSERT_TRUE(
      client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
                  "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde"
                  "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"));
  for (const char* want : {"3", "5", "0"}) {
    const auto reply = client.receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->body, want);
  }
}

TEST_F(ServerLimits, ClosesAConnectionThatNeverSpeaksTls) {
  config.limits.handshake = 300ms;
  start();
  TlsClient client = connect(TlsClient::Handshake::kSkip);
  EXPECT_TRUE(client.closed_within(20s));
  expect_no_connections();
  EXPECT_EQ(server->counters().handshakes_failed, 1u);
}

TEST_F(ServerLimits, ClosesAConnectionThatSpeaksGarbageInsteadOfTls) {
  TlsClient client = connect(TlsClient::Handshake::kSkip);
  ASSERT_TRUE(client.send_plain("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  expect_no_connections();
}

TEST_F(ServerLimits, AnswersSlowHeadersWith408) {
  config.limits.header = 800ms;
  start();
  TlsClient client = connect_and_ask();
  ASSERT_TRUE(client.send("GET /echo HTTP/1.1\r\nHost: "));
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(250ms);
    (void)client.send("x");  // ignored: the server may have closed by now
  }
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 408);
  client.abort(false);
  expect_no_connections();
}

// While bytes keep coming the server is often between two steps of its reading when the time is
// over.
TEST_F(ServerLimits, AnswersHeadersThatNeverEndWith408HoweverFastTheyTrickle) {
  config.limits.header = 60ms;
  start();
  for (int i = 0; i < 5; ++i) {
    TlsClient client = connect_and_ask();
    ASSERT_TRUE(client.send("GET /echo HTTP/1.1\r\nX: "));
    const auto until = std::chrono::steady_clock::now() + 300ms;
    for (int sent = 0; sent < 15'000 && std::chrono::steady_clock::now() < until; ++sent) {
      if (!client.send("x")) break;
    }
    const auto reply = client.receive();
    ASSERT_TRUE(reply) << "connection " << i;
    EXPECT_EQ(reply->status, 408) << "connection " << i;
  }
}

TEST_F(ServerLimits, ClosesAnIdleConnection) {
  config.limits.idle = 500ms;
  start();
  TlsClient client = connect();
  ASSERT_TRUE(client.request("GET", "/echo", {}, ""));
  EXPECT_TRUE(client.closed_within(20s));
}

TEST_F(ServerLimits, AnswersHeadersThatAreTooLargeWith431) {
  TlsClient client = connect();
  const auto reply = client.request("GET", "/echo", {{"X-Large", std::string(64'000, 'x')}}, "");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 431);
}

TEST_F(ServerLimits, AnswersABodyAnnouncedTooLargeWith413BeforeItIsSent) {
  TlsClient client = connect();
  ASSERT_TRUE(client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"));
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 413);
  EXPECT_EQ(application.handled, 0);
}

TEST_F(ServerLimits, AnswersAChunkedBodyThatGrowsTooLargeWith413) {
  TlsClient client = connect();
  std::string body;
  for (int i = 0; i < 20; ++i) body += "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  ASSERT_TRUE(client.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"));
  (void)client.send(body);  // ignored: refused before its end
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 413);
}

TEST_F(ServerLimits, AnswersABodyThatDoesNotComeWith408) {
  config.limits.block = 500ms;
  start();
  TlsClient client = connect();
  ASSERT_TRUE(client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"));
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 408);
}

TEST_F(ServerLimits, NeverHandlesABodyThatEndsEarly) {
  {
    TlsClient client = connect();
    ASSERT_TRUE(client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"));
    client.abort(true);
  }
  expect_no_connections();
  EXPECT_EQ(application.handled, 0);
}

TEST_F(ServerLimits, SendsContinueOnlyToWhomItWillListen) {
  TlsClient welcome = connect();
  ASSERT_TRUE(welcome.send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"));
  const auto interim = welcome.receive();
  ASSERT_TRUE(interim);
  EXPECT_EQ(interim->status, 100);
  ASSERT_TRUE(welcome.send("abc"));
  EXPECT_EQ(welcome.receive()->body, "3");

  TlsClient unwelcome = connect();
  ASSERT_TRUE(unwelcome.send(
      "POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(unwelcome.receive()->status, 403);
}

struct Malformed {
  const char* name;
  const char* request;
  int status;
};
class MalformedRequest : public ServerLimits, public ::testing::WithParamInterface<Malformed> {};

TEST_P(MalformedRequest, IsRefusedAndTheConnectionEnds) {
  TlsClient client = connect();
  ASSERT_TRUE(client.send(GetParam().request));
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, GetParam().status);
  EXPECT_EQ(application.handled, 0);
}

INSTANTIATE_TEST_SUITE_P(
    All, MalformedRequest,
    ::testing::Values(
        Malformed{"garbage", "\x01\x02\x03 / HTTP/1.1\r\n\r\n", 400},
        Malformed{"no_version", "GET /echo\r\n\r\n", 400},
        Malformed{"bad_header", "GET /echo HTTP/1.1\r\nHost x\r\n\r\n", 400},
        Malformed{
            "bad_chunk",
            "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nab\r\n",
            400},
        Malformed{"both_lengths",
                  "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                  400},
        Malformed{
            "two_lengths",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            400},
        Malformed{"negative_length", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                  400},
        Malformed{"two_hosts", "GET /echo HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
        Malformed{"dots", "GET /a/../b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        Malformed{"encoded_slash", "GET /a%2Fb HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        Malformed{"nul", "GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        Malformed{"absolute", "GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        Malformed{"method", "BREW /echo HTTP/1.1\r\nHost: x\r\n\r\n", 405},
        Malformed{"expectation", "GET /echo HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", 417}),
    [](const auto& test) { return test.param.name; });

TEST_F(ServerLimits, LeaksNoDescriptorToAbortedHandshakesAndResetPolls) {
  TlsClient warm = connect();
  ASSERT_TRUE(warm.request("GET", "/echo", {}, ""));
  warm.abort(false);
  expect_no_connections();
  const std::size_t before = descriptors();
  for (int i = 0; i < 100; ++i) {
    TlsClient half = connect(TlsClient::Handshake::kSkip);
    ASSERT_TRUE(half.send_plain("\x16\x03\x01"));
    half.abort(i % 2 == 0);
    TlsClient poll = connect();
    ASSERT_TRUE(poll.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"));
    poll.abort(i % 2 == 0);
  }
  expect_no_connections();
  // A connection is counted out just before its socket is closed.
  for (int i = 0; i < 800 && descriptors() != before; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(descriptors(), before);
}

TEST_F(ServerLimits, NoticesThatAWaitingPollerHasGone) {
  TlsClient poll = connect();
  ASSERT_TRUE(poll.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"));
  wait_for_a_poll();
  poll.abort(false);
  expect_no_connections();  // long before the poll's own end
}

TEST_F(ServerLimits, AnswersTheRequestPipelinedBehindAWaitingPoll) {
  TlsClient client = connect();
  ASSERT_TRUE(client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"));
  wait_for_a_poll();
  ASSERT_TRUE(client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"));
  std::this_thread::sleep_for(100ms);
  application.topic->fire();
  const auto polled = client.receive();
  ASSERT_TRUE(polled);
  const auto echoed = client.receive();
  ASSERT_TRUE(echoed);
  EXPECT_EQ(echoed->body, "3");
}

TEST_F(ServerLimits, RefusesConnectionsBeyondTheCap) {
  config.limits.connections = 2;
  start();
  TlsClient first = connect();
  TlsClient second = connect();
  ASSERT_TRUE(first.connected() && second.connected());
  TlsClient third = connect();
  EXPECT_FALSE(third.connected());
  first.abort(false);
  for (int i = 0; i < 800 && server->counters().connections_open > 1; ++i)
    std::this_thread::sleep_for(10ms);
  TlsClient fourth = connect();
  EXPECT_TRUE(fourth.request("GET", "/echo", {}, ""));
}

TEST_F(ServerLimits, EndsAConnectionAfterItsShareOfRequests) {
  config.limits.requests_per_connection = 3;
  start();
  TlsClient client = connect();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client.request("GET", "/echo", {}, ""));
  EXPECT_TRUE(client.closed_within(20s));
}

TEST_F(ServerLimits, StopsWithPollsWaitingAndConnectionsIdle) {
  TlsClient poll = connect();
  ASSERT_TRUE(poll.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"));
  wait_for_a_poll();
  TlsClient idle = connect();
  ASSERT_TRUE(idle.request("GET", "/echo", {}, ""));

  server->stop(20s);

  const auto reply = poll.receive();
  ASSERT_TRUE(reply) << "a waiting poll is answered, not cut";
  EXPECT_EQ(reply->status, 200);
}

}  // namespace
}  // namespace obhut::cluster::http
