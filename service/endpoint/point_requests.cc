#include "service/endpoint/point_requests.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/maintain/check.h"
#include "agent/plan/selection.h"
#include "agent/restore/archive_target.h"
#include "agent/restore/dry_run.h"
#include "agent/restore/point_tree.h"
#include "agent/restore/restore_job.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "service/endpoint/caller_rights.h"
#include "service/endpoint/json_fields.h"
#include "service/endpoint/point_lookups.h"
#include "service/endpoint/point_reader.h"
#include "service/endpoint/point_request.h"
#include "service/endpoint/progress_events.h"
#include "tools/cli/exit_codes.h"

namespace obhut::endpoint {

namespace {

using nlohmann::json;

Result<json> points(const PointRequest& in) {
  ASSIGN_OR_RETURN(const std::vector<PointReader::Row> rows, in.reader.rows(in.stop));
  json list = json::array();
  for (const PointReader::Row& row : rows) list.push_back(point_json(row, in.asker.audience));
  return json{{"points", std::move(list)}};
}

/// What is sent of a point's tree.
struct Listing {
  std::function<bool(const model::Entry&, std::string_view)> wants;
  std::function<bool(std::string_view)> enter;  ///< whether to look below a directory
  std::optional<std::string> named;             ///< the path that was asked for, if one was
};

Result<json> send_entries(const PointRequest& in, const PointReader::Row& row,
                          const Listing& listing) {
  ASSIGN_OR_RETURN(vault::BlobReader * blobs, in.reader.blobs(in.stop));
  restore::PointTree tree(*blobs, row.summary.root);
  tree.show_only(in.rights, [&listing](std::string_view path) {
    return listing.named && !listing.named->empty() && restore::is_below(*listing.named, path);
  });
  EntryStream stream(in.reply);
  std::uint64_t faults = 0;
  // The root is no step of the walk, and in every point.
  json itself = nullptr;
  if (listing.named && listing.named->empty()) itself = {{"path", "/"}, {"type", "directory"}};
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<restore::Step> step, tree.next(in.stop));
    if (!step) break;
    if (step->kind == restore::StepKind::kFault) ++faults;
    if (step->kind != restore::StepKind::kEnter && step->kind != restore::StepKind::kEntry)
      continue;
    const bool is_named = step->path == listing.named;
    const bool is_wanted = listing.wants(*step->entry, step->path);
    if (is_named || is_wanted) {
      json entry = entry_json(*step->entry, step->path, step->denied && !step->in_part);
      if (step->in_part) entry["in_part"] = true;
      if (is_named) itself = entry;
      if (is_wanted && !stream.add(std::move(entry))) {
        return fail(ErrorKind::kCancelled, "nobody listens");
      }
    }
    if (step->kind == restore::StepKind::kEnter && !listing.enter(step->path)) tree.skip_content();
  }
  if (!stream.flush()) return fail(ErrorKind::kCancelled, "nobody listens");
  json value = {{"point", row.point->id.text()}, {"count", stream.count()}, {"faults", faults}};
  if (listing.named) value["self"] = std::move(itself);
  if (faults > 0) value["exit"] = static_cast<int>(cli::kExitSkipped);
  return value;
}

Result<json> ls(const PointRequest& in) {
  ASSIGN_OR_RETURN(const PointReader::Row row,
                   in.reader.row(text_or(in.request, "point", "latest"), in.stop));
  ASSIGN_OR_RETURN(const model::RelPath path,
                   path_in_point(in.request, text_or(in.request, "path")));
  const std::string& base = path.bytes();
  const bool recursive = flag_or(in.request, "recursive");
  Listing listing;
  listing.named = base;
  listing.wants = [&](const model::Entry& entry, std::string_view at) {
    if (at == base) return entry.type != model::EntryType::kDirectory;
    if (!restore::is_below(at, base)) return false;
    const std::string_view rest = base.empty() ? at : at.substr(base.size() + 1);
    return recursive || rest.find('/') == std::string_view::npos;
  };
  listing.enter = [&](std::string_view at) {
    return restore::is_below(base, at) || (recursive && restore::is_below(at, base));
  };
  return send_entries(in, row, listing);
}

/// The gitignore pattern as a predicate over paths: what it matches, and all below.
Result<restore::PathPredicate> predicate_of(const std::string& pattern) {
  ASSIGN_OR_RETURN(const plan::Selection selection,
                   plan::Selection::make({.include = {}, .exclude = {pattern}}));
  return [selection](std::string_view path, bool is_directory) {
    return selection.of(path, is_directory) == plan::Verdict::kExclude;
  };
}

