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

/// Says what a signed document is, who signed it, and whether it would be accepted now.
Result<Answer> verify(const Context& context, const std::string& file);

}  // namespace obhut::sign
