// Patterns from a plan against paths from a disk: bounded time, no crash, and the walker's way of
// asking gives the answer of the whole path.

#include "agent/plan/selection.h"
#include "tests/fuzz/require.h"

using namespace obhut;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(ByteView(data, size));
  const std::size_t cut = text.find('\0');
  if (cut == std::string_view::npos) return 0;
  plan::SelectionRules rules;
  std::string_view patterns = text.substr(0, cut);
  while (!patterns.empty()) {
    const std::size_t end = std::min(patterns.find('\n'), patterns.size());
    rules.exclude.emplace_back(patterns.substr(0, end));
    patterns.remove_prefix(std::min(end + 1, patterns.size()));
  }
  const auto selection = plan::Selection::make(rules);
  if (!selection) return 0;
  std::string path(text.substr(cut + 1));
  for (char& c : path) {
    if (c == '\0') c = '/';
  }
  if (path.empty() || path.front() == '/' || path.back() == '/' ||
      path.find("//") != std::string::npos) {
    return 0;
  }
  plan::Selection::Scope scope;
  plan::Verdict stepwise = plan::Verdict::kInclude;
  for (std::size_t at = path.find('/'); stepwise == plan::Verdict::kInclude;
       at = path.find('/', at + 1)) {
    const bool last = at == std::string::npos;
    const auto answer = selection->of_entry(path.substr(0, at), !last, scope);
    stepwise = answer.verdict;
    scope = answer.scope;
    if (last) break;
  }
  REQUIRE(stepwise == selection->of(path, false));
  return 0;
}
