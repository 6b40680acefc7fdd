// Releases of the agent: roots, and manifests of packages. Whoever makes packages signs them, not a
// partner: nothing here touches the signer's folder.

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/crypto/digest.h"
#include "agent/trust/fields.h"
#include "agent/trust/jws.h"
#include "agent/trust/release.h"
#include "platform/local_files.h"
#include "tools/sign/answer.h"
#include "tools/sign/commands.h"

namespace obhut::sign {
namespace {

using nlohmann::ordered_json;

Result<std::vector<crypto::SigningKey>> release_keys(const Context& context,
                                                     const std::vector<std::string>& files) {
  if (files.empty()) {
    return fail(ErrorKind::kInvalidInput,
                "release: sign with --key FILE (obhut-sign key new --out FILE makes one)");
  }
  std::vector<crypto::SigningKey> keys;
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(const std::string text, read_input(file, 65536));
    Result<crypto::SigningKey> key = decode_signing_key(text, context.ask);
    if (!key) return pass_on(std::move(key).error(), printable(file));
    keys.push_back(std::move(*key));
  }
  if (keys.size() > trust::kMaxReleaseSignatures) {
    return fail(ErrorKind::kInvalidInput, "release: at most 16 keys sign");
  }
  return keys;
}

std::vector<const crypto::SigningKey*> pointers(const std::vector<crypto::SigningKey>& keys) {
  std::vector<const crypto::SigningKey*> out;
  out.reserve(keys.size());
  for (const crypto::SigningKey& key : keys) out.push_back(&key);
  return out;
}

/// What is given takes the place of what was there before.
Result<void> change_role(trust::ReleaseRole& role, const std::vector<std::string>& keys,
                         std::uint32_t threshold) {
  if (!keys.empty()) role.keys.clear();
  for (const std::string& text : keys) {
    const auto key = SigningKeyId::parse(text);
    if (!key) {
      return fail(ErrorKind::kInvalidInput,
                  "key " + printable(text) + ": must be 64 lower-case hex digits");
    }
    role.keys.push_back(*key);
  }
  if (threshold > 0) role.threshold = threshold;
  return {};
}

ordered_json role_view(const trust::ReleaseRole& role, std::span<const SigningKeyId> signers) {
  ordered_json keys = ordered_json::array();
  for (const SigningKeyId& key : role.keys) {
    const bool signed_by = std::ranges::find(signers, key) != signers.end();
    keys.push_back(ordered_json{{"key", key.text()}, {"signed", signed_by}});
  }
  return {
      {"threshold", role.threshold}, {"keys", std::move(keys)}, {"met", role.is_met_by(signers)}};
}

std::string role_line(std::string_view name, const trust::ReleaseRole& role,
                      std::span<const SigningKeyId> signers) {
  const auto count = std::ranges::count_if(role.keys, [&signers](const SigningKeyId& key) {
    return std::ranges::find(signers, key) != signers.end();
  });
  return "  " + std::string(name) + std::to_string(count) + " of " +
         std::to_string(role.keys.size()) + " keys have signed, " + std::to_string(role.threshold) +
         (role.is_met_by(signers) ? " are needed: good\n" : " are needed: more must sign\n");
}

Result<Answer> show_root(const std::string& text, const trust::SignedReleaseRoot* before) {
  ASSIGN_OR_RETURN(const trust::SignedReleaseRoot read, trust::read_release_root(text));
  const trust::ReleaseRoot& root = read.root;
  ordered_json out = {{"type", "release-root"},
                      {"version", root.version},
                      {"expires", format_time(root.expires)},
                      {"hash", read.hash.text()},
                      {"roots", role_view(root.roots, read.signers)},
                      {"release", role_view(root.release, {})}};
  out["release"].erase("met");
  std::string shown = "release root " + std::to_string(root.version) + ", until " +
                      format_time(root.expires) + ", releases need " +
                      std::to_string(root.release.threshold) + " of " +
                      std::to_string(root.release.keys.size()) + " keys\n" +
                      role_line("its own    ", root.roots, read.signers);
  if (before != nullptr) {
    out["before"] = role_view(before->root.roots, read.signers);
    shown += role_line("before it  ", before->root.roots, read.signers);
  }
  return answer(out, shown);
}

Result<Answer> show_manifest(const std::string& text, const trust::ReleaseTrust* trust,
                             Instant now) {
  ASSIGN_OR_RETURN(const trust::SignedRelease read, trust::read_release(text));
  const trust::ReleaseManifest& manifest = read.manifest;
  ordered_json packages = ordered_json::array();
  std::string shown = "release " + std::to_string(manifest.serial) + ", until " +
                      format_time(manifest.expires) + ", by root " + std::to_string(manifest.root) +
                      " or a later one\n";
  for (const trust::ReleasePackage& package : manifest.packages) {
    packages.push_back(ordered_json{{"system", package.system},
                                    {"architecture", package.architecture},
                                    {"kind", package.kind},
                                    {"version", package.version.text()},
                                    {"sha256", package.sha256.text()},
                                    {"size", package.size}});
    shown += "  " + package.system + " " + package.architecture + " " + package.kind + " " +
             package.version.text() + "  " + package.sha256.text() + "\n";
  }
  ordered_json out = {{"type", "release"},
                      {"serial", manifest.serial},
                      {"expires", format_time(manifest.expires)},
                      {"root", manifest.root},
                      {"hash", read.hash.text()},
                      {"packages", std::move(packages)},
                      {"signatures", read.signers.size()}};
  if (trust != nullptr) {
    out["release"] = role_view(trust->root().release, read.signers);
    shown += role_line("release    ", trust->root().release, read.signers);
    const auto good = trust::verify_release(text, *trust, {}, now);
    out["good"] = good.has_value();
    if (!good) out["reason"] = good.error().message;
  }
  return answer(out, shown);
}

Result<Answer> written(const std::string& out, const std::string& document,
                       const Result<Answer>& shown) {
  if (!shown) return std::unexpected(shown.error());
  TRY(write_output(out, document + "\n", /*secret=*/false));
  return Answer{shown->json, printable(out) + ": " + shown->text};
}

/// By its name, as our packages are named: obhut-agent_1.2.3_amd64.deb,
/// obhut-agent-1.2.3-1.x86_64.rpm, obhut-agent-1.2.3.msi, which is of the one that there is.
Result<trust::ReleasePackage> named_package(const std::string& file) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kArchitectures{
      {{"x86_64", "x86_64"},
       {"amd64", "x86_64"},
       {"x64", "x86_64"},
       {"aarch64", "aarch64"},
       {"arm64", "aarch64"}}};
  const std::string name = platform::file_name_of(file);
  trust::ReleasePackage package;
  if (name.ends_with(".deb")) package.kind = "deb";
  if (name.ends_with(".rpm")) package.kind = "rpm";
  if (name.ends_with(".msi")) package.kind = "msi";
  package.system = package.kind == "msi" ? "windows" : "linux";
  if (package.kind == "msi") package.architecture = "x86_64";
  for (const auto& [spelling, architecture] : kArchitectures) {
    if (name.find(spelling) != std::string::npos) package.architecture = architecture;
  }
  bool has_version = false;
  for (std::size_t at = 0; at < name.size() && !has_version;) {
    const std::size_t end = std::min(name.find_first_of("-_", at), name.size());
    std::string_view part = std::string_view(name).substr(at, end - at);
    if (end == name.size()) part.remove_suffix(std::min<std::size_t>(4, part.size()));
    if (auto version = trust::ReleaseVersion::parse(part)) {
      package.version = std::move(*version);
      has_version = true;
    }
    at = end + 1;
  }
  if (package.kind.empty() || package.architecture.empty() || !has_version) {
    return fail(ErrorKind::kInvalidInput, "package " + printable(name) +
                                              ": its name must tell version and architecture, as "
                                              "obhut-agent_1.2.3_amd64.deb does");
  }
  return package;
}

