#include "platform/account.h"
#include "platform/filesystem.h"

namespace obhut::platform {

Account account_of(const Peer& peer) {
  return {"uid:" + std::to_string(peer.uid), AccountNames().user(peer.uid)};
}

// No name holds a colon (passwd(5)), so that none passes for an id.
bool is_account(const Account& account, std::string_view text) {
  return !text.empty() && (text == account.id || text == account.name);
}

}  // namespace obhut::platform
