#pragma once
// A program's icon where the desktop keeps those, its menu, and messages that it shows.
//
// Linux: StatusNotifierItem, com.canonical.dbusmenu and org.freedesktop.Notifications, on the bus
// of the session. Windows: the notification area.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/result.h"

namespace obhut::platform {

/// A square picture.
struct Pixels {
  int size = 0;
  std::vector<std::uint32_t> argb;  ///< 0xAARRGGBB, rows from the top; colours not multiplied by A
};

struct IconMenuLine {
  int id = 0;        ///< what a click is told by
  std::string text;  ///< empty: a line between groups
  bool enabled = true;
};

struct IconState {
  std::vector<Pixels> pictures;  ///< the same in several sizes
  std::string title;
  std::string tooltip;  ///< lines with '\n' between them
  std::vector<IconMenuLine> menu;
  bool attention = false;
};

/// Thread: any may call; what is called back comes on a thread of the icon's own, one at a time.
class StatusIcon {
 public:
  struct Calls {
    std::function<void(int id)> chosen;  ///< a line of the menu
    std::function<void()> opened;        ///< the icon was clicked, or the program started again
    std::function<void()> ended;         ///< the system wants the program to end
  };
  /// One for each signed-in user: where `name` has an icon already, that program is told to open.
  /// In: the program's name, such as "obhut-tray". Errors: kConflict where one runs already,
  /// kUnsupported where nobody is signed in at a desktop.
  static Result<std::unique_ptr<StatusIcon>> make(const std::string& name, Calls calls);
  ~StatusIcon();
  StatusIcon(const StatusIcon&) = delete;
  StatusIcon& operator=(const StatusIcon&) = delete;

  /// Shown as soon as the desktop has a place for icons, and again where that was started anew.
  void show(IconState state);
  void notify(const std::string& title, const std::string& text, bool urgent);

 private:
  struct State;
  explicit StatusIcon(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace obhut::platform
