// Where webhooks may go, and how they are signed.

#include <condition_variable>
#include <dlfcn.h>
#include <mutex>
#include <netdb.h>

#include <gtest/gtest.h>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "service/cluster/outgoing/address.h"
#include "service/cluster/outgoing/https_post.h"
#include "service/cluster/outgoing/target.h"
#include "service/cluster/webhook_signature.h"

namespace {

/// A name server that says nothing.
struct Silence {
  std::mutex mutex;
  std::condition_variable changed;
  bool over = false;
  int asked = 0;
  int ended = 0;
};
Silence& silence() {
  // Never taken down: a lookup that begins late may outlive main().
  static auto* const kOne = new Silence;
  return *kOne;
}

}  // namespace

// Takes the place of the system's, for the HTTP library too.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** found) {
  if (node != nullptr && std::string_view(node) == "silent.example") {
    Silence& here = silence();
    std::unique_lock lock(here.mutex);
    ++here.asked;
    here.changed.wait(lock, [&] { return here.over; });
    ++here.ended;
    here.changed.notify_all();
    return EAI_AGAIN;
  }
  using Function = decltype(&getaddrinfo);
  static const auto kSystem = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return kSystem(node, service, hints, found);
}

namespace obhut::cluster {
namespace {

using namespace std::chrono_literals;

using outgoing::Address;
using outgoing::AddressPolicy;
using outgoing::Network;

/// What the policy says of it; "public" where it lets it pass.
std::string judged(const std::string& text, const AddressPolicy& policy = {}) {
  const auto address = Address::parse(text);
  if (!address) return "no address";
  const auto done = policy.judge(*address);
  if (done) return "public";
  const std::string& message = done.error().message;
  const std::size_t open = message.find('(');
  return message.substr(open + 1, message.find(')') - open - 1);
}

TEST(Addresses, AreJudgedByWhatTheyAre) {
  const std::pair<const char*, const char*> table[] = {
      {"93.184.216.34", "public"},
      {"1.1.1.1", "public"},
      {"100.63.255.255", "public"},
      {"100.128.0.0", "public"},
      {"172.15.255.255", "public"},
      {"172.32.0.0", "public"},
      {"192.167.255.255", "public"},
      {"198.17.255.255", "public"},
      {"198.20.0.0", "public"},
      {"223.255.255.255", "public"},
      {"2606:2800:220:1::1", "public"},
      {"2a00:1450:4001::1", "public"},
      {"3ffe::1", "public"},
      {"0.0.0.0", "unspecified"},
      {"0.1.2.3", "unspecified"},
      {"10.0.0.0", "private"},
      {"10.255.255.255", "private"},
      {"100.64.0.0", "shared by a carrier"},
      {"100.127.255.255", "shared by a carrier"},
      {"127.0.0.1", "loopback"},
      {"127.255.255.255", "loopback"},
      {"169.254.169.254", "link-local"},
      {"172.16.0.0", "private"},
      {"172.31.255.255", "private"},
      {"192.0.0.8", "reserved"},
      {"192.0.2.1", "documentation"},
      {"192.88.99.1", "reserved"},
      {"192.168.255.255", "private"},
      {"198.18.0.1", "benchmark"},
      {"198.19.255.255", "benchmark"},
      {"198.51.100.7", "documentation"},
      {"203.0.113.9", "documentation"},
      {"224.0.0.1", "multicast"},
      {"239.255.255.255", "multicast"},
      {"240.0.0.1", "reserved"},
      {"255.255.255.255", "broadcast"},
      {"::", "unspecified"},
      {"::1", "loopback"},
      {"::2", "reserved"},
      {"fc00::1", "private"},
      {"fdff:ffff::1", "private"},
      {"fe80::1", "link-local"},
      {"febf::1", "link-local"},
      {"fec0::1", "private"},
      {"ff02::1", "multicast"},
      {"2001:db8::1", "documentation"},
      {"3fff:fff::1", "documentation"},
      {"2001::1", "reserved"},     // Teredo
      {"2001:20::1", "reserved"},  // ORCHID
      {"100::1", "reserved"},      // discarded
      {"5f00::1", "reserved"},     // segment routing
      {"4000::1", "reserved"},     // given to nobody
      // IPv4 inside: mapped, compatible, behind a translator, through a tunnel.
      {"::ffff:127.0.0.1", "loopback"},
      {"::ffff:10.1.2.3", "private"},
      {"::ffff:93.184.216.34", "public"},
      {"::127.0.0.1", "reserved"},
      {"::93.184.216.34", "reserved"},
      {"64:ff9b::127.0.0.1", "loopback"},
      {"64:ff9b::a01:203", "private"},
      {"64:ff9b::93.184.216.34", "public"},
      {"64:ff9b:1::1", "reserved"},
      {"2002:7f00:1::", "loopback"},
      {"2002:a9fe:a9fe::1", "link-local"},
      {"2002:5db8:d822::1", "public"},
      {"fe80::1%eth0", "no address"},
      {"0x7f.1", "no address"},
      {"127.1", "no address"},
      {"2130706433", "no address"},
      {"", "no address"},
  };
  for (const auto& [text, want] : table) EXPECT_EQ(judged(text), want) << text;
}

TEST(Addresses, AreWrittenAsTheyAreUsuallyRead) {
  EXPECT_EQ(Address::parse("::ffff:10.1.2.3")->text(), "10.1.2.3");
  EXPECT_EQ(Address::parse("2001:0db8:0::1")->text(), "2001:db8::1");
  EXPECT_EQ(*Address::parse("::ffff:10.1.2.3"), *Address::parse("10.1.2.3"));
}

TEST(Addresses, MayBeOpenedAndClosedByTheProvider) {
  const auto policy = AddressPolicy::parse({"127.0.0.0/8", "fd00:1::/32", "10.2.0.0/16"},
                                           {"93.184.216.0/24", "10.2.3.4", "2a00::/16"});
  ASSERT_TRUE(policy) << policy.error().message;

  EXPECT_EQ(judged("127.0.0.1", *policy), "public");
  EXPECT_EQ(judged("::ffff:127.0.0.1", *policy), "public");
  EXPECT_EQ(judged("64:ff9b::127.0.0.1", *policy), "public");
  EXPECT_EQ(judged("fd00:1:2::3", *policy), "public");
  EXPECT_EQ(judged("fd00:2::3", *policy), "private");
  EXPECT_EQ(judged("10.2.3.3", *policy), "public");
  EXPECT_EQ(judged("10.2.3.4", *policy), "refused by the provider");
  EXPECT_EQ(judged("10.3.0.1", *policy), "private");
  EXPECT_EQ(judged("93.184.216.34", *policy), "refused by the provider");
  EXPECT_EQ(judged("2002:5db8:d822::1", *policy), "refused by the provider");
  EXPECT_EQ(judged("2a00:1::1", *policy), "refused by the provider");
  EXPECT_EQ(judged("1.1.1.1", *policy), "public");
}

TEST(Addresses, NetworksAreReadStrictly) {
  for (const char* bad : {"", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "::/129",
                          "10.0.0.1/8", "fc00::1/7", "10.0.0/8", "example.org", "/8"}) {
    const auto network = Network::parse(bad);
    ASSERT_FALSE(network) << bad;
    EXPECT_EQ(network.error().kind, ErrorKind::kInvalidInput);
  }
  EXPECT_TRUE(Network::parse("0.0.0.0/0")->contains(*Address::parse("8.8.8.8")));
  EXPECT_FALSE(Network::parse("0.0.0.0/0")->contains(*Address::parse("2a00::1")));
  EXPECT_TRUE(Network::parse("::/0")->contains(*Address::parse("8.8.8.8")));
}

TEST(Targets, AreReadAsTheyWillBeCalled) {
  const auto plain = outgoing::parse_target("https://Hooks.Example.org/a/../b?c=d");
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(plain->port, 443);
  EXPECT_EQ(plain->url, "https://Hooks.Example.org/b?c=d");
  EXPECT_EQ(outgoing::parse_target("https://example.org:8443")->port, 8443);
  EXPECT_EQ(outgoing::parse_target("https://[2001:db8::1]:65535/")->host, "2001:db8::1");
  for (const char* disguised :
       {"https://0x7f.1/", "https://2130706433/", "https://0177.0.0.1/", "https://127.1/",
        "https://0x7f000001/", "https://%31%32%37.0.0.1/", "https://%31%32%37.1/"}) {
    const auto target = outgoing::parse_target(disguised);
    ASSERT_TRUE(target) << disguised;
    EXPECT_EQ(target->host, "127.0.0.1") << disguised;
    EXPECT_EQ(target->url, "https://127.0.0.1/") << disguised;
  }
}

TEST(Targets, AreRefusedWithTheReason) {
  const std::pair<std::string, const char*> table[] = {
      {"", "is a URL"},
      {"example.org/hook", "is a URL"},
      {"https://", "is a URL"},
      {"https://[::1", "is a URL"},
      {"https://exam%dAple.org/", "names a host"},
      {"https://example.org%2f@10.0.0.1/", "has no user"},
      {"https://example.org%40/", "is a URL"},
      {"https://example.org:99999/", "is a URL"},
      {"http://example.org/", "begins with https://"},
      {"ftp://example.org/", "begins with https://"},
      {"file:///etc/passwd", "begins with https://"},
      {"https://user@example.org/", "has no user"},
      {"https://user:word@example.org/", "has no user"},
      {"https://example.org/#part", "has no fragment"},
      {"https://[fe80::1%25eth0]/", "has no zone"},
      {"https://example.org:80/", "is at port 443"},
      {"https://example.org:22/", "is at port 443"},
      {"https://example.org:0/", "is at port 443"},
      {"https://example.org/a b", "is ASCII"},
      {"https://example.org/\n", "is ASCII"},
      {"https://b\xc3\xbc\x63her.example/", "is ASCII"},
      {"https://example.org/" + std::string(2048, 'a'), "has at most 2048"},
  };
  for (const auto& [url, why] : table) {
    const auto target = outgoing::parse_target(url);
    ASSERT_FALSE(target) << url;
    EXPECT_NE(target.error().message.find(why), std::string::npos)
        << url << ": " << target.error().message;
  }
}

TEST(Targets, MustHavePublicAddressesOnly) {
  const auto target = outgoing::parse_target("https://hooks.example.org/");
  const auto with = [](std::vector<std::string> texts) {
    return [texts = std::move(texts)](const std::string&) -> Result<std::vector<Address>> {
      std::vector<Address> addresses;
      for (const std::string& text : texts) addresses.push_back(*Address::parse(text));
      return addresses;
    };
  };
  EXPECT_TRUE(outgoing::check_target(*target, {}, with({"93.184.216.34", "2a00::1"})));

  const auto refused = outgoing::check_target(*target, {}, with({"93.184.216.34", "10.0.0.7"}));

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "hooks.example.org: 10.0.0.7 is no public address (private): webhooks go to public"
            " ones only");
  const auto literal = outgoing::parse_target("https://0x7f.1/");
  EXPECT_EQ(outgoing::check_target(*literal, {}, outgoing::resolve).error().message,
            "127.0.0.1 is no public address (loopback): webhooks go to public ones only");
  EXPECT_FALSE(
      outgoing::check_target(*outgoing::parse_target("https://localhost/"), {}, outgoing::resolve));
}

// Nobody listens there: what is allowed is tried, and what is not is not.
TEST(HttpsPoster, OpensASocketToWhatIsAllowedAlone) {
  const auto kind = [](const std::string& url, const AddressPolicy& policy) {
    outgoing::HttpsPoster poster({policy, "", 10s});
    EXPECT_TRUE(poster.start(7, {url, {}, "{}"}));
    while (true) {
      for (const auto& [ticket, status] : poster.wait(10s)) return status.error().kind;
    }
  };
  const auto open = AddressPolicy::parse({"127.0.0.0/8", "::1"}, {});
  ASSERT_TRUE(open);
  for (const char* url : {"https://127.0.0.1:9/", "https://[::1]:9/", "https://localhost:9/"}) {
    EXPECT_EQ(kind(url, {}), ErrorKind::kRefused) << url;
    EXPECT_EQ(kind(url, *open), ErrorKind::kUnavailable) << url;
  }
}

// The lookup ends when the test lets it, which is after everything else.
TEST(HttpsPoster, WaitsForNoNameThatNobodyAnswersFor) {
  {
    outgoing::HttpsPoster poster({{}, "", 200ms});
    ASSERT_TRUE(poster.start(1, {"https://silent.example/", {}, "{}"}));
    ASSERT_TRUE(poster.start(2, {"https://127.0.0.1:9999/", {}, "{}"}));
    std::map<std::uint64_t, Error> errors;

    while (poster.running() > 0) {
      for (const auto& [ticket, status] : poster.wait(1s)) errors[ticket] = status.error();
    }

    EXPECT_EQ(errors[1].kind, ErrorKind::kTimeout);
    EXPECT_EQ(errors[2].kind, ErrorKind::kRefused);
    ASSERT_TRUE(poster.start(3, {"https://silent.example/", {}, "{}"}));
    EXPECT_TRUE(poster.wait(0ms).empty());
  }
  std::unique_lock lock(silence().mutex);
  EXPECT_GE(silence().asked, 1);
  EXPECT_EQ(silence().ended, 0);
  silence().over = true;
  silence().changed.notify_all();
  silence().changed.wait(lock, [] { return silence().ended == silence().asked; });
}

// The value was computed by Python's hmac.
TEST(WebhookSignature, IsTheOneOfTheSpecification) {
  Bytes key(32);
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);

  const WebhookSignature signature =
      sign_webhook(key, "ping-1", *parse_time("2026-03-31T21:59:59.9Z"),
                   R"({"type":"ping","id":"ping-1","timestamp":"2026-03-31T21:59:59Z","data":{}})");

  EXPECT_EQ(webhook_secret(key), "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
  EXPECT_EQ(signature.id, "ping-1");
  EXPECT_EQ(signature.timestamp, "1774994399");
  EXPECT_EQ(signature.signature, "v1,br8iWMTa6V6HUd741zuxEBNS2vuvNkhRCcQ6mHb8j6Q=");
}

}  // namespace
}  // namespace obhut::cluster
