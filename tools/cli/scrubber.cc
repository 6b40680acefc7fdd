#include "tools/cli/scrubber.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/crypto/digest.h"

namespace obhut::cli {
namespace {

using nlohmann::json;

constexpr std::string_view kHidden = "<hidden>";
constexpr std::size_t kShortestKnown = 4;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_alnum(char c) {
  return is_digit(c) || is_upper(c) || is_lower(c);
}
bool is_word(char c) {
  return is_alnum(c) || c == '_';
}
bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
/// Of both alphabets.
bool is_base64(char c) {
  return is_alnum(c) || c == '+' || c == '/' || c == '-' || c == '_';
}
/// Also what people write for O, I and B.
bool is_base32(char c) {
  return is_upper(c) || is_lower(c) || (is_digit(c) && c != '9');
}
bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made) c = is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  return made;
}

template <class Is>
std::size_t end_of(std::string_view text, std::size_t at, Is is) {
  while (at < text.size() && is(text[at])) ++at;
  return at;
}

/// True where the quote at `at` is the text's own, not one within it.
bool is_bare_quote(std::string_view text, std::size_t at) {
  std::size_t slashes = 0;
  while (slashes < at && text[at - 1 - slashes] == '\\') ++slashes;
  return slashes % 2 == 0;
}

/// Of the closing quote of a value that begins at `at`; the text's end where there is none.
std::size_t closing_quote(std::string_view text, std::size_t at, char quote) {
  while (at < text.size() && (text[at] != quote || !is_bare_quote(text, at))) ++at;
  return at;
}

enum class Named : std::uint8_t { kHarmless, kSecret, kSpoken };

/// What the value of something called `name` is. kSpoken: words that people choose, so that any
/// value may be one.
Named meaning_of(std::string_view name) {
  std::string word = lower(name);
  std::ranges::replace(word, '-', '_');
  for (const std::string_view spoken :
       {"password", "passwd", "pwd", "passphrase", "pin", "authorization", "proxy_authorization",
        "recovery_key", "private_key", "seed", "cookie", "set_cookie"}) {
    if (word == spoken || word.ends_with("_" + std::string(spoken))) return Named::kSpoken;
  }
  for (const std::string_view secret :
       {"token", "secret", "credential", "credentials", "apikey", "api_key", "access_key",
        "secret_key", "signature", "bearer"}) {
    if (word == secret || word.ends_with("_" + std::string(secret))) return Named::kSecret;
  }
  return Named::kHarmless;
}

bool says_nothing(std::string_view value) {
  static constexpr std::array<std::string_view, 7> kPlain = {"",    "true", "false", "null",
                                                             "yes", "no",   kHidden};
  return std::ranges::find(kPlain, value) != kPlain.end();
}

/// "token: expired" is a message, "token: x8Gh…" gives one away.
bool looks_chosen_at_random(std::string_view value) {
  constexpr std::size_t kLongWord = 24;
  return value.size() >= kLongWord ||
         std::ranges::any_of(value, [](char c) { return is_digit(c) || is_upper(c); });
}

bool looks_like_base64(std::string_view run) {
  // 32 bytes are 43 characters: two fifths capitals, two fifths small letters, a sixth digits. All
  // three has all but one key in 1500, and that one has letters of both kinds in plenty. Paths are
  // held against the shares alone: with a digit and a capital somewhere they are paths still.
  constexpr std::size_t kShortest = 40;
  constexpr std::size_t kShare = 7;
  if (run.size() < kShortest) return false;
  const auto capitals = static_cast<std::size_t>(std::ranges::count_if(run, is_upper));
  const auto small = static_cast<std::size_t>(std::ranges::count_if(run, is_lower));
  if (capitals * kShare >= run.size() && small * kShare >= run.size()) return true;
  return !run.starts_with('/') && capitals > 0 && small > 0 && std::ranges::any_of(run, is_digit);
}

bool looks_like_base32(std::string_view run) {
  constexpr std::size_t kShortest = 52;  // 32 bytes
  return run.size() >= kShortest && std::ranges::all_of(run, is_base32) &&
         (std::ranges::none_of(run, is_lower) || std::ranges::none_of(run, is_upper));
}

/// Where a group of four letters of a recovery key ends; nothing where none begins at `at`.
bool is_group(std::string_view text, std::size_t at) {
  constexpr std::size_t kGroup = 4;
  return at + kGroup <= text.size() && end_of(text, at, is_base32) == at + kGroup &&
         (at + kGroup == text.size() || !is_word(text[at + kGroup]));
}

