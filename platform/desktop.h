#pragma once
// What a program of somebody who is signed in asks of the desktop and of the network of this
// machine.

#include <cstdint>
#include <string>

#include "agent/base/result.h"

namespace obhut::platform {

/// Whoever runs us, as the system knows them.
struct SignedIn {
  std::string account;  ///< user name
  std::string home;     ///< "" where there is none
};
SignedIn signed_in();

/// What the system shows texts in, as a locale writes it: "de_DE.UTF-8", "en-US".
std::string display_locale();

/// True where the other end of a connection over 127.0.0.1 is a process of whoever runs us. A port
/// is open to every user of the machine; this is not.
/// In: the port that we listen on, and the one that the connection comes from.
bool is_own_connection(std::uint16_t listening, std::uint16_t from);

/// True where the folders above all others are drives, and people write paths as "C:\\Users".
bool has_drives();

/// Whether recovery points can be shown as a folder (`obhut mount`).
bool can_mount();
/// A folder of whoever runs us for what lasts no longer than their session; "" where there is none.
std::string session_folder();

/// True where whoever runs us may make files in `folder`.
bool may_write_in(const std::string& folder);

/// Shows an address in the browser, or a folder in the file manager. What is shown outlives us.
/// Errors: kUnsupported where the system has nothing that could show it.
Result<void> show(const std::string& address_or_folder);

}  // namespace obhut::platform
