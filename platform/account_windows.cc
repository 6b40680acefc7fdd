#include "platform/account.h"
#include "platform/fold_case.h"
#include "platform/win.h"

namespace obhut::platform {
namespace {

std::string name_of_sid(const std::string& text) {
  const auto wide = win::to_wide(text);
  PSID sid = nullptr;
  if (!wide || ConvertStringSidToSidW(wide->c_str(), &sid) == 0) return {};
  std::wstring name(256, L'\0');
  std::wstring domain(256, L'\0');
  auto name_size = static_cast<DWORD>(name.size());
  auto domain_size = static_cast<DWORD>(domain.size());
  SID_NAME_USE use{};
  const bool known = LookupAccountSidW(nullptr, sid, name.data(), &name_size, domain.data(),
                                       &domain_size, &use) != 0;
  LocalFree(sid);
  if (!known) return {};
  name.resize(name_size);
  domain.resize(domain_size);
  return win::to_wtf8(domain) + "\\" + win::to_wtf8(name);
}

}  // namespace

Account account_of(const Peer& peer) {
  return {peer.account, name_of_sid(peer.account)};
}

bool is_account(const Account& account, std::string_view text) {
  if (text.empty()) return false;
  if (text == account.id) return true;
  const std::string wanted = fold_case(text);
  const std::string name = fold_case(account.name);
  return !name.empty() && (wanted == name || wanted == name.substr(name.rfind('\\') + 1));
}

}  // namespace obhut::platform
