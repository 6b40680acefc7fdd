#include "service/endpoint/point_requests.h"

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/maintain/check.h"
#include "agent/plan/selection.h"
#include "agent/restore/archive_target.h"
#include "agent/restore/point_tree.h"
#include "agent/restore/restore_job.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "service/endpoint/json_fields.h"
#include "service/endpoint/point_reader.h"
#include "service/endpoint/progress_events.h"
#include "tools/cli/exit_codes.h"

namespace obhut::endpoint {

namespace {

using nlohmann::json;

/// Entries go out in messages of so many.
constexpr std::size_t kBatch = 500;

json row_json(const PointReader::Row& row) {
  json sources = json::array();
  for (const std::string& source : row.summary.sources) sources.push_back(printable(source));
  return {{"id", row.point->id.text()},
          {"time", format_time(row.point->head.created)},
          {"sequence", row.point->head.sequence},
          {"files", row.summary.totals.files},
          {"directories", row.summary.totals.directories},
          {"bytes", row.summary.totals.bytes},
          {"stored_bytes", row.summary.stored_bytes},
          {"consistency", model::to_string(row.summary.consistency)},
          {"skipped", row.summary.skipped_entries},
          {"host", printable(row.summary.host)},
          {"sources", std::move(sources)}};
}

Result<json> points(PointReader& reader, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::vector<PointReader::Row> rows, reader.rows(stop));
  json list = json::array();
  for (const PointReader::Row& row : rows) list.push_back(row_json(row));
  return json{{"points", std::move(list)}};
}

json entry_json(const model::Entry& entry, std::string_view path) {
  json value = {{"path", "/" + printable(path)},
                {"type", model::to_string(entry.type)},
                {"mode", entry.mode},
                {"size", entry.size},
                {"user", printable(entry.user)},
                {"group", printable(entry.group)},
                {"modified", format_time(Instant(std::chrono::seconds(entry.modified.seconds)))}};
  if (entry.type == model::EntryType::kSymlink) value["target"] = printable(entry.symlink_target);
  return value;
}

/// Sends entries in batches.
class EntryStream {
 public:
  explicit EntryStream(Reply& reply) : reply_(reply) {}
  bool add(json entry) {
    batch_.push_back(std::move(entry));
    ++count_;
    return batch_.size() < kBatch || flush();
  }
  bool flush() {
    if (batch_.empty()) return true;
    const bool sent =
        reply_.event({{"event", "entries"}, {"entries", std::exchange(batch_, json::array())}});
    return sent;
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  Reply& reply_;
  json batch_ = json::array();
  std::uint64_t count_ = 0;
};

/// Walks a point and sends what `wants` takes; `enter` says whether to look below a directory.
Result<json> send_entries(PointReader& reader, const PointReader::Row& row, Reply& reply,
                          const std::function<bool(const model::Entry&, std::string_view)>& wants,
                          const std::function<bool(std::string_view)>& enter,
                          const std::stop_token& stop) {
  ASSIGN_OR_RETURN(vault::BlobReader * blobs, reader.blobs(stop));
  restore::PointTree tree(*blobs, row.summary.root);
  EntryStream stream(reply);
  std::uint64_t faults = 0;
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<restore::Step> step, tree.next(stop));
    if (!step) break;
    if (step->kind == restore::StepKind::kFault) ++faults;
    if (step->kind != restore::StepKind::kEnter && step->kind != restore::StepKind::kEntry)
      continue;
    if (wants(*step->entry, step->path) && !stream.add(entry_json(*step->entry, step->path))) {
      return fail(ErrorKind::kCancelled, "nobody listens");
    }
    if (step->kind == restore::StepKind::kEnter && !enter(step->path)) tree.skip_content();
  }
  if (!stream.flush()) return fail(ErrorKind::kCancelled, "nobody listens");
  json value = {{"point", row.point->id.text()}, {"count", stream.count()}, {"faults", faults}};
  if (faults > 0) value["exit"] = static_cast<int>(cli::kExitSkipped);
  return value;
}

