// The ledger in a storm: a partner's events arrive out of order, nearly a third of them twice, in
// transactions of all sizes, and the process that takes them is killed again and again. In the end
// the chain holds each event once, and every bill is that of the same events in one piece.
//
//   obhut-ledger-storm sqlite|postgresql [EVENTS [KILLS [SEED]]]
//
// Usually 200000 and 100, as the tests run it; 1000000 take some minutes more.
// postgresql: the server that `with_postgresql.py obhut-ledger-storm postgresql …` starts.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <random>
#include <thread>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/local_files.h"
#include "tests/cluster/storm/backlog.h"
#include "tests/cluster/storm/check.h"
#include "tests/cluster/storm/events.h"
#include "tests/cluster/storm/server.h"

namespace obhut::cluster::storm {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

struct Options {
  std::string program;
  std::string url;
  std::string folder;
  std::size_t events = 200'000;
  int kills = 100;
  std::uint64_t seed = 0;
};

/// A running server and our ends of its sockets.
struct Child {
  pid_t id = 0;
  std::array<int, kSockets> sockets{};

  static Child start(const Options& options) {
    Child child;
    std::array<int, kSockets> theirs{};
    std::vector<std::string> words = {options.program, "serve", options.url,
                                      options.folder + "/standing"};
    for (std::size_t i = 0; i < kSockets; ++i) {
      int pair[2];
      if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) std::abort();
      child.sockets[i] = pair[0];
      theirs[i] = pair[1];
      words.push_back(std::to_string(pair[1]));
    }
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    child.id = fork();
    if (child.id == 0) {
      for (const int socket : theirs) fcntl(socket, F_SETFD, 0);
      execv(arguments[0], arguments.data());
      _exit(127);
    }
    for (const int socket : theirs) close(socket);
    return child;
  }
  void hang_up() const {
    for (const int socket : sockets) shutdown(socket, SHUT_RDWR);
  }
  /// Out: as waitpid tells it.
  [[nodiscard]] int wait() const {
    int status = 0;
    waitpid(id, &status, 0);
    return status;
  }
  void close_sockets() const {
    for (const int socket : sockets) close(socket);
  }
};

class Storm {
 public:
  Storm(const Options& options, const std::vector<std::string>& events, Standing& standing)
      : options_(options),
        events_(events),
        standing_(standing),
        backlog_(make_batches(events.size(), options.seed)),
        random_(options.seed + 2) {}

  /// Delivers everything, over as many processes as are killed, and one more.
  Result<void> rage() {
    for (int round = 0; round <= options_.kills; ++round) {
      // What the one before was at when it died.
      for (auto& writing : standing_.writing) writing = false;
      standing_.chaining = false;
      standing_.closing = false;
      over_ = false;
      const Child child = Child::start(options_);
      const int status = talk(child, round);
      child.close_sockets();
      const bool expected = round < options_.kills
                                ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
                                : WIFEXITED(status) && WEXITSTATUS(status) == 0;
      if (!expected) return fail(ErrorKind::kInternal, "the server ended by itself");
    }
    return {};
  }

  [[nodiscard]] std::size_t closed() const { return closed_; }
  [[nodiscard]] std::string summary() const {
    return std::to_string(backlog_.deliveries()) + " deliveries in " +
           std::to_string(backlog_.batches()) + " batches, " + std::to_string(backlog_.repeated()) +
           " of them sent again; " + std::to_string(options_.kills) + " kills, " +
           std::to_string(amid_writing_) + " amid a transaction, " +
           std::to_string(amid_chaining_) + " amid chaining, " + std::to_string(amid_closing_) +
           " amid the closing of a month";
  }
  /// Errors: kInternal where the storm was none.
  Result<void> was_one() const {
    if (options_.kills >= 20 && (amid_writing_ == 0 || amid_chaining_ == 0)) {
      return fail(ErrorKind::kInternal, "no kill fell amid a transaction, or none amid chaining");
    }
    return {};
  }

