#pragma once
// Giving way to everybody else on the machine.

#include <concepts>
#include <utility>

#include "agent/base/result.h"

namespace obhut::platform {

/// From now on the calling thread gets what processor and disk time nobody else wants; on POSIX
/// every thread and process that it starts as well, on Windows those that run what giving_way_too()
/// made. There is no way back that every user has: let a thread of its own do what is to give way.
/// Errors: kRefused, kUnsupported; then what could be had is in force.
Result<void> give_way();
/// Whether the calling thread gives way.
bool gives_way();

/// `work`, for another thread: gives way there if the calling thread does now.
template <class Work>
auto giving_way_too(Work work) {
  return [ gives = gives_way(), work = std::move(work) ]<class... Arguments>(
      Arguments && ... arguments) mutable requires std::invocable<Work&, Arguments...> {
    // ignored: who began was told already
    if (gives) static_cast<void>(give_way());
    return work(std::forward<Arguments>(arguments)...);
  };
}

}  // namespace obhut::platform
