#pragma once
// An account of this machine, as documents name it.

#include <string>
#include <string_view>

#include "platform/local_socket.h"

namespace obhut::platform {

struct Account {
  std::string id;    ///< "uid:1000", or a SID: "S-1-5-21-…"
  std::string name;  ///< as people write it; on Windows "DOMAIN\user". May be empty
};

Account account_of(const Peer& peer);

/// Whether `text` means `account`: its id, or its name as this system compares names; on Windows
/// the part after the domain will do.
bool is_account(const Account& account, std::string_view text);

}  // namespace obhut::platform
