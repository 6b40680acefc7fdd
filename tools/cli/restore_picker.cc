#include "tools/cli/restore_picker.h"

#include <algorithm>
#include <charconv>

#include "agent/base/text.h"
#include "agent/restore/selection.h"
#include "platform/local_files.h"
#include "tools/cli/columns.h"
#include "tools/cli/format.h"

namespace obhut::cli {
namespace {

constexpr std::size_t kPage = 20;
constexpr std::size_t kMostHits = 200;
/// What stands before a name in a list: number, mark, size, time.
constexpr std::size_t kNameColumn = 41;

constexpr Message kNoPoints{"there is no recovery point yet\n",
                            "es gibt noch keinen Wiederherstellungspunkt\n"};
constexpr Message kPoints{"Recovery points, the newest first:\n",
                          "Wiederherstellungspunkte, der neueste zuerst:\n"};
constexpr Message kPointLine{"{}  {}  {} {file|files}, {}\n", "{}  {}  {} {Datei|Dateien}, {}\n"};
constexpr Message kWhichPoint{"Point (Enter: 1, n: older ones, p: newer ones, q: leave)> ",
                              "Punkt (Enter: 1, n: ältere, p: neuere, q: beenden)> "};
constexpr Message kFolderHead{"\n{} in the point of {}\n", "\n{} im Punkt vom {}\n"};
constexpr Message kEmptyFolder{"  (empty)\n", "  (leer)\n"};
constexpr Message kNotYours{"  (not readable by you)", "  (für Sie nicht lesbar)"};
constexpr Message kMoreBelow{"  … n: next page\n", "  … n: nächste Seite\n"};
constexpr Message kFaulty{"  a part of this folder is damaged and missing here\n",
                          "  ein Teil dieses Ordners ist beschädigt und fehlt hier\n"};
constexpr Message kPrompt{"[{} marked] (?: help)> ", "[{} markiert] (?: Hilfe)> "};
constexpr Message kHelp{
    "  NUMBER      open that folder, or mark that file\n"
    "  m NUMBERS   mark, or take the mark away: m 3, m 2-5 8, m all\n"
    "  u           up to the folder above        n, p   next, previous page\n"
    "  s WORDS     search this point by name     l      list what is marked\n"
    "  /           to the top of the point       c      take all marks away\n"
    "  g           go on and restore what is marked\n"
    "  b           back to the points            q      leave\n",
    "  NUMMER      Ordner öffnen oder Datei markieren\n"
    "  m NUMMERN   markieren oder Markierung aufheben: m 3, m 2-5 8, m all\n"
    "  u           eine Ebene höher               n, p   nächste, vorige Seite\n"
    "  s WÖRTER    in diesem Punkt nach Namen suchen\n"
    "  l           Markiertes auflisten           c      alle Markierungen aufheben\n"
    "  /           ganz nach oben                 b      zurück zu den Punkten\n"
    "  g           weiter: Markiertes wiederherstellen\n"
    "  q           beenden\n"};
constexpr Message kNotUnderstood{"not understood; ? shows what can be typed\n",
                                 "nicht verstanden; ? zeigt, was man eingeben kann\n"};
constexpr Message kNoSuchNumber{"there is no {} in the list\n", "{} steht nicht in der Liste\n"};
constexpr Message kNoWords{"search for what? for example: s invoice\n",
                           "wonach suchen? zum Beispiel: s rechnung\n"};
constexpr Message kNothingFound{"nothing in this point has such a name\n",
                                "nichts in diesem Punkt heißt so\n"};
constexpr Message kFound{"\nFound (NUMBER: mark a file, open a folder; u: back to the folder):\n",
                         "\nGefunden (NUMMER: Datei markieren, Ordner öffnen; u: zurück zum "
                         "Ordner):\n"};
constexpr Message kFirstFound{"  only the first {} are shown; more words find fewer\n",
                              "  nur die ersten {} stehen hier; mehr Wörter finden weniger\n"};
constexpr Message kNothingMarked{"nothing is marked yet: m NUMBER, or m all\n",
                                 "noch nichts markiert: m NUMMER oder m all\n"};
constexpr Message kMarkedNow{"marked: {}\n", "markiert: {}\n"};
constexpr Message kUnmarkedNow{"no longer marked: {}\n", "nicht mehr markiert: {}\n"};
constexpr Message kMarkedAbove{"{} is marked with the folder above it\n",
                               "{} ist mit dem Ordner darüber markiert\n"};
constexpr Message kCannotMark{"{}: you could not read it when it was backed up\n",
                              "{}: durften Sie bei der Sicherung nicht lesen\n"};
constexpr Message kWhere{"Where to (1: its original place, 2: a folder, Enter: back)> ",
                         "Wohin (1: an den ursprünglichen Ort, 2: in einen Ordner, Enter: "
                         "zurück)> "};
constexpr Message kWhichFolder{"Folder> ", "Ordner> "};
constexpr Message kExisting{
    "Files that are there already (1: keep, 2: overwrite, 3: keep both, Enter: back)> ",
    "Schon vorhandene Dateien (1: behalten, 2: überschreiben, 3: beide behalten, Enter: zurück)> "};
constexpr Message kSure{"Restore now? (y/n)> ", "Jetzt wiederherstellen? (j/n)> "};
constexpr Message kProblem{"{}\n", "{}\n"};

std::string shown_name(std::string_view raw) {
  return without_direction_marks(printable(raw));
}

std::string shown_path(const std::string& raw) {
  return "/" + shown_name(raw);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return text;
}

std::optional<std::size_t> number_in(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

std::string right(std::string text, std::size_t columns) {
  const std::size_t width = width_of(text);
  if (width < columns) text.insert(0, columns - width, ' ');
  return text;
}

std::string joined(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + "/" + name;
}

std::string above(const std::string& path) {
  const std::size_t cut = path.rfind('/');
  return cut == std::string::npos ? std::string() : path.substr(0, cut);
}

bool is_yes(std::string_view answer) {
  return answer == "y" || answer == "Y" || answer == "j" || answer == "J" || answer == "yes" ||
         answer == "ja";
}

}  // namespace

Result<std::optional<std::string>> RestorePicker::ask(
    const Message& prompt, std::initializer_list<std::string_view> values) {
  ASSIGN_OR_RETURN(const std::optional<std::string> line,
                   terminal_.ask(context_.say(prompt, values)));
  if (!line) return std::nullopt;
  return std::string(trimmed(*line));
}

void RestorePicker::say(const Message& message, std::initializer_list<std::string_view> values) {
  terminal_.show(context_.say(message, values));
}

void RestorePicker::tell(const Error& error) {
  say(kProblem, {printable(error.message)});
}

Result<bool> RestorePicker::run() {
  for (;;) {
    ASSIGN_OR_RETURN(const bool chosen, choose_point());
    if (!chosen) return false;
    ASSIGN_OR_RETURN(const bool ended, choose_entries());
    if (ended) return done_;
  }
}

void RestorePicker::show_points(const std::vector<BrowsedPoint>& points, std::size_t first) {
  say(kPoints);
  const std::size_t end = std::min(first + kPage, points.size());
  for (std::size_t i = first; i < end; ++i) {
    const BrowsedPoint& point = points[i];
    say(kPointLine,
        {right(std::to_string(i + 1), 4), human_time(point.time),
         human_count(point.files, context_.language), human_bytes(point.bytes, context_.language)});
  }
}

/// False where whoever chose leaves.
Result<bool> RestorePicker::choose_point() {
  ASSIGN_OR_RETURN(std::vector<BrowsedPoint> points, browser_.points());
  if (points.empty()) {
    say(kNoPoints);
    return false;
  }
  std::ranges::reverse(points);
  std::size_t first = 0;
  show_points(points, first);
  for (;;) {
    Result<std::optional<std::string>> line = ask(kWhichPoint);
    if (!line) return std::unexpected(std::move(line.error()));
    const std::string typed = line->value_or("q");
    if (typed == "q") return false;
    const bool older = typed == "n";
    if (older || typed == "p") {
      if (older && first + kPage < points.size()) first += kPage;
      if (!older) first -= std::min(first, kPage);
      show_points(points, first);
      continue;
    }
    const std::optional<std::size_t> number = typed.empty() ? 1 : number_in(typed);
    if (!number || *number < 1 || *number > points.size()) {
      say(kNoSuchNumber, {printable(typed)});
      continue;
    }
    // Marks are of one point.
    if (point_.id != points[*number - 1].id) marked_.clear();
    point_ = points[*number - 1];
    return true;
  }
}

/// True where it is over, false for another point.
Result<bool> RestorePicker::choose_entries() {
  enter("");
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<std::string> line,
                     ask(kPrompt, {human_count(marked_.size(), context_.language)}));
    if (!line) return true;
    switch (obey(*line)) {
      case Step::kStay:
        break;
      case Step::kPoints:
        return false;
      case Step::kLeave:
        return true;
      case Step::kOrder: {
        ASSIGN_OR_RETURN(done_, give_order());
        if (done_) return true;
        break;
      }
    }
  }
}