Result<json> ls(PointReader& reader, const json& request, Reply& reply,
                const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const PointReader::Row row,
                   reader.row(text_or(request, "point", "latest"), stop));
  ASSIGN_OR_RETURN(const model::RelPath path,
                   model::RelPath::parse_typed(text_or(request, "path")));
  const std::string& base = path.bytes();
  const bool recursive = flag_or(request, "recursive");
  const auto wants = [&](const model::Entry& entry, std::string_view at) {
    if (at == base) return entry.type != model::EntryType::kDirectory;
    if (!restore::is_below(at, base)) return false;
    const std::string_view rest = base.empty() ? at : at.substr(base.size() + 1);
    return recursive || rest.find('/') == std::string_view::npos;
  };
  const auto enter = [&](std::string_view at) {
    return restore::is_below(base, at) || (recursive && restore::is_below(at, base));
  };
  ASSIGN_OR_RETURN(json value, send_entries(reader, row, reply, wants, enter, stop));
  return value;
}

/// The gitignore pattern as a predicate over paths: what it matches, and all below.
Result<restore::PathPredicate> predicate_of(const std::string& pattern) {
  ASSIGN_OR_RETURN(const plan::Selection selection,
                   plan::Selection::make({.include = {}, .exclude = {pattern}}));
  return [selection](std::string_view path, bool is_directory) {
    return selection.of(path, is_directory) == plan::Verdict::kExclude;
  };
}

Result<json> find(PointReader& reader, const json& request, Reply& reply,
                  const std::stop_token& stop) {
  const std::string pattern = text_or(request, "pattern");
  if (pattern.empty()) return fail(ErrorKind::kInvalidInput, "find: want a pattern");
  ASSIGN_OR_RETURN(const plan::Selection selection,
                   plan::Selection::make({.include = {}, .exclude = {pattern}}));
  ASSIGN_OR_RETURN(const PointReader::Row row,
                   reader.row(text_or(request, "point", "latest"), stop));
  const auto wants = [&](const model::Entry& entry, std::string_view path) {
    const bool directory = entry.type == model::EntryType::kDirectory;
    return selection.of_entry(path, directory, {}).verdict == plan::Verdict::kExclude;
  };
  return send_entries(
      reader, row, reply, wants, [](std::string_view) { return true; }, stop);
}

Result<restore::Selection> selection_of(const json& request) {
  restore::Selection selection;
  const auto paths = texts_of(request, "paths");
  if (!paths) return fail(ErrorKind::kInvalidInput, "paths: want an array of texts");
  for (const std::string& path : *paths) {
    ASSIGN_OR_RETURN(model::RelPath parsed, model::RelPath::parse_typed(path));
    selection.paths.push_back(std::move(parsed));
  }
  if (const std::string pattern = text_or(request, "pattern"); !pattern.empty()) {
    ASSIGN_OR_RETURN(selection.pattern, predicate_of(pattern));
  }
  return selection;
}

