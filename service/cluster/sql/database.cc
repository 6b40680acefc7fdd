#include "service/cluster/sql/database.h"

#include <charconv>
#include <chrono>
#include <deque>
#include <mutex>
#include <thread>

#include <soci/connection-pool.h>
#include <soci/error.h>
#include <soci/session.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#ifdef OBHUT_POSTGRESQL
#include <soci/postgresql/soci-postgresql.h>
#endif

#include "agent/base/check.h"
#include "agent/base/text.h"
#include "service/cluster/sql/migrations.h"

namespace obhut::cluster::sql {
namespace {

constexpr int kBusyTimeoutSeconds = 30;
constexpr int kAttempts = 5;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// The libraries tell kinds of failure apart by class and by text.
Error translate(const soci::soci_error& error) {
  // Without the statement and its parameters, which what() adds: they are not for the log.
  const std::string text = error.get_error_message();
  if (contains(text, "UNIQUE constraint") || contains(text, "FOREIGN KEY constraint") ||
      contains(text, "duplicate key") || contains(text, "violates foreign key")) {
    return {ErrorKind::kConflict, "database: " + printable(text)};
  }
  if (contains(text, "database is locked") || contains(text, "could not serialize") ||
      contains(text, "deadlock detected") || contains(text, "busy") ||
      contains(text, "Connection failed") || contains(text, "server closed the connection") ||
      contains(text, "terminating connection")) {
    return {ErrorKind::kUnavailable, "database: " + printable(text)};
  }
  if (contains(text, "disk is full") || contains(text, "No space left")) {
    return {ErrorKind::kQuotaExceeded, "database: the disk is full"};
  }
  return {ErrorKind::kInternal, "database: " + printable(text)};
}

/// Calls the library and turns what it throws into an Error.
template <class Call>
auto guarded(Call&& call) -> Result<decltype(call())> {
  try {
    if constexpr (std::is_void_v<decltype(call())>) {
      call();
      return {};
    } else {
      return call();
    }
  } catch (const soci::soci_error& error) {
    return std::unexpected(translate(error));
  } catch (const std::exception& error) {
    return fail(ErrorKind::kInternal, std::string("database: ") + error.what());
  }
}

/// Variables that the library binds to: they must stay where they are.
struct Bound {
  long long integer = 0;
  std::string text;
  soci::indicator indicator = soci::i_ok;
};

void assign(Bound& bound, const Value& value) {
  bound.indicator = soci::i_ok;
  if (const auto* integer = std::get_if<std::int64_t>(&value.get())) {
    bound.integer = *integer;
  } else if (const auto* text = std::get_if<std::string>(&value.get())) {
    bound.text = *text;
  } else {
    bound.indicator = soci::i_null;
  }
}

void bind(soci::statement& statement, std::deque<Bound>& bound, const Params& params) {
  for (const auto& [name, value] : params) {
    Bound& place = bound.emplace_back();
    assign(place, value);
    if (std::holds_alternative<std::int64_t>(value.get())) {
      statement.exchange(soci::use(place.integer, place.indicator, std::string(name)));
    } else {
      statement.exchange(soci::use(place.text, place.indicator, std::string(name)));
    }
  }
}

class SociSession final : public Session {
 public:
  explicit SociSession(soci::session& session) : session_(session) {}

  Result<Rows> query(std::string_view sql, const Params& params) override {
    if (broken_) return std::unexpected(*broken_);
    return noted([&] {
      soci::statement statement(session_);
      std::deque<Bound> bound;
      bind(statement, bound, params);
      // All columns come as text: the types that the library guesses for expressions are 32 bits.
      std::deque<Bound> columns(count_columns(sql));
      for (Bound& column : columns) {
        statement.exchange(soci::into(column.text, column.indicator));
      }
      statement.alloc();
      statement.prepare(std::string(sql));
      statement.define_and_bind();
      Rows rows;
      statement.execute(false);
      while (statement.fetch()) {
        std::vector<std::optional<std::string>> row;
        row.reserve(columns.size());
        for (const Bound& column : columns) {
          row.push_back(column.indicator == soci::i_null ? std::nullopt
                                                         : std::optional(column.text));
        }
        rows.emplace_back(std::move(row));
      }
      return rows;
    });
  }

  Result<std::uint64_t> exec(std::string_view sql, const Params& params) override {
    if (broken_) return std::unexpected(*broken_);
    return noted([&] {
      soci::statement statement(session_);
      std::deque<Bound> bound;
      bind(statement, bound, params);
      statement.alloc();
      statement.prepare(std::string(sql));
      statement.define_and_bind();
      statement.execute(true);
      return static_cast<std::uint64_t>(std::max(0LL, statement.get_affected_rows()));
    });
  }

