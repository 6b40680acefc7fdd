// restore, export.

#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/restore/archive_target.h"
#include "agent/restore/restore_job.h"
#include "platform/atomic_file.h"
#include "platform/machine.h"
#include "platform/terminal.h"
#include "tools/cli/command.h"
#include "tools/cli/format.h"
#include "tools/cli/left_out_text.h"
#include "tools/cli/progress_line.h"
#include "tools/cli/vault_commands.h"
#include "tools/cli/vault_output.h"

namespace obhut::cli {
namespace {

using nlohmann::json;

constexpr Message kPointHelp{"id of the point, or \"latest\"", "Kennung des Punkts oder „latest“"};
constexpr Message kPathHelp{"only these paths, as the point has them",
                            "nur diese Pfade, wie der Punkt sie kennt"};
constexpr Message kPatternHelp{"only what matches (gitignore syntax)",
                               "nur, was passt (gitignore-Schreibweise)"};

constexpr Message kRestoreHelp{"restore a point, or part of it",
                               "einen Punkt oder Teile davon wiederherstellen"};
constexpr Message kToHelp{"folder to restore into: a source /a/b lands in TARGET/a/b",
                          "Zielordner: eine Quelle /a/b landet in ZIEL/a/b"};
constexpr Message kBelowHelp{"what lies below this folder of the point lands in TARGET itself",
                             "was unter diesem Ordner des Punkts liegt, landet direkt in ZIEL"};
constexpr Message kExistingHelp{"what happens to existing files: keep, overwrite, both",
                                "was mit vorhandenen Dateien geschieht: keep, overwrite, both"};
constexpr Message kNumericHelp{"take numbers of owners as they are, whatever their names",
                               "Besitzernummern übernehmen, gleich welche Namen"};
constexpr Message kRestored{"Restored from {} ({}): {} {file|files}, {}, in {}\n",
                            "Wiederhergestellt aus {} ({}): {} {Datei|Dateien}, {}, in {}\n"};
constexpr Message kKept{
    "  {} existing {file was|files were} kept (--existing overwrite replaces {it|them})\n",
    "  {} vorhandene {Datei blieb|Dateien blieben} (--existing overwrite ersetzt sie)\n"};
constexpr Message kRenamed{"  {} came under another name beside the existing {one|ones}\n",
                           "  {} {liegt|liegen} unter anderem Namen neben {der|den} vorhandenen\n"};

struct RestoreArguments {
  VaultArguments vault;
  std::string point;
  std::vector<std::string> paths;
  std::vector<std::string> patterns;
  std::string target;
  std::string below;
  std::string existing = "keep";
  bool numeric_owner = false;
};

json json_of(const ChosenPoint& point, const restore::RestoreReport& report, double seconds) {
  json problems = json::array();
  for (const restore::Problem& problem : report.problems) {
    problems.push_back({{"kind", std::string(restore::to_string(problem.kind))},
                        {"path", printable(problem.path)},
                        {"reason", printable(problem.reason.message)}});
  }
  return {{"id", short_id(point.id)},
          {"time", format_time(point.created)},
          {"files", report.files},
          {"directories", report.directories},
          {"bytes", report.bytes},
          {"kept", report.kept},
          {"renamed", report.renamed},
          {"missing", report.missing},
          {"metadata_problems", report.metadata_problems},
          {"left_out", report.left_out},
          {"seconds", seconds},
          {"problems", problems}};
}

platform::ExistingPolicy policy_of(const std::string& text) {
  if (text == "overwrite") return platform::ExistingPolicy::kOverwrite;
  if (text == "both") return platform::ExistingPolicy::kKeepBoth;
  return platform::ExistingPolicy::kKeep;
}

void tell_restore(Context& context, const ChosenPoint& point, const restore::RestoreReport& report,
                  std::chrono::steady_clock::duration time) {
  const Language language = context.language;
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(time);
  if (context.json) {
    print(json_of(point, report, static_cast<double>(took.count()) / 1e6).dump() + "\n");
  } else {
    print(context.say(
        kRestored,
        {short_id(point.id), human_time(point.created), human_count(report.files, language),
         human_bytes(report.bytes, language), human_duration(took, language)}));
    if (report.kept > 0) print(context.say(kKept, {human_count(report.kept, language)}));
    if (report.renamed > 0) print(context.say(kRenamed, {human_count(report.renamed, language)}));
    print(left_out_text(context, report.left_out));
  }
  tell_problems(context, report);
}

Result<void> run_restore(Context& context, const RestoreArguments& arguments) {
  restore::RestoreOptions options;
  options.target = arguments.target;
  options.writer.existing = policy_of(arguments.existing);
  options.writer.numeric_owner = arguments.numeric_owner;
  // Without the right to give files away every entry would be listed as not whole.
  options.writer.set_owner = platform::is_administrator();
  ASSIGN_OR_RETURN(options.selection, selection_of(arguments.paths, arguments.patterns));
  if (!arguments.below.empty()) {
    ASSIGN_OR_RETURN(options.below, model::RelPath::parse_typed(arguments.below));
    if (options.selection.paths.empty()) options.selection.paths = {options.below};
  }
  ASSIGN_OR_RETURN(const VaultSession session, open_vault_to_read(context, arguments.vault));
  ASSIGN_OR_RETURN(const ChosenPoint point, choose_point(context, *session.vault, arguments.point));
  ASSIGN_OR_RETURN(const auto index,
                   vault::IndexCache::load(*session.store, session.vault->keyring(),
                                           index_directory(session), context.stop));
  vault::BlobReader reader(*session.store, session.vault->keyring(), *index, reads_of(session));
  options.point_totals = point.summary.totals;
  restore::RestoreJob job(reader, *index, std::move(options));
  const auto begin = context.clock.steady();
  Result<restore::RestoreReport> report = [&] {
    const ProgressLine line(
        context, measured(context.clock, [&] { return restore::job_progress(job.progress()); }));
    return job.run(point.summary.root, context.stop);
  }();
  if (!report) return std::unexpected(std::move(report).error());
  tell_restore(context, point, *report, context.clock.steady() - begin);
  return {};
}

// ---- export

constexpr Message kExportHelp{"write a point as a tar or zip archive",
                              "einen Punkt als tar- oder zip-Archiv schreiben"};
constexpr Message kFormatHelp{"tar or zip", "tar oder zip"};
constexpr Message kFileHelp{"file to write (-: standard output)",
                            "zu schreibende Datei (-: Standardausgabe)"};
constexpr Message kExported{"Exported {} ({}): {} {file|files}, {}, in {}\n",
                            "Exportiert {} ({}): {} {Datei|Dateien}, {}, in {}\n"};
constexpr Message kNotToTerminal{"an archive is not for a terminal: name a file with --to",
                                 "ein Archiv gehört nicht auf ein Terminal: --to nennt die Datei"};

struct ExportArguments {
  VaultArguments vault;
  std::string point;
  std::vector<std::string> paths;
  std::vector<std::string> patterns;
  std::string format = "tar";
  std::string to;
};

Result<void> write_standard_output(ByteView bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size()) return {};
  return fail(ErrorKind::kUnavailable, "standard output cannot be written to");
}

Result<restore::RestoreReport> export_to(const ExportArguments& arguments, Context& context,
                                         const VaultSession& session, const ChosenPoint& point,
                                         const restore::Selection& selection) {
  const auto format = *restore::parse_archive_format(arguments.format);
  ASSIGN_OR_RETURN(const auto index,
                   vault::IndexCache::load(*session.store, session.vault->keyring(),
                                           index_directory(session), context.stop));
  vault::BlobReader reader(*session.store, session.vault->keyring(), *index, reads_of(session));
  if (arguments.to == "-") {
    ASSIGN_OR_RETURN(restore::RestoreReport report,
                     restore::export_archive(reader, point.summary.root, selection, nullptr, format,
                                             write_standard_output, context.stop));
    if (std::fflush(stdout) != 0) {
      return fail(ErrorKind::kUnavailable, "standard output cannot be written to");
    }
    return report;
  }
  ASSIGN_OR_RETURN(platform::AtomicFile file, platform::AtomicFile::create(arguments.to));
  ASSIGN_OR_RETURN(restore::RestoreReport report,
                   restore::export_archive(
                       reader, point.summary.root, selection, nullptr, format,
                       [&](ByteView bytes) { return file.write(bytes); }, context.stop));
  TRY(file.commit());
  return report;
}

Result<void> run_export(Context& context, const ExportArguments& arguments) {
  if (arguments.to == "-" && platform::is_terminal(platform::Stream::kOutput)) {
    return fail(ErrorKind::kInvalidInput, context.say(kNotToTerminal));
  }
  ASSIGN_OR_RETURN(const restore::Selection selection,
                   selection_of(arguments.paths, arguments.patterns));
  ASSIGN_OR_RETURN(const VaultSession session, open_vault_to_read(context, arguments.vault));
  ASSIGN_OR_RETURN(const ChosenPoint point, choose_point(context, *session.vault, arguments.point));
  const auto begin = context.clock.steady();
  ASSIGN_OR_RETURN(const restore::RestoreReport report,
                   export_to(arguments, context, session, point, selection));
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(context.clock.steady() - begin);
  if (arguments.to == "-") {
    // The archive has standard output to itself.
    if (!report.complete()) context.exit_code = kExitSkipped;
    return {};
  }
  if (context.json) {
    print(json_of(point, report, static_cast<double>(took.count()) / 1e6).dump() + "\n");
  } else {
    print(context.say(
        kExported,
        {short_id(point.id), human_time(point.created), human_count(report.files, context.language),
         human_bytes(report.bytes, context.language), human_duration(took, context.language)}));
  }
  tell_problems(context, report);
  return {};
}

}  // namespace

