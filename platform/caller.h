#pragma once
// Touching files with the rights of whoever asked for it, and with no others.

#include <memory>

#include "agent/base/result.h"

namespace obhut::platform {

/// An account as it was when it connected: user and groups; on Windows its token, with what it may
/// do but did not use (restoring, owning) switched on. Never changed after it was made.
class Caller {
 public:
  struct State;
  explicit Caller(std::unique_ptr<State> state);
  ~Caller();
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  [[nodiscard]] const State& state() const { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

/// Null: the account that runs us.
using CallerPtr = std::shared_ptr<const Caller>;  // of a connection and of all work done for it

/// While it lives, what the calling thread opens, makes, renames and removes is done as the caller;
/// what is open already stays as it is. One at a time in a thread; threads that it starts meanwhile
/// may be the caller for all their life, so that it starts none. A thread that cannot become itself
/// again ends the process.
class ActingAs {
 public:
  /// Errors: kRefused; then the thread is itself still.
  static Result<ActingAs> begin(CallerPtr caller);
  ActingAs(ActingAs&& other) noexcept : caller_(std::move(other.caller_)) {}
  ActingAs& operator=(ActingAs&&) = delete;
  ~ActingAs();

 private:
  explicit ActingAs(CallerPtr caller) : caller_(std::move(caller)) {}
  CallerPtr caller_;  // null: nothing to end
};

}  // namespace obhut::platform
