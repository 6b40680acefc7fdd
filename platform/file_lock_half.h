#pragma once
// What each system does its own way when it locks a file. Part of file_lock.

#include <string>
#include <string_view>

#include "platform/file_lock.h"

namespace obhut::platform::lock_half {

/// The lock file, made where it is missing; invalid where a reader needs none: on a medium that
/// nobody can write to, and that has no such file.
Result<Handle> open(const std::string& path, LockMode mode);
/// False where another holds it.
Result<bool> try_lock(const Handle& file, LockMode mode, const std::string& path);
/// Replaces what the file holds, which is for messages only: what fails is ignored.
void write_text(const Handle& file, std::string_view text);

}  // namespace obhut::platform::lock_half