Result<json> find(const PointRequest& in) {
  const std::string pattern = text_or(in.request, "pattern");
  if (pattern.empty()) return fail(ErrorKind::kInvalidInput, "find: want a pattern");
  ASSIGN_OR_RETURN(const plan::Selection selection,
                   plan::Selection::make({.include = {}, .exclude = {pattern}}));
  ASSIGN_OR_RETURN(const PointReader::Row row,
                   in.reader.row(text_or(in.request, "point", "latest"), in.stop));
  Listing listing;
  listing.wants = [&](const model::Entry& entry, std::string_view path) {
    const bool directory = entry.type == model::EntryType::kDirectory;
    return selection.of_entry(path, directory, {}).verdict == plan::Verdict::kExclude;
  };
  listing.enter = [](std::string_view) { return true; };
  return send_entries(in, row, listing);
}

}  // namespace

Result<restore::Selection> selection_of(const json& request) {
  restore::Selection selection;
  const auto paths = texts_of(request, "paths");
  if (!paths) return fail(ErrorKind::kInvalidInput, "paths: want an array of texts");
  for (const std::string& path : *paths) {
    ASSIGN_OR_RETURN(model::RelPath parsed, path_in_point(request, path));
    selection.paths.push_back(std::move(parsed));
  }
  if (const std::string pattern = text_or(request, "pattern"); !pattern.empty()) {
    ASSIGN_OR_RETURN(selection.pattern, predicate_of(pattern));
  }
  return selection;
}

Result<std::string> target_of(const json& request, std::string_view command) {
  std::string to = text_or(request, "to");
  if (command != "restore") return to;
  return path_bytes(request, to);
}

std::vector<HeldGrant> grants_of(const Asker& asker, const VaultId& vault) {
  std::vector<HeldGrant> grants;
  std::ranges::copy_if(asker.grants, std::back_inserter(grants), [&vault](const HeldGrant& held) {
    return !held.grant.vault || *held.grant.vault == vault;
  });
  return grants;
}

