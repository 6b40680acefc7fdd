#include <algorithm>
#include <future>
#include <mutex>
#include <thread>

#include "platform/status_icon.h"
#include "platform/win.h"

namespace obhut::platform {
namespace {

constexpr UINT kFromIcon = WM_APP + 1;
constexpr UINT kRefresh = WM_APP + 2;
constexpr UINT kNotify = WM_APP + 3;
constexpr UINT kOpen = WM_APP + 4;
constexpr UINT kGone = WM_APP + 5;
constexpr UINT kIconNumber = 1;

/// Cut to what the field holds, with the zero at its end.
template <std::size_t kSize>
void put(wchar_t (&field)[kSize], const std::string& text) {
  const std::wstring wide = win::to_wide(text).value_or(std::wstring());
  const std::size_t length = std::min(wide.size(), kSize - 1);
  std::copy_n(wide.begin(), length, field);
  field[length] = L'\0';
}

HICON icon_of(const Pixels& pixels) {
  BITMAPV5HEADER header{};
  header.bV5Size = sizeof header;
  header.bV5Width = pixels.size;
  header.bV5Height = -pixels.size;  // rows from the top
  header.bV5Planes = 1;
  header.bV5BitCount = 32;
  header.bV5Compression = BI_BITFIELDS;
  header.bV5RedMask = 0x00FF0000;
  header.bV5GreenMask = 0x0000FF00;
  header.bV5BlueMask = 0x000000FF;
  header.bV5AlphaMask = 0xFF000000;
  void* bits = nullptr;
  const HBITMAP colour = CreateDIBSection(nullptr, reinterpret_cast<const BITMAPINFO*>(&header),
                                          DIB_RGB_COLORS, &bits, nullptr, 0);
  if (colour == nullptr) return nullptr;
  std::ranges::copy(pixels.argb, static_cast<std::uint32_t*>(bits));
  const HBITMAP mask = CreateBitmap(pixels.size, pixels.size, 1, 1, nullptr);
  ICONINFO info{TRUE, 0, 0, mask, colour};
  const HICON icon = CreateIconIndirect(&info);
  DeleteObject(mask);
  DeleteObject(colour);
  return icon;
}

struct Notice {
  std::string title;
  std::string text;
  bool urgent;
};

}  // namespace

/// A window that nobody sees, on a thread of its own, gets what the icon is told.
struct StatusIcon::State {
  std::wstring name;
  Calls calls;
  std::mutex mutex;
  IconState icon;
  std::vector<Notice> notices;
  HWND window = nullptr;
  HICON drawn = nullptr;
  UINT taskbar_made = 0;
  bool added = false;
  std::promise<bool> ready;  ///< whether there is a window
  std::jthread thread;

  static LRESULT CALLBACK receive(HWND window, UINT message, WPARAM first, LPARAM second) {
    auto* state = reinterpret_cast<State*>(GetWindowLongPtrW(window, GWLP_USERDATA));
    if (state == nullptr) return DefWindowProcW(window, message, first, second);
    return state->answer(message, first, second);
  }

  LRESULT answer(UINT message, WPARAM first, LPARAM second) {
    if (message == kRefresh) {
      refresh();
    } else if (message == kNotify) {
      tell();
    } else if (message == kOpen) {
      calls.opened();
    } else if (message == kFromIcon) {
      const UINT what = LOWORD(second);
      if (what == NIN_SELECT || what == WM_LBUTTONDBLCLK || what == NIN_KEYSELECT) calls.opened();
      if (what == WM_CONTEXTMENU) show_menu();
    } else if (message == taskbar_made && taskbar_made != 0) {
      // Explorer was started anew and has forgotten us.
      added = false;
      refresh();
    } else if (message == WM_CLOSE) {
      // Nobody sees the window: whoever closes it, as our package does, means the program.
      calls.ended();
    } else if (message == kGone) {
      DestroyWindow(window);
    } else if (message == WM_DESTROY) {
      remove();
      PostQuitMessage(0);
    } else {
      return DefWindowProcW(window, message, first, second);
    }
    return 0;
  }

  NOTIFYICONDATAW data() const {
    NOTIFYICONDATAW about{};
    about.cbSize = sizeof about;
    about.hWnd = window;
    about.uID = kIconNumber;
    return about;
  }

