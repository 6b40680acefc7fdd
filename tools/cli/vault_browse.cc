// points, ls, find.

#include <memory>
#include <unordered_set>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/base/codec.h"
#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/crypto/digest.h"
#include "agent/restore/point_tree.h"
#include "tools/cli/columns.h"
#include "tools/cli/command.h"
#include "tools/cli/consistency_text.h"
#include "tools/cli/format.h"
#include "tools/cli/vault_commands.h"
#include "tools/cli/vault_output.h"

namespace obhut::cli {
namespace {

using nlohmann::json;

constexpr Message kLsHelp{"list what a point holds", "auflisten, was ein Punkt enthält"};
constexpr Message kPointHelp{"id of the point, or \"latest\"", "Kennung des Punkts oder „latest“"};
constexpr Message kPathHelp{"folder or file in the point", "Ordner oder Datei im Punkt"};
constexpr Message kRecursiveHelp{"all levels", "alle Ebenen"};
constexpr Message kFindHelp{"find entries by pattern", "Einträge nach Muster finden"};
constexpr Message kFindPattern{
    "gitignore syntax: \"*.txt\" anywhere, \"/etc/*.conf\" from the root",
    "gitignore-Schreibweise: „*.txt“ überall, „/etc/*.conf“ ab der Wurzel"};
constexpr Message kFindPoint{"look in this point only; all points without it",
                             "nur in diesem Punkt suchen; ohne Angabe in allen"};
constexpr Message kNothingThere{"{}: the point has nothing of this name",
                                "{}: nichts unter diesem Namen im Punkt"};
constexpr Message kDamaged{"{}: part of this directory cannot be read: {}",
                           "{}: ein Teil dieses Ordners ist nicht lesbar: {}"};

// ---- points

constexpr Message kPointsHelp{"list the recovery points", "die Wiederherstellungspunkte auflisten"};
constexpr Message kNoPoints{"The vault holds no recovery point yet.\n",
                            "Der Tresor enthält noch keinen Wiederherstellungspunkt.\n"};
constexpr Message kFaults{
    "{} {head|heads} cannot be trusted; see \"obhut vault check\"",
    "{} {Kopf ist|Köpfe sind} nicht vertrauenswürdig; siehe „obhut vault check“"};

Result<void> run_points(Context& context, const VaultArguments& arguments) {
  ASSIGN_OR_RETURN(const VaultSession session, open_vault_to_read(context, arguments));
  ASSIGN_OR_RETURN(const vault::HeadChain chain, session.vault->heads(context.stop));
  json out = json::array();
  Table table({Table::Align::kLeft, Table::Align::kLeft, Table::Align::kRight, Table::Align::kRight,
               Table::Align::kRight, Table::Align::kLeft, Table::Align::kLeft});
  for (const vault::Point* point : chain.kept()) {
    ASSIGN_OR_RETURN(const model::Summary summary, session.vault->summary(*point));
    json sources = json::array();
    std::string text;
    for (const std::string& source : summary.sources) {
      sources.push_back(printable(source));
      text += (text.empty() ? "" : " ") + printable(source);
    }
    out.push_back({{"id", short_id(point->id)},
                   {"head", point->id.text()},
                   {"time", format_time(point->head.created)},
                   {"files", summary.totals.files},
                   {"directories", summary.totals.directories},
                   {"bytes", summary.totals.bytes},
                   {"stored_bytes", summary.stored_bytes},
                   {"skipped", summary.skipped_entries},
                   {"consistency", model::to_string(summary.consistency)},
                   {"host", printable(summary.host)},
                   {"sources", sources}});
    table.row({short_id(point->id), human_time(point->head.created),
               human_count(summary.totals.files, context.language),
               human_bytes(summary.totals.bytes, context.language),
               "+" + human_bytes(summary.stored_bytes, context.language),
               consistency_text(context, model::to_string(summary.consistency)), text});
  }
  if (context.json) {
    print(out.dump() + "\n");
  } else {
    print(out.empty() ? context.say(kNoPoints) : table.text());
  }
  if (chain.faults.empty()) return {};
  return fail(ErrorKind::kCorrupt, context.say(kFaults, {std::to_string(chain.faults.size())}));
}

// An array that is written as it grows: a point may hold millions of entries.
class Listing {
 public:
  Listing(const Context& context, bool with_point) : context_(context), with_point_(with_point) {
    if (context_.json) print("[");
  }

