#include "service/endpoint/grant_use.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/restore/point_tree.h"
#include "agent/restore/selection.h"
#include "platform/local_files.h"
#include "service/endpoint/caller_rights.h"
#include "service/endpoint/json_fields.h"
#include "service/endpoint/point_request.h"
#include "service/endpoint/point_requests.h"

namespace obhut::endpoint {

namespace {

using nlohmann::json;

constexpr std::string_view kExportWord = "export";
constexpr std::string_view kPreviewWord = "preview";

/// Walks what is asked for, as far as grants reach, and finds what the asker could not have read
/// without them.
class NeedWalk {
 public:
  NeedWalk(CallerRights& rights, const restore::Selection& selection, std::string_view command,
           std::string_view to)
      : rights_(rights), selection_(selection), command_(command), to_(to) {
    for (const HeldGrant& held : rights.grants()) {
      needed_.push_back({held, {}});
      allowed_.push_back(allows(held.grant.destination, command, to));
    }
  }

  Result<void> run(vault::BlobReader& blobs, std::vector<model::Ref> root,
                   const std::stop_token& stop) {
    restore::PointTree tree(blobs, std::move(root));
    tree.show_only(&rights_, [this](std::string_view path) { return selection_.names(path); });
    for (;;) {
      ASSIGN_OR_RETURN(const std::optional<restore::Step> step, tree.next(stop));
      if (!step) return {};
      if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "grants");
      if (step->kind == restore::StepKind::kEnter) {
        ASSIGN_OR_RETURN(const bool go_on, enter(*step));
        if (!go_on) tree.skip_content();
      }
      if (step->kind == restore::StepKind::kLeave) levels_.pop_back();
      if (step->kind == restore::StepKind::kEntry) TRY(take(*step));
    }
  }

  std::vector<NeededGrant> needed() && {
    std::erase_if(needed_, [](const NeededGrant& one) { return one.paths.empty(); });
    return std::move(needed_);
  }

 private:
  /// What the asker may do in a directory by himself.
  struct Level {
    bool enter = true;
    bool list = true;
  };

  [[nodiscard]] bool reached_alone(std::string_view path) const {
    const Level& level = levels_.back();
    return level.enter && (level.list || selection_.names(path));
  }
  [[nodiscard]] bool is_covered(std::string_view path) const {
    return std::ranges::any_of(
        needed_, [path](const NeededGrant& one) { return one.held.scope.covers(path); });
  }
  [[nodiscard]] bool leads_to_covered(std::string_view path) const {
    return std::ranges::any_of(
        needed_, [path](const NeededGrant& one) { return one.held.scope.is_below(path); });
  }

  Result<bool> enter(const restore::Step& step) {
    Level level;
    const bool reached = reached_alone(step.path);
    level.enter = reached && rights_.may_enter_alone(*step.entry);
    level.list = reached && rights_.may_read_alone(*step.entry);
    levels_.push_back(level);
    const bool covered = is_covered(step.path);
    const bool wanted = selection_.wants(step.path, true);
    const bool alone = level.enter && level.list;
    if (command_ != kPreviewWord && wanted && covered && !alone) {
      TRY(need(step.path));
      // All that is below needs the same grant, and is wanted.
      if (!level.enter && !selection_.pattern) return false;
    }
    return selection_.leads_to(step.path) && (covered || leads_to_covered(step.path));
  }

  Result<void> take(const restore::Step& step) {
    if (!selection_.wants(step.path, false)) return {};
    const bool is_file = step.entry->type == model::EntryType::kFile;
    if (reached_alone(step.path) && (!is_file || rights_.may_read_alone(*step.entry))) return {};
    return is_covered(step.path) ? need(step.path) : Result<void>{};
  }

  /// By the first grant that opens it and lets it go there.
  Result<void> need(std::string_view path) {
    const HeldGrant* forbidding = nullptr;
    for (std::size_t at = 0; at < needed_.size(); ++at) {
      const auto opened = needed_[at].held.scope.covering(path);
      if (opened && allowed_[at]) {
        needed_[at].paths.insert(*opened);
        return {};
      }
      if (opened && forbidding == nullptr) forbidding = &needed_[at].held;
    }
    return refuse(path, *forbidding);
  }

  [[nodiscard]] std::unexpected<Error> refuse(std::string_view path, const HeldGrant& held) const {
    const trust::GrantDestination& destination = held.grant.destination;
    const std::string where = destination.rule == trust::DestinationRule::kOriginal
                                  ? "restoring it to its original place (/)"
                                  : "restoring it into " + platform::shown(destination.folder);
    return fail(ErrorKind::kRefused, platform::shown("/" + std::string(path)) + ": grant " +
                                         held.grant.id.text().substr(0, 8) + " allows " + where +
                                         " alone");
  }