  void refresh() {
    NOTIFYICONDATAW about = data();
    about.uFlags = NIF_MESSAGE | NIF_ICON | NIF_TIP | NIF_SHOWTIP;
    about.uCallbackMessage = kFromIcon;
    const HICON before = drawn;
    {
      const std::scoped_lock lock(mutex);
      const int wanted = GetSystemMetrics(SM_CXSMICON);
      const auto nearest = std::ranges::min_element(
          icon.pictures, {}, [&](const Pixels& one) { return std::abs(one.size - wanted); });
      if (nearest != icon.pictures.end()) drawn = icon_of(*nearest);
      put(about.szTip, icon.title + "\n" + icon.tooltip);
    }
    about.hIcon = drawn;
    if (!added) {
      added = Shell_NotifyIconW(NIM_ADD, &about) != 0;
      about.uVersion = NOTIFYICON_VERSION_4;
      Shell_NotifyIconW(NIM_SETVERSION, &about);
    } else {
      Shell_NotifyIconW(NIM_MODIFY, &about);
    }
    if (before != nullptr && before != drawn) DestroyIcon(before);
  }

  /// While there is a window: of another's icon the system takes no word.
  void remove() {
    NOTIFYICONDATAW about = data();
    if (added) Shell_NotifyIconW(NIM_DELETE, &about);
    added = false;
  }

  void tell() {
    std::vector<Notice> waiting;
    {
      const std::scoped_lock lock(mutex);
      waiting.swap(notices);
    }
    for (const Notice& notice : waiting) {
      NOTIFYICONDATAW about = data();
      about.uFlags = NIF_INFO;
      put(about.szInfoTitle, notice.title);
      put(about.szInfo, notice.text);
      about.dwInfoFlags = notice.urgent ? NIIF_WARNING : NIIF_INFO;
      Shell_NotifyIconW(NIM_MODIFY, &about);
    }
  }

  void show_menu() {
    const HMENU menu = CreatePopupMenu();
    {
      const std::scoped_lock lock(mutex);
      for (const IconMenuLine& line : icon.menu) {
        if (line.text.empty()) {
          AppendMenuW(menu, MF_SEPARATOR, 0, nullptr);
          continue;
        }
        const std::wstring text = win::to_wide(line.text).value_or(std::wstring());
        AppendMenuW(menu, MF_STRING | (line.enabled ? MF_ENABLED : MF_GRAYED),
                    static_cast<UINT_PTR>(line.id), text.c_str());
      }
    }
    POINT at{};
    GetCursorPos(&at);
    // Without this the menu would stay when somebody clicks elsewhere.
    SetForegroundWindow(window);
    const BOOL chosen = TrackPopupMenu(menu, TPM_RETURNCMD | TPM_NONOTIFY | TPM_RIGHTBUTTON, at.x,
                                       at.y, 0, window, nullptr);
    DestroyMenu(menu);
    if (chosen > 0) calls.chosen(chosen);
  }

  /// The thread's work.
  void run() {
    const HINSTANCE program = GetModuleHandleW(nullptr);
    WNDCLASSW kind{};
    kind.lpfnWndProc = receive;
    kind.hInstance = program;
    kind.lpszClassName = name.c_str();
    RegisterClassW(&kind);
    taskbar_made = RegisterWindowMessageW(L"TaskbarCreated");
    window = CreateWindowExW(0, name.c_str(), name.c_str(), 0, 0, 0, 0, 0, nullptr, nullptr,
                             program, nullptr);
    if (window != nullptr) {
      SetWindowLongPtrW(window, GWLP_USERDATA, reinterpret_cast<LONG_PTR>(this));
    }
    ready.set_value(window != nullptr);
    MSG message;
    while (window != nullptr && GetMessageW(&message, nullptr, 0, 0) > 0) {
      TranslateMessage(&message);
      DispatchMessageW(&message);
    }
    if (drawn != nullptr) DestroyIcon(drawn);
  }
};

StatusIcon::StatusIcon(std::unique_ptr<State> state) : state_(std::move(state)) {}

StatusIcon::~StatusIcon() {
  PostMessageW(state_->window, kGone, 0, 0);
  state_->thread.join();
}

Result<std::unique_ptr<StatusIcon>> StatusIcon::make(const std::string& name, Calls calls) {
  auto state = std::make_unique<State>();
  state->name = win::to_wide(name).value_or(L"obhut-tray");
  state->calls = std::move(calls);
  if (const HWND other = FindWindowW(state->name.c_str(), nullptr); other != nullptr) {
    PostMessageW(other, kOpen, 0, 0);
    return fail(ErrorKind::kConflict, name + " runs already, and was told to open");
  }
  State& own = *state;
  state->thread = std::jthread([&own] { own.run(); });
  if (!state->ready.get_future().get())
    return fail(ErrorKind::kUnsupported, "no desktop for an icon");
  return std::unique_ptr<StatusIcon>(new StatusIcon(std::move(state)));
}

void StatusIcon::show(IconState icon) {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->icon = std::move(icon);
  }
  PostMessageW(state_->window, kRefresh, 0, 0);
}

void StatusIcon::notify(const std::string& title, const std::string& text, bool urgent) {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->notices.push_back({title, text, urgent});
  }
  PostMessageW(state_->window, kNotify, 0, 0);
}

}  // namespace obhut::platform
