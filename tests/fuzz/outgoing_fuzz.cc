// URLs that partners give us to call, and addresses and networks as text.

#include <arpa/inet.h>

#include "agent/base/text.h"
#include "service/cluster/outgoing/address.h"
#include "service/cluster/outgoing/target.h"
#include "tests/fuzz/require.h"

using namespace obhut;
using namespace obhut::cluster::outgoing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(ByteView(data, size));
  if (const auto target = parse_target(text)) {
    REQUIRE(target->url.starts_with("https://") && !target->host.empty());
    REQUIRE(target->port == 443 || target->port >= 1024);
    // Whatever the system's resolver would take for an address is one to us.
    in_addr numeric{};
    REQUIRE(inet_aton(target->host.c_str(), &numeric) == 0 || Address::parse(target->host));
    // What is stored is read again, and means the same.
    const auto again = parse_target(target->url);
    REQUIRE(again && again->url == target->url && again->host == target->host &&
            again->port == target->port);
  }
  if (const auto address = Address::parse(text)) {
    REQUIRE(Address::parse(address->text()) == address);
    // ignored: either will do, as long as there is one
    (void)AddressPolicy().judge(*address);
  }
  if (const auto network = Network::parse(text)) {
    REQUIRE(network->bits <= 128 && network->contains(network->first));
    const auto open = AddressPolicy::parse({std::string(text)}, {});
    REQUIRE(open && open->judge(network->first));
    const auto closed = AddressPolicy::parse({std::string(text)}, {std::string(text)});
    REQUIRE(closed && !closed->judge(network->first));
  }
  return 0;
}