json report_json(const restore::RestoreReport& report) {
  json problems = json::array();
  for (const restore::Problem& problem : report.problems) {
    if (problems.size() >= 1000) break;
    problems.push_back({{"kind", restore::to_string(problem.kind)},
                        {"path", "/" + printable(problem.path)},
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

std::optional<platform::ExistingPolicy> policy_of(const std::string& text) {
  if (text == "keep") return platform::ExistingPolicy::kKeep;
  if (text == "overwrite") return platform::ExistingPolicy::kOverwrite;
  if (text == "both") return platform::ExistingPolicy::kKeepBoth;
  return std::nullopt;
}

/// Does `work` while `reply` and the status tell how far it is; whoever may ask for such work may
/// see it.
template <class Work>
auto tell_progress(Engine& engine, Reply& reply, Activities::Look look, Work work) {
  SystemClock clock;
  Activities::Running running(engine.activities(), Audience::kAdministrator, std::move(look));
  auto done = [&] {
    const ProgressTicker ticker(running, clock, reply);
    return work();
  }();
  if (done) reply.event(progress_event(running.view()));
  return done;
}

Result<json> restore_point(Engine& engine, PointReader& reader, const platform::CallerPtr& account,
                           const json& request, Reply& reply, const std::stop_token& stop) {
  restore::RestoreOptions options;
  options.target = text_or(request, "to");
  if (!platform::is_absolute(options.target)) {
    return fail(ErrorKind::kInvalidInput, "restore: want an absolute target folder");
  }
  const auto policy = policy_of(text_or(request, "existing", "keep"));
  if (!policy) return fail(ErrorKind::kInvalidInput, "existing: want keep, overwrite or both");
  options.writer.existing = *policy;
  options.writer.caller = account;
  options.writer.numeric_owner = flag_or(request, "numeric_owner");
  ASSIGN_OR_RETURN(options.selection, selection_of(request));
  ASSIGN_OR_RETURN(const PointReader::Row row,
                   reader.row(text_or(request, "point", "latest"), stop));
  ASSIGN_OR_RETURN(vault::BlobReader * blobs, reader.blobs(stop));
  options.point_totals = row.summary.totals;
  options.workers = reader.restore_workers();
  restore::RestoreJob job(*blobs, reader.index(), std::move(options));
  Result<restore::RestoreReport> report = tell_progress(
      engine, reply, [&] { return restore::job_progress(job.progress()); },
      [&] { return job.run(row.summary.root, stop); });
  if (!report) return std::unexpected(std::move(report).error());
  json value = report_json(*report);
  value["point"] = row.point->id.text();
  return value;
}

Result<json> export_point(PointReader& reader, const platform::CallerPtr& account,
                          const json& request, const std::stop_token& stop) {
  const std::string file = text_or(request, "to");
  if (!platform::is_absolute(file))
    return fail(ErrorKind::kInvalidInput, "export: want an absolute file name");
  const auto format = restore::parse_archive_format(text_or(request, "format", "tar"));
  if (!format) return fail(ErrorKind::kInvalidInput, "format: want tar or zip");
  ASSIGN_OR_RETURN(const restore::Selection selection, selection_of(request));
  ASSIGN_OR_RETURN(const PointReader::Row row,
                   reader.row(text_or(request, "point", "latest"), stop));
  ASSIGN_OR_RETURN(vault::BlobReader * blobs, reader.blobs(stop));
  // The archive holds what others may not read: for its owner alone, and whole or not there.
  const auto as_account = [&](auto work) -> decltype(work()) {
    ASSIGN_OR_RETURN(const platform::ActingAs acting, platform::ActingAs::begin(account));
    return work();
  };
  ASSIGN_OR_RETURN(platform::AtomicFile out,
                   as_account([&] { return platform::AtomicFile::create(file, 0600); }));
  ASSIGN_OR_RETURN(const restore::RestoreReport report,
                   restore::export_archive(
                       *blobs, row.summary.root, selection, *format,
                       [&](ByteView bytes) { return out.write(bytes); }, stop));
  TRY(as_account([&] { return out.commit(); }));
  json value = report_json(report);
  value["point"] = row.point->id.text();
  value["file"] = printable(file);
  return value;
}

Result<json> verify(Engine& engine, PointReader& reader, const json& request, Reply& reply,
                    const std::stop_token& stop) {
  maintain::CheckOptions options;
  options.read_data = flag_or(request, "read_data");
  maintain::ReadProgress progress;
  ASSIGN_OR_RETURN(
      const maintain::CheckReport report,
      tell_progress(
          engine, reply, [&] { return maintain::job_progress(progress, "check"); },
          [&] { return maintain::check_vault(reader.vault(), options, progress, stop); }));
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

}  // namespace

Result<json> carry_out_on_points(Engine& engine, const platform::CallerPtr& account,
                                 std::string_view command, const json& request, Reply& reply,
                                 const std::stop_token& stop) {
  const auto read = [&](auto use) -> Result<json> {
    ASSIGN_OR_RETURN(const std::unique_ptr<PointReader> reader,
                     PointReader::open(engine, text_or(request, "target"), stop));
    return use(*reader);
  };
  if (command == "points") return read([&](PointReader& in) { return points(in, stop); });
  if (command == "ls") return read([&](PointReader& in) { return ls(in, request, reply, stop); });
  if (command == "find")
    return read([&](PointReader& in) { return find(in, request, reply, stop); });
  if (command == "restore") {
    return read(
        [&](PointReader& in) { return restore_point(engine, in, account, request, reply, stop); });
  }
  if (command == "export")
    return read([&](PointReader& in) { return export_point(in, account, request, stop); });
  if (command == "verify")
    return read([&](PointReader& in) { return verify(engine, in, request, reply, stop); });
  return fail(ErrorKind::kInvalidInput, "no such command: " + printable(command));
}

}  // namespace obhut::endpoint