RestorePicker::Step RestorePicker::obey(const std::string& line) {
  const std::string word = line.substr(0, line.find(' '));
  const std::string rest(trimmed(std::string_view(line).substr(word.size())));
  if (line.empty()) {
    show_folder();
  } else if (word == "q") {
    return Step::kLeave;
  } else if (word == "b") {
    return Step::kPoints;
  } else if (word == "g") {
    if (!marked_.empty()) return Step::kOrder;
    say(kNothingMarked);
  } else if (word == "u") {
    if (found_) {
      show_folder();
    } else {
      enter(above(folder_));
    }
  } else if (word == "/") {
    enter("");
  } else if (word == "n" || word == "p") {
    turn(word == "n");
  } else if (word == "s") {
    search(rest);
  } else if (word == "m") {
    mark(rest);
  } else if (word == "l") {
    show_marked();
  } else if (word == "c") {
    marked_.clear();
  } else if (word == "?" || word == "h") {
    say(kHelp);
  } else if (const auto number = number_in(line)) {
    obey_number(*number);
  } else {
    say(kNotUnderstood);
  }
  return Step::kStay;
}

void RestorePicker::obey_number(std::size_t number) {
  const auto found = shown_.find(number);
  if (found == shown_.end()) return say(kNoSuchNumber, {std::to_string(number)});
  const Shown chosen = found->second;
  if (chosen.directory && !chosen.denied) {
    enter(chosen.path);
  } else {
    mark_one(chosen);
  }
}

