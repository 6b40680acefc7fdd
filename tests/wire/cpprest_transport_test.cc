#include "agent/wire/cpprest_transport.h"

#include <atomic>
#include <condition_variable>
#include <mutex>

#include <gtest/gtest.h>

#include "tests/wire/tls_server.h"

namespace obhut::wire {
namespace {

using namespace std::chrono_literals;

Request get(const std::string& url) {
  Request request;
  request.url = url;
  request.deadline = 10s;
  return request;
}

/// Answers every request of a connection with the same bytes.
auto always(std::string answer) {
  return [answer = std::move(answer)](TlsPeer& peer) {
    while (!peer.read_request().empty()) peer.write(answer);
  };
}

class Transporting : public testing::Test {
 protected:
  TestAuthority authority_;
  CpprestTransport pinned_{Trust{"", authority_.spki()}};
};

TEST_F(Transporting, GivesStatusHeadersAndBodyOfAnyAnswer) {
  TlsServer server(authority_, {}, always(http_answer(418, "short and stout", "X-Pot: tea\r\n")));

  const Result<Response> response = pinned_.send(get(server.url()), {});

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 418);
  EXPECT_EQ(as_text(response->body), "short and stout");
  EXPECT_EQ(response->header("x-pot"), "tea");
}

TEST_F(Transporting, SendsBodyAndHeadersAsTheyAre) {
  std::mutex mutex;
  std::string seen;
  TlsServer server(authority_, {}, [&](TlsPeer& peer) {
    {
      const std::scoped_lock lock(mutex);
      seen = peer.read_request();
    }
    peer.write(http_answer(200, ""));
  });
  Bytes body(300'000);
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<std::uint8_t>(i * 7);
  Request request = get(server.url("/a%2Fb?signed=x%2By"));
  request.method = Method::kPut;
  request.headers = {{"X-Amz-Content-Sha256", "abc"}};
  request.body = body;

  const Result<Response> response = pinned_.send(request, {});

  ASSERT_TRUE(response) << response.error().message;
  const std::scoped_lock lock(mutex);
  EXPECT_TRUE(seen.starts_with("PUT /a%2Fb?signed=x%2By HTTP/1.1\r\n")) << seen.substr(0, 100);
  EXPECT_NE(seen.find("X-Amz-Content-Sha256:abc\r\n"), std::string::npos);
  EXPECT_NE(seen.find("Content-Length:300000\r\n"), std::string::npos);
  EXPECT_TRUE(seen.ends_with(as_text(body)));
}

TEST_F(Transporting, TrustsAnAuthorityByItsCertificateToo) {
  TlsServer server(authority_, {}, always(http_answer(200, "ok")));
  CpprestTransport transport(Trust{authority_.pem(), std::nullopt});

  EXPECT_TRUE(transport.send(get(server.url()), {}));
}

TEST_F(Transporting, KeepsTheConnectionBetweenRequests) {
  TlsServer server(authority_, {}, always(http_answer(200, "ok")));

  for (int i = 0; i < 50; ++i) ASSERT_TRUE(pinned_.send(get(server.url()), {}));

  // The library gives an answer a moment before it puts the connection back.
  EXPECT_LT(server.connections(), 45);
}

// As a proxy or a server does that restarts: the library notices only when it uses the connection.
TEST_F(Transporting, AsksAgainWhereAKeptConnectionBreaksInTheMiddleOfARequest) {
  std::atomic<int> seen = 0;
  TlsServer server(authority_, {}, [&](TlsPeer& peer) {
    const bool first = seen++ == 0;
    if (peer.read_request().empty()) return;
    peer.write(http_answer(200, "ok"));
    if (!first) return;
    peer.read_some();  // and hangs up in the middle of what comes
  });
  ASSERT_TRUE(pinned_.send(get(server.url()), {}));
  const Bytes body(20'000'000);
  Request request = get(server.url());
  request.method = Method::kPut;
  request.body = body;

  const Result<Response> response = pinned_.send(request, {});

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(server.connections(), 2);
}

struct Distrusted {
  const char* what;
  CertificateWish wish;
};

TEST_F(Transporting, RefusesCertificatesThatAreNotForThisHostOrTime) {
  const Distrusted cases[] = {
      {"another host", {"example.org"}},
      {"an address instead of the name", {"127.0.0.1"}},
      {"expired ten days ago", {"localhost", -720h, -240h}},
      {"valid in ten days", {"localhost", 240h, 720h}},
  };
  for (const Distrusted& wrong : cases) {
    TlsServer server(authority_, wrong.wish, always(http_answer(200, "ok")));

    const Result<Response> response = pinned_.send(get(server.url()), {});

    ASSERT_FALSE(response) << wrong.what;
    EXPECT_EQ(response.error().kind, ErrorKind::kRefused) << wrong.what << response.error().message;
  }
}

// An endpoint whose clock is two days slow or fast.
TEST_F(Transporting, AllowsForAClockThatIsTwoDaysOff) {
  for (const CertificateWish& wish :
       {CertificateWish{"localhost", 47h, 720h}, CertificateWish{"localhost", -720h, -47h}}) {
    TlsServer server(authority_, wish, always(http_answer(200, "ok")));

    const Result<Response> response = pinned_.send(get(server.url()), {});

    EXPECT_TRUE(response) << response.error().message;
  }
}

TEST_F(Transporting, RefusesAnotherAuthority) {
  TestAuthority other;
  TlsServer server(other, {}, always(http_answer(200, "ok")));
  CpprestTransport by_certificate(Trust{authority_.pem(), std::nullopt});
  CpprestTransport by_both(Trust{other.pem(), authority_.spki()});
  CpprestTransport by_nothing(Trust{});

  for (CpprestTransport* transport : {&pinned_, &by_certificate, &by_both, &by_nothing}) {
    const Result<Response> response = transport->send(get(server.url()), {});

    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().kind, ErrorKind::kRefused) << response.error().message;
  }
}

// Anybody can get a certificate from an authority in the system's store.
TEST_F(Transporting, NeverAsksTheSystemsCertificates) {
  TestAuthority other;
  const std::string file = testing::TempDir() + "/system_ca.pem";
  FILE* out = std::fopen(file.c_str(), "w");
  ASSERT_NE(out, nullptr);
  std::fputs(other.pem().c_str(), out);
  std::fclose(out);
  setenv("SSL_CERT_FILE", file.c_str(), 1);
  TlsServer server(other, {}, always(http_answer(200, "ok")));

  const Result<Response> response = pinned_.send(get(server.url()), {});
  unsetenv("SSL_CERT_FILE");

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kRefused);
}

