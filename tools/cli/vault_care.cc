// check and repair.

#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/maintain/check.h"
#include "agent/maintain/repair.h"
#include "tools/cli/command.h"
#include "tools/cli/format.h"
#include "tools/cli/progress_line.h"
#include "tools/cli/vault_commands.h"
#include "tools/cli/vault_output.h"

namespace obhut::cli {
namespace {

using nlohmann::json;

constexpr Message kMore{"  … and {} more\n", "  … und {} weitere\n"};

json json_of(const std::vector<maintain::Finding>& findings) {
  json out = json::array();
  for (const maintain::Finding& finding : findings) {
    json one{{"kind", std::string(maintain::to_string(finding.kind))},
             {"harmless", finding.harmless},
             {"subject", printable(finding.subject)},
             {"message", printable(finding.message)}};
    if (!finding.point.is_zero()) one["point"] = short_id(finding.point);
    out.push_back(std::move(one));
  }
  return out;
}

void tell_findings(const Context& context, const std::vector<maintain::Finding>& findings) {
  constexpr std::size_t kShown = 100;
  std::string text;
  for (std::size_t i = 0; i < findings.size() && i < kShown; ++i) {
    const maintain::Finding& finding = findings[i];
    text += "  " + std::string(maintain::to_string(finding.kind)) + "  ";
    if (!finding.point.is_zero()) text += short_id(finding.point) + "  ";
    text += printable(finding.subject) + ": " + printable(finding.message) + "\n";
  }
  if (findings.size() > kShown) {
    text += context.say(kMore, {human_count(findings.size() - kShown, context.language)});
  }
  print(text);
}

// ---- check

constexpr Message kCheckHelp{"prove that every point can be restored",
                             "prüfen, dass jeder Punkt wiederherstellbar ist"};
constexpr Message kReadDataHelp{"read every pack and open every blob",
                                "jedes Paket lesen und jeden Inhalt öffnen"};
constexpr Message kSound{
    "The vault is sound: {} {point|points}, {} {pack|packs}, {} {blob|blobs}, {} {file|files}\n",
    "Der Tresor ist in Ordnung: {} {Punkt|Punkte}, {} {Paket|Pakete}, {} {Inhalt|Inhalte}, {} "
    "{Datei|Dateien}\n"};
constexpr Message kUnsound{"{} {fault|faults} in {} {point|points}:\n",
                           "{} Fehler in {} {Punkt|Punkten}:\n"};
constexpr Message kDamaged{"the vault is damaged; \"obhut vault repair\" saves what is left",
                           "der Tresor ist beschädigt; „obhut vault repair“ rettet, was da ist"};

struct CheckArguments {
  VaultArguments vault;
  bool read_data = false;
};

Result<void> run_check(Context& context, const CheckArguments& arguments) {
  ASSIGN_OR_RETURN(const VaultSession session,
                   open_vault(context, arguments.vault, store::Use::kRead));
  maintain::CheckOptions options;
  options.read_data = arguments.read_data;
  options.reader = local_reads();
  maintain::ReadProgress progress;
  Result<maintain::CheckReport> report = [&] {
    const ProgressLine line(context, measured(context.clock, [&] {
                              return maintain::job_progress(progress, "check");
                            }));
    return maintain::check_vault(*session.vault, options, progress, context.stop);
  }();
  if (!report) return std::unexpected(std::move(report).error());
  if (context.json) {
    print(json{{"ok", report->ok()},
               {"points", report->points},
               {"packs", report->packs},
               {"blobs", report->blobs},
               {"files", report->files},
               {"bytes_read", report->bytes_read},
               {"orphan_packs", report->orphan_packs},
               {"errors", report->errors},
               {"findings", json_of(report->findings)}}
              .dump() +
          "\n");
  } else if (report->ok()) {
    const Language language = context.language;
    print(context.say(
        kSound, {human_count(report->points, language), human_count(report->packs, language),
                 human_count(report->blobs, language), human_count(report->files, language)}));
    tell_findings(context, report->findings);
  } else {
    print(context.say(kUnsound, {human_count(report->errors, context.language),
                                 human_count(report->points, context.language)}));
    tell_findings(context, report->findings);
  }
  if (report->ok()) return {};
  return fail(ErrorKind::kCorrupt, context.say(kDamaged));
}

// ---- repair

constexpr Message kRepairHelp{"rebuild the index from the packs; names every file that is lost",
                              "den Index aus den Paketen neu bauen; nennt jede verlorene Datei"};
constexpr Message kRepaired{
    "The index was rebuilt from {} {pack|packs}: {} {blob is|blobs are} good, {} {is|are} lost\n",
    "Der Index wurde aus {} {Paket|Paketen} neu gebaut: {} {Inhalt|Inhalte} gut, {} verloren\n"};
constexpr Message kUnreadable{"{} {pack|packs} cannot be read at all\n",
                              "{} {Paket ist|Pakete sind} ganz unlesbar\n"};
constexpr Message kAllWhole{"Every point is whole.\n", "Jeder Punkt ist vollständig.\n"};
constexpr Message kLost{"Lost ({}); the next backup stores again what the source still has:\n",
                        "Verloren ({}); die nächste Sicherung ergänzt, was die Quelle noch hat:\n"};

Result<void> run_repair(Context& context, const VaultArguments& arguments) {
  ASSIGN_OR_RETURN(const VaultSession session, open_vault(context, arguments, store::Use::kReap));
  maintain::CheckOptions options;
  options.reader = local_reads();
  maintain::ReadProgress progress;
  Result<maintain::RepairReport> report = [&] {
    const ProgressLine line(context, measured(context.clock, [&] {
                              return maintain::job_progress(progress, "repair");
                            }));
    return maintain::repair_vault(*session.vault, options, progress, context.stop);
  }();
  if (!report) return std::unexpected(std::move(report).error());
  if (!report->points.ok()) context.exit_code = kExitSkipped;
  if (context.json) {
    print(json{{"packs", report->packs},
               {"damaged_packs", report->damaged_packs},
               {"unreadable_packs", report->unreadable_packs},
               {"blobs", report->blobs},
               {"lost_blobs", report->lost_blobs},
               {"points_whole", report->points.ok()},
               {"findings", json_of(report->points.findings)}}
              .dump() +
          "\n");
    return {};
  }
  const Language language = context.language;
  print(context.say(kRepaired,
                    {human_count(report->packs, language), human_count(report->blobs, language),
                     human_count(report->lost_blobs, language)}));
  if (report->unreadable_packs > 0) {
    print(context.say(kUnreadable, {human_count(report->unreadable_packs, language)}));
  }
  print(report->points.ok() ? context.say(kAllWhole)
                            : context.say(kLost, {human_count(report->points.errors, language)}));
  tell_findings(context, report->points.findings);
  return {};
}

}  // namespace

void add_vault_care(CLI::App& vault, Context& context) {
  const auto check = std::make_shared<CheckArguments>();
  CLI::App* command = add_command(vault, context, "check", kCheckHelp,
                                  [&context, check] { return run_check(context, *check); });
  add_vault_options(*command, context, check->vault);
  add_progress_option(*command, context);
  command->add_flag("--read-data", check->read_data, context.say(kReadDataHelp));

  const auto repair = std::make_shared<VaultArguments>();
  command = add_command(vault, context, "repair", kRepairHelp,
                        [&context, repair] { return run_repair(context, *repair); });
  add_vault_options(*command, context, *repair);
}

}  // namespace obhut::cli