  Result<void> exec_each(std::string_view sql, const std::vector<Params>& rows) override {
    if (broken_) return std::unexpected(*broken_);
    if (rows.empty()) return {};
    return noted([&] {
      soci::statement statement(session_);
      std::deque<Bound> bound;
      bind(statement, bound, rows.front());
      statement.alloc();
      statement.prepare(std::string(sql));
      statement.define_and_bind();
      for (const Params& row : rows) {
        CHECK(row.size() == bound.size());
        for (std::size_t i = 0; i < row.size(); ++i) assign(bound[i], row[i].second);
        statement.execute(true);
      }
    });
  }

  void after_commit(std::function<void()> action) override {
    actions_.push_back(std::move(action));
  }
  void run_actions() {
    for (const auto& action : actions_) action();
  }
  [[nodiscard]] std::size_t actions() const { return actions_.size(); }
  void forget_actions_after(std::size_t count) { actions_.resize(count); }
  Result<void> order(const char* statement) {
    if (broken_) return std::unexpected(*broken_);
    return guarded([&] { session_ << statement; });
  }
  /// The database has ended the transaction by itself (SQLite does on a full disk): whatever came
  /// now would stand alone, so that nothing comes any more.
  void break_off(const Error& error) { broken_ = error; }
  [[nodiscard]] const std::optional<Error>& broken() const { return broken_; }
  /// The first statement that failed and was not undone by a savepoint.
  [[nodiscard]] const std::optional<Error>& failed() const { return failed_; }
  void forget_failure(std::optional<Error> before) { failed_ = std::move(before); }
  /// Whether one of them would have broken a unique or foreign key.
  [[nodiscard]] bool conflicted() const { return conflicted_; }

 private:
  template <class Call>
  auto noted(Call&& call) -> decltype(guarded(std::forward<Call>(call))) {
    auto done = guarded(std::forward<Call>(call));
    if (!done && !failed_) failed_ = done.error();
    conflicted_ = conflicted_ || (!done && done.error().kind == ErrorKind::kConflict);
    return done;
  }

  soci::session& session_;
  std::vector<std::function<void()>> actions_;
  std::optional<Error> broken_;
  std::optional<Error> failed_;
  bool conflicted_ = false;
};

/// The transaction of together() that this thread is in. Of the thread, since whoever opens the one
/// inside knows only the database, and is the same code that runs without one around it.
struct Around {
  const void* database = nullptr;
  SociSession* session = nullptr;
};
thread_local Around around;

class Entered {
 public:
  Entered(const void* database, SociSession& session) : before_(around) {
    around = {database, &session};
  }
  ~Entered() { around = before_; }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

 private:
  Around before_;
};

}  // namespace

std::int64_t Row::integer(std::size_t column) const {
  const std::optional<std::string>& text = columns_[column];
  if (!text) return 0;
  std::int64_t value = 0;
  std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

Result<std::optional<Row>> Session::query_one(std::string_view sql, const Params& params) {
  ASSIGN_OR_RETURN(Rows rows, query(sql, params));
  CHECK(rows.size() <= 1);
  if (rows.empty()) return std::optional<Row>{};
  return std::optional<Row>(std::move(rows.front()));
}

std::size_t count_columns(std::string_view select) {
  std::size_t columns = 1;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < select.size(); ++i) {
    const char c = select[i];
    if (c == '\'') quoted = !quoted;
    if (quoted) continue;
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (depth > 0) continue;
    if (c == ',') ++columns;
    if (select.substr(i).starts_with(" FROM ")) break;
  }
  return columns;
}

struct Database::State {
  State(bool is_sqlite, unsigned connections) : sqlite(is_sqlite), pool(connections) {}

