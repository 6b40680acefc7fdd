#pragma once
// Who may do what to our own files. Windows only.

#include <memory>
#include <string>
#include <string_view>

#include "platform/win.h"

namespace obhut::platform::win {

/// "S-1-5-18"; empty where it is none.
std::string sid_text(PSID sid);
/// Of the account that runs us.
std::string own_sid();
/// SYSTEM, the administrators, the installer of the system itself.
bool is_administrative(std::string_view sid);

/// The rights "SYSTEM, the administrators and who runs us, nobody else", for what is made now and
/// for what is made in it later.
class PrivateRights {
 public:
  PrivateRights();
  PrivateRights(const PrivateRights&) = delete;
  PrivateRights& operator=(const PrivateRights&) = delete;
  ~PrivateRights();

  /// Null where the system has none to give: then those of the folder hold.
  [[nodiscard]] SECURITY_ATTRIBUTES* get() { return ready_ ? &attributes_ : nullptr; }
  /// The same for what other systems would give `mode`: null where that lets others in.
  [[nodiscard]] SECURITY_ATTRIBUTES* unless_shared(std::uint32_t mode) {
    return (mode & 077U) == 0 ? get() : nullptr;
  }

 private:
  SECURITY_ATTRIBUTES attributes_{};
  bool ready_ = false;
};

enum class Against : std::uint8_t {
  kWriting,  ///< by others
  kReadingToo,
};
/// Errors: kRefused naming the file and who may do what, where its owner or its rights let others
/// than administrators and who runs us in.
Result<void> check_closed(const std::string& path, Against against);

}  // namespace obhut::platform::win
