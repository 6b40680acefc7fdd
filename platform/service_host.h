#pragma once
// Running under the system's service manager, where the program has to answer it.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace obhut::platform {

/// What a service manager tells besides to stop.
enum class ServiceEvent : std::uint8_t {
  kPause,     ///< an administrator paused the service
  kContinue,  ///< and has it go on
  kSleep,     ///< the machine is about to sleep
  kWake,      ///< it woke up
};

/// How the service does, for those who asked it to run. Thread: any.
class ServiceHost {
 public:
  virtual ~ServiceHost() = default;
  [[nodiscard]] virtual std::stop_token stop() const = 0;
  /// Called on a thread of the service manager, which waits: it must not take long. An empty one
  /// takes the last away.
  virtual void on_event(std::function<void(ServiceEvent)> call) = 0;
  /// Asked now and then, where the manager wants signs of life: no answer, or false, and the
  /// service is ended and started again. Before started().
  virtual void watch(std::function<bool()> alive) = 0;
  /// All is in place. Until then the manager says "starting".
  virtual void started() = 0;
};

/// Has `run` do the work if the service manager started this process; its exit code is reported.
/// Nothing where somebody else did: then the program is an ordinary one.
std::optional<int> run_as_service(const std::string& name,
                                  const std::function<int(ServiceHost&)>& run);

}  // namespace obhut::platform
