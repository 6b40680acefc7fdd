#include <cerrno>
#include <sched.h>

#include <sys/syscall.h>
#include <unistd.h>

#include "platform/os_error.h"
#include "platform/priority.h"

namespace obhut::platform {
namespace {

// linux/ioprio.h, which glibc has no wrapper for.
constexpr int kThisThread = 0;
constexpr int kWhoProcess = 1;
constexpr int kClassShift = 13;
constexpr int kClassIdle = 3;

}  // namespace

Result<void> give_way() {
  const sched_param none{};
  Result<void> done;
  if (::sched_setscheduler(kThisThread, SCHED_IDLE, &none) != 0) {
    done = std::unexpected(os_error(errno, Whose::kOurs, "give way on", "the processor"));
  }
  if (::syscall(SYS_ioprio_set, kWhoProcess, kThisThread, kClassIdle << kClassShift) != 0) {
    done = std::unexpected(os_error(errno, Whose::kOurs, "give way on", "the disk"));
  }
  return done;
}

bool gives_way() {
  const long io = ::syscall(SYS_ioprio_get, kWhoProcess, kThisThread);
  return ::sched_getscheduler(kThisThread) == SCHED_IDLE && io >> kClassShift == kClassIdle;
}

}  // namespace obhut::platform
