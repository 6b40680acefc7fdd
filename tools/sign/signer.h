#pragma once
// The folder of a partner's signer: root, operators, escrow, every trust list, and the versions
// that were given out. It belongs on a machine that the cluster cannot reach.
//
//   signer.json        partner, and the highest plan version for each target
//   keys/root.key      the partner's root; keys/root-<serial>.key the ones before
//   keys/escrow.key    X25519, opens what escrow slots hold
//   keys/<16 hex>.key  one for each operator whose key is here
//   trust/<serial>.json

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/signing.h"
#include "agent/trust/trust_chain.h"
#include "platform/file_lock.h"
#include "tools/sign/key_file.h"

namespace obhut::sign {

/// One run of the program owns the folder (a lock in it) from open to the end.
class Signer {
 public:
  struct NewPartner {
    std::string name;
    std::optional<PartnerId> id;  ///< made at random where absent
    std::chrono::days list_valid{400};
  };
  /// Makes folder, root, escrow key and the first trust list. Refuses a folder that is in use.
  /// Errors: kConflict, kInvalidInput, kRefused …
  static Result<Signer> create(const std::string& folder, const NewPartner& partner,
                               const std::optional<crypto::SecretBytes>& passphrase, Instant now);
  /// Errors: kNotFound where there is no signer, kCorrupt, kConflict while another one runs.
  static Result<Signer> open(const std::string& folder);

  [[nodiscard]] const PartnerId& partner() const { return partner_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const trust::TrustChain& trust() const { return trust_; }

  Result<crypto::SigningKey> root_key(const AskPassphrase& ask) const;
  Result<crypto::ExchangeKey> escrow_key(const AskPassphrase& ask) const;
  Result<crypto::ExchangeKeyId> escrow_public_key() const;
  /// An operator's key that lies in this folder. In: a name or a public key in hex.
  Result<crypto::SigningKey> operator_key(std::string_view who, const AskPassphrase& ask) const;
  /// The first operator here whose key has all of `roles` now; nothing where there is none.
  [[nodiscard]] std::optional<trust::Operator> usable_operator(
      const std::vector<trust::OperatorRole>& roles, Instant now) const;
  /// Errors: kNotFound, kInvalidInput where a name means several.
  Result<trust::Operator> find_operator(std::string_view who) const;

  Result<void> store_operator_key(const crypto::SigningKey& key,
                                  const std::optional<crypto::SecretBytes>& passphrase);
  /// Signs and keeps the next list: serial, issued, root and expiry are filled in here.
  Result<void> issue_list(trust::TrustList list, const crypto::SigningKey& root,
                          std::chrono::days valid, Instant now);
  /// The last list as a start for the next one.
  [[nodiscard]] trust::TrustList draft() const;
  /// Makes a new root: one list by the old that names it, one by the new. The old key stays as a
  /// file.
  Result<void> rotate_root(const crypto::SigningKey& old_root,
                           const std::optional<crypto::SecretBytes>& passphrase,
                           std::chrono::days valid, Instant now);
  /// Every list so far, oldest first: what an endpoint that missed some must be given.
  Result<std::vector<std::string>> all_lists() const;

  /// Takes the next version for a target ("device:…", "customer:…"), or `wanted`, and writes it
  /// down before it is used. Errors: kInvalidInput where `wanted` is not higher than the last.
  Result<std::uint64_t> take_version(const std::string& target,
                                     std::optional<std::uint64_t> wanted);

 private:
  Signer(std::string folder, platform::FileLock lock, const PartnerId& partner, std::string name,
         trust::TrustChain trust)
      : folder_(std::move(folder)),
        lock_(std::move(lock)),
        partner_(partner),
        name_(std::move(name)),
        trust_(std::move(trust)) {}
  Result<void> save() const;
  Result<void> load_versions(std::string_view text);
  [[nodiscard]] std::string path(std::string_view name) const;

  std::string folder_;
  platform::FileLock lock_;
  PartnerId partner_;
  std::string name_;
  trust::TrustChain trust_;
  std::map<std::string, std::uint64_t> versions_;
};

}  // namespace obhut::sign