TEST_F(Transporting, FollowsNoRedirectSoThatCredentialsStayWithTheirOrigin) {
  TlsServer elsewhere(authority_, {}, always(http_answer(200, "stolen")));
  TlsServer server(authority_, {},
                   always(http_answer(307, "", "Location: " + elsewhere.url("/x") + "\r\n")));
  Request request = get(server.url());
  request.headers = {{"Authorization", "Bearer secret"}};

  const Result<Response> response = pinned_.send(request, {});

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 307);
  EXPECT_EQ(elsewhere.connections(), 0);
}

TEST_F(Transporting, EndsAtTheDeadlineHoweverTheServerStalls) {
  const std::function<void(TlsPeer&)> stalls[] = {
      [](TlsPeer& peer) { peer.stall(); },
      [](TlsPeer& peer) {
        peer.read_request();
        peer.write("HTTP/1.1 200 OK\r\nContent-Le");
        peer.stall();
      },
      [](TlsPeer& peer) {
        peer.read_request();
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        peer.stall();
      },
      // One byte now and then resets the library's own time-out for ever.
      [](TlsPeer& peer) {
        peer.read_request();
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
        for (int i = 0; i < 30; ++i) {
          peer.write("x");
          std::this_thread::sleep_for(50ms);
        }
      },
  };
  for (const auto& stall : stalls) {
    TlsServer server(authority_, {}, stall);
    Request request = get(server.url());
    request.deadline = 300ms;

    const Result<Response> response = pinned_.send(request, {});

    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().kind, ErrorKind::kTimeout) << response.error().message;
  }
}

TEST_F(Transporting, EndsWhenAskedToStop) {
  TlsServer server(authority_, {}, [](TlsPeer& peer) { peer.stall(); });
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(100ms);
    stop.request_stop();
  });

  const Result<Response> response = pinned_.send(get(server.url()), stop.get_token());

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kCancelled);
}

TEST_F(Transporting, LetsGoOfTheBodyBeforeItReturns) {
  TlsServer server(authority_, {}, [](TlsPeer& peer) { peer.stall(); });
  for (int i = 0; i < 10; ++i) {
    Bytes body(4U << 20U, std::uint8_t{1});
    Request request = get(server.url());
    request.method = Method::kPut;
    request.deadline = 50ms;
    request.body = body;
    EXPECT_FALSE(pinned_.send(request, {}));
    // Under the address sanitizer a read after this would be reported.
  }
}