 private:
  /// Months close while about half of all, and more, is still to come.
  static constexpr std::array<std::size_t, 3> kCloseAt = {400, 600, 800};
  /// Kills that a closing suffers: with a million events it takes longer than the time between two.
  static constexpr int kCutOff = 3;

  /// Until the process is dead. Out: as waitpid tells it.
  int talk(const Child& child, int round) {
    std::atomic<std::size_t> busy = kWriters;
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kWriters; ++i) {
      threads.emplace_back([&, i] {
        deliver(child.sockets[i]);
        if (--busy == 0) over_ = true;
      });
    }
    threads.emplace_back([&] { close_months(child.sockets[kWriters]); });
    if (round == options_.kills) {
      threads.clear();
      child.hang_up();
      return child.wait();
    }
    wait_for_its_time(round);
    kill(child.id, SIGKILL);
    const int status = child.wait();
    note_place();
    return status;
  }

  void deliver(int socket) {
    while (const auto batch = backlog_.take()) {
      std::string lines;
      for (const std::uint32_t event : backlog_.events_of(*batch)) lines += events_[event] + "\n";
      const auto answer = send_message(socket, lines) ? receive_message(socket) : std::nullopt;
      if (answer == kDone) {
        backlog_.acknowledge(*batch);
      } else {
        backlog_.give_back(*batch);
      }
      if (!answer) return;
    }
  }

  void close_months(int socket) {
    while (closed_ < kCloseAt.size()) {
      backlog_.wait_for_customers_and(kCloseAt[closed_], over_);
      if (!send_message(socket, kMonths[closed_])) return;
      const auto answer = receive_message(socket);
      if (!answer) return;
      if (answer == kDone) {
        cut_off_ = 0;
        ++closed_;
      }
    }
  }

  /// Kills are spread over the deliveries: some fall as the process opens its database, some
  /// anywhere, some in a transaction, some in the chaining of rows.
  void wait_for_its_time(int round) {
    const int kind = round % 7;
    if (kind > 0) {
      const auto kills = static_cast<std::size_t>(options_.kills);
      backlog_.wait_for(1000 * (static_cast<std::size_t>(round) + 1) / (kills + 1), over_);
    }
    const auto writes = [&] {
      return std::ranges::any_of(standing_.writing,
                                 [](const auto& writing) { return writing.load(); });
    };
    if (kind == 2 || kind == 3) await(writes);
    if (kind == 4 || kind == 5) await([&] { return standing_.chaining.load(); });
    std::this_thread::sleep_for(random_() % 2000 * (kind < 2 ? 20us : 1us));
    if (standing_.closing && cut_off_ >= kCutOff) await([&] { return !standing_.closing.load(); });
  }
  void await(const std::function<bool()>& standing) {
    const auto patience = Steady::now() + 60s;
    while (!over_ && !standing() && Steady::now() < patience) std::this_thread::sleep_for(20us);
  }
  void note_place() {
    const auto writes = std::ranges::count_if(standing_.writing,
                                              [](const auto& writing) { return writing.load(); });
    amid_writing_ += writes > 0 ? 1 : 0;
    amid_chaining_ += standing_.chaining ? 1 : 0;
    amid_closing_ += standing_.closing ? 1 : 0;
    cut_off_ += standing_.closing ? 1 : 0;
    over_ = true;
  }

  const Options& options_;
  const std::vector<std::string>& events_;
  Standing& standing_;
  Backlog backlog_;
  std::mt19937_64 random_;
  std::atomic<bool> over_ = false;  ///< the process is gone, or has nothing left to do
  std::atomic<std::size_t> closed_ = 0;
  std::atomic<int> cut_off_ = 0;
  int amid_writing_ = 0;
  int amid_chaining_ = 0;
  int amid_closing_ = 0;
};

