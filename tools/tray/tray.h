#pragma once
// The icon's life: asks the daemon how things stand, shows it, and does what the menu is asked for.

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "agent/base/clock.h"
#include "platform/status_icon.h"
#include "tools/tray/brand.h"
#include "tools/tray/daemon.h"
#include "tools/tray/tray_state.h"

namespace obhut::tray {

class Tray {
 public:
  /// Shows the restore window. Errors: as platform::show.
  using OpenWindow = std::function<Result<void>()>;

  Tray(const Daemon& daemon, Clock& clock, const Brand& brand, cli::Language language,
       OpenWindow open_window)
      : daemon_(daemon),
        clock_(clock),
        brand_(brand),
        language_(language),
        open_window_(std::move(open_window)) {}

  /// Until stopped, or until the menu's "quit". In: whether to open the window at once.
  /// Errors: those of StatusIcon::make.
  Result<void> run(bool open, const std::stop_token& stop);

 private:
  /// What was chosen next, or nothing once it is time to look again.
  std::optional<Choice> wait(const std::stop_token& stop);
  void look(const std::stop_token& stop);
  /// False for "quit".
  bool carry_out(Choice choice);
  void ask(const nlohmann::json& request);
  void tell_messages();
  void make_support_bundle();
  void tell(const std::string& text, bool urgent = false);
  [[nodiscard]] Viewer viewer() const { return {language_, brand_.name(), clock_.now()}; }

  const Daemon& daemon_;
  Clock& clock_;
  const Brand& brand_;
  cli::Language language_;
  OpenWindow open_window_;
  std::mutex mutex_;
  std::condition_variable_any chosen_;
  std::deque<Choice> choices_;
  std::unique_ptr<platform::StatusIcon> icon_;
  std::optional<TrayView> shown_;
  Notices notices_;
  std::vector<std::string> messages_;
};

}  // namespace obhut::tray
