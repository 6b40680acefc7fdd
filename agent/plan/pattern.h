#pragma once
// One gitignore pattern, compiled to a row of states that is walked once along the path: no
// backtracking, so that no pattern can make a backup hang.
// Source: gitignore(5); where that is silent, git's own wildmatch.

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace obhut::plan {

class Pattern {
 public:
  /// In: `text` as a line of a .gitignore file. Errors: kInvalidInput.
  static Result<Pattern> compile(std::string_view text, bool ignore_case);

  [[nodiscard]] bool negated() const { return negated_; }
  [[nodiscard]] bool directory_only() const { return directory_only_; }
  /// Compared with the whole path, not with its last name alone.
  [[nodiscard]] bool anchored() const { return anchored_; }
  /// The text that it equals where it holds no wildcard.
  [[nodiscard]] const std::optional<std::string>& literal() const { return literal_; }

  /// In: the path for an anchored pattern, else the last name; in lower case where case is ignored.
  [[nodiscard]] bool matches(std::string_view subject) const;
  /// True where some path below the directory `path` could match. An unanchored one always may.
  [[nodiscard]] bool may_match_below(std::string_view path) const;

 private:
  using ByteSet = std::bitset<256>;
  enum class Step : std::uint8_t {
    kByte,
    kSet,           ///< one byte out of a set, never '/'
    kRun,           ///< any bytes but '/', perhaps none
    kDeepRun,       ///< any bytes, perhaps none
    kDeepRunSlash,  ///< the same, and may be left out together with the '/' that follows
  };
  struct State {
    Step step;
    std::uint8_t byte = 0;
    std::uint16_t set = 0;  // index into sets_
  };
  class Compiler;

  /// The states alive after `subject`; empty where none is.
  [[nodiscard]] std::vector<bool> run(std::string_view subject) const;
  void add(std::vector<bool>& alive, std::size_t state) const;
  [[nodiscard]] std::string longest_text() const;
  [[nodiscard]] bool accepts(const State& state, unsigned char byte) const;

  bool negated_ = false;
  bool directory_only_ = false;
  bool anchored_ = false;
  std::optional<std::string> literal_;
  /// "*.tmp" and the like, by far the most common wildcard: compared from behind.
  std::optional<std::string> suffix_;
  /// Text that every subject holds that matches; "" where none is known. To look for it rules
  /// nearly all subjects out, many times faster than the states do.
  std::string needed_;
  std::vector<State> states_;
  std::vector<ByteSet> sets_;
};

/// ASCII letters in lower case, all other bytes as they are.
std::string fold_case(std::string_view text);

}  // namespace obhut::plan
