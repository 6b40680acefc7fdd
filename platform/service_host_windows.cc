#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "agent/base/guarded.h"
#include "platform/service_host.h"
#include "platform/win.h"

namespace obhut::platform {
namespace {

/// How long the manager waits for the next sign of life before it calls us dead.
constexpr DWORD kHint = 30'000;
constexpr std::chrono::seconds kSign{10};

class Host final : public ServiceHost {
 public:
  Host(std::wstring name, std::function<int(ServiceHost&)> run)
      : name_(std::move(name)), run_(std::move(run)) {}

  [[nodiscard]] std::stop_token stop() const override { return stop_.get_token(); }
  void on_event(std::function<void(ServiceEvent)> call) override {
    call_.with([&](auto& held) { held = std::move(call); });
  }
  // The manager starts again what ended, and asks for no signs of life.
  void watch(std::function<bool()> /*alive*/) override {}
  void started() override { report(SERVICE_RUNNING); }

  /// False where the service manager did not start us.
  bool dispatch() {
    const std::array<SERVICE_TABLE_ENTRYW, 2> table{
        {{name_.data(), &Host::service_main}, {nullptr, nullptr}}};
    current = this;
    return ::StartServiceCtrlDispatcherW(table.data()) != 0;
  }
  [[nodiscard]] int code() const { return code_; }

 private:
  static void WINAPI service_main(DWORD /*argc*/, LPWSTR* /*argv*/) { current->serve(); }

  static DWORD WINAPI control(DWORD what, DWORD event, void* /*data*/, void* self) {
    return static_cast<Host*>(self)->answer(what, event);
  }

  DWORD answer(DWORD what, DWORD event) {
    switch (what) {
      case SERVICE_CONTROL_STOP:
      case SERVICE_CONTROL_PRESHUTDOWN:
        report(SERVICE_STOP_PENDING);
        stop_.request_stop();
        return NO_ERROR;
      case SERVICE_CONTROL_PAUSE:
        tell(ServiceEvent::kPause);
        report(SERVICE_PAUSED);
        return NO_ERROR;
      case SERVICE_CONTROL_CONTINUE:
        tell(ServiceEvent::kContinue);
        report(SERVICE_RUNNING);
        return NO_ERROR;
      case SERVICE_CONTROL_POWEREVENT:
        if (event == PBT_APMSUSPEND) tell(ServiceEvent::kSleep);
        if (event == PBT_APMRESUMEAUTOMATIC) tell(ServiceEvent::kWake);
        return NO_ERROR;
      case SERVICE_CONTROL_INTERROGATE:
        return NO_ERROR;
      default:
        return ERROR_CALL_NOT_IMPLEMENTED;
    }
  }

  void tell(ServiceEvent event) {
    call_.with([&](const auto& call) {
      if (call) call(event);
    });
  }

  void report(DWORD state, int exit_code = 0) {
    const std::scoped_lock lock(mutex_);
    // Once it is stopping there is no way back to running.
    const bool ending =
        status_.dwCurrentState == SERVICE_STOP_PENDING || status_.dwCurrentState == SERVICE_STOPPED;
    if (ending && state != SERVICE_STOPPED && state != SERVICE_STOP_PENDING) return;
    const bool pending = state == SERVICE_START_PENDING || state == SERVICE_STOP_PENDING;
    status_.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
    status_.dwCheckPoint =
        pending && status_.dwCurrentState == state ? status_.dwCheckPoint + 1 : 0;
    status_.dwCurrentState = state;
    status_.dwWaitHint = pending ? kHint : 0;
    // Preshutdown comes before shutdown, and leaves a running backup the time to end well.
    status_.dwControlsAccepted = state == SERVICE_RUNNING || state == SERVICE_PAUSED
                                     ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_PRESHUTDOWN |
                                           SERVICE_ACCEPT_PAUSE_CONTINUE | SERVICE_ACCEPT_POWEREVENT
                                     : 0;
    status_.dwWin32ExitCode = exit_code == 0 ? NO_ERROR : ERROR_SERVICE_SPECIFIC_ERROR;
    status_.dwServiceSpecificExitCode = static_cast<DWORD>(exit_code);
    // ignored: a manager that is gone needs no answer.
    static_cast<void>(::SetServiceStatus(handle_, &status_));
  }

