#include "agent/scan/source_tree.h"

#include "agent/base/text.h"

namespace obhut::scan {
namespace {

std::unexpected<Error> refuse(std::string_view source, std::string_view why) {
  return fail(ErrorKind::kInvalidInput, "source " + printable(source) + ": " + std::string(why));
}

Result<void> add(SourceNode& root, std::string_view source) {
  if (!source.starts_with('/')) return refuse(source, "must be an absolute path");
  if (source.find('\0') != std::string_view::npos) return refuse(source, "contains a zero byte");
  SourceNode* at = &root;
  for (std::string_view rest = source; !rest.empty();) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") return refuse(source, "must not contain ..");
    std::unique_ptr<SourceNode>& next = at->below[std::string(part)];
    if (!next) next = std::make_unique<SourceNode>();
    at = next.get();
  }
  at->is_source = true;
  return {};
}

}  // namespace

Result<std::unique_ptr<SourceNode>> source_tree(const std::vector<std::string>& sources) {
  if (sources.empty()) return fail(ErrorKind::kInvalidInput, "no source to back up");
  auto root = std::make_unique<SourceNode>();
  for (const std::string& source : sources) TRY(add(*root, source));
  return root;
}

}  // namespace obhut::scan
