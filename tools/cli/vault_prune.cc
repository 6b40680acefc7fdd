// prune.

#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/maintain/prune.h"
#include "tools/cli/command.h"
#include "tools/cli/format.h"
#include "tools/cli/progress_line.h"
#include "tools/cli/vault_commands.h"
#include "tools/cli/vault_output.h"

namespace obhut::cli {
namespace {

using nlohmann::json;

constexpr Message kPruneHelp{"drop points and free what no point needs",
                             "Punkte verwerfen und freigeben, was keiner mehr braucht"};
constexpr Message kKeepLastHelp{"keep the last N points", "die letzten N Punkte behalten"};
constexpr Message kKeepOfHelp{"keep the newest of each of the last N {}",
                              "den neuesten aus den letzten N {} behalten"};
constexpr Message kHours{"hours", "Stunden"};
constexpr Message kDays{"days", "Tagen"};
constexpr Message kWeeks{"weeks", "Wochen"};
constexpr Message kMonths{"months", "Monaten"};
constexpr Message kYears{"years", "Jahren"};
constexpr Message kDryRunHelp{"only say what would be done", "nur sagen, was geschähe"};
constexpr Message kNoRule{"say what to keep: --keep-last N, --keep-daily N …",
                          "angeben, was bleiben soll: --keep-last N, --keep-daily N …"};
constexpr Message kNoRepackHelp{"remove whole packs only, copy nothing",
                                "nur ganze Pakete entfernen, nichts umkopieren"};
constexpr Message kPruned{
    "{} {point|points} kept, {} dropped; {} {pack|packs} removed, {} freed\n",
    "{} {Punkt|Punkte} behalten, {} verworfen; {} {Paket|Pakete} entfernt, {} frei geworden\n"};
constexpr Message kWouldPrune{
    "{} {point|points} would be kept, {} dropped; {} {pack|packs} removed, {} freed\n",
    "{} {Punkt bliebe|Punkte blieben}, {} {würde|würden} verworfen; {} {Paket|Pakete} entfernt, {} "
    "frei\n"};
constexpr Message kRepacked{
    "{} {pack was|packs were} mostly dead: what lives in {it|them} was copied ({})\n",
    "{} {Paket war|Pakete waren} überwiegend tot: was darin lebt, wurde kopiert ({})\n"};
constexpr Message kWaiting{
    "left for now: {} {pack|packs} ({}), since somebody reads or writes the vault; the next prune "
    "removes this\n",
    "vorerst bleiben: {} {Paket|Pakete} ({}), da jemand im Tresor liest oder schreibt; die nächste "
    "Bereinigung entfernt sie\n"};
constexpr Message kDamagedHeadStays{
    "point {} cannot be read ({}): everything that it may need stays until the rules drop it\n",
    "Punkt {} ist unlesbar ({}): alles, was er brauchen könnte, bleibt, bis die Regeln ihn "
    "verwerfen\n"};
constexpr Message kDamagedHeadGoes{
    "point {} cannot be read ({}); the rules drop it in any case\n",
    "Punkt {} ist unlesbar ({}); die Regeln verwerfen ihn ohnehin\n"};
constexpr Message kUnreadPoints{
    "a kept point has a directory that cannot be read: nothing was copied together; see \"obhut "
    "vault check\"\n",
    "ein behaltener Punkt hat ein unlesbares Verzeichnis: nichts wurde zusammenkopiert; siehe "
    "„obhut vault check“\n"};

struct PruneArguments {
  VaultArguments vault;
  maintain::PruneOptions options;
};

// What removing gained, less what copying cost.
std::uint64_t gained_by_pruning(const maintain::PruneReport& report) {
  return report.freed_bytes - std::min(report.freed_bytes, report.copied_bytes);
}

json prune_json(const maintain::PruneReport& report, bool dry_run) {
  json dropped = json::array();
  for (const Sha256& point : report.dropped) dropped.push_back(short_id(point));
  json faults = json::array();
  for (const maintain::PruneFault& fault : report.faults) {
    faults.push_back({{"point", short_id(fault.head)},
                      {"message", printable(fault.message)},
                      {"dropped", fault.dropped}});
  }
  return {{"kept_points", report.kept_points},
          {"dropped", dropped},
          {"damaged_points", faults},
          {"unread_points", report.unread_points},
          {"removed_packs", report.removed_packs},
          {"removed_index_objects", report.removed_index_objects},
          {"freed_bytes", gained_by_pruning(report)},
          {"repacked_packs", report.repacked_packs},
          {"copied_bytes", report.copied_bytes},
          {"waiting_packs", report.waiting_packs},
          {"waiting_bytes", report.waiting_bytes},
          {"dry_run", dry_run}};
}

void tell_pruned(const Context& context, const maintain::PruneReport& report, bool dry_run) {
  const Language language = context.language;
  print(context.say(
      dry_run ? kWouldPrune : kPruned,
      {human_count(report.kept_points, language), human_count(report.dropped.size(), language),
       human_count(report.removed_packs, language),
       human_bytes(gained_by_pruning(report), language)}));
  if (report.repacked_packs > 0) {
    print(context.say(kRepacked, {human_count(report.repacked_packs, language),
                                  human_bytes(report.copied_bytes, language)}));
  }
  if (report.waiting_packs > 0) {
    print(context.say(kWaiting, {human_count(report.waiting_packs, language),
                                 human_bytes(report.waiting_bytes, language)}));
  }
  for (const maintain::PruneFault& fault : report.faults) {
    print(context.say(fault.dropped ? kDamagedHeadGoes : kDamagedHeadStays,
                      {short_id(fault.head), printable(fault.message)}));
  }
  if (report.unread_points) print(context.say(kUnreadPoints));
}

Result<void> run_prune(Context& context, const PruneArguments& arguments) {
  if (arguments.options.rules.keeps_nothing()) {
    return fail(ErrorKind::kInvalidInput, context.say(kNoRule));
  }
  const bool dry_run = arguments.options.dry_run;
  ASSIGN_OR_RETURN(
      const VaultSession session,
      open_vault(context, arguments.vault, dry_run ? store::Use::kRead : store::Use::kPrune));
  maintain::PruneOptions options = arguments.options;
  options.cache_directory = session.cache_directory;
  maintain::PruneProgress progress;
  options.progress = &progress;
  ASSIGN_OR_RETURN(const maintain::PruneReport report, [&] {
    const ProgressLine line(
        context, measured(context.clock, [&] { return maintain::job_progress(progress); }));
    return maintain::prune_vault(*session.vault, *session.folder, options, context.stop);
  }());
  if (!report.faults.empty() || report.unread_points) context.exit_code = kExitSkipped;
  if (context.json) {
    print(prune_json(report, dry_run).dump() + "\n");
  } else {
    tell_pruned(context, report, dry_run);
  }
  return {};
}

}  // namespace

void add_vault_prune(CLI::App& vault, Context& context) {
  const auto prune = std::make_shared<PruneArguments>();
  CLI::App* const command = add_command(vault, context, "prune", kPruneHelp,
                                        [&context, prune] { return run_prune(context, *prune); });
  add_vault_options(*command, context, prune->vault);
  add_progress_option(*command, context);
  maintain::KeepRules& rules = prune->options.rules;
  const auto keep = [&](const char* name, std::uint32_t& count, const std::string& help) {
    command->add_option(name, count, help)->type_name("N");
  };
  const auto of = [&](const Message& period) {
    return context.say(kKeepOfHelp, {context.say(period)});
  };
  keep("--keep-last", rules.last, context.say(kKeepLastHelp));
  keep("--keep-hourly", rules.hourly, of(kHours));
  keep("--keep-daily", rules.daily, of(kDays));
  keep("--keep-weekly", rules.weekly, of(kWeeks));
  keep("--keep-monthly", rules.monthly, of(kMonths));
  keep("--keep-yearly", rules.yearly, of(kYears));
  command->add_flag("--dry-run", prune->options.dry_run, context.say(kDryRunHelp));
  command->add_flag_callback(
      "--no-repack", [prune] { prune->options.repack = false; }, context.say(kNoRepackHelp));
}

}  // namespace obhut::cli
