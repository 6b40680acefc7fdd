// How many events a second the ledger takes: writers beside each other, each waiting for its own
// transaction to be durable, and the sequencer beside them.
//
//   obhut-ledger-bench URL [WRITERS] [SECONDS] [EVENTS in a transaction]
//
// URL: sqlite:/path/new.db or postgresql://…, a database that may be filled; "-" is a server that
// `OBHUT_POSTGRESQL_FSYNC=on with_postgresql.py obhut-ledger-bench - 4` starts.

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "agent/crypto/random.h"
#include "service/billing/event_text.h"
#include "service/cluster/ledger_check.h"
#include "service/cluster/ledger_store.h"

namespace obhut::cluster {
namespace {

using Seconds = std::chrono::duration<double>;

int run(const std::string& url, int writers, double seconds, int events) {
  auto database = sql::Database::open({url, static_cast<unsigned>(writers) + 2});
  if (!database) {
    std::cerr << database.error().message << "\n";
    return 3;
  }
  const SystemClock clock;
  const PartnerId partner = crypto::random_id<PartnerId>();
  const auto made = (*database)->write([&](sql::Session& session) {
    return session.exec(
        "INSERT INTO partners (id, name, currency, trust, created)"
        " VALUES (:id, :id, 'EUR', '', 0)",
        {{"id", partner}});
  });
  if (!made) {
    std::cerr << made.error().message << "\n";
    return 3;
  }
  std::atomic<std::uint64_t> appended = 0;
  std::atomic<std::uint64_t> failed = 0;
  std::atomic<bool> stop = false;
  const auto began = clock.steady();
  std::uint64_t chained = 0;
  {
    std::vector<std::jthread> threads;
    for (int writer = 0; writer < writers; ++writer) {
      threads.emplace_back([&, writer] {
        for (std::uint64_t i = 0; !stop; i += static_cast<std::uint64_t>(events)) {
          const Instant now = clock.now();
          const auto done = (*database)->write([&](sql::Session& session) -> Result<void> {
            for (int part = 0; part < events; ++part) {
              const std::string id = "e" + std::to_string(writer) + "-" +
                                     std::to_string(i + static_cast<std::uint64_t>(part));
              TRY(append_event(session, partner,
                               billing::storage_level({id, now, "c-1"}, "vault-" + id,
                                                      billing::Location::kProvider, i),
                               now));
            }
            return {};
          });
          if (done) {
            appended += static_cast<std::uint64_t>(events);
          } else {
            ++failed;
          }
        }
      });
    }
    std::jthread sequencer([&](const std::stop_token& ending) {
      while (!ending.stop_requested()) {
        if (const auto done = chain_all(**database, ending)) chained += *done;
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
      }
    });
    while (Seconds(clock.steady() - began).count() < seconds) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    stop = true;
  }
  const double took = Seconds(clock.steady() - began).count();
  std::cout << "appended " << appended << " in " << took
            << " s: " << static_cast<std::uint64_t>(static_cast<double>(appended) / took)
            << " a second, " << failed << " failed, " << chained << " chained meanwhile\n";
  const auto state = check_ledger(**database, partner, SigningKeyId{});
  if (!state || state->head.sequence != appended) {
    std::cerr << "the chain is not what was written" << (state ? "" : ": " + state.error().message)
              << "\n";
    return 3;
  }
  return failed == 0 ? 0 : 3;
}

}  // namespace
}  // namespace obhut::cluster

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: obhut-ledger-bench URL [WRITERS] [SECONDS] [EVENTS]\n";
    return 2;
  }
  std::string url = argv[1];
  if (const char* server = std::getenv("OBHUT_TEST_POSTGRESQL"); url == "-" && server != nullptr) {
    url = server;
    url.replace(url.find("{}"), 2, "postgres");
  }
  return obhut::cluster::run(url, argc > 2 ? std::atoi(argv[2]) : 4,
                             argc > 3 ? std::atof(argv[3]) : 10, argc > 4 ? std::atoi(argv[4]) : 1);
}
