#include <algorithm>
#include <map>
#include <mutex>
#include <sdbus-c++/sdbus-c++.h>
#include <tuple>

#include <unistd.h>

#include "platform/status_icon.h"

// Sources: https://www.freedesktop.org/wiki/Specifications/StatusNotifierItem/,
// com.canonical.dbusmenu as libdbusmenu documents it, Desktop Notifications Specification 1.2.

namespace obhut::platform {
namespace {

constexpr const char* kItem = "org.kde.StatusNotifierItem";
constexpr const char* kItemPath = "/StatusNotifierItem";
constexpr const char* kWatcher = "org.kde.StatusNotifierWatcher";
constexpr const char* kWatcherPath = "/StatusNotifierWatcher";
constexpr const char* kMenu = "com.canonical.dbusmenu";
constexpr const char* kMenuPath = "/MenuBar";
constexpr const char* kOwn = "com.obhut.Tray1";
constexpr const char* kOwnPath = "/com/obhut/Tray1";
constexpr const char* kNotifications = "org.freedesktop.Notifications";
constexpr const char* kNotificationsPath = "/org/freedesktop/Notifications";

using Properties = std::map<std::string, sdbus::Variant>;
using MenuNode = sdbus::Struct<std::int32_t, Properties, std::vector<sdbus::Variant>>;
using Picture = sdbus::Struct<std::int32_t, std::int32_t, std::vector<std::uint8_t>>;
using ToolTip = sdbus::Struct<std::string, std::vector<Picture>, std::string, std::string>;

/// Numbers of lines that only tell, and of those between groups, begin here.
constexpr std::int32_t kNotToBeChosen = 1000;

std::vector<Picture> pictures_of(const IconState& icon) {
  std::vector<Picture> pictures;
  for (const Pixels& pixels : icon.pictures) {
    std::vector<std::uint8_t> bytes;
    bytes.reserve(pixels.argb.size() * 4);
    for (const std::uint32_t pixel : pixels.argb) {
      for (const unsigned shift : {24U, 16U, 8U, 0U}) {
        bytes.push_back(static_cast<std::uint8_t>(pixel >> shift & 0xFFU));
      }
    }
    pictures.emplace_back(pixels.size, pixels.size, std::move(bytes));
  }
  return pictures;
}

/// '_' would be read as the mark of the next letter's key.
std::string label_of(const std::string& text) {
  std::string label;
  for (const char c : text) label += c == '_' ? "__" : std::string(1, c);
  return label;
}

Properties properties_of(const IconMenuLine& line) {
  if (line.text.empty()) return {{"type", sdbus::Variant(std::string("separator"))}};
  return {{"label", sdbus::Variant(label_of(line.text))},
          {"enabled", sdbus::Variant(line.enabled)}};
}

/// A line's id, or one of its own where it has none.
std::int32_t number_of(const IconState& icon, std::size_t line) {
  const int id = icon.menu[line].id;
  return id != 0 ? id : kNotToBeChosen + static_cast<std::int32_t>(line);
}

}  // namespace

struct StatusIcon::State {
  std::unique_ptr<sdbus::IConnection> bus;
  std::unique_ptr<sdbus::IObject> item;
  std::unique_ptr<sdbus::IObject> menu;
  std::unique_ptr<sdbus::IObject> own;
  std::unique_ptr<sdbus::IProxy> names;
  std::string name;
  Calls calls;
  std::mutex mutex;
  IconState icon;
  std::uint32_t revision = 1;

  template <class Get>
  auto with_icon(Get get) {
    const std::scoped_lock lock(mutex);
    return get(icon);
  }

