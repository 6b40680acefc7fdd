#pragma once
// Which entries of a source are taken: gitignore syntax over byte paths. Pure.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/plan.h"

namespace obhut::plan {

enum class Verdict : std::uint8_t { kInclude, kExclude };

struct SelectionRules {
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  bool ignore_case = false;  ///< ASCII letters only: names are bytes
};

/// A source's patterns, compiled once. Paths are relative to the source's path, '/'-separated,
/// never empty, of any bytes but NUL.
///
/// `exclude` follows gitignore: the last pattern that matches decides, `!` takes back in, a slash
/// in front or within anchors, a slash behind means directories only, and nothing below an excluded
/// directory can be taken back in. `include`, where not empty, works the other way round: taken is
/// what matches, everything below a directory that matches, and the directories on the way.
/// Matching takes time linear in path times pattern, whatever the pattern.
/// Thread: any.
class Selection {
 public:
  /// Errors: kInvalidInput naming the pattern, for an empty or over-long (4096) one, a NUL, a lone
  /// "!" or a trailing backslash; for more than 10,000 patterns.
  static Result<Selection> make(const SelectionRules& rules);
  static Result<Selection> for_source(const model::Source& source);

  /// For one path on its own: looks at every parent too.
  [[nodiscard]] Verdict of(std::string_view relative_path, bool is_directory) const;

  /// What a walker knows about the directory whose entries it asks for. Root: a value made anew.
  struct Scope {
    bool included = false;  ///< below a directory that an include pattern matches
  };
  struct Answer {
    Verdict verdict = Verdict::kInclude;
    /// A directory that is kInclude only because something below it may match an include pattern.
    bool passage = false;
    Scope scope;  ///< for the entries of this entry, where it is a directory
  };
  /// For who asks for many entries of one directory: what of_entry() wants to know of it. Nothing
  /// where it is left out. "" is the root.
  [[nodiscard]] std::optional<Scope> inside(std::string_view directory) const;
  /// For a walker that goes down only into what is kInclude: looks at this one path alone.
  /// In: `relative_path` whole, `scope` its parent's answer.
  [[nodiscard]] Answer of_entry(std::string_view relative_path, bool is_directory,
                                Scope scope) const;

  /// True where no pattern can leave anything out.
  [[nodiscard]] bool takes_all() const;

 private:
  struct State;
  explicit Selection(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;  // shared by copies, never changed after make()
};

}  // namespace obhut::plan
