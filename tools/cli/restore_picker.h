#pragma once
// Restoring by choosing: a point, what of it, where to, and then it is done. Line by line, so that
// it works on every terminal and over every connection.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "tools/cli/browser.h"
#include "tools/cli/context.h"

namespace obhut::cli {

/// Whoever sits there.
class PickerTerminal {
 public:
  virtual ~PickerTerminal() = default;
  virtual void show(std::string_view text) = 0;
  /// A line; nothing at the end of input. Errors: kCancelled.
  virtual Result<std::optional<std::string>> ask(std::string_view prompt) = 0;
  [[nodiscard]] virtual std::size_t width() const = 0;
};

/// What was chosen.
struct RestoreOrder {
  std::string point;
  std::vector<std::string> paths;  ///< raw bytes, relative to the root of the point
  std::string to;                  ///< absolute
  std::string existing;            ///< keep, overwrite, both
};

struct FoundByName {
  std::string path;  ///< raw bytes, relative to the root of the point
  model::EntryType type = model::EntryType::kFile;
  std::uint64_t size = 0;
  Instant modified{};
  bool denied = false;
};

/// What the daemon does for it.
class PickerActions {
 public:
  virtual ~PickerActions() = default;
  /// At most `most` entries of the point.
  virtual Result<std::vector<FoundByName>> search(const std::string& point, const std::string& text,
                                                  std::size_t most) = 0;
  /// What `order` would do, for people.
  virtual Result<std::string> would(const RestoreOrder& order) = 0;
  /// Does it, showing how far it is, and says what was done.
  virtual Result<void> restore(const RestoreOrder& order) = 0;
};

/// Thread: one. Once.
class RestorePicker {
 public:
  /// Borrows all.
  RestorePicker(const Context& context, Browser& browser, PickerActions& actions,
                PickerTerminal& terminal)
      : context_(context), browser_(browser), actions_(actions), terminal_(terminal) {}

  /// True once something was restored; false where whoever chose left before.
  /// Errors: those of the list of points and of the restore; what goes wrong in between is shown
  /// and can be tried another way.
  Result<bool> run();

 private:
  /// A line of the list on the screen, by its number.
  struct Shown {
    std::string path;
    bool directory = false;
    bool denied = false;
  };
  enum class Step : std::uint8_t { kStay, kPoints, kOrder, kLeave };

  Result<std::optional<std::string>> ask(const Message& prompt,
                                         std::initializer_list<std::string_view> values = {});
  void say(const Message& message, std::initializer_list<std::string_view> values = {});
  void tell(const Error& error);

  Result<bool> choose_point();
  void show_points(const std::vector<BrowsedPoint>& points, std::size_t first);
  Result<bool> choose_entries();
  Step obey(const std::string& line);
  void obey_number(std::size_t number);
  void enter(const std::string& path);
  void turn(bool forward);
  void show_folder();
  bool load_until(std::size_t count);
  std::string entry_text(std::size_t number, const BrowsedEntry& entry, const std::string& path);
  void search(const std::string& text);
  void mark(const std::string& numbers);
  void mark_one(const Shown& shown);
  void show_marked();
  [[nodiscard]] bool is_marked(const std::string& path) const;
  Result<bool> give_order();
  Result<std::optional<std::string>> choose_target();
  Result<std::optional<std::string>> choose_existing();

  const Context& context_;
  Browser& browser_;
  PickerActions& actions_;
  PickerTerminal& terminal_;

  BrowsedPoint point_;
  std::string folder_;
  std::vector<BrowsedEntry> entries_;  // of the folder, as far as they were looked at
  bool all_loaded_ = false;
  bool faulty_ = false;
  std::size_t page_ = 0;  // number of its first entry
  std::map<std::size_t, Shown> shown_;
  bool found_ = false;                  // shown_ is what a search found
  std::map<std::string, bool> marked_;  // path, whether it is a directory
  bool done_ = false;
};

}  // namespace obhut::cli