/// The end of a recovery key, whole or cut, that begins at `at`; `at` where none does. Four groups
/// with dashes (an UUID has three), or six in capitals with spaces: words are not.
std::size_t end_of_groups(std::string_view text, std::size_t at) {
  std::size_t end = at;
  std::size_t groups = 0;
  const char between = at + 4 < text.size() ? text[at + 4] : '\0';
  while (is_group(text, end == at ? at : end + 1)) {
    end = (end == at ? at : end + 1) + 4;
    ++groups;
    if (end >= text.size() || text[end] != between) break;
  }
  const std::string_view found = text.substr(at, end - at);
  const bool spoken = between == ' ' && groups >= 6 && std::ranges::none_of(found, is_lower);
  if (!(between == '-' && groups >= 4) && !spoken) return at;
  // The check group has six.
  const std::size_t last =
      end < text.size() && text[end] == between ? end_of(text, end + 1, is_base32) : end;
  return last > end + 1 ? last : end;
}

bool begins_path(std::string_view text, std::size_t at) {
  static constexpr std::string_view kBefore = " \t\"'=([{,;<>|";
  if (at > 0 && kBefore.find(text[at - 1]) == std::string_view::npos) return false;
  if (text[at] == '/') {
    return at + 1 < text.size() && !is_blank(text[at + 1]) && text[at + 1] != '/' &&
           text[at + 1] != '"';
  }
  return at + 2 < text.size() && is_upper(text[at]) && text[at + 1] == ':' &&
         (text[at + 2] == '/' || text[at + 2] == '\\');
}

bool is_at_or_below(std::string_view path, std::string_view folder) {
  if (folder == "/") return path.starts_with('/');
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/' ||
                                      path[folder.size()] == '\\');
}

/// The longest of `folders` that `path` is at or below; empty where there is none.
std::string_view nearest(std::string_view path, const std::vector<std::string>& folders) {
  std::string_view found;
  for (const std::string& folder : folders) {
    if (folder.size() > found.size() && is_at_or_below(path, folder)) found = folder;
  }
  return found;
}

/// Where what the system brings lies, and the paths of HTTP requests.
const std::vector<std::string>& folders_of_the_system() {
  static const std::vector<std::string> kFolders = {"/usr",
                                                    "/lib",
                                                    "/lib64",
                                                    "/bin",
                                                    "/sbin",
                                                    "/proc",
                                                    "/sys",
                                                    "/dev",
                                                    "/boot",
                                                    "/run/obhut",
                                                    "/run/systemd",
                                                    "/etc",
                                                    "/api",
                                                    "/var/lib/obhut",
                                                    "/var/log/obhut",
                                                    "C:/Windows",
                                                    "C:/Program Files",
                                                    "C:/ProgramData/Obhut"};
  return kFolders;
}

/// Where the path ends in "path: reason". A reason is prose; names have dots and dashes.
std::size_t end_before_reason(std::string_view text) {
  const std::size_t colon = text.rfind(": ");
  if (colon == std::string_view::npos) return text.size();
  const std::string_view reason = text.substr(colon + 2);
  const bool prose = std::ranges::all_of(reason, [](char c) {
    return is_alnum(c) || c == ' ' || c == '(' || c == ')' || c == ',' || c == ';' || c == '\'';
  });
  return prose && reason.find(' ') != std::string_view::npos ? colon : text.size();
}

/// Where a kept path ends, so that what stands behind it is looked at too.
std::size_t end_of_word(std::string_view text) {
  return std::min(text.find_first_of(" \t\"',;()"), text.size());
}

bool names_an_id(std::string_view name) {
  static constexpr std::array<std::string_view, 8> kNames = {"id",   "point",  "vault", "device",
                                                             "hash", "signer", "root",  "key"};
  return std::ranges::find(kNames, name) != kNames.end();
}

bool is_hex_id(std::string_view text) {
  constexpr std::size_t kDigits = 64;
  return text.size() == kDigits && std::ranges::all_of(text, is_hex_digit) &&
         std::ranges::none_of(text, is_upper);
}

bool names_a_path(std::string_view name) {
  static constexpr std::array<std::string_view, 6> kNames = {"path", "file",   "folder",
                                                             "to",   "target", "source"};
  return std::ranges::find(kNames, name) != kNames.end();
}

}  // namespace

Scrubber::Scrubber(FileNames names, KnownPaths paths, std::vector<std::string> secrets)
    : names_(names), paths_(std::move(paths)), secrets_(std::move(secrets)) {
  std::erase_if(secrets_, [](const std::string& each) { return each.size() < kShortestKnown; });
  for (std::vector<std::string>* folders : {&paths_.sources, &paths_.ours}) {
    for (std::string& folder : *folders) {
      while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
    }
    std::erase(*folders, "");
  }
}

