#include "service/cluster/outgoing/target.h"

#include <algorithm>
#include <charconv>
#include <curl/curl.h>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "agent/base/text.h"

namespace obhut::cluster::outgoing {
namespace {

constexpr std::size_t kLongestUrl = 2048;

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, FreeUrl>;

/// Empty where the URL has no such part.
std::string part_of(const Url& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return "";
  std::string copy = text;
  curl_free(text);
  return copy;
}

/// A name's characters; what was %XX in a host is decoded by now.
bool is_host(const std::string& host) {
  if (Address::parse(host)) return true;
  return !host.empty() && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

std::unexpected<Error> wrong(std::string_view why) {
  return fail(ErrorKind::kInvalidInput, "a webhook's address " + std::string(why));
}

Result<Target> read_target(std::string_view text) {
  if (text.size() > kLongestUrl) return wrong("has at most 2048 characters");
  if (std::ranges::any_of(text, [](char c) { return c <= ' ' || c > '~'; })) {
    return wrong("is ASCII without spaces: write other characters as %XX, a host's as xn--…");
  }
  const Url url(curl_url());
  const CURLUcode parsed =
      curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), CURLU_NON_SUPPORT_SCHEME);
  if (parsed != CURLUE_OK) return wrong("is a URL as https://example.org/hook");
  if (part_of(url, CURLUPART_SCHEME) != "https") return wrong("begins with https://");
  if (!part_of(url, CURLUPART_USER).empty() || !part_of(url, CURLUPART_PASSWORD).empty()) {
    return wrong("has no user and no password: what we send is signed");
  }
  // One that is empty is dropped by the library.
  if (!part_of(url, CURLUPART_FRAGMENT).empty()) return wrong("has no fragment");
  if (!part_of(url, CURLUPART_ZONEID).empty()) return wrong("has no zone");
  Target target;
  target.host = part_of(url, CURLUPART_HOST);
  if (target.host.starts_with('[')) target.host = target.host.substr(1, target.host.size() - 2);
  if (!is_host(target.host)) return wrong("names a host by letters, digits, '-' and '.'");
  const std::string port = part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  std::from_chars(port.data(), port.data() + port.size(), target.port);
  if (target.port != 443 && target.port < 1024) return wrong("is at port 443, or above 1023");
  target.url = part_of(url, CURLUPART_URL);
  return target;
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
  ASSIGN_OR_RETURN(const Target target, read_target(text));
  // A number that was written as %XX is known for an address only now that it is decoded.
  return read_target(target.url);
}

Result<std::vector<Address>> resolve(const std::string& host) {
  using boost::asio::ip::tcp;
  boost::asio::io_context context;
  tcp::resolver resolver(context);
  boost::system::error_code error;
  // All that there are, also those of a family that this machine has no route for.
  const auto found = resolver.resolve(host, "443", tcp::resolver::flags(), error);
  std::vector<Address> addresses;
  if (!error) {
    for (const auto& entry : found) {
      const auto address = entry.endpoint().address();
      // A scoped one is link-local, which its bytes say as well.
      const std::string text = address.to_string();
      const auto parsed = Address::parse(std::string_view(text).substr(0, text.find('%')));
      if (parsed) addresses.push_back(*parsed);
    }
  }
  if (addresses.empty()) {
    return fail(ErrorKind::kNotFound, printable(host) + " has no address: is the name right?");
  }
  return addresses;
}

Result<void> check_target(const Target& target, const AddressPolicy& policy,
                          const Resolve& resolve) {
  ASSIGN_OR_RETURN(const std::vector<Address> addresses, resolve(target.host));
  for (const Address& address : addresses) {
    auto judged = policy.judge(address);
    if (!judged && Address::parse(target.host)) return judged;
    if (!judged) return pass_on(std::move(judged.error()), printable(target.host));
  }
  return {};
}

}  // namespace obhut::cluster::outgoing
