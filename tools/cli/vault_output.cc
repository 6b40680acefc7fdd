#include "tools/cli/vault_output.h"

#include <memory>
#include <optional>

#include "agent/base/text.h"
#include "agent/plan/selection.h"
#include "tools/cli/format.h"

namespace obhut::cli {
namespace {

constexpr Message kMissing{"{} {entry|entries} could not be restored:\n",
                           "{} {Eintrag ließ|Einträge ließen} sich nicht wiederherstellen:\n"};
constexpr Message kMetadata{"{} {entry is|entries are} there, but not with all metadata:\n",
                            "{} {Eintrag ist|Einträge sind} da, aber nicht mit allen Metadaten:\n"};
constexpr Message kMore{"  … and {} more\n", "  … und {} weitere\n"};

void tell(const Context& context, const restore::RestoreReport& report, restore::ProblemKind kind,
          std::uint64_t count, const Message& title) {
  if (count == 0) return;
  constexpr std::uint64_t kShown = 20;
  std::string text = context.say(title, {human_count(count, context.language)});
  std::uint64_t shown = 0;
  for (const restore::Problem& problem : report.problems) {
    if (problem.kind != kind || shown == kShown) continue;
    text += "  " + printable(problem.path) + ": " + printable(problem.reason.message) + "\n";
    ++shown;
  }
  if (shown < count) text += context.say(kMore, {human_count(count - shown, context.language)});
  print(text);
}

/// What an include pattern itself matches: a directory only on the way to a match is made when the
/// match comes. Made for a walk, which asks for one folder's entries in a row. Thread: one.
class Matcher {
 public:
  explicit Matcher(plan::Selection selection) : selection_(std::move(selection)) {}

  bool operator()(std::string_view path, bool is_directory) {
    const std::size_t slash = path.rfind('/');
    const std::string_view folder = path.substr(0, slash == path.npos ? 0 : slash);
    if (folder != folder_) {
      folder_ = folder;
      scope_ = selection_.inside(folder);
    }
    if (!scope_) return false;
    const plan::Selection::Answer answer = selection_.of_entry(path, is_directory, *scope_);
    return answer.verdict == plan::Verdict::kInclude && (!is_directory || answer.scope.included);
  }

 private:
  plan::Selection selection_;
  std::string folder_;  // the one that was asked about last; at first the root
  std::optional<plan::Selection::Scope> scope_{std::in_place};  // nothing where it is left out
};

}  // namespace

std::string short_id(const Sha256& point) {
  return point.text().substr(0, 16);
}

Result<ChosenPoint> choose_point(const Context& context, vault::Vault& vault,
                                 const std::string& text) {
  ASSIGN_OR_RETURN(const vault::HeadChain chain, vault.heads(context.stop));
  Result<const vault::Point*> point = chain.find_by_text(text);
  if (!point) {
    // A point that is not there was asked for wrongly: nothing is damaged.
    return fail(ErrorKind::kInvalidInput, std::move(point).error().message);
  }
  ASSIGN_OR_RETURN(model::Summary summary, vault.summary(**point));
  return ChosenPoint{(*point)->id, (*point)->head.created, std::move(summary)};
}

Result<restore::Selection> selection_of(const std::vector<std::string>& paths,
                                        const std::vector<std::string>& patterns) {
  restore::Selection selection;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(model::RelPath parsed, model::RelPath::parse_typed(path));
    selection.paths.push_back(std::move(parsed));
  }
  if (!patterns.empty()) {
    ASSIGN_OR_RETURN(plan::Selection compiled, plan::Selection::make({patterns, {}, false}));
    selection.pattern = Matcher(std::move(compiled));
  }
  return selection;
}

std::string mode_text(const model::Entry& entry) {
  static constexpr std::string_view kTypes = "?-dlpcbs";
  std::string text(1, kTypes[static_cast<std::size_t>(entry.type) & 7U]);
  for (unsigned shift = 6; shift <= 6; shift -= 3) {
    const unsigned bits = (entry.mode >> shift) & 7U;
    const bool special = ((entry.mode >> (9 + shift / 3)) & 1U) != 0;
    text += (bits & 4U) != 0 ? 'r' : '-';
    text += (bits & 2U) != 0 ? 'w' : '-';
    const char set = shift == 0 ? 't' : 's';
    const bool run = (bits & 1U) != 0;
    text += special ? (run ? set : static_cast<char>(set - 32)) : (run ? 'x' : '-');
  }
  return text;
}

void tell_problems(Context& context, const restore::RestoreReport& report) {
  if (!report.complete()) context.exit_code = kExitSkipped;
  if (context.json) return;
  tell(context, report, restore::ProblemKind::kMissing, report.missing, kMissing);
  tell(context, report, restore::ProblemKind::kMetadata, report.metadata_problems, kMetadata);
}

}  // namespace obhut::cli