std::string Scrubber::text(std::string_view text) {
  const std::string whole = without_pem(without_known(std::string(text)));
  std::string out;
  out.reserve(whole.size());
  for (std::size_t at = 0; at < whole.size();) {
    const std::size_t end = std::min(whole.find('\n', at), whole.size());
    out += line(std::string_view(whole).substr(at, end - at));
    if (end < whole.size()) out += '\n';
    at = end + 1;
  }
  return out;
}

std::string Scrubber::line(std::string_view line) {
  std::string text = without_url_secrets(line);
  text = without_headers(text);
  text = without_assignments(text);
  text = without_recovery_keys(text);
  text = without_runs(text);
  return names_ == FileNames::kKept ? text : without_names(text);
}

std::string Scrubber::without_known(std::string text) {
  for (const std::string& secret : secrets_) {
    for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
      text.replace(at, secret.size(), kHidden);
      at += kHidden.size();
      ++secrets_hidden_;
    }
  }
  return text;
}

// Before lines are parted: a log puts its own words before each of them.
std::string Scrubber::without_pem(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kEnd = "-----END ";
  constexpr std::size_t kMost = std::size_t{16} << 10U;
  std::string out;
  std::size_t at = 0;
  for (;;) {
    const std::size_t begin = text.find(kBegin, at);
    if (begin == std::string_view::npos) break;
    const std::size_t label = begin + kBegin.size();
    const std::string_view rest = text.substr(label, kMost);
    const bool is_public = rest.starts_with("CERTIFICATE") || rest.starts_with("PUBLIC KEY");
    if (is_public) {
      out += text.substr(at, label - at);
      at = label;
      continue;
    }
    out += text.substr(at, begin - at);
    out += kHidden;
    ++secrets_hidden_;
    const std::size_t end = rest.find(kEnd);
    at = end == std::string_view::npos ? label + rest.size()
                                       : std::min(text.find('\n', label + end), text.size());
  }
  return out += text.substr(at);
}

// A password may hold spaces and slashes where somebody wrote it by hand: between quotes all up to
// the last '@' counts, elsewhere all up to the last one in the word.
std::string Scrubber::without_url_secrets(std::string_view line) {
  constexpr std::string_view kScheme = "://";
  std::string out;
  std::size_t at = 0;
  bool quoted = false;
  for (std::size_t found = line.find(kScheme); found != std::string_view::npos;
       found = line.find(kScheme, at)) {
    const std::size_t begin = found + kScheme.size();
    for (std::size_t i = at; i < begin; ++i) quoted ^= line[i] == '"' && is_bare_quote(line, i);
    out += line.substr(at, begin - at);
    std::size_t end = quoted ? closing_quote(line, begin, '"')
                             : std::min(line.find_first_of(" \t\"'<>", begin), line.size());
    const std::size_t user = line.substr(0, end).rfind('@');
    at = begin;
    if (user != std::string_view::npos && user >= begin) {
      out += kHidden;
      at = user;
      ++secrets_hidden_;
    }
    end = std::min(line.find_first_of(" \t\"'<>", at), end);
    const std::size_t query = line.substr(0, end).find('?', at);
    if (query == std::string_view::npos) continue;
    // Pre-signed addresses carry what lets anybody read.
    out += line.substr(at, query + 1 - at);
    if (query + 1 < end) {
      out += kHidden;
      ++secrets_hidden_;
    }
    at = end;
  }
  out += line.substr(at);
  // "user:password@host" without a scheme: what a settings file with a mistake holds.
  std::string made;
  for (std::size_t i = 0; i < out.size();) {
    const std::size_t end = std::min(out.find_first_of(" \t\"'<>", i), out.size());
    const std::string_view word = std::string_view(out).substr(i, end - i);
    const std::size_t user = word.rfind('@');
    const std::size_t colon = word.find(':');
    if (user != std::string_view::npos && colon < user && user + 1 < word.size() &&
        word.find(kScheme) == std::string_view::npos) {
      // "proxy=user:…" keeps the name of the setting.
      const std::size_t from = word.substr(0, colon).rfind('=') + 1;
      made += word.substr(0, from);
      made += kHidden;
      made += word.substr(user);
      ++secrets_hidden_;
    } else {
      made += word;
    }
    if (end < out.size()) made += out[end];
    i = end + 1;
  }
  return made;
}