  void offer_item();
  void offer_menu();
  void offer_own();
  void watch_hosts();
  /// Fine where there is no host yet: it tells when it comes.
  void register_item();
  std::map<std::int32_t, Properties> lines();
  MenuNode layout();
  void choose(std::int32_t id, const std::string& event) const {
    if (event == "clicked" && id > 0 && id < kNotToBeChosen) calls.chosen(id);
  }
};

void StatusIcon::State::offer_item() {
  item = sdbus::createObject(*bus, kItemPath);
  const auto property = [&](const char* property_name, auto get) {
    item->registerProperty(property_name).onInterface(kItem).withGetter(get);
  };
  property("Category", [] { return std::string("ApplicationStatus"); });
  property("Id", [this] { return name; });
  property("Title", [this] { return with_icon([](const IconState& at) { return at.title; }); });
  property("Status", [this] {
    return with_icon([](const IconState& at) {
      return std::string(at.attention ? "NeedsAttention" : "Active");
    });
  });
  property("WindowId", [] { return std::int32_t{0}; });
  property("IconName", [] { return std::string(); });
  property("IconPixmap", [this] { return with_icon(pictures_of); });
  property("OverlayIconName", [] { return std::string(); });
  property("AttentionIconName", [] { return std::string(); });
  property("AttentionIconPixmap", [this] { return with_icon(pictures_of); });
  property("ToolTip", [this] {
    return with_icon([](const IconState& at) { return ToolTip("", {}, at.title, at.tooltip); });
  });
  property("ItemIsMenu", [] { return false; });
  property("Menu", [] { return sdbus::ObjectPath(kMenuPath); });
  for (const char* method : {"Activate", "SecondaryActivate"}) {
    item->registerMethod(method).onInterface(kItem).implementedAs(
        [this](const std::int32_t&, const std::int32_t&) { calls.opened(); });
  }
  item->registerMethod("ContextMenu")
      .onInterface(kItem)
      .implementedAs([](const std::int32_t&, const std::int32_t&) {});
  item->registerMethod("Scroll").onInterface(kItem).implementedAs(
      [](const std::int32_t&, const std::string&) {});
  for (const char* signal : {"NewTitle", "NewIcon", "NewAttentionIcon", "NewToolTip"}) {
    item->registerSignal(signal).onInterface(kItem);
  }
  item->registerSignal("NewStatus").onInterface(kItem).withParameters<std::string>();
  item->finishRegistration();
}

std::map<std::int32_t, Properties> StatusIcon::State::lines() {
  return with_icon([](const IconState& at) {
    std::map<std::int32_t, Properties> all;
    for (std::size_t i = 0; i < at.menu.size(); ++i)
      all.emplace(number_of(at, i), properties_of(at.menu[i]));
    return all;
  });
}

MenuNode StatusIcon::State::layout() {
  return with_icon([](const IconState& at) {
    std::vector<sdbus::Variant> children;
    children.reserve(at.menu.size());
    for (std::size_t i = 0; i < at.menu.size(); ++i) {
      children.emplace_back(MenuNode(number_of(at, i), properties_of(at.menu[i]), {}));
    }
    return MenuNode(0, {{"children-display", sdbus::Variant(std::string("submenu"))}}, children);
  });
}

void StatusIcon::State::offer_menu() {
  menu = sdbus::createObject(*bus, kMenuPath);
  const auto property = [&](const char* property_name, auto get) {
    menu->registerProperty(property_name).onInterface(kMenu).withGetter(get);
  };
  property("Version", [] { return std::uint32_t{3}; });
  property("Status", [] { return std::string("normal"); });
  property("TextDirection", [] { return std::string("ltr"); });
  property("IconThemePath", [] { return std::vector<std::string>(); });
  menu->registerMethod("GetLayout")
      .onInterface(kMenu)
      .implementedAs(
          [this](const std::int32_t& parent, const std::int32_t&, const std::vector<std::string>&) {
            const MenuNode whole = layout();
            const std::scoped_lock lock(mutex);
            return std::tuple(revision, parent == 0 ? whole : MenuNode(parent, {}, {}));
          });
  menu->registerMethod("GetGroupProperties")
      .onInterface(kMenu)
      .implementedAs([this](const std::vector<std::int32_t>& ids, const std::vector<std::string>&) {
        std::vector<sdbus::Struct<std::int32_t, Properties>> found;
        for (const auto& [id, properties] : lines()) {
          if (ids.empty() || std::ranges::find(ids, id) != ids.end()) {
            found.emplace_back(id, properties);
          }
        }
        return found;
      });
  menu->registerMethod("GetProperty")
      .onInterface(kMenu)
      .implementedAs([this](const std::int32_t& id, const std::string& wanted) {
        const std::map<std::int32_t, Properties> all = lines();
        const auto line = all.find(id);
        if (line == all.end() || !line->second.contains(wanted)) {
          return sdbus::Variant(std::string());
        }
        return line->second.at(wanted);
      });
  menu->registerMethod("Event").onInterface(kMenu).implementedAs(
      [this](const std::int32_t& id, const std::string& event, const sdbus::Variant&,
             const std::uint32_t&) { choose(id, event); });
  using Event = sdbus::Struct<std::int32_t, std::string, sdbus::Variant, std::uint32_t>;
  menu->registerMethod("EventGroup")
      .onInterface(kMenu)
      .implementedAs([this](const std::vector<Event>& events) {
        for (const Event& event : events) choose(event.get<0>(), event.get<1>());
        return std::vector<std::int32_t>();
      });
  menu->registerMethod("AboutToShow").onInterface(kMenu).implementedAs([](const std::int32_t&) {
    return false;
  });
  menu->registerMethod("AboutToShowGroup")
      .onInterface(kMenu)
      .implementedAs([](const std::vector<std::int32_t>&) {
        return std::tuple(std::vector<std::int32_t>(), std::vector<std::int32_t>());
      });
  menu->registerSignal("LayoutUpdated")
      .onInterface(kMenu)
      .withParameters<std::uint32_t, std::int32_t>();
  menu->finishRegistration();
}

void StatusIcon::State::offer_own() {
  own = sdbus::createObject(*bus, kOwnPath);
  own->registerMethod("Open").onInterface(kOwn).implementedAs([this] { calls.opened(); });
  own->finishRegistration();
}

void StatusIcon::State::register_item() {
  try {
    const auto watcher = sdbus::createProxy(*bus, kWatcher, kWatcherPath);
    watcher->callMethod("RegisterStatusNotifierItem")
        .onInterface(kWatcher)
        .withTimeout(std::chrono::seconds(5))
        .withArguments(bus->getUniqueName());
  } catch (const sdbus::Error&) {
  }
}

void StatusIcon::State::watch_hosts() {
  names = sdbus::createProxy(*bus, "org.freedesktop.DBus", "/org/freedesktop/DBus");
  names->uponSignal("NameOwnerChanged")
      .onInterface("org.freedesktop.DBus")
      .call([this](const std::string& changed, const std::string&, const std::string& owner) {
        if (changed == kWatcher && !owner.empty()) register_item();
      });
  names->finishRegistration();
}

StatusIcon::StatusIcon(std::unique_ptr<State> state) : state_(std::move(state)) {}

StatusIcon::~StatusIcon() {
  state_->bus->leaveEventLoop();
}

Result<std::unique_ptr<StatusIcon>> StatusIcon::make(const std::string& name, Calls calls) {
  auto state = std::make_unique<State>();
  state->name = name;
  state->calls = std::move(calls);
  try {
    state->bus = sdbus::createSessionBusConnection();
  } catch (const sdbus::Error& error) {
    return fail(ErrorKind::kUnsupported, "session bus: " + error.getMessage());
  }
  try {
    state->bus->requestName(kOwn);
  } catch (const sdbus::Error&) {
    try {
      sdbus::createProxy(*state->bus, kOwn, kOwnPath)->callMethod("Open").onInterface(kOwn);
    } catch (const sdbus::Error& error) {
      return fail(ErrorKind::kConflict, name + " runs already: " + error.getMessage());
    }
    return fail(ErrorKind::kConflict, name + " runs already, and was told to open");
  }
  try {
    state->offer_item();
    state->offer_menu();
    state->offer_own();
    state->watch_hosts();
    state->bus->enterEventLoopAsync();
    state->register_item();
  } catch (const sdbus::Error& error) {
    return fail(ErrorKind::kInternal, "session bus: " + error.getMessage());
  }
  return std::unique_ptr<StatusIcon>(new StatusIcon(std::move(state)));
}

void StatusIcon::show(IconState icon) {
  const std::string status = icon.attention ? "NeedsAttention" : "Active";
  std::uint32_t revision = 0;
  {
    const std::scoped_lock lock(state_->mutex);
    state_->icon = std::move(icon);
    revision = ++state_->revision;
  }
  try {
    for (const char* signal : {"NewTitle", "NewIcon", "NewAttentionIcon", "NewToolTip"}) {
      state_->item->emitSignal(signal).onInterface(kItem);
    }
    state_->item->emitSignal("NewStatus").onInterface(kItem).withArguments(status);
    state_->menu->emitSignal("LayoutUpdated")
        .onInterface(kMenu)
        .withArguments(revision, std::int32_t{0});
  } catch (const sdbus::Error&) {
    // The session ends, and we with it.
  }
}

void StatusIcon::notify(const std::string& title, const std::string& text, bool urgent) {
  try {
    const auto desktop = sdbus::createProxy(*state_->bus, kNotifications, kNotificationsPath);
    const Properties hints{{"urgency", sdbus::Variant(static_cast<std::uint8_t>(urgent ? 2 : 1))},
                           {"category", sdbus::Variant(std::string("transfer"))}};
    std::uint32_t number = 0;
    desktop->callMethod("Notify")
        .onInterface(kNotifications)
        .withTimeout(std::chrono::seconds(5))
        .withArguments(title, std::uint32_t{0}, std::string("drive-harddisk"), title, text,
                       std::vector<std::string>(), hints, std::int32_t{-1})
        .storeResultsTo(number);
  } catch (const sdbus::Error&) {
    // A desktop without a place for messages: the icon tells as much.
  }
}

}  // namespace obhut::platform
