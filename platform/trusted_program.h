#pragma once
// Finds a program that only an administrator can have put where it is.

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "platform/machine.h"

namespace obhut::platform {

/// Absolute path of the program `name` in `folder`. Both must be what they look like (a directory
/// and a regular file, no symbolic links), belong to the administrator or to `own_user`, and be
/// writable by nobody else; nobody else may be able to exchange a folder on the way either. That
/// holds from the check to the start: whoever could break it is an administrator already.
/// In: `name` is one name, of a-z, 0-9 and "-". Errors: kInvalidInput for another one; kNotFound;
/// kRefused naming what is wrong and how to mend it.
Result<std::string> trusted_program(const std::string& folder, std::string_view name,
                                    std::uint32_t own_user = user_id());

/// The same of a file that is read: only an administrator or `own_user` can have put it there.
/// Errors: as above.
Result<std::string> trusted_file(const std::string& path, std::uint32_t own_user = user_id());

}  // namespace obhut::platform