void add_vault_restore(CLI::App& vault, Context& context) {
  const auto restore = std::make_shared<RestoreArguments>();
  CLI::App* command = add_command(vault, context, "restore", kRestoreHelp,
                                  [&context, restore] { return run_restore(context, *restore); });
  add_readable_vault_options(*command, context, restore->vault);
  add_progress_option(*command, context);
  command->add_option("point", restore->point, context.say(kPointHelp))->required();
  command->add_option("path", restore->paths, context.say(kPathHelp));
  command->add_option("--to", restore->target, context.say(kToHelp))
      ->required()
      ->type_name("TARGET");
  command->add_option("--below", restore->below, context.say(kBelowHelp))->type_name("FOLDER");
  command->add_option("--existing", restore->existing, context.say(kExistingHelp))
      ->check(CLI::IsMember({"keep", "overwrite", "both"}));
  command->add_option("--pattern", restore->patterns, context.say(kPatternHelp))
      ->allow_extra_args(false)
      ->type_name("PATTERN");
  command->add_flag("--numeric-owner", restore->numeric_owner, context.say(kNumericHelp));

  const auto out = std::make_shared<ExportArguments>();
  command = add_command(vault, context, "export", kExportHelp,
                        [&context, out] { return run_export(context, *out); });
  add_readable_vault_options(*command, context, out->vault);
  command->add_option("point", out->point, context.say(kPointHelp))->required();
  command->add_option("path", out->paths, context.say(kPathHelp));
  command->add_option("--format", out->format, context.say(kFormatHelp))
      ->check(CLI::IsMember({"tar", "zip"}));
  command->add_option("--to", out->to, context.say(kFileHelp))->required()->type_name("FILE");
  command->add_option("--pattern", out->patterns, context.say(kPatternHelp))
      ->allow_extra_args(false)
      ->type_name("PATTERN");
}

}  // namespace obhut::cli