  /// What no installer can say alike everywhere: begin after what a logon needs, come back after a
  /// crash, no more privileges than a backup takes, and time to end well when the machine goes
  /// down.
  void configure() const {
    const SC_HANDLE manager = ::OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT);
    if (manager == nullptr) return;
    const SC_HANDLE service =
        ::OpenServiceW(manager, name_.c_str(), SERVICE_CHANGE_CONFIG | SERVICE_START);
    if (service != nullptr) {
      // ignored, all of them: an administrator may have taken the right away, and the service works
      // without.
      const auto set = [&](DWORD what, void* how) {
        static_cast<void>(::ChangeServiceConfig2W(service, what, how));
      };
      SERVICE_DELAYED_AUTO_START_INFO delayed{TRUE};
      set(SERVICE_CONFIG_DELAYED_AUTO_START_INFO, &delayed);
      std::array<SC_ACTION, 3> actions{
          {{SC_ACTION_RESTART, 10'000}, {SC_ACTION_RESTART, 60'000}, {SC_ACTION_RESTART, 600'000}}};
      SERVICE_FAILURE_ACTIONSW failures{86'400, nullptr, nullptr, 3, actions.data()};
      set(SERVICE_CONFIG_FAILURE_ACTIONS, &failures);
      SERVICE_FAILURE_ACTIONS_FLAG on_exit_code{TRUE};
      set(SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, &on_exit_code);
      std::wstring privileges;
      for (const wchar_t* one :
           {L"SeBackupPrivilege", L"SeRestorePrivilege", L"SeSecurityPrivilege",
            L"SeTakeOwnershipPrivilege", L"SeCreateSymbolicLinkPrivilege",
            L"SeManageVolumePrivilege", L"SeChangeNotifyPrivilege", L"SeImpersonatePrivilege"}) {
        privileges += one;
        privileges += L'\0';
      }
      SERVICE_REQUIRED_PRIVILEGES_INFOW needed{privileges.data()};
      set(SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, &needed);
      SERVICE_SID_INFO sid{SERVICE_SID_TYPE_UNRESTRICTED};
      set(SERVICE_CONFIG_SERVICE_SID_INFO, &sid);
      constexpr DWORD kToEnd = 60'000;
      SERVICE_PRESHUTDOWN_INFO ending{kToEnd};
      set(SERVICE_CONFIG_PRESHUTDOWN_INFO, &ending);
      ::CloseServiceHandle(service);
    }
    ::CloseServiceHandle(manager);
  }

  void serve() {
    configure();
    handle_ = ::RegisterServiceCtrlHandlerExW(name_.c_str(), &Host::control, this);
    if (handle_ == nullptr) return;
    report(SERVICE_START_PENDING);
    std::stop_source done;
    // A start that waits for a disk, and an end that waits for a backup, are alive all the while.
    const std::jthread signs([this, stop = done.get_token()] {
      std::mutex mutex;
      std::condition_variable_any never;
      std::unique_lock lock(mutex);
      while (!never.wait_for(lock, stop, kSign, [&] { return stop.stop_requested(); })) {
        DWORD state = 0;
        {
          const std::scoped_lock held(mutex_);
          state = status_.dwCurrentState;
        }
        if (state == SERVICE_START_PENDING || state == SERVICE_STOP_PENDING) report(state);
      }
    });
    code_ = run_(*this);
    done.request_stop();
    report(SERVICE_STOPPED, code_);
  }

  static inline Host* current = nullptr;  // the system's call takes no argument of ours

  std::wstring name_;
  std::function<int(ServiceHost&)> run_;
  std::stop_source stop_;
  Guarded<std::function<void(ServiceEvent)>> call_;
  std::mutex mutex_;
  SERVICE_STATUS status_{};
  SERVICE_STATUS_HANDLE handle_ = nullptr;
  std::atomic<int> code_ = 0;
};

}  // namespace

std::optional<int> run_as_service(const std::string& name,
                                  const std::function<int(ServiceHost&)>& run) {
  Host host(win::to_wide(name).value_or(L""), run);
  if (host.dispatch()) return host.code();
  return std::nullopt;
}

}  // namespace obhut::platform
