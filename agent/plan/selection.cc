#include "agent/plan/selection.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include "agent/plan/pattern.h"

namespace obhut::plan {
namespace {

constexpr std::size_t kMaxPatterns = 10'000;
constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

/// By length first: to find out that a name is not in a short list takes a comparison or two of
/// numbers, where hashing it would read every byte.
struct ByLength {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  }
};

/// A list of patterns of which the last that matches decides.
class PatternList {
 public:
  static Result<PatternList> make(const std::vector<std::string>& texts, bool ignore_case) {
    if (texts.size() > kMaxPatterns) {
      return fail(ErrorKind::kInvalidInput, "patterns: more than 10000");
    }
    PatternList out;
    for (const std::string& text : texts) {
      ASSIGN_OR_RETURN(Pattern pattern, Pattern::compile(text, ignore_case));
      out.add(std::move(pattern));
    }
    return out;
  }

  [[nodiscard]] bool empty() const { return patterns_.empty(); }

  /// True: matched by a pattern; false: by one with "!"; nothing: by none.
  [[nodiscard]] std::optional<bool> decide(std::string_view path, bool is_directory) const {
    const std::size_t slash = path.rfind('/');
    const std::string_view name = slash == path.npos ? path : path.substr(slash + 1);
    std::size_t best = kNone;
    look_up(names_, name, is_directory, best);
    look_up(paths_, path, is_directory, best);
    for (auto index = wild_.rbegin(); index != wild_.rend(); ++index) {
      if (best != kNone && *index < best) break;
      const Pattern& pattern = patterns_[*index];
      if (pattern.directory_only() && !is_directory) continue;
      if (!pattern.matches(pattern.anchored() ? path : name)) continue;
      best = *index;
      break;
    }
    if (best == kNone) return std::nullopt;
    return !patterns_[best].negated();
  }

  [[nodiscard]] bool may_match_below(std::string_view directory) const {
    return std::ranges::any_of(patterns_, [&](const Pattern& pattern) {
      return !pattern.negated() && pattern.may_match_below(directory);
    });
  }

 private:
  /// The highest pattern of a text, for directories and for other entries.
  struct Last {
    std::size_t directory = kNone;
    std::size_t other = kNone;
  };
  using Table = std::map<std::string, Last, ByLength>;

  void add(Pattern pattern) {
    const std::size_t index = patterns_.size();
    if (pattern.literal()) {
      Last& last = (pattern.anchored() ? paths_ : names_)[*pattern.literal()];
      last.directory = index;
      if (!pattern.directory_only()) last.other = index;
    } else {
      wild_.push_back(index);
    }
    patterns_.push_back(std::move(pattern));
  }

  static void look_up(const Table& table, std::string_view text, bool is_directory,
                      std::size_t& best) {
    if (table.empty()) return;
    const auto found = table.find(text);
    if (found == table.end()) return;
    const std::size_t index = is_directory ? found->second.directory : found->second.other;
    if (index != kNone && (best == kNone || index > best)) best = index;
  }

  std::vector<Pattern> patterns_;
  Table names_;
  Table paths_;
  std::vector<std::size_t> wild_;  // indexes, ascending
};

}  // namespace

struct Selection::State {
  PatternList include;
  PatternList exclude;
  bool ignore_case = false;
};

Result<Selection> Selection::make(const SelectionRules& rules) {
  State state;
  state.ignore_case = rules.ignore_case;
  ASSIGN_OR_RETURN(state.include, PatternList::make(rules.include, rules.ignore_case));
  ASSIGN_OR_RETURN(state.exclude, PatternList::make(rules.exclude, rules.ignore_case));
  return Selection(std::make_shared<const State>(std::move(state)));
}

Result<Selection> Selection::for_source(const model::Source& source) {
  return make({source.include, source.exclude, source.ignore_case});
}

Selection::Answer Selection::of_entry(std::string_view relative_path, bool is_directory,
                                      Scope scope) const {
  std::string folded;
  if (state_->ignore_case) {
    folded = fold_case(relative_path);
    relative_path = folded;
  }
  Answer answer;
  if (state_->exclude.decide(relative_path, is_directory) == true) {
    answer.verdict = Verdict::kExclude;
    return answer;
  }
  if (state_->include.empty()) return answer;

  const bool taken = state_->include.decide(relative_path, is_directory).value_or(scope.included);
  answer.scope.included = taken;
  if (taken) return answer;
  answer.passage = is_directory && state_->include.may_match_below(relative_path);
  answer.verdict = answer.passage ? Verdict::kInclude : Verdict::kExclude;
  return answer;
}

std::optional<Selection::Scope> Selection::inside(std::string_view directory) const {
  Scope scope;
  for (std::size_t end = 0; end < directory.size();) {
    end = std::min(directory.find('/', end + 1), directory.size());
    const Answer parent = of_entry(directory.substr(0, end), true, scope);
    if (parent.verdict == Verdict::kExclude) return std::nullopt;
    scope = parent.scope;
  }
  return scope;
}

Verdict Selection::of(std::string_view relative_path, bool is_directory) const {
  const std::size_t slash = relative_path.rfind('/');
  const auto scope = inside(relative_path.substr(0, slash == relative_path.npos ? 0 : slash));
  return scope ? of_entry(relative_path, is_directory, *scope).verdict : Verdict::kExclude;
}

bool Selection::takes_all() const {
  return state_->include.empty() && state_->exclude.empty();
}

}  // namespace obhut::plan