namespace {

json report_json(const restore::RestoreReport& report) {
  json problems = json::array();
  for (const restore::Problem& problem : report.problems) {
    if (problems.size() >= 1000) break;
    problems.push_back({{"kind", restore::to_string(problem.kind)},
                        {"path", "/" + printable(problem.path)},
                        {"error", to_string(problem.reason.kind)},
                        {"reason", problem.reason.message}});
  }
  return {{"files", report.files},
          {"directories", report.directories},
          {"bytes", report.bytes},
          {"kept", report.kept},
          {"renamed", report.renamed},
          {"missing", report.missing},
          {"metadata_problems", report.metadata_problems},
          {"left_out", report.left_out},
          {"problems", std::move(problems)},
          {"exit", static_cast<int>(report.complete() ? cli::kExitDone : cli::kExitSkipped)}};
}

json dry_run_json(const restore::DryRunReport& would) {
  json examples = json::array();
  for (const auto& [path, action] : would.examples) {
    examples.push_back({{"path", "/" + printable(path)}, {"action", restore::to_string(action)}});
  }
  return {{"dry_run", true},      {"create", would.create},         {"overwrite", would.overwrite},
          {"keep", would.keep},   {"rename", would.rename},         {"denied", would.denied},
          {"bytes", would.bytes}, {"examples", std::move(examples)}};
}

std::optional<platform::ExistingPolicy> policy_of(const std::string& text) {
  if (text == "keep") return platform::ExistingPolicy::kKeep;
  if (text == "overwrite") return platform::ExistingPolicy::kOverwrite;
  if (text == "both") return platform::ExistingPolicy::kKeepBoth;
  return std::nullopt;
}

/// Does `work` while `reply` and the status tell how far it is; whoever may ask for such work may
/// see it.
template <class Work>
auto tell_progress(const PointRequest& in, Activities::Look look, Work work) {
  SystemClock clock;
  Activities::Running running(in.source.activities, Audience::kAdministrator, std::move(look));
  auto done = [&] {
    const ProgressTicker ticker(running, clock, in.reply);
    return work();
  }();
  if (done) in.reply.event(progress_event(running.view()));
  return done;
}

Result<json> restore_point(const PointRequest& in) {
  restore::RestoreOptions options;
  ASSIGN_OR_RETURN(options.target, target_of(in.request, "restore"));
  if (!platform::is_absolute(options.target)) {
    return fail(ErrorKind::kInvalidInput, "restore: want an absolute target folder");
  }
  const auto policy = policy_of(text_or(in.request, "existing", "keep"));
  if (!policy) return fail(ErrorKind::kInvalidInput, "existing: want keep, overwrite or both");
  options.writer.existing = *policy;
  options.writer.caller = in.asker.account;
  options.writer.numeric_owner = flag_or(in.request, "numeric_owner");
  ASSIGN_OR_RETURN(options.selection, selection_of(in.request));
  if (const std::string below = text_or(in.request, "below"); !below.empty()) {
    ASSIGN_OR_RETURN(options.below, path_in_point(in.request, below));
    if (options.selection.paths.empty()) options.selection.paths = {options.below};
  }
  options.rights = in.rights;
  options.pause = in.asker.pause;
  ASSIGN_OR_RETURN(const PointReader::Row row,
                   in.reader.row(text_or(in.request, "point", "latest"), in.stop));
  ASSIGN_OR_RETURN(vault::BlobReader * blobs, in.reader.blobs(in.stop));
  if (flag_or(in.request, "dry_run")) {
    ASSIGN_OR_RETURN(const restore::DryRunReport would,
                     restore::dry_run(*blobs, row.summary.root, options, in.stop));
    json value = dry_run_json(would);
    value["point"] = row.point->id.text();
    return value;
  }
  options.point_totals = row.summary.totals;
  options.workers = in.reader.restore_workers();
  restore::RestoreJob job(*blobs, in.reader.index(), std::move(options));
  Result<restore::RestoreReport> report = tell_progress(
      in,
      [&] {
        model::JobProgress progress = restore::job_progress(job.progress());
        progress.paused = in.asker.pause != nullptr && in.asker.pause->paused();
        return progress;
      },
      [&] { return job.run(row.summary.root, in.stop); });
  if (!report) return std::unexpected(std::move(report).error());
  json value = report_json(*report);
  value["point"] = row.point->id.text();
  return value;
}

Result<json> export_point(const PointRequest& in) {
  ASSIGN_OR_RETURN(const std::string file, target_of(in.request, "export"));
  if (!platform::is_absolute(file))
    return fail(ErrorKind::kInvalidInput, "export: want an absolute file name");
  const auto format = restore::parse_archive_format(text_or(in.request, "format", "tar"));
  if (!format) return fail(ErrorKind::kInvalidInput, "format: want tar or zip");
  ASSIGN_OR_RETURN(const restore::Selection selection, selection_of(in.request));
  ASSIGN_OR_RETURN(const PointReader::Row row,
                   in.reader.row(text_or(in.request, "point", "latest"), in.stop));
  ASSIGN_OR_RETURN(vault::BlobReader * blobs, in.reader.blobs(in.stop));
  // The archive holds what others may not read: for its owner alone, and whole or not there.
  const auto as_account = [&](auto work) -> decltype(work()) {
    ASSIGN_OR_RETURN(const platform::ActingAs acting, platform::ActingAs::begin(in.asker.account));
    return work();
  };
  ASSIGN_OR_RETURN(platform::AtomicFile out,
                   as_account([&] { return platform::AtomicFile::create(file, 0600); }));
  ASSIGN_OR_RETURN(const restore::RestoreReport report,
                   restore::export_archive(
                       *blobs, row.summary.root, selection, in.rights, *format,
                       [&](ByteView bytes) { return out.write(bytes); }, in.stop));
  TRY(as_account([&] { return out.commit(); }));
  json value = report_json(report);
  value["point"] = row.point->id.text();
  value["file"] = printable(file);
  return value;
}

Result<json> verify(const PointRequest& in) {
  maintain::CheckOptions options;
  options.read_data = flag_or(in.request, "read_data");
  maintain::ReadProgress progress;
  ASSIGN_OR_RETURN(
      const maintain::CheckReport report,
      tell_progress(
          in, [&] { return maintain::job_progress(progress, "check"); },
          [&] { return maintain::check_vault(in.reader.vault(), options, progress, in.stop); }));
  json findings = json::array();
  for (const maintain::Finding& finding : report.findings) {
    if (findings.size() >= 1000) break;
    findings.push_back({{"kind", maintain::to_string(finding.kind)},
                        {"harmless", finding.harmless},
                        {"subject", printable(finding.subject)},
                        {"message", finding.message}});
  }
  return json{{"points", report.points},
              {"packs", report.packs},
              {"blobs", report.blobs},
              {"files", report.files},
              {"bytes_read", report.bytes_read},
              {"errors", report.errors},
              {"findings", std::move(findings)},
              {"exit", static_cast<int>(report.ok() ? cli::kExitDone : cli::kExitFailed)}};
}

using Handler = Result<json> (*)(const PointRequest& in);

Handler handler_of(std::string_view command) {
  if (command == "points") return points;
  if (command == "ls") return ls;
  if (command == "find") return find;
  if (command == "restore") return restore_point;
  if (command == "export") return export_point;
  if (command == "verify") return verify;
  if (command == "search") return search_points;
  if (command == "versions") return versions_of;
  if (command == "preview") return preview;
  if (command == "changes") return changes_of;
  return nullptr;
}

}  // namespace

Result<json> carry_out_on_points(const PointSource& source, const Asker& asker,
                                 std::string_view command, const json& request, Reply& reply,
                                 const std::stop_token& stop) {
  const Handler handler = handler_of(command);
  if (handler == nullptr) {
    return fail(ErrorKind::kInvalidInput, "no such command: " + printable(command));
  }
  std::optional<CallerRights> rights;
  ASSIGN_OR_RETURN(const std::unique_ptr<PointReader> reader,
                   PointReader::open(source, text_or(request, "target"), stop));
  if (asker.audience != Audience::kAdministrator) {
    rights.emplace(asker.account, grants_of(asker, reader->vault().id()));
  }
  return handler({source, *reader, asker, rights ? &*rights : nullptr, request, reply, stop});
}

}  // namespace obhut::endpoint