  CallerRights& rights_;
  const restore::Selection& selection_;
  std::string command_;
  std::string to_;
  std::vector<NeededGrant> needed_;
  std::vector<bool> allowed_;
  std::vector<Level> levels_{Level{}};
};

/// The paths of restores and exports, or the one of a preview.
Result<restore::Selection> wanted_by(const json& request, std::string_view command) {
  if (command != kPreviewWord) return selection_of(request);
  restore::Selection selection;
  ASSIGN_OR_RETURN(model::RelPath path, path_in_point(request, text_or(request, "path")));
  selection.paths.push_back(std::move(path));
  return selection;
}

bool has_parent_name(std::string_view path) {
  return path.ends_with("/..") || path.find("/../") != std::string_view::npos;
}

/// Where it went, in a word: names of the device's folders stay here.
std::string_view destination_word(const trust::GrantDestination& destination,
                                  std::string_view command, std::string_view to) {
  if (command == kPreviewWord) return "none";
  if (command != kExportWord && to == "/") return "original";
  return destination.rule == trust::DestinationRule::kFolder ? "folder" : "elsewhere";
}

}  // namespace

bool uses_grants(std::string_view command) {
  return command == "restore" || command == kExportWord || command == kPreviewWord;
}

bool allows(const trust::GrantDestination& destination, std::string_view command,
            std::string_view to) {
  if (command == kPreviewWord || destination.rule == trust::DestinationRule::kAnywhere) return true;
  // Behind a link ".." leads elsewhere than it says.
  if (!platform::is_absolute(to) || has_parent_name(to)) return false;
  const Result<std::string> absolute = platform::absolute_path(to);
  if (!absolute) return false;
  const Result<model::RelPath> path = model::RelPath::parse_typed(*absolute);
  if (!path) return false;
  if (destination.rule == trust::DestinationRule::kOriginal) {
    return command != kExportWord && path->is_root();
  }
  const Result<model::RelPath> folder = model::RelPath::parse_typed(destination.folder);
  return folder && GrantScope({*folder}).covers(path->bytes());
}

Result<std::vector<NeededGrant>> needed_grants(const PointSource& source, const Asker& asker,
                                               std::string_view command, const json& request,
                                               const std::stop_token& stop) {
  if (asker.grants.empty()) return std::vector<NeededGrant>();
  ASSIGN_OR_RETURN(const restore::Selection selection, wanted_by(request, command));
  ASSIGN_OR_RETURN(const std::unique_ptr<PointReader> reader,
                   PointReader::open(source, text_or(request, "target"), stop));
  CallerRights rights(asker.account, grants_of(asker, reader->vault().id()));
  if (rights.grants().empty()) return std::vector<NeededGrant>();
  ASSIGN_OR_RETURN(const PointReader::Row row,
                   reader->row(text_or(request, "point", "latest"), stop));
  ASSIGN_OR_RETURN(vault::BlobReader * blobs, reader->blobs(stop));
  ASSIGN_OR_RETURN(const std::string to, target_of(request, command));
  NeedWalk walk(rights, selection, command, to);
  TRY(walk.run(*blobs, row.summary.root, stop));
  return std::move(walk).needed();
}

Result<GrantUse> GrantUse::begin(Outbox& outbox, Clock& clock, const platform::Account& who,
                                 const std::vector<NeededGrant>& needed, std::string_view command,
                                 std::string_view to) {
  GrantUse use(outbox, clock);
  const Instant now = clock.now();
  for (const NeededGrant& one : needed) {
    wire::ActivityReport activity;
    activity.id = new_report_id();
    activity.kind = "grant-" + std::string(command);
    activity.started = activity.finished = now;
    activity.outcome = "running";
    activity.grant =
        wire::GrantReport{one.held.document,
                          who.id,
                          {one.paths.begin(), one.paths.end()},
                          std::string(destination_word(one.held.grant.destination, command, to))};
    TRY(outbox.add_use(activity));
    use.activities_.push_back(std::move(activity));
  }
  return use;
}

void GrantUse::end(const Result<json>& answer) {
  if (answer && answer->is_null()) return;
  std::string outcome = "failed";
  std::map<std::string, std::uint64_t> counts;
  if (answer && answer->is_object()) {
    outcome = number_or(*answer, "exit") == 0 ? "done" : "skipped";
    if (answer->contains("outcome")) outcome = text_or(*answer, "outcome");
    for (const char* name : {"files", "directories", "bytes"}) {
      if (answer->contains(name)) counts[name] = number_or(*answer, name);
    }
  } else if (!answer && answer.error().kind == ErrorKind::kCancelled) {
    outcome = "cancelled";
  }
  for (wire::ActivityReport& activity : activities_) {
    activity.finished = clock_->now();
    activity.outcome = outcome;
    activity.counts = counts;
    // ignored: that it began is known, which is what must not be lost
    static_cast<void>(outbox_->add_use(activity));
  }
}

}  // namespace obhut::endpoint