Result<trust::ReleasePackage> measured_package(const std::string& file) {
  constexpr std::size_t kPart = std::size_t{1} << 20U;
  ASSIGN_OR_RETURN(trust::ReleasePackage package, named_package(file));
  ASSIGN_OR_RETURN(const platform::LocalFile opened, platform::LocalFile::open_for_reading(file));
  ASSIGN_OR_RETURN(package.size, opened.size());
  if (package.size == 0 || package.size > trust::kLargestPackage) {
    return fail(ErrorKind::kInvalidInput,
                "package " + printable(file) + ": must have 1 byte to 512 MiB");
  }
  crypto::Sha256Stream digest;
  Bytes part(kPart);
  for (std::uint64_t at = 0; at < package.size;) {
    ASSIGN_OR_RETURN(const std::size_t got, opened.read_at(at, part));
    if (got == 0) {
      return fail(ErrorKind::kCorrupt, "package " + printable(file) + ": was cut meanwhile");
    }
    digest.update(ByteView(part).first(got));
    at += got;
  }
  package.sha256 = digest.finish();
  return package;
}

}  // namespace

Result<Answer> release_root(const Context& context, const ReleaseRootOptions& options) {
  trust::ReleaseRoot root;
  std::optional<trust::SignedReleaseRoot> before;
  if (!options.after.empty()) {
    ASSIGN_OR_RETURN(const std::string text, read_input(options.after, trust::kReleaseLimit));
    ASSIGN_OR_RETURN(before, trust::read_release_root(text));
    root = before->root;
  }
  root.version = before ? before->root.version + 1 : 1;
  root.created = to_second(context.now);
  root.expires = days_later(context.now, options.days);
  TRY(change_role(root.roots, options.root_keys, options.root_threshold));
  TRY(change_role(root.release, options.release_keys, options.release_threshold));
  ASSIGN_OR_RETURN(const auto keys, release_keys(context, options.keys));
  const std::string document = trust::make_release_root(root, pointers(keys));
  return written(options.out, document, show_root(document, before ? &*before : nullptr));
}

