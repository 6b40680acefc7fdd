#include "tools/tray/tray.h"

#include <array>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "platform/desktop.h"
#include "platform/local_files.h"
#include "service/endpoint/json_fields.h"
#include "tools/tray/icon_picture.h"
#include "tools/tray/own_program.h"

namespace obhut::tray {

using nlohmann::json;

namespace {

constexpr std::chrono::seconds kEvery{5};
constexpr std::chrono::seconds kEveryWhileRunning{1};
/// Windows: 16 pixels, and more on denser screens. Panels elsewhere: 22 and more.
constexpr std::array kSizes{16, 20, 22, 24, 32, 48};

constexpr cli::Message kNotPossible{"That did not work: {}", "Das ging nicht: {}"};
constexpr cli::Message kBundle{"For the support: {}", "Für den Support: {}"};
constexpr cli::Message kAbout{"Obhut {}", "Obhut {}"};

}  // namespace

Result<void> Tray::run(bool open, const std::stop_token& stop) {
  const auto choose = [this](Choice choice) {
    {
      const std::scoped_lock lock(mutex_);
      choices_.push_back(choice);
    }
    chosen_.notify_all();
  };
  ASSIGN_OR_RETURN(
      icon_, platform::StatusIcon::make(
                 "obhut-tray", {.chosen = [choose](int id) { choose(static_cast<Choice>(id)); },
                                .opened = [choose] { choose(Choice::kRestore); },
                                .ended = [choose] { choose(Choice::kQuit); }}));
  if (open) choose(Choice::kRestore);
  while (!stop.stop_requested()) {
    look(stop);
    const std::optional<Choice> choice = wait(stop);
    if (choice && !carry_out(*choice)) break;
  }
  icon_.reset();
  return {};
}

std::optional<Choice> Tray::wait(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const bool running = shown_ && shown_->look == Look::kRunning;
  chosen_.wait_for(lock, stop, running ? kEveryWhileRunning : kEvery,
                   [this] { return !choices_.empty(); });
  if (choices_.empty()) return std::nullopt;
  const Choice choice = choices_.front();
  choices_.pop_front();
  return choice;
}

void Tray::look(const std::stop_token& stop) {
  const Answer<json> answer = daemon_.ask({{"command", "status"}}, stop);
  const json status = answer ? *answer : json(nullptr);
  for (const Notice& notice : notices_.look(status, viewer())) {
    icon_->notify(notice.title, notice.text, notice.urgent);
  }
  messages_ = message_lines(status, viewer());
  TrayView view = view_of(status, viewer());
  if (shown_ == view) return;
  platform::IconState state;
  for (const int size : kSizes) {
    state.pictures.push_back(icon_picture(view.look, view.percent, size));
  }
  state.title = view.title;
  state.tooltip = view.tooltip;
  state.attention = view.look == Look::kAttention;
  for (const MenuLine& line : view.menu) {
    state.menu.push_back({static_cast<int>(line.choice), line.text, line.enabled});
  }
  icon_->show(std::move(state));
  shown_ = std::move(view);
}

bool Tray::carry_out(Choice choice) {
  switch (choice) {
    case Choice::kBackUpNow:
      ask({{"command", "backup"}});
      break;
    case Choice::kPauseHour:
      ask({{"command", "pause"}, {"seconds", 3600}});
      break;
    case Choice::kPauseTomorrow:
      ask({{"command", "pause"}, {"seconds", until_tomorrow(clock_.now()).count()}});
      break;
    case Choice::kResume:
      ask({{"command", "resume"}});
      break;
    case Choice::kRestore:
    case Choice::kPoints:
      if (const Result<void> opened = open_window_(); !opened) {
        tell(cli::say(language_, kNotPossible, {opened.error().message}), true);
      }
      break;
    case Choice::kMessages:
      tell_messages();
      break;
    case Choice::kAbout:
      tell(cli::say(language_, kAbout, {OBHUT_VERSION}));
      break;
    case Choice::kQuit:
      return false;
    case Choice::kSupportBundle:
      make_support_bundle();
      break;
    case Choice::kNone:
      break;
  }
  return true;
}

void Tray::ask(const json& request) {
  const Answer<json> answer = daemon_.ask(request, {});
  if (!answer) tell(cli::say(language_, kNotPossible, {answer.error().message}), true);
}

void Tray::make_support_bundle() {
  const Result<platform::Outcome> made =
      run_obhut({"support-bundle", "--json", "--socket", daemon_.socket()});
  const json answer = made ? json::parse(made->output, nullptr, false) : json();
  const std::string file = answer.is_object() ? endpoint::text_or(answer, "file") : std::string();
  if (file.empty()) {
    const std::string why = made ? made->error_output : made.error().message;
    return tell(cli::say(language_, kNotPossible, {printable(why)}), true);
  }
  tell(cli::say(language_, kBundle, {file}));
  // ignored: the message names the file, whatever the desktop can show
  (void)platform::show(platform::parent_of(file));
}

void Tray::tell_messages() {
  std::string text;
  for (const std::string& line : messages_) text += (text.empty() ? "" : "\n") + line;
  if (!text.empty()) tell(text);
}

void Tray::tell(const std::string& text, bool urgent) {
  icon_->notify(brand_.name(), text, urgent);
}

}  // namespace obhut::tray