  bool sqlite;
  soci::connection_pool pool;
  // SQLite has one writer: queueing here is fair, where its own busy handler only polls.
  std::mutex writer;
};

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {}
Database::~Database() = default;

namespace {

Result<void> open_connection(soci::session& session, bool sqlite, const std::string& target) {
  return guarded([&] {
    if (!sqlite) {
#ifdef OBHUT_POSTGRESQL
      session.open(soci::postgresql, target);
      return;
#else
      throw soci::soci_error("this build has no PostgreSQL");
#endif
    }
    session.open(soci::sqlite3, "db=" + target + " timeout=" + std::to_string(kBusyTimeoutSeconds));
    // FULL: in WAL mode NORMAL may forget commits at a power loss, and we have acknowledged them.
    for (const char* pragma : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
                               "PRAGMA foreign_keys=ON", "PRAGMA cache_size=-16384"}) {
      soci::statement statement(session);
      statement.alloc();
      statement.prepare(pragma);
      statement.define_and_bind();
      statement.execute(true);
    }
  });
}

Result<void> migrate(soci::session& session, bool sqlite) {
  return guarded([&] {
    session << (sqlite ? "BEGIN IMMEDIATE" : "BEGIN");
    try {
      session << "CREATE TABLE IF NOT EXISTS schema_version (number BIGINT NOT NULL PRIMARY KEY)";
      long long version = 0;
      soci::indicator indicator = soci::i_ok;
      session << "SELECT COALESCE(MAX(number), 0) FROM schema_version",
          soci::into(version, indicator);
      if (version > static_cast<long long>(migrations().back().number)) {
        throw soci::soci_error("was migrated by a newer version of obhut-cluster");
      }
      for (const Migration& migration : migrations()) {
        if (migration.number <= version) continue;
        for (const std::string_view statement : migration.statements)
          session << std::string(statement);
        session << "INSERT INTO schema_version (number) VALUES (" << migration.number << ")";
      }
      session << "COMMIT";
    } catch (...) {
      session << "ROLLBACK";
      throw;
    }
  });
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const DatabaseConfig& config) {
  const std::string_view url = config.url;
  const bool sqlite = url.starts_with("sqlite:");
  if (!sqlite && !url.starts_with("postgresql://")) {
    return fail(ErrorKind::kInvalidInput, "database url must start with sqlite: or postgresql://");
  }
  const std::string target(sqlite ? url.substr(7) : url);
  if (sqlite && target.find_first_of(" \"'=") != std::string::npos) {
    return fail(ErrorKind::kInvalidInput, "database path must have no spaces or quotes: " + target);
  }
  auto state = std::make_unique<State>(sqlite, config.connections);
  for (unsigned i = 0; i < config.connections; ++i) {
    if (auto opened = open_connection(state->pool.at(i), sqlite, target); !opened) {
      return pass_on(std::move(opened.error()), "open " + target);
    }
    if (i > 0) continue;
    if (auto migrated = migrate(state->pool.at(0), sqlite); !migrated) {
      return pass_on(std::move(migrated.error()), "migrate " + target);
    }
  }
  return std::unique_ptr<Database>(new Database(std::move(state)));
}

/// Within together(): a savepoint, so that an error undoes this part alone.
Result<void> Database::transact_within(Session& outer, bool writing,
                                       const std::function<Result<void>(Session&)>& work) {
  auto& session = static_cast<SociSession&>(outer);
  if (!writing) return work(session);
  const std::size_t actions = session.actions();
  const std::optional<Error> failed = session.failed();
  TRY(session.order("SAVEPOINT part"));
  Result<void> done = work(session);
  if (done) return session.order("RELEASE SAVEPOINT part");
  session.forget_actions_after(actions);
  Result<void> undone = session.order("ROLLBACK TO SAVEPOINT part");
  if (undone) undone = session.order("RELEASE SAVEPOINT part");
  if (!undone) session.break_off(done.error());
  session.forget_failure(failed);
  return done;
}

namespace {

const char* begin_of(bool sqlite, bool writing, bool in_turn) {
  if (sqlite) return writing ? "BEGIN IMMEDIATE" : "BEGIN";
  if (in_turn) return "BEGIN ISOLATION LEVEL READ COMMITTED";
  return writing ? "BEGIN ISOLATION LEVEL SERIALIZABLE"
                 : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
}

/// Until the transaction ends, however it does.
Result<void> take_turn(soci::session& session, const std::string& turn) {
  return guarded([&] {
    session << "SELECT pg_advisory_xact_lock(hashtextextended(:turn, 0))", soci::use(turn);
  });
}

}  // namespace

Result<void> Database::transact(const Manner& manner,
                                const std::function<Result<void>(Session&)>& work) {
  if (around.database == this) return transact_within(*around.session, manner.writing, work);
  std::unique_lock<std::mutex> one_writer(state_->writer, std::defer_lock);
  // SQLite's writers all take turns.
  if (manner.writing && state_->sqlite) one_writer.lock();
  const bool in_turn = !state_->sqlite && !manner.turn.empty();
  const char* begin = begin_of(state_->sqlite, manner.writing, in_turn);
  for (int attempt = 1;; ++attempt) {
    soci::session connection(state_->pool);
    TRY(guarded([&] { connection << begin; }));
    SociSession session(connection);
    Result<void> done;
    if (in_turn) done = take_turn(connection, std::string(manner.turn));
    if (done) {
      std::optional<Entered> entered;
      if (manner.joined) entered.emplace(this, session);
      done = work(session);
    }
    if (session.broken()) done = std::unexpected(*session.broken());
    // PostgreSQL answers the COMMIT of a transaction in which a statement failed with a quiet
    // ROLLBACK: what was acknowledged would be lost.
    if (done && session.failed()) done = std::unexpected(*session.failed());
    if (done) done = guarded([&] { connection << "COMMIT"; });
    if (done) {
      if (one_writer.owns_lock()) one_writer.unlock();
      session.run_actions();
      return {};
    }
    // ignored: where the connection is gone there is nothing left to roll back
    (void)guarded([&] { connection << "ROLLBACK"; });
    // PostgreSQL tells of a row that another instance has just written before it tells that the two
    // cannot both be: looked at again, the row is there to be found.
    const bool raced = !state_->sqlite && session.conflicted() && attempt == 1;
    if (raced) continue;
    if (done.error().kind != ErrorKind::kUnavailable || attempt == kAttempts) return done;
    std::this_thread::sleep_for(std::chrono::milliseconds(10 * attempt));
  }
}

}  // namespace obhut::cluster::sql
