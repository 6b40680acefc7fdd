#include "agent/restore/dry_run.h"

#include <array>

#include "platform/caller.h"
#include "platform/local_files.h"

namespace obhut::restore {
namespace {

constexpr std::size_t kExamplesOfAKind = 25;

/// What stands at a place; nothing where there is nothing, or nothing that may be seen.
std::optional<platform::FileType> type_at(const RestoreOptions& options, std::string_view path) {
  const auto acting = platform::ActingAs::begin(options.writer.caller);
  if (!acting) return std::nullopt;
  const auto status = platform::status_of_path(platform::join(options.target, path));
  if (!status) return std::nullopt;
  return status->type;
}

WouldDo action_of(platform::ExistingPolicy policy) {
  switch (policy) {
    case platform::ExistingPolicy::kOverwrite:
      return WouldDo::kOverwrite;
    case platform::ExistingPolicy::kKeepBoth:
      return WouldDo::kRename;
    case platform::ExistingPolicy::kKeep:
      break;
  }
  return WouldDo::kKeep;
}

class Estimate {
 public:
  explicit Estimate(const RestoreOptions& options) : options_(options) {}

  void take(const Step& step) {
    anything_ = true;
    if (options_.is_target(step.path)) return;
    const bool directory = step.entry->type == model::EntryType::kDirectory;
    if (step.denied) ++report_.denied;
    if (step.denied && !directory) return;
    // Nothing stands in a folder that is not there.
    const bool known_new = !new_directory_.empty() && is_below(step.path, new_directory_);
    const auto there = known_new ? std::nullopt : type_at(options_, options_.place_of(step.path));
    if (directory && there == platform::FileType::kDirectory) return;  // merged
    if (directory && !there && !known_new) new_directory_ = step.path;
    count(there ? action_of(options_.writer.existing) : WouldDo::kCreate, step);
  }

  Result<DryRunReport> finish() && {
    if (anything_) return std::move(report_);
    return fail(ErrorKind::kInvalidInput, "the point holds nothing of what was asked for");
  }

 private:
  void count(WouldDo action, const Step& step) {
    const std::array counts{&report_.create, &report_.overwrite, &report_.keep, &report_.rename};
    std::uint64_t& count = *counts[static_cast<std::size_t>(action)];
    if (++count <= kExamplesOfAKind) report_.examples.push_back({std::string(step.path), action});
    if (action != WouldDo::kKeep && step.entry->type == model::EntryType::kFile) {
      report_.bytes += step.entry->size;
    }
  }

  const RestoreOptions& options_;
  DryRunReport report_;
  std::string new_directory_;
  bool anything_ = false;
};

}  // namespace

std::string_view to_string(WouldDo action) {
  constexpr std::array<std::string_view, 4> kWords{"create", "overwrite", "keep", "rename"};
  return kWords[static_cast<std::size_t>(action)];
}

Result<DryRunReport> dry_run(vault::BlobReader& reader, std::vector<model::Ref> root,
                             const RestoreOptions& options, const std::stop_token& stop) {
  TRY(check_places(options));
  const Selection& selection = options.selection;
  PointTree tree(reader, std::move(root));
  tree.show_only(options.rights,
                 [&selection](std::string_view path) { return selection.names(path); });
  Estimate estimate(options);
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<Step> step, tree.next(stop));
    if (!step) break;
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "dry run");
    const bool enter = step->kind == StepKind::kEnter;
    if (!enter && step->kind != StepKind::kEntry) continue;
    if (selection.wants(step->path, enter)) estimate.take(*step);
    if (enter && !selection.leads_to(step->path)) tree.skip_content();
  }
  return std::move(estimate).finish();
}

}  // namespace obhut::restore
