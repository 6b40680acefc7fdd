#pragma once
// Which addresses we send to on a partner's word: the public ones, and never what only the
// provider's own network reaches.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace obhut::cluster::outgoing {

/// IPv6 in network order; IPv4 as ::ffff:a.b.c.d, so that both spellings of one address are equal.
struct Address {
  std::array<std::uint8_t, 16> bytes{};

  /// Nothing for what is no address in its usual form, or has a zone.
  static std::optional<Address> parse(std::string_view text);
  /// IPv4 in dotted form.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool is_v4() const;
  friend auto operator<=>(const Address&, const Address&) = default;
};

struct Network {
  Address first;
  unsigned bits = 0;  ///< of the 128

  /// In: "10.0.0.0/8", "fc00::/7"; an address alone is a network of one.
  /// Errors: kInvalidInput naming the text.
  static Result<Network> parse(std::string_view text);
  [[nodiscard]] bool contains(const Address& address) const;
};

/// Immutable, so that any thread may read it.
class AddressPolicy {
 public:
  /// Public addresses, and no others.
  AddressPolicy() = default;
  /// `allow` opens what is not public; `refuse` closes what is, and has the last word.
  /// Errors: as Network::parse().
  static Result<AddressPolicy> parse(const std::vector<std::string>& allow,
                                     const std::vector<std::string>& refuse);

  /// Errors: kRefused naming the address and what it is. Addresses that carry an IPv4 address
  /// (NAT64, 6to4) are judged by it.
  [[nodiscard]] Result<void> judge(const Address& address) const;

 private:
  [[nodiscard]] std::string fault(const Address& address) const;
  std::vector<Network> allow_;
  std::vector<Network> refuse_;
};

}  // namespace obhut::cluster::outgoing
