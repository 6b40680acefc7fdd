#pragma once
// obhut.release-root/1 and obhut.release/1: who may say which package is the newest, and which one
// that is. A subset of TUF (The Update Framework): root and targets, each with a threshold of keys
// and an end; no rollback, no fork.

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/crypto/signing.h"

namespace obhut::trust {

/// A longer document is refused unread.
inline constexpr std::size_t kReleaseLimit = std::size_t{128} * 1024;
inline constexpr std::size_t kMaxReleaseKeys = 8;
inline constexpr std::size_t kMaxReleasePackages = 64;
inline constexpr std::uint64_t kLargestPackage = std::uint64_t{512} << 20U;
/// Whoever keeps new manifests from a device can do so for this long unnoticed.
inline constexpr std::chrono::days kLongestRelease{366};

/// "1.2.3": two to four numbers. What is not written counts as 0.
class ReleaseVersion {
 public:
  /// Errors: kInvalidInput.
  static Result<ReleaseVersion> parse(std::string_view text);
  [[nodiscard]] const std::string& text() const { return text_; }
  friend std::strong_ordering operator<=>(const ReleaseVersion& a, const ReleaseVersion& b) {
    return a.numbers_ <=> b.numbers_;
  }
  friend bool operator==(const ReleaseVersion& a, const ReleaseVersion& b) {
    return a.numbers_ == b.numbers_;
  }

 private:
  std::string text_;
  std::array<std::uint32_t, 4> numbers_{};
};

/// So many different ones of these keys.
struct ReleaseRole {
  std::uint32_t threshold = 0;
  std::vector<SigningKeyId> keys;  ///< distinct

  [[nodiscard]] bool is_met_by(std::span<const SigningKeyId> signers) const;
};

struct ReleaseRoot {
  std::uint64_t version = 0;  ///< from 1
  Instant created{};
  Instant expires{};    ///< bounds what may be verified by it, not that it has a successor
  ReleaseRole roots;    ///< sign this root and the next
  ReleaseRole release;  ///< sign manifests
};

/// In: `signers` one to kMaxReleaseSignatures. Times are kept to the second.
std::string make_release_root(const ReleaseRoot& root,
                              std::span<const crypto::SigningKey* const> signers);

struct SignedReleaseRoot {
  ReleaseRoot root;
  std::vector<SigningKeyId> signers;  ///< distinct
  Sha256 hash;                        ///< of the payload
};
/// Proves the signatures, not the signers. In: white space around the text is ignored.
/// Errors: kInvalidInput, kCrypto; kRefused where there is no signature.
Result<SignedReleaseRoot> read_release_root(std::string_view text);

struct ReleasePackage {
  std::string system;        ///< "linux", "windows"
  std::string architecture;  ///< "x86_64", "aarch64"
  std::string kind;          ///< "deb", "rpm"; of windows "msi"
  ReleaseVersion version;
  Sha256 sha256;
  std::uint64_t size = 0;  ///< 1 to kLargestPackage
};

struct ReleaseManifest {
  std::uint64_t serial = 0;  ///< grows with each manifest; from 1
  Instant created{};
  Instant expires{};
  std::uint64_t root = 0;                ///< the lowest version of the root that may prove it
  std::vector<ReleasePackage> packages;  ///< one a system, architecture and kind
};

/// In: as make_release_root().
std::string make_release(const ReleaseManifest& manifest,
                         std::span<const crypto::SigningKey* const> signers);

struct SignedRelease {
  ReleaseManifest manifest;
  std::vector<SigningKeyId> signers;  ///< distinct
  Sha256 hash;                        ///< of the payload
};
/// As read_release_root().
Result<SignedRelease> read_release(std::string_view text);

/// The root that counts: the first came with the package, each later one was signed by the one
/// before and by itself.
class ReleaseTrust {
 public:
  /// In: the root that came with the package.
  /// Errors: those of read_release_root(); kRefused where its own keys have not signed it.
  static Result<ReleaseTrust> begin(std::string_view root);
  /// Takes the next root. That one of them has expired does not matter, as long as a later one has
  /// not. Errors: those of read_release_root(); kRefused for another version than the next, and
  /// where the threshold of this root or of its own is not met. Then nothing has changed.
  Result<void> advance(std::string_view root);

  [[nodiscard]] const ReleaseRoot& root() const { return root_; }
  [[nodiscard]] const Sha256& hash() const { return hash_; }

 private:
  ReleaseTrust(ReleaseRoot root, const Sha256& hash) : root_(std::move(root)), hash_(hash) {}
  ReleaseRoot root_;
  Sha256 hash_;
};

/// The highest serial that was ever accepted, and its content.
struct ReleaseMemory {
  std::uint64_t serial = 0;  ///< 0: none yet
  Sha256 hash{};
};

/// Signed by the threshold of release keys, not expired, and not older than what was seen.
/// In: `now` is the latest time ever seen.
/// Errors: those of read_release(); kRefused for too few signatures, an expired root or manifest, a
/// root that is not known yet, a serial that was passed, or a seen one with another content.
Result<SignedRelease> verify_release(std::string_view text, const ReleaseTrust& trust,
                                     const ReleaseMemory& seen, Instant now);

/// Null where the manifest has none. Valid as long as the manifest.
const ReleasePackage* find_package(const ReleaseManifest& manifest, std::string_view system,
                                   std::string_view architecture, std::string_view kind);
/// Errors: kRefused where the package is no newer than what runs.
Result<void> check_newer(const ReleasePackage& package, const ReleaseVersion& runs);

}  // namespace obhut::trust
