#pragma once
// What obhut-sign does, one function a command. Nothing here prints or ends the program.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "tools/sign/signer.h"

namespace obhut::sign {

/// What is printed: `json`, one object on one line, or `text` for people.
struct Answer {
  std::string json;
  std::string text;
};

/// What every command is given.
struct Context {
  std::string folder;
  Instant now{};
  AskPassphrase ask;  ///< for keys that are read
};

struct InitOptions {
  std::string partner;
  std::string partner_id{};  ///< hex; empty: at random
  std::uint32_t list_days = 400;
  std::optional<crypto::SecretBytes> passphrase{};  ///< for the keys that are made
};
Result<Answer> init(const Context& context, const InitOptions& options);

struct OperatorOptions {
  std::string name;
  std::vector<std::string> roles{};
  std::uint32_t days = 365;
  std::string public_key{};  ///< hex of a key that lives elsewhere; empty: one is made here
  std::uint32_t list_days = 400;
  std::optional<crypto::SecretBytes> passphrase{};
};
Result<Answer> operator_add(const Context& context, const OperatorOptions& options);
Result<Answer> operator_revoke(const Context& context, const std::string& who,
                               std::uint32_t list_days);
Result<Answer> key_new(const std::string& out,
                       const std::optional<crypto::SecretBytes>& passphrase);

Result<Answer> trust_show(const Context& context);
/// `out` empty: the document itself is the answer, as text and as JSON. `all`: every list so far,
/// as a JSON array.
Result<Answer> trust_export(const Context& context, const std::string& out, bool all);
Result<Answer> trust_renew(const Context& context, std::uint32_t list_days);
Result<Answer> root_rotate(const Context& context, std::uint32_t list_days,
                           const std::optional<crypto::SecretBytes>& passphrase);
Result<Answer> escrow_show(const Context& context);

/// What a request says, for a person to compare with what the endpoint shows.
struct EscrowView {
  DeviceId device;
  VaultId vault;
  Instant created{};
  std::string fingerprint;
};
struct EscrowOptions {
  std::string request;  ///< file
  std::string out;
  /// Asked before the escrow key is touched; an error of it ends the command.
  std::function<Result<void>(const EscrowView&)> confirm;
};
/// Opens the vault that the request names and seals its roots to the endpoint that asks.
/// Errors: kInvalidInput, kCrypto; kRefused for another partner's endpoint or vault.
Result<Answer> escrow_answer(const Context& context, const EscrowOptions& options);

struct TokenOptions {
  std::string customer;
  std::string cluster;
  std::string ca_file;
  std::string kind = "workstation";
  std::uint32_t uses = 1;
  std::uint32_t days = 7;
  std::string signer;  ///< an operator's name or key, or "root"; empty: whoever may
  std::string out;
  std::string replaces{};  ///< hex of the device whose place the new one takes; empty: none
};
Result<Answer> token(const Context& context, const TokenOptions& options);

struct PackageOptions {
  std::string token;    ///< file
  std::string package;  ///< a .deb
  std::string out;
};
/// The package with the token inside: whoever installs it enrols by it, whatever its name.
/// Errors: kInvalidInput for what is no Debian package, or no token that is good now.
Result<Answer> package(const Context& context, const PackageOptions& options);

struct PlanOptions {
  std::string file;
  std::string device;
  std::string customer;
  std::optional<std::uint64_t> version;
  std::uint32_t days = 30;
  std::vector<std::string> signers;    ///< names or keys of operators; empty: whoever may
  std::vector<std::string> key_files;  ///< further operators' keys, in files
  std::optional<std::uint32_t> delay_hours;
  std::string out;
};
Result<Answer> plan_sign(const Context& context, const PlanOptions& options);

struct GrantOptions {
  std::string device;
  std::string vault{};  ///< hex; empty: any that the device can open
  std::vector<std::string> paths;
  std::string user{};  ///< a user's name, "uid:…" or a SID
  bool anybody = false;
  std::string to = "any";  ///< "original", "any", or a folder
  std::uint32_t hours = 24;
  std::string reason;
  std::string signer{};  ///< an operator's name or key; empty: whoever may
  std::string key_file{};
  std::string out{};
  std::string qr{};  ///< SVG file; "-": with the answer, for a terminal
};
/// A restore grant, as a file, a QR code, or both.
/// Errors: kInvalidInput, also for one that is too long for a QR code; kRefused without the role.
Result<Answer> grant(const Context& context, const GrantOptions& options);
Result<Answer> verify_grant_document(const Signer& signer, const std::string& text, Instant now);

struct ReleaseRootOptions {
  std::string after{};                      ///< file of the root before; empty: the first
  std::vector<std::string> root_keys{};     ///< hex; empty: as before
  std::uint32_t root_threshold = 0;         ///< 0: as before
  std::vector<std::string> release_keys{};  ///< hex; empty: as before
  std::uint32_t release_threshold = 0;      ///< 0: as before
  std::uint32_t days = 1095;
  std::vector<std::string> keys{};  ///< files of those that sign now
  std::string out;
};
/// Errors: kInvalidInput, also for a root that nobody could read back.
Result<Answer> release_root(const Context& context, const ReleaseRootOptions& options);

struct ReleaseManifestOptions {
  std::string root;     ///< file of the root that proves it
  std::string after{};  ///< file of the release before; empty: the first
  std::optional<std::uint64_t> serial{};
  std::uint32_t days = 90;
  std::vector<std::string> packages{};  ///< files, named as ours are
  std::vector<std::string> keys{};
  std::string out;
};
/// Errors: kInvalidInput, also for a package whose name does not tell what it is.
Result<Answer> release_manifest(const Context& context, const ReleaseManifestOptions& options);

struct ReleaseSignOptions {
  std::string file;
  std::vector<std::string> keys{};
  std::string out{};  ///< empty: in place
};
/// Adds signatures to a root or a release. Errors: kConflict where a key has signed it already.
Result<Answer> release_sign(const Context& context, const ReleaseSignOptions& options);
/// In: `root`, a file or empty: the root that proves a release, or stands before a root.
Result<Answer> release_show(const Context& context, const std::string& file,
                            const std::string& root);

/// Says what a signed document is, who signed it, and whether it would be accepted now.
Result<Answer> verify(const Context& context, const std::string& file);

}  // namespace obhut::sign
