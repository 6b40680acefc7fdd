#include "service/cluster/objects/presign.h"

#include <charconv>

#include "agent/base/text.h"
#include "agent/crypto/digest.h"
#include "service/cluster/objects/object_store.h"

namespace obhut::cluster::objects {
namespace {

constexpr std::string_view kPrefix = "/store/v1/";

std::string parameters(const SignedUse& use) {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(use.expires.time_since_epoch()).count();
  std::string text = "expires=" + std::to_string(seconds);
  if (use.use == UrlUse::kPut) {
    text += "&length=" + std::to_string(use.length) + "&sha256=" + use.hash.text();
  }
  return text;
}

/// No field can hold the line feed that parts them.
std::string to_sign(const SignedUse& use) {
  return std::string("obhut-store/1\n") + (use.use == UrlUse::kPut ? "PUT" : "GET") + "\n" +
         use.key + "\n" + parameters(use);
}

/// The value of `name` where it is the next parameter of `query`, which it is cut from.
std::optional<std::string_view> next(std::string_view& query, std::string_view name) {
  if (!query.starts_with(name) || query.size() <= name.size() || query[name.size()] != '=') {
    return std::nullopt;
  }
  query.remove_prefix(name.size() + 1);
  const std::size_t end = query.find('&');
  const std::string_view value = query.substr(0, end);
  query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
  return value;
}

template <class T>
bool parse(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

}  // namespace

std::string UrlSigner::sign(const SignedUse& use) const {
  const Sha256 mac = crypto::hmac_sha256(secret_.view(), as_bytes(to_sign(use)));
  return std::string(kPrefix) + use.key + "?" + parameters(use) + "&signature=" + mac.text();
}

Result<SignedUse> UrlSigner::verify(UrlUse wanted, std::string_view path, std::string_view query,
                                    Instant now) const {
  const auto foreign = [] { return fail(ErrorKind::kInvalidInput, "not a store url"); };
  if (!path.starts_with(kPrefix) || !is_key(path.substr(kPrefix.size()))) return foreign();
  SignedUse use{wanted, std::string(path.substr(kPrefix.size())), {}, 0, {}};
  const auto expires = next(query, "expires");
  std::int64_t seconds = 0;
  if (!expires || !parse(*expires, seconds) || seconds < 0 || seconds > 253402300799)
    return foreign();
  use.expires = Instant(std::chrono::seconds(seconds));
  if (wanted == UrlUse::kPut) {
    const auto length = next(query, "length");
    const auto hash = next(query, "sha256");
    const auto parsed = hash ? Sha256::parse(*hash) : std::nullopt;
    if (!length || !parse(*length, use.length) || !parsed) return foreign();
    use.hash = *parsed;
  }
  const auto signature = next(query, "signature");
  const auto given = signature ? Sha256::parse(*signature) : std::nullopt;
  if (!given || !query.empty()) return foreign();
  const Sha256 mac = crypto::hmac_sha256(secret_.view(), as_bytes(to_sign(use)));
  if (!crypto::equal_in_constant_time(mac.bytes(), given->bytes())) {
    return fail(ErrorKind::kRefused, "the url's signature does not match");
  }
  if (now >= use.expires) return fail(ErrorKind::kRefused, "the url has expired");
  return use;
}

}  // namespace obhut::cluster::objects
