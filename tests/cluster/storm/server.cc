#include "tests/cluster/storm/server.h"

#include <algorithm>
#include <iostream>
#include <sstream>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/cluster/bills.h"
#include "service/cluster/ledger_store.h"

namespace obhut::cluster::storm {
namespace {

constexpr int kFailed = 3;

[[noreturn]] void give_up(std::string_view what, std::string_view why) {
  std::cerr << what << ": " << why << std::endl;
  _exit(kFailed);
}

bool cured_by_asking_again(const Error& error) {
  return disposition_of(error.kind) == Disposition::kRetry;
}

/// By id: two transactions that shared several events, each in its own order, would wait for each
/// other until PostgreSQL ends one of them a second later.
std::vector<std::string> sorted_lines(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  std::ranges::sort(lines);
  return lines;
}

class Server {
 public:
  Server(sql::Database& database, Standing& standing) : database_(database), standing_(standing) {}

  void write_batches(std::size_t writer, int socket) {
    while (const auto batch = receive_message(socket)) {
      const std::vector<std::string> events = sorted_lines(*batch);
      const Instant now = clock_.now();
      const auto done = database_.write([&](sql::Session& session) -> Result<void> {
        standing_.writing[writer] = true;
        for (const std::string& event : events) {
          TRY(append_event(session, storm_partner(), event, now));
        }
        return {};
      });
      standing_.writing[writer] = false;
      if (!done && !cured_by_asking_again(done.error())) give_up("write", done.error().message);
      if (!send_message(socket, done ? kDone : kAgain)) return;
    }
  }

  void chain(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      standing_.chaining = true;
      const auto chained = chain_all(database_, stop);
      standing_.chaining = false;
      if (!chained && !cured_by_asking_again(chained.error())) {
        give_up("chain", chained.error().message);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  void close_months(int socket) {
    const crypto::SigningKey key = storm_key();
    Bills bills(database_, clock_, key);
    while (const auto month = receive_message(socket)) {
      standing_.closing = true;
      const auto closed = bills.close(storm_partner(), *month);
      standing_.closing = false;
      if (!closed && closed.error().status != 503)
        give_up("close " + *month, closed.error().detail);
      if (!send_message(socket, closed ? kDone : kAgain)) return;
    }
  }

 private:
  sql::Database& database_;
  Standing& standing_;
  SystemClock clock_;
};

template <class Chunk>
bool transfer(Chunk&& chunk, char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t moved = chunk(bytes, size);
    if (moved <= 0) return false;
    bytes += moved;
    size -= static_cast<std::size_t>(moved);
  }
  return true;
}

}  // namespace

Result<Standing*> map_standing(const std::string& path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  void* memory = MAP_FAILED;
  if (file >= 0 && ftruncate(file, sizeof(Standing)) == 0) {
    memory = mmap(nullptr, sizeof(Standing), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  }
  if (file >= 0) close(file);
  if (memory == MAP_FAILED) return fail(ErrorKind::kUnavailable, "map " + path);
  return static_cast<Standing*>(memory);
}

bool send_message(int socket, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  std::string message(reinterpret_cast<const char*>(&size), sizeof size);
  message += text;
  return transfer(
      [&](const char* from, std::size_t n) { return send(socket, from, n, MSG_NOSIGNAL); },
      message.data(), message.size());
}

std::optional<std::string> receive_message(int socket) {
  const auto receive = [&](char* to, std::size_t n) { return recv(socket, to, n, 0); };
  std::uint32_t size = 0;
  if (!transfer(receive, reinterpret_cast<char*>(&size), sizeof size)) return std::nullopt;
  std::string text(size, '\0');
  if (!transfer(receive, text.data(), size)) return std::nullopt;
  return text;
}

PartnerId storm_partner() {
  std::array<std::uint8_t, PartnerId::kSize> bytes{};
  bytes.fill(1);
  return PartnerId(bytes);
}

crypto::SigningKey storm_key() {
  return crypto::SigningKey::from_seed(Bytes(32, 7)).value();
}

int serve(const std::string& url, const std::string& standing, std::span<const int> sockets) {
  const auto mapped = map_standing(standing);
  const auto database = sql::Database::open({url, kSockets + 2});
  if (!mapped) give_up("standing", mapped.error().message);
  if (!database) give_up("database", database.error().message);
  Server server(**database, **mapped);
  std::jthread sequencer([&](const std::stop_token& stop) { server.chain(stop); });
  std::vector<std::jthread> threads;
  for (std::size_t writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] { server.write_batches(writer, sockets[writer]); });
  }
  threads.emplace_back([&] { server.close_months(sockets[kWriters]); });
  return 0;
}

}  // namespace obhut::cluster::storm
