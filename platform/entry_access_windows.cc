#include <algorithm>

#include "platform/entry_access.h"
#include "platform/windows_caller.h"

namespace obhut::platform {
namespace {

constexpr std::string_view kSecurity = "windows.security";

}  // namespace

struct EntryAccess::State {
  CallerPtr caller;
};

EntryAccess::EntryAccess(CallerPtr caller) : state_(std::make_unique<State>()) {
  state_->caller = std::move(caller);
}
EntryAccess::~EntryAccess() = default;

bool EntryAccess::may_read(const EntryMetadata& entry) {
  const auto found = std::ranges::find(entry.xattrs, kSecurity, &Xattr::name);
  if (found == entry.xattrs.end()) return false;  // nobody knows whose it was
  Bytes descriptor = found->value;                // the calls take what they may write to
  GENERIC_MAPPING mapping{FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE,
                          FILE_ALL_ACCESS};
  PRIVILEGE_SET privileges{};
  DWORD privileges_size = sizeof privileges;
  DWORD granted = 0;
  BOOL allowed = FALSE;
  if (::IsValidSecurityDescriptor(descriptor.data()) == 0) return false;
  // FILE_LIST_DIRECTORY is the same bit.
  const BOOL decided =
      ::AccessCheck(descriptor.data(), win::native_of(state_->caller->state().token),
                    FILE_READ_DATA, &mapping, &privileges, &privileges_size, &granted, &allowed);
  return decided != 0 && allowed != FALSE;
}

// Windows lets everybody pass through folders that they may not look into
// (SeChangeNotifyPrivilege).
bool EntryAccess::may_enter(const EntryMetadata& /*directory*/) {
  return true;
}

}  // namespace obhut::platform