Result<void> set_up(const std::string& url) {
  ASSIGN_OR_RETURN(const auto database, sql::Database::open({url, 1}));
  return database->write([&](sql::Session& session) -> Result<void> {
    TRY(
        session.exec("INSERT INTO partners (id, name, currency, trust, prices, created)"
                     " VALUES (:id, 'storm', 'EUR', '', :prices, 0)",
                     {{"id", storm_partner()}, {"prices", kPrices}}));
    return {};
  });
}

double since(Steady::time_point begin) {
  return std::chrono::duration<double>(Steady::now() - begin).count();
}

Result<void> run(const Options& options) {
  TRY(set_up(options.url));
  const std::vector<std::string> events = make_events(options.events, options.seed);
  const std::string file = options.folder + "/events.jsonl";
  std::ofstream out(file);
  for (const std::string& event : events) out << event << "\n";
  out.close();
  if (!out) return fail(ErrorKind::kUnavailable, "write " + file);
  ASSIGN_OR_RETURN(Standing* const standing, map_standing(options.folder + "/standing"));

  const auto began = Steady::now();
  Storm storm(options, events, *standing);
  TRY(storm.rage());
  std::cout << events.size() << " events, " << storm.summary() << "; " << since(began) << " s\n";
  TRY(storm.was_one());

  const auto checked = Steady::now();
  ASSIGN_OR_RETURN(const auto database, sql::Database::open({options.url, 2}));
  ASSIGN_OR_RETURN(const std::string found, check_storm(*database, events, file, storm.closed()));
  std::cout << found << "checked in " << since(checked) << " s\n";
  return {};
}

/// With a new folder. Nothing where the words are none.
std::optional<Options> options_of(int argc, char** argv) {
  const std::string database = argc > 1 ? argv[1] : "";
  const char* server = std::getenv("OBHUT_TEST_POSTGRESQL");
  const bool sqlite = database == "sqlite";
  if (!sqlite && (database != "postgresql" || server == nullptr)) return std::nullopt;
  Options options;
  options.program = argv[0];
  options.seed = std::random_device{}();
  if (argc > 2) options.events = std::strtoull(argv[2], nullptr, 10);
  if (argc > 3) options.kills = std::atoi(argv[3]);
  if (argc > 4) options.seed = std::strtoull(argv[4], nullptr, 10);
  if (options.events < 10 * kCustomers || options.kills < 0) return std::nullopt;
  const auto folder = platform::make_temporary_directory("obhut-storm-");
  if (!folder) return std::nullopt;
  options.folder = *folder;
  options.url = sqlite ? "sqlite:" + options.folder + "/storm.db" : server;
  if (!sqlite) options.url.replace(options.url.find("{}"), 2, "postgres");
  return options;
}

}  // namespace
}  // namespace obhut::cluster::storm

int main(int argc, char** argv) {
  using namespace obhut::cluster::storm;
  if (argc == 4 + static_cast<int>(kSockets) && std::string(argv[1]) == "serve") {
    std::array<int, kSockets> sockets{};
    for (std::size_t i = 0; i < kSockets; ++i) sockets[i] = std::atoi(argv[4 + i]);
    return serve(argv[2], argv[3], sockets);
  }
  const std::optional<Options> options = options_of(argc, argv);
  if (!options) {
    std::cerr << "usage: obhut-ledger-storm sqlite|postgresql [EVENTS [KILLS [SEED]]]\n";
    return 2;
  }
  // What a process leaves behind when it is killed goes with the folder.
  setenv("TMPDIR", options->folder.c_str(), 1);
  // PostgreSQL has something to say about each start of the process.
  setenv("PGOPTIONS", "-c client_min_messages=error", 1);
  std::cout << "seed " << options->seed << std::endl;
  const auto done = run(*options);
  (void)obhut::platform::remove_tree(options->folder);  // ignored: a left-over is harmless
  if (done) return 0;
  std::cerr << done.error().message << "\n";
  return 3;
}
