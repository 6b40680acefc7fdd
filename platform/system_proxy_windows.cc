#include <string_view>

#include "platform/system_proxy.h"
#include "platform/url_host.h"
#include "platform/win.h"

namespace obhut::platform {
namespace {

std::string taken(wchar_t* text) {
  if (text == nullptr) return {};
  std::string copy = win::to_wtf8(text);
  ::GlobalFree(text);
  return copy;
}

bool matches(std::string_view name, std::string_view pattern) {
  if (pattern.empty()) return name.empty();
  if (pattern.front() == '*') {
    for (std::size_t skip = 0; skip <= name.size(); ++skip) {
      if (matches(name.substr(skip), pattern.substr(1))) return true;
    }
    return false;
  }
  return !name.empty() && name.front() == pattern.front() &&
         matches(name.substr(1), pattern.substr(1));
}

/// "<local>" is a name without a dot; "*" stands for anything.
bool is_exempt(std::string_view host, std::string_view exempt) {
  while (!exempt.empty()) {
    const std::size_t end = std::min(exempt.find_first_of("; "), exempt.size());
    const std::string_view pattern = exempt.substr(0, end);
    exempt.remove_prefix(std::min(end + 1, exempt.size()));
    if (pattern == "<local>" && host.find('.') == std::string_view::npos) return true;
    if (!pattern.empty() && matches(host, pattern)) return true;
  }
  return false;
}

/// "http=a:80;https=b:80", "a:80" or "a:80 b:80": the one for https.
std::string chosen(std::string_view list, std::string_view exempt, const std::string& url) {
  if (is_exempt(host_of(url), exempt)) return {};
  std::string any;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find_first_of("; "), list.size());
    std::string_view entry = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    if (entry.empty()) continue;
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos) {
      if (any.empty()) any = entry;
    } else if (entry.substr(0, equals) == "https") {
      any = entry.substr(equals + 1);
      break;
    }
  }
  if (any.empty() || any.find("://") != std::string::npos) return any;
  return "http://" + any;
}

/// What a script at a place of the network, or at `script`, says.
std::string by_script(const std::string& url, const std::string& script) {
  const HINTERNET session =
      ::WinHttpOpen(L"obhut", WINHTTP_ACCESS_TYPE_NO_PROXY, nullptr, nullptr, 0);
  if (session == nullptr) return {};
  // Names that nobody answers must not hold a request up for a minute.
  static_cast<void>(::WinHttpSetTimeouts(session, 5'000, 5'000, 5'000, 5'000));
  const std::wstring wide_url = win::to_wide(url).value_or(L"");
  const std::wstring wide_script = win::to_wide(script).value_or(L"");
  WINHTTP_AUTOPROXY_OPTIONS how{};
  if (script.empty()) {
    how.dwFlags = WINHTTP_AUTOPROXY_AUTO_DETECT;
    how.dwAutoDetectFlags = WINHTTP_AUTO_DETECT_TYPE_DHCP | WINHTTP_AUTO_DETECT_TYPE_DNS_A;
  } else {
    how.dwFlags = WINHTTP_AUTOPROXY_CONFIG_URL;
    how.lpszAutoConfigUrl = wide_script.c_str();
  }
  how.fAutoLogonIfChallenged = TRUE;
  WINHTTP_PROXY_INFO found{};
  std::string proxy;
  if (::WinHttpGetProxyForUrl(session, wide_url.c_str(), &how, &found) != 0) {
    const std::string list = taken(found.lpszProxy);
    const std::string exempt = taken(found.lpszProxyBypass);
    if (found.dwAccessType == WINHTTP_ACCESS_TYPE_NAMED_PROXY) proxy = chosen(list, exempt, url);
  }
  ::WinHttpCloseHandle(session);
  return proxy;
}

}  // namespace

std::string system_proxy(const std::string& url) {
  WINHTTP_PROXY_INFO machine{};
  if (::WinHttpGetDefaultProxyConfiguration(&machine) != 0) {
    const std::string list = taken(machine.lpszProxy);
    const std::string exempt = taken(machine.lpszProxyBypass);
    if (machine.dwAccessType == WINHTTP_ACCESS_TYPE_NAMED_PROXY && !list.empty()) {
      return chosen(list, exempt, url);
    }
  }
  WINHTTP_CURRENT_USER_IE_PROXY_CONFIG account{};
  if (::WinHttpGetIEProxyConfigForCurrentUser(&account) == 0) return {};
  const std::string script = taken(account.lpszAutoConfigUrl);
  const std::string list = taken(account.lpszProxy);
  const std::string exempt = taken(account.lpszProxyBypass);
  if (account.fAutoDetect != FALSE) {
    if (std::string proxy = by_script(url, {}); !proxy.empty()) return proxy;
  }
  if (!script.empty()) {
    if (std::string proxy = by_script(url, script); !proxy.empty()) return proxy;
  }
  return chosen(list, exempt, url);
}

}  // namespace obhut::platform
