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
const std::string& own_sid();
/// SYSTEM, the administrators, the installer of the system itself.
bool is_administrative(std::string_view sid);

/// Rights for what is made, out of the text in which the system writes them (SDDL).
class Rights {
 public:
  explicit Rights(const std::string& text);
  Rights(const Rights&) = delete;
  Rights& operator=(const Rights&) = delete;
  ~Rights();

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

/// "SYSTEM, the administrators and who runs us, nobody else", for what is made now and for what is
/// made in it later.
class PrivateRights : public Rights {
 public:
  PrivateRights();
};

enum class Against : std::uint8_t {
  kWriting,  ///< by others
  kReadingToo,
};
/// Errors: kRefused naming the file and who may do what, where its owner or its rights let others
/// than administrators and who runs us in.
Result<void> check_closed(const std::string& path, Against against);

}  // namespace obhut::platform::win
