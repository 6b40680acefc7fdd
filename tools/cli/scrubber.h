#pragma once
// Takes out of texts what must not leave the machine: secrets always, names of the user's files
// unless they were asked for.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace obhut::cli {

/// Whether names of the user's files stay in what is scrubbed.
enum class FileNames : std::uint8_t { kHidden, kKept };

/// Where names are the user's, and where they are ours. Absolute paths with '/'; where one lies
/// below another, the longer one counts.
struct KnownPaths {
  std::vector<std::string> sources;  ///< of the plan; they stay themselves, what is below goes
  std::vector<std::string> ours;     ///< state, settings, targets: all below them stays
};

/// By form, since nobody tells what a secret in a log is: registration tokens and other JWS,
/// recovery keys, private keys (PEM; 32 bytes or more in base64 or hex), passwords in URLs,
/// authorization headers, values of names like "password", queries of URLs.
///
/// A path outside KnownPaths and the system's own folders counts as the user's. "/srv/data/a.txt"
/// below the source "/srv/data" becomes "/srv/data/<path:1a2b3c4d>", the same every time. Where a
/// name with spaces ends nobody can tell: all up to the last ": reason" is taken for it.
class Scrubber {
 public:
  /// In: `secrets` that are known by heart are taken out as they stand, from 4 bytes on.
  Scrubber(FileNames names, KnownPaths paths, std::vector<std::string> secrets = {});

  /// Of any bytes, line by line; what is no UTF-8 stays. Linear in `text`.
  [[nodiscard]] std::string text(std::string_view text);
  /// Of all texts in `value`, below names that give them away ("password") whatever they look like.
  /// Ids of 64 hex digits below the names of ids stay.
  void clean(nlohmann::json& value);

  [[nodiscard]] std::size_t secrets_hidden() const { return secrets_hidden_; }
  [[nodiscard]] std::size_t names_hidden() const { return names_hidden_; }

 private:
  std::string without_known(std::string text);
  std::string without_pem(std::string_view text);
  std::string without_url_secrets(std::string_view line);
  std::string without_headers(std::string_view line);
  std::string without_assignments(std::string_view line);
  std::string without_runs(std::string_view line);
  std::string without_recovery_keys(std::string_view line);
  std::string without_names(std::string_view line);
  std::string line(std::string_view line);
  void clean_text(nlohmann::json& value, std::string_view name);
  [[nodiscard]] bool stays(std::string_view path) const;
  std::string hide_path(std::string_view path);

  FileNames names_;
  KnownPaths paths_;
  std::vector<std::string> secrets_;
  std::size_t secrets_hidden_ = 0;
  std::size_t names_hidden_ = 0;
};

}  // namespace obhut::cli