std::string Scrubber::without_headers(std::string_view line) {
  const std::string small = lower(line);
  std::string out;
  std::size_t at = 0;
  while (at < line.size()) {
    std::size_t found = std::string::npos;
    std::size_t begin = 0;
    for (const std::string_view scheme : {"bearer ", "basic ", "digest "}) {
      const std::size_t where = small.find(scheme, at);
      if (where < found && (where == 0 || !is_word(line[where - 1]))) {
        found = where;
        begin = where + scheme.size();
      }
    }
    if (found == std::string::npos) break;
    const std::size_t end = std::min(line.find_first_of(" \t\"',", begin), line.size());
    out += line.substr(at, begin - at);
    const std::string_view value = line.substr(begin, end - begin);
    if (looks_chosen_at_random(value) && value != kHidden) {
      out += kHidden;
      ++secrets_hidden_;
    } else {
      out += value;
    }
    at = end;
  }
  return at < line.size() ? out += line.substr(at) : out;
}

std::string Scrubber::without_assignments(std::string_view line) {
  std::string out;
  std::size_t at = 0;
  for (std::size_t i = 0; i < line.size();) {
    if (!is_word(line[i])) {
      ++i;
      continue;
    }
    const std::size_t name = i;
    i = end_of(line, i, [](char c) { return is_word(c) || c == '-'; });
    const Named meaning = meaning_of(line.substr(name, i - name));
    if (meaning == Named::kHarmless) continue;
    std::size_t value = end_of(line, i, [](char c) { return c == '\\' || c == '"' || c == '\''; });
    value = end_of(line, value, is_blank);
    if (value >= line.size() || (line[value] != '=' && line[value] != ':')) continue;
    const bool assigned = line[value] == '=';
    value = end_of(line, value + 1, is_blank);
    const std::size_t opened = end_of(line, value, [](char c) { return c == '\\'; });
    const char quote = opened < line.size() ? line[opened] : '\0';
    std::size_t end = 0;
    if (quote == '"' || quote == '\'') {
      value = opened + 1;
      // An escaped quote is closed by an escaped one, and that by the bare one at the latest.
      end = opened > 0 && line[opened - 1] == '\\'
                ? std::min(line.find(std::string("\\") + quote, value), line.size())
                : closing_quote(line, value, quote);
    } else {
      end = !assigned && meaning == Named::kSpoken
                ? line.size()
                : std::min(line.find_first_of(" \t\"',;&", value), line.size());
    }
    const std::string_view text = line.substr(value, end - value);
    const bool told = assigned || quote == '"' || quote == '\'' || meaning == Named::kSpoken ||
                      looks_chosen_at_random(text);
    i = std::max(i, end);
    if (!told || says_nothing(text)) continue;
    out += line.substr(at, value - at);
    out += kHidden;
    at = end;
    ++secrets_hidden_;
  }
  return out += line.substr(at);
}

std::string Scrubber::without_recovery_keys(std::string_view line) {
  std::string out;
  std::size_t at = 0;
  for (std::size_t i = 0; i < line.size();) {
    if (!is_word(line[i])) {
      ++i;
      continue;
    }
    const std::size_t end = end_of_groups(line, i);
    if (end > i) {
      out += line.substr(at, i - at);
      out += kHidden;
      ++secrets_hidden_;
      at = i = end;
    } else {
      i = end_of(line, i, is_word);
    }
  }
  return out += line.substr(at);
}

std::string Scrubber::without_runs(std::string_view line) {
  constexpr std::size_t kHexSecret = 64;  // 32 bytes
  constexpr std::size_t kHexShown = 8;
  constexpr std::size_t kEncodedJson = 20;
  std::string out;
  for (std::size_t i = 0; i < line.size();) {
    if (!is_base64(line[i])) {
      out += line[i++];
      continue;
    }
    const std::size_t dotted = end_of(line, i, [](char c) { return is_base64(c) || c == '.'; });
    const std::size_t end = end_of(line, i, is_base64);
    const std::string_view run = line.substr(i, end - i);
    // "{" and a quote in base64: every JWS begins so, wherever in the word.
    const std::size_t jws = run.find("eyJ");
    bool hidden = looks_like_base64(run);
    std::size_t padded = end;
    if (jws != std::string_view::npos && dotted - i - jws >= kEncodedJson) {
      if (!hidden) out += run.substr(0, jws);
      hidden = true;
      padded = dotted;
    }
    padded = end_of(line, padded, [](char c) { return c == '='; });
    for (std::size_t part = 0; part < run.size() && !hidden;) {
      const std::size_t stop = end_of(run, part, is_alnum);
      hidden = looks_like_base32(run.substr(part, stop - part)) &&
               !std::ranges::all_of(run.substr(part, stop - part), is_hex_digit);
      part = stop + 1;
    }
    if (hidden) {
      out += kHidden;
      ++secrets_hidden_;
      i = padded;
      continue;
    }
    // Names of packs look as keys do. Eight digits find one again, and open nothing.
    for (std::size_t part = 0; part < run.size();) {
      const std::size_t stop = end_of(run, part, is_hex_digit);
      if (stop - part >= kHexSecret) {
        out += run.substr(part, kHexShown);
        out += "…";
        ++secrets_hidden_;
      } else {
        out += run.substr(part, stop - part);
      }
      if (stop < run.size()) out += run[stop];
      part = stop + 1;
    }
    i = end;
  }
  return out;
}