  void add(const Sha256& point, const model::Entry& entry, std::string_view path) {
    ++count_;
    const Instant modified{std::chrono::seconds(entry.modified.seconds) +
                           std::chrono::microseconds(entry.modified.nanoseconds / 1000)};
    const bool directory = entry.type == model::EntryType::kDirectory;
    const std::uint64_t size = directory ? entry.totals.bytes : entry.size;
    if (context_.json) {
      json out{{"path", printable(path)},
               {"type", std::string(model::to_string(entry.type))},
               {"mode", entry.mode},
               {"user", printable(entry.user)},
               {"group", printable(entry.group)},
               {"uid", entry.uid},
               {"gid", entry.gid},
               {"size", size},
               {"modified", format_time_micro(modified)}};
      if (with_point_) out["point"] = short_id(point);
      if (entry.type == model::EntryType::kSymlink) out["target"] = printable(entry.symlink_target);
      print((count_ > 1 ? ",\n" : "\n") + out.dump());
      return;
    }
    std::string bytes = human_bytes(size, context_.language);
    bytes.insert(0, bytes.size() < 8 ? 8 - bytes.size() : 0, ' ');
    std::string line = with_point_ ? short_id(point) + "  " : "";
    line += mode_text(entry) + "  " + bytes + "  " + human_file_time(entry.modified.seconds) +
            "  " + printable(path);
    if (directory) line += '/';
    if (entry.type == model::EntryType::kSymlink) line += " -> " + printable(entry.symlink_target);
    print(line + "\n");
  }

  void close() {
    if (context_.json) print(count_ > 0 ? "\n]\n" : "]\n");
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  const Context& context_;
  bool with_point_;
  std::uint64_t count_ = 0;
};

struct OpenPoints {
  VaultSession session;
  std::unique_ptr<vault::IndexCache> index;
  std::unique_ptr<vault::BlobReader> reader;
};

Result<OpenPoints> open_points(const Context& context, const VaultArguments& arguments) {
  OpenPoints open;
  ASSIGN_OR_RETURN(open.session, open_vault_to_read(context, arguments));
  ASSIGN_OR_RETURN(open.index,
                   vault::IndexCache::load(*open.session.store, open.session.vault->keyring(),
                                           index_directory(open.session), context.stop));
  open.reader = std::make_unique<vault::BlobReader>(
      *open.session.store, open.session.vault->keyring(), *open.index, reads_of(open.session));
  return open;
}

// ---- ls

struct LsArguments {
  VaultArguments vault;
  std::string point = "latest";
  std::string path;
  bool recursive = false;
};

Result<void> list_tree(Context& context, OpenPoints& open, const ChosenPoint& point,
                       const LsArguments& arguments, const model::RelPath& wanted,
                       Listing& listing) {
  const restore::Selection selection{
      wanted.is_root() ? std::vector<model::RelPath>{} : std::vector{wanted}, {}};
  restore::PointTree tree(*open.reader, point.summary.root);
  std::optional<Error> damage;
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<restore::Step> step, tree.next(context.stop));
    if (!step) break;
    if (context.stop.stop_requested()) return fail(ErrorKind::kCancelled, "list");
    if (step->kind == restore::StepKind::kLeave) continue;
    if (step->kind == restore::StepKind::kFault) {
      if (selection.leads_to(step->path)) {
        damage = Error{step->error.kind,
                       context.say(kDamaged, {printable(step->path), step->error.message})};
      }
      continue;
    }
    const bool directory = step->kind == restore::StepKind::kEnter;
    if (!selection.covers(step->path)) {
      if (directory && !selection.leads_to(step->path)) tree.skip_content();
      continue;
    }
    const bool itself = step->path == wanted.bytes();
    if (itself && directory) continue;
    listing.add(point.id, *step->entry, step->path);
    if (directory && !arguments.recursive) tree.skip_content();
  }
  if (damage) return std::unexpected(std::move(*damage));
  return {};
}

// True where `wanted` names something: an empty folder lists nothing, and that is no mistake.
Result<bool> is_there(Context& context, OpenPoints& open, const ChosenPoint& point,
                      const model::RelPath& wanted) {
  if (wanted.is_root()) return true;
  const restore::Selection selection{{wanted}, {}};
  restore::PointTree tree(*open.reader, point.summary.root);
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<restore::Step> step, tree.next(context.stop));
    if (!step) return false;
    if (step->path == wanted.bytes() && step->kind != restore::StepKind::kFault) return true;
    if (step->kind == restore::StepKind::kEnter && !selection.leads_to(step->path)) {
      tree.skip_content();
    }
  }
}

Result<void> run_ls(Context& context, const LsArguments& arguments) {
  ASSIGN_OR_RETURN(const model::RelPath wanted, model::RelPath::parse_typed(arguments.path));
  ASSIGN_OR_RETURN(OpenPoints open, open_points(context, arguments.vault));
  ASSIGN_OR_RETURN(const ChosenPoint point,
                   choose_point(context, *open.session.vault, arguments.point));
  ASSIGN_OR_RETURN(const bool there, is_there(context, open, point, wanted));
  if (!there) {
    return fail(ErrorKind::kInvalidInput, context.say(kNothingThere, {printable(arguments.path)}));
  }
  Listing listing(context, false);
  Result<void> listed = list_tree(context, open, point, arguments, wanted, listing);
  listing.close();
  return listed;
}

