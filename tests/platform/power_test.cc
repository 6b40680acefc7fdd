#include "platform/power.h"

#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using test::TempFolder;

/// A machine of files, as the kernel and the network services show it.
class Machine {
 public:
  void supply(const std::string& name, const std::string& type, const std::string& file,
              const std::string& value) const {
    const std::string folder = "sys/class/power_supply/" + name + "/";
    files_.write(folder + "type", type + "\n");
    files_.write(folder + file, value + "\n");
  }
  void write(const std::string& path, const std::string& text) const { files_.write(path, text); }
  /// A default route over eth0, and one with a higher metric over wwan0.
  void routes() const {
    write("proc/net/route",
          "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
          "wwan0\t00000000\t0102A8C0\t0003\t0\t0\t700\t00000000\t0\t0\t0\n"
          "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
          "eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n");
    interface("eth0", 3);
    interface("wwan0", 4, "DEVTYPE=wwan\n");
  }
  void interface(const std::string& name, int index, const std::string& uevent = "") const {
    write("sys/class/net/" + name + "/ifindex", std::to_string(index) + "\n");
    write("sys/class/net/" + name + "/uevent", uevent + "INTERFACE=" + name + "\n");
  }
  /// NetworkManager has `settings` for the connection over eth0.
  void connection(const std::string& settings) const {
    write("run/NetworkManager/devices/3", "[device]\nconnection-uuid=u-1\nmanaged=true\n");
    write("etc/NetworkManager/system-connections/other.nmconnection",
          "[connection]\nuuid=u-2\nmetered=1\n");
    write("etc/NetworkManager/system-connections/home.nmconnection",
          "[connection]\nid=home\nuuid=u-1\n" + settings);
  }
  [[nodiscard]] PowerSource power() const { return power_source(files_.path()); }
  [[nodiscard]] NetworkCost cost() const { return network_cost(files_.path()); }

 private:
  TempFolder files_;
};

TEST(Power, IsUnknownWithoutSupplies) {
  EXPECT_EQ(Machine().power(), PowerSource::kUnknown);
}

TEST(Power, IsMainsWhilePlugged) {
  const Machine machine;
  machine.supply("BAT0", "Battery", "status", "Charging");
  machine.supply("AC", "Mains", "online", "1");

  EXPECT_EQ(machine.power(), PowerSource::kMains);
}

TEST(Power, IsTheBatteryOnceUnplugged) {
  const Machine machine;
  machine.supply("BAT0", "Battery", "status", "Discharging");
  machine.supply("AC", "Mains", "online", "0");

  EXPECT_EQ(machine.power(), PowerSource::kBattery);
}

TEST(Power, IsTheBatteryWhereTheKernelCannotTellWhatItDoes) {
  const Machine machine;
  machine.supply("BAT0", "Battery", "status", "Unknown");
  machine.supply("AC", "Mains", "online", "0");

  EXPECT_EQ(machine.power(), PowerSource::kBattery);
}

TEST(Power, OfALaptopWithUsbCharging) {
  const Machine machine;
  machine.supply("BAT0", "Battery", "status", "Discharging");
  machine.supply("ucsi-1", "USB", "online", "0");
  EXPECT_EQ(machine.power(), PowerSource::kBattery);

  machine.supply("ucsi-2", "USB", "online", "1");

  EXPECT_EQ(machine.power(), PowerSource::kMains);
}

// A desktop with a wireless mouse, which shows as a battery that discharges.
TEST(Power, DoesNotMeanTheBatteryOfAMouse) {
  const Machine machine;
  machine.supply("hidpp_battery_0", "Battery", "status", "Discharging");
  machine.supply("hidpp_battery_0", "Battery", "scope", "Device");

  EXPECT_EQ(machine.power(), PowerSource::kUnknown);
}

TEST(NetworkCost, IsUnknownWithoutADefaultRoute) {
  EXPECT_EQ(Machine().cost(), NetworkCost::kUnknown);
}

TEST(NetworkCost, IsThatOfTheRouteWithTheLowestMetric) {
  const Machine machine;
  machine.routes();
  EXPECT_EQ(machine.cost(), NetworkCost::kUnknown);

  machine.write("proc/net/route",
                "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
                "wwan0 00000000 0102A8C0 0003 0 0 700 00000000 0 0 0\n");

  EXPECT_EQ(machine.cost(), NetworkCost::kMetered) << "a mobile modem";
}

TEST(NetworkCost, IsThatOfTheRouteOverIPv6WhereThereIsNoOther) {
  const Machine machine;
  machine.interface("usb0", 7, "DEVTYPE=bluetooth\n");
  const std::string zeros(32, '0');
  machine.write("proc/net/ipv6_route",
                zeros + " 00 " + zeros + " 00 " + zeros + " ffffffff 00000001 00000000 00200200" +
                    "       lo\n" + zeros + " 00 " + zeros + " 00 fe80" + std::string(28, '1') +
                    " 00000400 00000001 00000000 00450003     usb0\n");

  EXPECT_EQ(machine.cost(), NetworkCost::kMetered);
}

TEST(NetworkCost, IsWhatNetworkManagerWasSetTo) {
  const struct {
    const char* settings;
    NetworkCost cost;
  } cases[] = {
      {"metered=1\n", NetworkCost::kMetered},
      {"metered=2\n", NetworkCost::kFree},
      {"metered=0\n", NetworkCost::kUnknown},
      {"type=gsm\n", NetworkCost::kMetered},
      {"type=802-3-ethernet\n", NetworkCost::kUnknown},
      {"type=gsm\nmetered=2\n", NetworkCost::kFree},
  };
  for (const auto& [settings, cost] : cases) {
    const Machine machine;
    machine.routes();
    machine.connection(settings);
    EXPECT_EQ(machine.cost(), cost) << settings;
  }
}

TEST(NetworkCost, IsWhatAPhoneSaysByDhcp) {
  const Machine machine;
  machine.routes();
  machine.write("run/systemd/netif/leases/3", "ADDRESS=192.168.43.7\nVENDOR_SPECIFIC=3432\n");
  EXPECT_EQ(machine.cost(), NetworkCost::kUnknown);

  machine.write("run/systemd/netif/leases/3",
                "ADDRESS=192.168.43.7\nVENDOR_SPECIFIC=414e44524f49445f4d455445524544\n");

  EXPECT_EQ(machine.cost(), NetworkCost::kMetered);
}

TEST(NetworkCost, IsUnknownWhereTheFilesMakeNoSense) {
  const Machine machine;
  machine.write("proc/net/route", "Iface\n../../etc 00000000 0 zz\n\n\n");
  machine.write("proc/net/ipv6_route", "00 00\n");

  EXPECT_EQ(machine.cost(), NetworkCost::kUnknown);
}

}  // namespace
}  // namespace obhut::platform