void RestorePicker::enter(const std::string& path) {
  folder_ = path;
  entries_.clear();
  all_loaded_ = false;
  faulty_ = false;
  page_ = 0;
  show_folder();
}

bool RestorePicker::load_until(std::size_t count) {
  while (!all_loaded_ && entries_.size() < count) {
    Result<Browser::Batch> batch =
        browser_.list(point_.id, folder_, entries_.empty() ? std::string() : entries_.back().name);
    if (!batch) {
      tell(batch.error());
      return false;
    }
    all_loaded_ = !batch->more;
    faulty_ = batch->faulty;
    std::ranges::move(batch->entries, std::back_inserter(entries_));
  }
  return true;
}

void RestorePicker::turn(bool forward) {
  if (!forward) {
    page_ -= std::min(page_, kPage);
  } else if (load_until(page_ + kPage + 1) && entries_.size() > page_ + kPage) {
    page_ += kPage;
  }
  show_folder();
}

std::string RestorePicker::entry_text(std::size_t number, const BrowsedEntry& entry,
                                      const std::string& path) {
  const bool directory = entry.type == model::EntryType::kDirectory;
  std::string text = right(std::to_string(number), 6) + (is_marked(path) ? " * " : "   ");
  text += right(directory ? "" : human_bytes(entry.size, context_.language), 10) + "  ";
  text += right(human_file_time(entry.modified.seconds), 16) + "  ";
  const std::size_t room = std::max(terminal_.width(), kNameColumn + 20) - kNameColumn;
  text += shorten(shown_name(entry.name), room) + (directory ? "/" : "");
  if (!entry.target.empty()) text += " -> " + shown_name(entry.target);
  if (entry.denied) text += context_.say(kNotYours);
  return text + "\n";
}

void RestorePicker::show_folder() {
  found_ = false;
  shown_.clear();
  say(kFolderHead, {shown_path(folder_), human_time(point_.time)});
  if (!load_until(page_ + kPage + 1)) return;
  const std::size_t end = std::min(page_ + kPage, entries_.size());
  for (std::size_t i = page_; i < end; ++i) {
    const std::string path = joined(folder_, entries_[i].name);
    shown_[i + 1] = {path, entries_[i].type == model::EntryType::kDirectory, entries_[i].denied};
    terminal_.show(entry_text(i + 1, entries_[i], path));
  }
  if (entries_.empty()) say(kEmptyFolder);
  if (entries_.size() > end) say(kMoreBelow);
  if (all_loaded_ && faulty_) say(kFaulty);
}

void RestorePicker::search(const std::string& text) {
  if (text.empty()) return say(kNoWords);
  const Result<std::vector<FoundByName>> found = actions_.search(point_.id, text, kMostHits);
  if (!found) return tell(found.error());
  if (found->empty()) return say(kNothingFound);
  found_ = true;
  shown_.clear();
  say(kFound);
  std::size_t number = 0;
  for (const FoundByName& hit : *found) {
    const bool directory = hit.type == model::EntryType::kDirectory;
    shown_[++number] = {hit.path, directory, hit.denied};
    terminal_.show(right(std::to_string(number), 6) + (is_marked(hit.path) ? " * " : "   ") +
                   right(directory ? "" : human_bytes(hit.size, context_.language), 10) + "  " +
                   human_time(hit.modified) + "  " + shown_path(hit.path) + (directory ? "/" : "") +
                   (hit.denied ? context_.say(kNotYours) : "") + "\n");
  }
  if (found->size() >= kMostHits) say(kFirstFound, {std::to_string(kMostHits)});
}

