#include "service/cluster/outgoing/address.h"

#include <algorithm>
#include <charconv>

#include <boost/asio/ip/address.hpp>

#include "agent/base/check.h"

namespace obhut::cluster::outgoing {
namespace {

namespace ip = boost::asio::ip;

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

Address of_v4(const std::uint8_t* bytes) {
  Address address;
  std::ranges::copy(kMapped, address.bytes.begin());
  std::copy_n(bytes, 4, address.bytes.begin() + kMapped.size());
  return address;
}

struct Special {
  Network network;
  std::string_view what;
};

/// IANA's registries of special-purpose addresses, as far as they are not globally reachable, or
/// lead to whoever runs a relay nearby.
const std::vector<Special>& specials() {
  static const std::vector<Special> kSpecials = [] {
    constexpr std::pair<std::string_view, std::string_view> kTable[] = {
        {"0.0.0.0/8", "unspecified"},
        {"10.0.0.0/8", "private"},
        {"100.64.0.0/10", "shared by a carrier"},
        {"127.0.0.0/8", "loopback"},
        {"169.254.0.0/16", "link-local"},
        {"172.16.0.0/12", "private"},
        {"192.0.0.0/24", "reserved"},
        {"192.0.2.0/24", "documentation"},
        {"192.88.99.0/24", "reserved"},
        {"192.168.0.0/16", "private"},
        {"198.18.0.0/15", "benchmark"},
        {"198.51.100.0/24", "documentation"},
        {"203.0.113.0/24", "documentation"},
        {"224.0.0.0/4", "multicast"},
        {"255.255.255.255", "broadcast"},
        {"240.0.0.0/4", "reserved"},
        {"::", "unspecified"},
        {"::1", "loopback"},
        {"2001::/23", "reserved"},
        {"2001:db8::/32", "documentation"},
        {"3fff::/20", "documentation"},
        {"fc00::/7", "private"},
        {"fe80::/10", "link-local"},
        {"fec0::/10", "private"},
        {"ff00::/8", "multicast"},
    };
    std::vector<Special> parsed;
    for (const auto& [text, what] : kTable) {
      const auto network = Network::parse(text);
      CHECK(network);
      parsed.push_back({*network, what});
    }
    return parsed;
  }();
  return kSpecials;
}

/// Empty for a public address.
std::string_view special(const Address& address) {
  const auto found = std::ranges::find_if(
      specials(), [&](const Special& entry) { return entry.network.contains(address); });
  if (found != specials().end()) return found->what;
  // Of IPv6 only 2000::/3 was ever given out for the internet.
  if (!address.is_v4() && address.bytes[0] >> 5U != 1) return "reserved";
  return "";
}

/// The IPv4 address behind a translator (RFC 6052) or a tunnel (RFC 3056).
std::optional<Address> carried(const Address& address) {
  constexpr std::array<std::uint8_t, 12> kNat64{0, 0x64, 0xff, 0x9b};
  const auto& bytes = address.bytes;
  if (std::equal(kNat64.begin(), kNat64.end(), bytes.begin())) return of_v4(&bytes[12]);
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return of_v4(&bytes[2]);
  return std::nullopt;
}

bool within(const std::vector<Network>& networks, const Address& address) {
  return std::ranges::any_of(networks,
                             [&](const Network& network) { return network.contains(address); });
}

Result<std::vector<Network>> parse_all(const std::vector<std::string>& texts) {
  std::vector<Network> networks;
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(const Network network, Network::parse(text));
    networks.push_back(network);
  }
  return networks;
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  if (text.find('%') != std::string_view::npos) return std::nullopt;
  boost::system::error_code error;
  const ip::address parsed = ip::make_address(std::string(text), error);
  if (error) return std::nullopt;
  if (parsed.is_v4()) return of_v4(parsed.to_v4().to_bytes().data());
  Address address;
  address.bytes = parsed.to_v6().to_bytes();
  return address;
}

bool Address::is_v4() const {
  return std::equal(kMapped.begin(), kMapped.end(), bytes.begin());
}

std::string Address::text() const {
  if (!is_v4()) return ip::address_v6(bytes).to_string();
  ip::address_v4::bytes_type last{};
  std::copy_n(bytes.begin() + kMapped.size(), last.size(), last.begin());
  return ip::address_v4(last).to_string();
}

Result<Network> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto first = Address::parse(text.substr(0, slash));
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorKind::kInvalidInput, std::string(text) + " " + std::string(why));
  };
  if (!first) return wrong("is no network as 10.0.0.0/8 or fc00::/7");
  Network network{*first, 128};
  if (slash != std::string_view::npos) {
    const std::string_view length = text.substr(slash + 1);
    const unsigned most = first->is_v4() ? 32 : 128;
    const auto [end, error] =
        std::from_chars(length.data(), length.data() + length.size(), network.bits);
    if (error != std::errc{} || end != length.data() + length.size() || network.bits > most) {
      return wrong("is no network as 10.0.0.0/8 or fc00::/7");
    }
    network.bits += 128 - most;
  }
  // Most likely another network was meant, and a larger one.
  for (unsigned bit = network.bits; bit < 128; ++bit) {
    if ((first->bytes[bit / 8] & (0x80U >> (bit % 8))) != 0) {
      return wrong("is no network: it has bits behind its length");
    }
  }
  return network;
}

bool Network::contains(const Address& address) const {
  const unsigned whole = bits / 8;
  if (!std::equal(first.bytes.begin(), first.bytes.begin() + whole, address.bytes.begin())) {
    return false;
  }
  if (bits % 8 == 0) return true;
  const unsigned mask = 0xffU << (8 - bits % 8);
  return ((first.bytes[whole] ^ address.bytes[whole]) & mask & 0xffU) == 0;
}

Result<AddressPolicy> AddressPolicy::parse(const std::vector<std::string>& allow,
                                           const std::vector<std::string>& refuse) {
  AddressPolicy policy;
  ASSIGN_OR_RETURN(policy.allow_, parse_all(allow));
  ASSIGN_OR_RETURN(policy.refuse_, parse_all(refuse));
  return policy;
}

std::string AddressPolicy::fault(const Address& address) const {
  if (within(refuse_, address)) return "refused by the provider";
  if (within(allow_, address)) return "";
  if (const auto inner = carried(address)) return fault(*inner);
  return std::string(special(address));
}

Result<void> AddressPolicy::judge(const Address& address) const {
  const std::string what = fault(address);
  if (what.empty()) return {};
  return fail(ErrorKind::kRefused, address.text() + " is no public address (" + what +
                                       "): webhooks go to public ones only");
}

}  // namespace obhut::cluster::outgoing