// ---- find

struct FindArguments {
  VaultArguments vault;
  std::vector<std::string> patterns;
  std::string point;
};

/// Folders in which nothing was found: most points have most of them alike, and none is searched
/// twice. By a hash of path and content.
class FruitlessFolders {
 public:
  static Sha256 key_of(std::string_view path, const std::vector<model::Ref>& content) {
    Writer out;
    for (const model::Ref& part : content) {
      out.id(part.blob);
      out.u32(part.offset);
      out.u32(part.length);
    }
    out.raw(as_bytes(path));
    return crypto::sha256(out.bytes());
  }
  [[nodiscard]] bool contains(const Sha256& key) const { return keys_.contains(key); }
  void add(const Sha256& key) {
    if (keys_.size() < kMost) keys_.insert(key);
  }

 private:
  /// About 30 MB.
  static constexpr std::size_t kMost = 500'000;
  std::unordered_set<Sha256, IdHash> keys_;
};

/// A folder that is being searched.
struct Searched {
  Sha256 key;
  bool fruitless = true;
};

Result<void> find_in(Context& context, OpenPoints& open, const Sha256& id,
                     const model::Summary& summary, const restore::Selection& selection,
                     FruitlessFolders& fruitless, Listing& listing) {
  std::vector<Searched> above{{FruitlessFolders::key_of("", summary.root)}};
  if (fruitless.contains(above.front().key)) return {};
  const auto leave = [&] {
    const Searched left = above.back();
    above.pop_back();
    if (left.fruitless) return fruitless.add(left.key);
    if (!above.empty()) above.back().fruitless = false;
  };
  restore::PointTree tree(*open.reader, summary.root);
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<restore::Step> step, tree.next(context.stop));
    if (!step) {
      leave();
      return {};
    }
    if (context.stop.stop_requested()) return fail(ErrorKind::kCancelled, "find");
    if (step->kind == restore::StepKind::kLeave) {
      leave();
      continue;
    }
    if (step->kind == restore::StepKind::kFault) {
      above.back().fruitless = false;
      continue;
    }
    const bool directory = step->kind == restore::StepKind::kEnter;
    if (directory) {
      above.push_back({FruitlessFolders::key_of(step->path, step->entry->children)});
      if (fruitless.contains(above.back().key)) tree.skip_content();
    }
    if (!selection.wants(step->path, directory)) continue;
    above.back().fruitless = false;
    listing.add(id, *step->entry, step->path);
    // A folder that matches stands for all that is in it.
    if (directory) tree.skip_content();
  }
}

Result<void> run_find(Context& context, const FindArguments& arguments) {
  ASSIGN_OR_RETURN(const restore::Selection selection, selection_of({}, arguments.patterns));
  ASSIGN_OR_RETURN(OpenPoints open, open_points(context, arguments.vault));
  std::vector<ChosenPoint> points;
  if (!arguments.point.empty()) {
    ASSIGN_OR_RETURN(ChosenPoint point,
                     choose_point(context, *open.session.vault, arguments.point));
    points.push_back(std::move(point));
  } else {
    ASSIGN_OR_RETURN(const vault::HeadChain chain, open.session.vault->heads(context.stop));
    for (const vault::Point* point : chain.kept()) {
      ASSIGN_OR_RETURN(model::Summary summary, open.session.vault->summary(*point));
      points.push_back({point->id, point->head.created, std::move(summary)});
    }
  }
  Listing listing(context, true);
  FruitlessFolders fruitless;
  Result<void> found;
  for (const ChosenPoint& point : points) {
    found = find_in(context, open, point.id, point.summary, selection, fruitless, listing);
    if (!found) break;
  }
  listing.close();
  return found;
}

}  // namespace

void add_vault_browse(CLI::App& vault, Context& context) {
  const auto points = std::make_shared<VaultArguments>();
  CLI::App* command = add_command(vault, context, "points", kPointsHelp,
                                  [&context, points] { return run_points(context, *points); });
  add_readable_vault_options(*command, context, *points);

  const auto ls = std::make_shared<LsArguments>();
  command =
      add_command(vault, context, "ls", kLsHelp, [&context, ls] { return run_ls(context, *ls); });
  add_readable_vault_options(*command, context, ls->vault);
  command->add_option("point", ls->point, context.say(kPointHelp));
  command->add_option("path", ls->path, context.say(kPathHelp));
  command->add_flag("-r,--recursive", ls->recursive, context.say(kRecursiveHelp));

  const auto find = std::make_shared<FindArguments>();
  command = add_command(vault, context, "find", kFindHelp,
                        [&context, find] { return run_find(context, *find); });
  add_readable_vault_options(*command, context, find->vault);
  command->add_option("pattern", find->patterns, context.say(kFindPattern))->required();
  command->add_option("--point", find->point, context.say(kFindPoint));
}

}  // namespace obhut::cli