bool Scrubber::stays(std::string_view path) const {
  while (path.size() > 1 && (path.ends_with(':') || path.ends_with('/'))) path.remove_suffix(1);
  const std::string_view source = nearest(path, paths_.sources);
  return (!source.empty() && path.size() == source.size()) ||
         std::max(nearest(path, paths_.ours).size(),
                  nearest(path, folders_of_the_system()).size()) > source.size();
}

std::string Scrubber::hide_path(std::string_view path) {
  if (stays(path)) return std::string(path);
  constexpr std::size_t kShown = 8;
  const std::string_view source = nearest(path, paths_.sources);
  ++names_hidden_;
  std::string made(source);
  if (!made.empty() && !made.ends_with('/')) made += '/';
  return made + "<path:" + crypto::sha256(as_bytes(path)).text().substr(0, kShown) + ">";
}

std::string Scrubber::without_names(std::string_view line) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < line.size();) {
    // A path in messages about a recovery point has no '/' before it.
    std::string_view root;
    if (i == 0 || !is_word(line[i - 1])) {
      for (const std::string& source : paths_.sources) {
        const std::string bare = source.substr(1) + "/";
        if (source.size() > root.size() && bare.size() > 1 && source.starts_with('/') &&
            line.substr(i).starts_with(bare) && (i == 0 || line[i - 1] != '/')) {
          root = source;
        }
      }
    }
    if (root.empty() && !begins_path(line, i)) {
      quoted ^= line[i] == '"' && is_bare_quote(line, i);
      out += line[i++];
      continue;
    }
    std::size_t end = line.size();
    if (i > 0 && line[i - 1] == '=') {
      end = std::min(line.find_first_of(" \t", i), end);  // our log quotes what has spaces
    } else if (quoted) {
      end = closing_quote(line, i, '"');
    }
    const std::string_view rest = line.substr(i, end - i);
    const std::string slash = root.empty() ? "" : "/";
    const std::size_t word = end_of_word(rest);
    std::size_t length = end_before_reason(rest);
    // What goes on after a blank may be the rest of a name, unless no names are the user's here.
    const bool goes_on =
        word < rest.size() && is_blank(rest[word]) &&
        !nearest(slash + std::string(rest.substr(0, word)), paths_.sources).empty();
    if (stays(slash + std::string(rest.substr(0, goes_on ? length : word)))) {
      length = std::min(length, word);
      out += rest.substr(0, length);
    } else {
      out += hide_path(slash + std::string(rest.substr(0, length))).substr(slash.size());
    }
    i += length;
  }
  return out;
}

void Scrubber::clean_text(json& value, std::string_view name) {
  const std::string& was = value.get_ref<const std::string&>();
  if (was.empty() || (names_an_id(name) && is_hex_id(was))) return;
  if (meaning_of(name) != Named::kHarmless) {
    value = kHidden;
    ++secrets_hidden_;
  } else if (names_ == FileNames::kHidden && names_a_path(name) && begins_path(was, 0)) {
    std::string path = without_pem(without_known(was));
    value = hide_path(path);
    // A path that stays is a text like others.
    if (value == path) value = text(path);
  } else {
    value = text(was);
  }
}

void Scrubber::clean(json& value) {
  if (value.is_string()) {
    clean_text(value, "");
  } else if (value.is_array()) {
    for (json& each : value) clean(each);
  } else if (value.is_object()) {
    for (auto& [name, each] : value.items()) {
      if (each.is_string()) {
        clean_text(each, name);
      } else if (each.is_number() && meaning_of(name) == Named::kSpoken) {
        each = kHidden;  // a PIN
        ++secrets_hidden_;
      } else {
        clean(each);
      }
    }
  }
}

}  // namespace obhut::cli
