#pragma once
// What an account could have done with an entry, by the owner, mode and ACL that it had.

#include <memory>

#include "platform/caller.h"
#include "platform/tree_writer.h"

namespace obhut::platform {

/// As the system itself would have decided, without the privileges of an administrator; where an
/// entry says what is not understood here, it is refused.
/// Thread: one.
class EntryAccess {
 public:
  /// In: not null: the account that runs us may do all.
  explicit EntryAccess(CallerPtr caller);
  ~EntryAccess();
  EntryAccess(const EntryAccess&) = delete;
  EntryAccess& operator=(const EntryAccess&) = delete;

  /// The content of a file, or the names in a directory.
  [[nodiscard]] bool may_read(const EntryMetadata& entry);
  /// To reach by name what lies in a directory.
  [[nodiscard]] bool may_enter(const EntryMetadata& directory);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace obhut::platform
