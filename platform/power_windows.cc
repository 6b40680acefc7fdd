

#include "platform/power.h"
#include "platform/win.h"

namespace obhut::platform {

// `root` is for systems that tell by files.
PowerSource power_source(const std::string& /*root*/) {
  SYSTEM_POWER_STATUS now{};
  if (::GetSystemPowerStatus(&now) == 0) return PowerSource::kUnknown;
  constexpr BYTE kNoBattery = 128;
  if (now.ACLineStatus == 1 || (now.BatteryFlag != 255 && (now.BatteryFlag & kNoBattery) != 0)) {
    return PowerSource::kMains;
  }
  return now.ACLineStatus == 0 ? PowerSource::kBattery : PowerSource::kUnknown;
}

namespace {

/// COM on this thread for as long as it lives; that others chose another kind of it is no matter.
class WithCom {
 public:
  WithCom() : mine_(SUCCEEDED(::CoInitializeEx(nullptr, COINIT_MULTITHREADED))) {}
  WithCom(const WithCom&) = delete;
  WithCom& operator=(const WithCom&) = delete;
  ~WithCom() {
    if (mine_) ::CoUninitialize();
  }

 private:
  bool mine_;
};

// Of netlistmgr.h, which MinGW has without them.
constexpr CLSID kNetworkListManager = {
    0xDCB00C01, 0x570F, 0x4A9B, {0x8D, 0x69, 0x19, 0x9F, 0xDB, 0xA5, 0x72, 0x3B}};
constexpr IID kNetworkCostManager = {
    0xDCB00008, 0x570F, 0x4A9B, {0x8D, 0x69, 0x19, 0x9F, 0xDB, 0xA5, 0x72, 0x3B}};
constexpr DWORD kUnrestricted = 0x1;
constexpr DWORD kFixed = 0x2;
constexpr DWORD kVariable = 0x4;

}  // namespace

NetworkCost network_cost(const std::string& /*root*/) {
  const WithCom com;
  INetworkCostManager* manager = nullptr;
  if (FAILED(::CoCreateInstance(kNetworkListManager, nullptr, CLSCTX_ALL, kNetworkCostManager,
                                reinterpret_cast<void**>(&manager))) ||
      manager == nullptr) {
    return NetworkCost::kUnknown;
  }
  DWORD cost = 0;
  const HRESULT told = manager->GetCost(&cost, nullptr);
  manager->Release();
  if (FAILED(told)) return NetworkCost::kUnknown;
  if ((cost & (kFixed | kVariable)) != 0) return NetworkCost::kMetered;
  return (cost & kUnrestricted) != 0 ? NetworkCost::kFree : NetworkCost::kUnknown;
}

}  // namespace obhut::platform
