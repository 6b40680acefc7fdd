#include "agent/trust/release.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/crypto/digest.h"
#include "agent/trust/fields.h"
#include "agent/trust/jws.h"

namespace obhut::trust {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view kRootSchema = "obhut.release-root/1";
constexpr std::string_view kReleaseSchema = "obhut.release/1";
constexpr std::uint64_t kMostVersions = std::uint64_t{1} << 31U;
constexpr std::uint64_t kMostSerials = std::uint64_t{1} << 53U;
constexpr std::uint32_t kLargestNumber = 999'999;

ordered_json role_json(const ReleaseRole& role) {
  ordered_json keys = ordered_json::array();
  for (const SigningKeyId& key : role.keys) keys.push_back(key.text());
  return {{"threshold", role.threshold}, {"keys", std::move(keys)}};
}

/// A key that stands twice would be counted twice.
Result<ReleaseRole> parse_role(const json& value, std::string_view what) {
  Fields fields(value, what, {"threshold", "keys"});
  ReleaseRole role;
  const json& keys = fields.member("keys");
  if (!keys.is_array() || keys.empty() || keys.size() > kMaxReleaseKeys) {
    fields.reject("keys", "must be an array of 1 to 8 keys");
  } else {
    for (const json& text : keys) {
      const auto key =
          text.is_string() ? SigningKeyId::parse(text.get_ref<const std::string&>()) : std::nullopt;
      if (!key) {
        fields.reject("keys", "must hold keys of 64 lower-case hex digits");
      } else if (std::ranges::find(role.keys, *key) != role.keys.end()) {
        fields.reject("keys", "holds a key twice");
      } else {
        role.keys.push_back(*key);
      }
    }
  }
  const std::uint64_t most = std::max<std::uint64_t>(1, role.keys.size());
  role.threshold = static_cast<std::uint32_t>(fields.number("threshold", 1, most));
  TRY(fields.finish());
  return role;
}

Result<ReleaseRoot> parse_root(std::string_view payload) {
  ASSIGN_OR_RETURN(const json value, parse_payload(payload, kRootSchema));
  Fields fields(value, kRootSchema,
                {"schema", "version", "created", "expires", "roots", "release"});
  ReleaseRoot root;
  root.version = fields.number("version", 1, kMostVersions);
  root.created = fields.time("created");
  root.expires = fields.time("expires");
  if (root.expires <= root.created) fields.reject("expires", "must be after created");
  TRY(fields.finish());
  ASSIGN_OR_RETURN(root.roots, parse_role(value["roots"], "obhut.release-root/1: roots"));
  ASSIGN_OR_RETURN(root.release, parse_role(value["release"], "obhut.release-root/1: release"));
  return root;
}

bool is_known_kind(const ReleasePackage& package) {
  if (package.system == "linux") return package.kind == "deb" || package.kind == "rpm";
  return package.system == "windows" && package.kind == "msi";
}

Result<ReleasePackage> parse_release_package(const json& value) {
  Fields fields(value, "obhut.release/1: packages",
                {"system", "architecture", "kind", "version", "sha256", "size"});
  ReleasePackage package;
  package.system = fields.text("system", 16);
  package.architecture = fields.text("architecture", 16);
  package.kind = fields.text("kind", 16);
  if (!is_known_kind(package)) {
    fields.reject("kind", "must be deb or rpm of linux, or msi of windows");
  }
  const bool plain = std::ranges::all_of(package.architecture, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (!plain) fields.reject("architecture", "must be of a-z, 0-9 and _");
  Result<ReleaseVersion> version = ReleaseVersion::parse(fields.text("version", 32));
  if (version) {
    package.version = std::move(*version);
  } else {
    fields.reject("version", version.error().message);
  }
  package.sha256 = fields.id<Sha256>("sha256");
  package.size = fields.number("size", 1, kLargestPackage);
  TRY(fields.finish());
  return package;
}

Result<ReleaseManifest> parse_manifest(std::string_view payload) {
  ASSIGN_OR_RETURN(const json value, parse_payload(payload, kReleaseSchema));
  Fields fields(value, kReleaseSchema,
                {"schema", "serial", "created", "expires", "root", "packages"});
  ReleaseManifest manifest;
  manifest.serial = fields.number("serial", 1, kMostSerials);
  manifest.created = fields.time("created");
  manifest.expires = fields.time("expires");
  manifest.root = fields.number("root", 1, kMostVersions);
  if (manifest.expires <= manifest.created) fields.reject("expires", "must be after created");
  if (manifest.expires - manifest.created > kLongestRelease) {
    fields.reject("expires", "must be at most 366 days after created");
  }
  const json& packages = fields.member("packages");
  if (!packages.is_array() || packages.size() > kMaxReleasePackages) {
    fields.reject("packages", "must be an array of at most 64");
  }
  TRY(fields.finish());
  for (const json& each : packages) {
    ASSIGN_OR_RETURN(ReleasePackage package, parse_release_package(each));
    if (find_package(manifest, package.system, package.architecture, package.kind) != nullptr) {
      return fail(ErrorKind::kInvalidInput, "obhut.release/1: packages has two for " +
                                                package.system + " " + package.architecture + " " +
                                                package.kind);
    }
    manifest.packages.push_back(std::move(package));
  }
  return manifest;
}

Result<SignedPayload> open_release(std::string_view text, std::string_view type) {
  const std::string_view document = trimmed(text);
  if (document.size() > kReleaseLimit) {
    return fail(ErrorKind::kInvalidInput, std::string(type) + ": longer than 128 KiB");
  }
  return open_document(document, type, kMaxReleaseSignatures);
}

std::string too_few(std::string_view what, std::string_view whose, const ReleaseRole& role) {
  return std::string(what) + ": fewer than " + std::to_string(role.threshold) + " of the " +
         std::to_string(role.keys.size()) + " " + std::string(whose) + " have signed it";
}

}  // namespace

Result<ReleaseVersion> ReleaseVersion::parse(std::string_view text) {
  const auto refuse = [&text] {
    return fail(ErrorKind::kInvalidInput,
                printable(text) + " is no version: want two to four numbers, as 1.2.3");
  };
  ReleaseVersion version;
  version.text_ = std::string(text.substr(0, 32));
  std::size_t count = 0;
  for (std::string_view rest = text;;) {
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    const std::string_view digits = rest.substr(0, dot);
    const bool plain = !digits.empty() && digits.size() <= 6 &&
                       digits.find_first_not_of("0123456789") == std::string_view::npos &&
                       (digits.size() == 1 || digits[0] != '0');
    if (!plain || count == version.numbers_.size()) return refuse();
    std::uint32_t number = kLargestNumber;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    version.numbers_[count++] = number;
    if (dot == rest.size()) break;
    rest.remove_prefix(dot + 1);
  }
  if (count < 2) return refuse();
  return version;
}

bool ReleaseRole::is_met_by(std::span<const SigningKeyId> signers) const {
  const auto met = std::ranges::count_if(keys, [&signers](const SigningKeyId& key) {
    return std::ranges::find(signers, key) != signers.end();
  });
  return threshold > 0 && static_cast<std::uint64_t>(met) >= threshold;
}

std::string make_release_root(const ReleaseRoot& root,
                              std::span<const crypto::SigningKey* const> signers) {
  const ordered_json value = {{"schema", kRootSchema},
                              {"version", root.version},
                              {"created", format_time(root.created)},
                              {"expires", format_time(root.expires)},
                              {"roots", role_json(root.roots)},
                              {"release", role_json(root.release)}};
  return sign_document(signers, kReleaseRootType, value.dump());
}

Result<SignedReleaseRoot> read_release_root(std::string_view text) {
  ASSIGN_OR_RETURN(SignedPayload opened, open_release(text, kReleaseRootType));
  ASSIGN_OR_RETURN(ReleaseRoot root, parse_root(opened.payload));
  return SignedReleaseRoot{std::move(root), std::move(opened.signers),
                           crypto::sha256(as_bytes(opened.payload))};
}

std::string make_release(const ReleaseManifest& manifest,
                         std::span<const crypto::SigningKey* const> signers) {
  ordered_json packages = ordered_json::array();
  for (const ReleasePackage& package : manifest.packages) {
    packages.push_back(ordered_json{{"system", package.system},
                                    {"architecture", package.architecture},
                                    {"kind", package.kind},
                                    {"version", package.version.text()},
                                    {"sha256", package.sha256.text()},
                                    {"size", package.size}});
  }
  const ordered_json value = {{"schema", kReleaseSchema},
                              {"serial", manifest.serial},
                              {"created", format_time(manifest.created)},
                              {"expires", format_time(manifest.expires)},
                              {"root", manifest.root},
                              {"packages", std::move(packages)}};
  return sign_document(signers, kReleaseType, value.dump());
}

Result<SignedRelease> read_release(std::string_view text) {
  ASSIGN_OR_RETURN(SignedPayload opened, open_release(text, kReleaseType));
  ASSIGN_OR_RETURN(ReleaseManifest manifest, parse_manifest(opened.payload));
  return SignedRelease{std::move(manifest), std::move(opened.signers),
                       crypto::sha256(as_bytes(opened.payload))};
}

Result<ReleaseTrust> ReleaseTrust::begin(std::string_view root) {
  ASSIGN_OR_RETURN(SignedReleaseRoot read, read_release_root(root));
  if (!read.root.roots.is_met_by(read.signers)) {
    return fail(ErrorKind::kRefused, too_few("release root", "root keys", read.root.roots));
  }
  return ReleaseTrust(std::move(read.root), read.hash);
}

Result<void> ReleaseTrust::advance(std::string_view root) {
  ASSIGN_OR_RETURN(SignedReleaseRoot read, read_release_root(root));
  const std::string what = "release root " + std::to_string(read.root.version);
  if (read.root.version != root_.version + 1) {
    return fail(ErrorKind::kRefused,
                what + ": is not the one after " + std::to_string(root_.version));
  }
  if (!root_.roots.is_met_by(read.signers)) {
    return fail(ErrorKind::kRefused, too_few(what, "keys of the root before", root_.roots));
  }
  if (!read.root.roots.is_met_by(read.signers)) {
    return fail(ErrorKind::kRefused, too_few(what, "root keys that it names", read.root.roots));
  }
  root_ = std::move(read.root);
  hash_ = read.hash;
  return {};
}

Result<SignedRelease> verify_release(std::string_view text, const ReleaseTrust& trust,
                                     const ReleaseMemory& seen, Instant now) {
  ASSIGN_OR_RETURN(SignedRelease read, read_release(text));
  const ReleaseRoot& root = trust.root();
  const ReleaseManifest& manifest = read.manifest;
  const std::string what = "release " + std::to_string(manifest.serial);
  if (!root.release.is_met_by(read.signers)) {
    return fail(ErrorKind::kRefused, too_few(what, "release keys", root.release));
  }
  if (manifest.root > root.version) {
    return fail(ErrorKind::kRefused, what + ": wants release root " +
                                         std::to_string(manifest.root) + ", and " +
                                         std::to_string(root.version) + " is the newest here");
  }
  if (now >= root.expires) {
    return fail(ErrorKind::kRefused, what + ": release root " + std::to_string(root.version) +
                                         " expired on " + format_time(root.expires));
  }
  if (now >= manifest.expires) {
    return fail(ErrorKind::kRefused, what + ": expired on " + format_time(manifest.expires));
  }
  if (manifest.serial < seen.serial) {
    return fail(ErrorKind::kRefused,
                what + ": release " + std::to_string(seen.serial) + " was seen before, going back");
  }
  if (manifest.serial == seen.serial && read.hash != seen.hash) {
    return fail(ErrorKind::kRefused, what + ": another one with this serial was seen before");
  }
  return read;
}

const ReleasePackage* find_package(const ReleaseManifest& manifest, std::string_view system,
                                   std::string_view architecture, std::string_view kind) {
  const auto found = std::ranges::find_if(manifest.packages, [&](const ReleasePackage& package) {
    return package.system == system && package.architecture == architecture && package.kind == kind;
  });
  return found == manifest.packages.end() ? nullptr : &*found;
}

Result<void> check_newer(const ReleasePackage& package, const ReleaseVersion& runs) {
  if (package.version > runs) return {};
  return fail(ErrorKind::kRefused, "version " + package.version.text() + ": is not newer than " +
                                       runs.text() + ", which runs");
}

}  // namespace obhut::trust
