#pragma once
// The process that is killed: four writers, the sequencer beside them and the closing of months, on
// one database, as in the server.

#include <array>
#include <atomic>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "agent/base/ids.h"
#include "agent/crypto/signing.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster::storm {

inline constexpr std::size_t kWriters = 4;
/// One for each writer, the last one for closing.
inline constexpr std::size_t kSockets = kWriters + 1;

/// What the process is doing. In memory that outlives it, so that a kill's place is known.
struct Standing {
  std::array<std::atomic<bool>, kWriters> writing{};  ///< within a transaction
  std::atomic<bool> chaining{};
  std::atomic<bool> closing{};
};
/// The same for every process that names the same file. Errors: kUnavailable.
Result<Standing*> map_standing(const std::string& path);

/// Messages are a length and so many bytes. A writer is sent lines of events, the closer a month;
/// both answer with one of these.
inline constexpr std::string_view kDone = "done";
inline constexpr std::string_view kAgain = "again";  ///< nothing was done; ask once more
/// False, or nothing, where the other side is gone.
bool send_message(int socket, std::string_view text);
std::optional<std::string> receive_message(int socket);

/// The only partner, and the provider's key.
PartnerId storm_partner();
crypto::SigningKey storm_key();

/// Serves until the other side hangs up. Out: the exit code; 3 where anything failed that asking
/// again does not cure.
int serve(const std::string& url, const std::string& standing, std::span<const int> sockets);

}  // namespace obhut::cluster::storm