Result<Answer> release_manifest(const Context& context, const ReleaseManifestOptions& options) {
  trust::ReleaseManifest manifest;
  manifest.serial = 1;
  if (!options.after.empty()) {
    ASSIGN_OR_RETURN(const std::string text, read_input(options.after, trust::kReleaseLimit));
    ASSIGN_OR_RETURN(const trust::SignedRelease before, trust::read_release(text));
    manifest.serial = before.manifest.serial + 1;
  }
  if (options.serial) manifest.serial = *options.serial;
  ASSIGN_OR_RETURN(const std::string root_text, read_input(options.root, trust::kReleaseLimit));
  ASSIGN_OR_RETURN(const trust::ReleaseTrust trust, trust::ReleaseTrust::begin(root_text));
  manifest.root = trust.root().version;
  manifest.created = to_second(context.now);
  manifest.expires = days_later(context.now, options.days);
  for (const std::string& file : options.packages) {
    ASSIGN_OR_RETURN(trust::ReleasePackage package, measured_package(file));
    manifest.packages.push_back(std::move(package));
  }
  ASSIGN_OR_RETURN(const auto keys, release_keys(context, options.keys));
  const std::string document = trust::make_release(manifest, pointers(keys));
  return written(options.out, document, show_manifest(document, &trust, context.now));
}

Result<Answer> release_sign(const Context& context, const ReleaseSignOptions& options) {
  ASSIGN_OR_RETURN(std::string document, read_input(options.file, trust::kReleaseLimit));
  ASSIGN_OR_RETURN(const std::string type, trust::claimed_type(document));
  if (type != trust::kReleaseRootType && type != trust::kReleaseType) {
    return fail(ErrorKind::kInvalidInput,
                printable(options.file) + ": is neither a release root nor a release");
  }
  ASSIGN_OR_RETURN(const auto keys, release_keys(context, options.keys));
  for (const crypto::SigningKey& key : keys) {
    ASSIGN_OR_RETURN(document, trust::cosign_document(trust::trimmed(document), type, key,
                                                      trust::kMaxReleaseSignatures));
  }
  return written(options.out.empty() ? options.file : options.out, document,
                 type == trust::kReleaseType ? show_manifest(document, nullptr, context.now)
                                             : show_root(document, nullptr));
}

Result<Answer> release_show(const Context& context, const std::string& file,
                            const std::string& root) {
  ASSIGN_OR_RETURN(const std::string text, read_input(file, trust::kReleaseLimit));
  ASSIGN_OR_RETURN(const std::string type, trust::claimed_type(text));
  std::string root_text;
  if (!root.empty()) {
    ASSIGN_OR_RETURN(root_text, read_input(root, trust::kReleaseLimit));
  }
  if (type == trust::kReleaseRootType) {
    std::optional<trust::SignedReleaseRoot> before;
    if (!root_text.empty()) {
      ASSIGN_OR_RETURN(before, trust::read_release_root(root_text));
    }
    return show_root(text, before ? &*before : nullptr);
  }
  if (root_text.empty()) return show_manifest(text, nullptr, context.now);
  ASSIGN_OR_RETURN(const trust::ReleaseTrust trust, trust::ReleaseTrust::begin(root_text));
  return show_manifest(text, &trust, context.now);
}

}  // namespace obhut::sign