struct BadAnswer {
  const char* what;
  std::string bytes;
  std::vector<ErrorKind> kinds;
};

TEST_F(Transporting, NamesAnswersThatCannotBeBelieved) {
  const std::string long_body(200'000, 'x');
  const BadAnswer cases[] = {
      {"no HTTP at all",
       "garbage garbage garbage\r\n\r\n",
       {ErrorKind::kCorrupt, ErrorKind::kUnavailable}},
      {"claims an endless body",
       "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\nx",
       {ErrorKind::kCorrupt}},
      {"a length that is no number",
       "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nx",
       {ErrorKind::kCorrupt, ErrorKind::kUnavailable}},
      {"more than asked for", http_answer(200, long_body), {ErrorKind::kCorrupt}},
      {"more than asked for, no length",
       "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + long_body,
       {ErrorKind::kCorrupt}},
      {"a chunk of any size",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\nx",
       {ErrorKind::kCorrupt}},
      {"less than it says",
       "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
       {ErrorKind::kUnavailable}},
      {"nothing", "", {ErrorKind::kUnavailable}},
  };
  for (const BadAnswer& bad : cases) {
    TlsServer server(authority_, {}, [&](TlsPeer& peer) {
      peer.read_request();
      peer.write(bad.bytes);
    });
    Request request = get(server.url());
    request.max_response = 100'000;

    const Result<Response> response = pinned_.send(request, {});

    ASSERT_FALSE(response) << bad.what;
    EXPECT_NE(std::ranges::find(bad.kinds, response.error().kind), bad.kinds.end())
        << bad.what << ": " << response.error().message;
  }
}

TEST_F(Transporting, IsUnavailableWhereNobodyListens) {
  std::string url;
  {
    TlsServer server(authority_, {}, always(""));
    url = server.url();
  }

  const Result<Response> response = pinned_.send(get(url), {});

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kUnavailable) << response.error().message;
}

TEST_F(Transporting, SurvivesThatAReusedConnectionIsDropped) {
  TlsServer server(authority_, {}, [](TlsPeer& peer) {
    if (peer.read_request().empty()) return;
    peer.write(http_answer(200, "ok"));
  });  // and closes without saying so
  Request request = get(server.url());
  request.method = Method::kPost;
  const Bytes body(100'000, std::uint8_t{3});
  request.body = body;

  int answered = 0;
  for (int i = 0; i < 5; ++i) {
    const Result<Response> response = pinned_.send(request, {});
    ASSERT_TRUE(response || response.error().kind == ErrorKind::kUnavailable)
        << response.error().message;
    if (response) ++answered;
  }

  EXPECT_GE(answered, 3) << "a dropped connection is not used twice";
}

TEST_F(Transporting, RefusesWhatWouldSmuggleAHeaderOrLeaveTls) {
  TlsServer server(authority_, {}, always(http_answer(200, "ok")));
  Request smuggling = get(server.url());
  smuggling.headers = {{"X-A", "b\r\nAuthorization: mine"}};

  EXPECT_EQ(pinned_.send(smuggling, {}).error().kind, ErrorKind::kInvalidInput);
  for (const char* url : {"http://localhost/", "ftp://localhost/", "localhost", "https://", "",
                          "https://local host/", "https://localhost/\r\nX: y"}) {
    const Result<Response> response = pinned_.send(get(url), {});
    ASSERT_FALSE(response) << url;
    EXPECT_EQ(response.error().kind, ErrorKind::kInvalidInput) << url;
  }
}

TEST_F(Transporting, RunsManyRequestsAtOnceAndNeverMoreThanEight) {
  std::mutex mutex;
  std::condition_variable more;
  int now = 0;
  int most = 0;
  TlsServer server(authority_, {}, [&](TlsPeer& peer) {
    while (!peer.read_request().empty()) {
      {
        std::unique_lock lock(mutex);
        most = std::max(most, ++now);
        more.notify_all();
        more.wait_for(lock, 10s, [&] { return most >= 8; });
      }
      std::this_thread::sleep_for(20ms);
      {
        const std::scoped_lock lock(mutex);
        --now;
      }
      peer.write(http_answer(200, "ok"));
    }
  });
  std::vector<std::jthread> callers;
  std::atomic<int> good = 0;

  for (int i = 0; i < 20; ++i) {
    callers.emplace_back([&] {
      for (int k = 0; k < 3; ++k) good += pinned_.send(get(server.url()), {}) ? 1 : 0;
    });
  }
  callers.clear();

  EXPECT_EQ(good, 60);
  EXPECT_EQ(most, 8);
}

}  // namespace
}  // namespace obhut::wire