bool RestorePicker::is_marked(const std::string& path) const {
  for (std::string at = path;; at = above(at)) {
    const auto found = marked_.find(at);
    if (found != marked_.end() && (found->second || at == path)) return true;
    if (at.empty()) return false;
  }
}

void RestorePicker::mark_one(const Shown& shown) {
  const std::string text = shown_path(shown.path);
  if (marked_.erase(shown.path) > 0) return say(kUnmarkedNow, {text});
  if (is_marked(shown.path)) return say(kMarkedAbove, {text});
  // A folder that cannot be looked into may hold what can be read by name; a file holds nothing.
  if (shown.denied && !shown.directory) return say(kCannotMark, {text});
  // What lies below is marked with it from now on.
  std::erase_if(marked_, [&](const auto& one) {
    return shown.directory && restore::is_below(one.first, shown.path);
  });
  marked_[shown.path] = shown.directory;
  say(kMarkedNow, {text});
}

void RestorePicker::mark(const std::string& numbers) {
  const auto mark_too = [this](const Shown& one) {
    if (!is_marked(one.path) && !one.denied) mark_one(one);
  };
  if (numbers == "all" && found_) {
    for (const auto& [number, one] : shown_) mark_too(one);
    return;
  }
  if (numbers == "all") {
    // The folder itself: also what is on no page yet.
    if (!folder_.empty()) return mark_one({folder_, true, false});
    if (!load_until(SIZE_MAX)) return;
    for (const BrowsedEntry& entry : entries_) {
      mark_too({entry.name, entry.type == model::EntryType::kDirectory, entry.denied});
    }
    return;
  }
  if (numbers.empty()) return say(kNotUnderstood);
  for (std::string_view rest = numbers; !rest.empty(); rest = trimmed(rest)) {
    const std::string_view word = rest.substr(0, rest.find_first_of(" ,"));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    if (word.empty()) continue;
    const std::size_t dash = word.find('-');
    const auto first = number_in(word.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : number_in(word.substr(dash + 1));
    if (!first || !last) return say(kNotUnderstood);
    if (!shown_.contains(*first) || !shown_.contains(*last)) {
      return say(kNoSuchNumber, {word});
    }
    for (auto at = shown_.lower_bound(*first); at != shown_.end() && at->first <= *last; ++at) {
      mark_one(at->second);
    }
  }
}

void RestorePicker::show_marked() {
  if (marked_.empty()) return say(kNothingMarked);
  for (const auto& [path, directory] : marked_) {
    terminal_.show("  " + shown_path(path) + (directory ? "/" : "") + "\n");
  }
}

/// Nothing: back to choosing, here and below.
Result<std::optional<std::string>> RestorePicker::choose_target() {
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<std::string> line, ask(kWhere));
    if (!line || line->empty()) return std::nullopt;
    if (*line == "1") return "/";
    if (*line != "2") {
      say(kNotUnderstood);
      continue;
    }
    ASSIGN_OR_RETURN(const std::optional<std::string> folder, ask(kWhichFolder));
    if (!folder || folder->empty()) return std::nullopt;
    Result<std::string> whole = platform::absolute_path(*folder);
    if (whole) return std::move(*whole);
    tell(whole.error());
  }
}

Result<std::optional<std::string>> RestorePicker::choose_existing() {
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<std::string> line, ask(kExisting));
    if (!line || line->empty()) return std::nullopt;
    if (*line == "1") return "keep";
    if (*line == "2") return "overwrite";
    if (*line == "3") return "both";
    say(kNotUnderstood);
  }
}

/// True once it was restored.
Result<bool> RestorePicker::give_order() {
  RestoreOrder order{point_.id, {}, {}, {}};
  for (const auto& [path, directory] : marked_) order.paths.push_back(path);
  show_marked();
  ASSIGN_OR_RETURN(const std::optional<std::string> target, choose_target());
  if (!target) return false;
  ASSIGN_OR_RETURN(const std::optional<std::string> existing, choose_existing());
  if (!existing) return false;
  order.to = *target;
  order.existing = *existing;
  const Result<std::string> would = actions_.would(order);
  if (!would) {
    tell(would.error());
    return false;
  }
  terminal_.show(*would);
  ASSIGN_OR_RETURN(const std::optional<std::string> sure, ask(kSure));
  if (!sure || !is_yes(*sure)) return false;
  TRY(actions_.restore(order));
  return true;
}

}  // namespace obhut::cli
