#pragma once
// SQL through SOCI: SQLite by default, PostgreSQL by configuration, one set of statements for both.

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"

namespace obhut::cluster::sql {

/// A value to bind: nothing (NULL), an integer or text. Instants are stored as microseconds since
/// 1970, ids as hex.
class Value {
 public:
  Value() = default;
  // Not explicit: lists of parameters read better.
  // NOLINTBEGIN(google-explicit-constructor)
  template <std::integral T>
  Value(T value) : value_(static_cast<std::int64_t>(value)) {}
  Value(std::string value) : value_(std::move(value)) {}
  Value(std::string_view value) : value_(std::string(value)) {}
  Value(const char* value) : value_(std::string(value)) {}
  Value(Instant at) : value_(std::int64_t{at.time_since_epoch().count()}) {}
  template <class Tag, std::size_t N>
  Value(const Id<Tag, N>& id) : value_(id.text()) {}
  template <class T>
  Value(const std::optional<T>& value) {
    if (value) *this = Value(*value);
  }
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] const std::variant<std::monostate, std::int64_t, std::string>& get() const {
    return value_;
  }

 private:
  std::variant<std::monostate, std::int64_t, std::string> value_;
};

/// ":name" in the statement, without its colon, and what stands for it.
using Params = std::vector<std::pair<std::string_view, Value>>;

/// One row of a result, by position.
class Row {
 public:
  explicit Row(std::vector<std::optional<std::string>> columns) : columns_(std::move(columns)) {}

  [[nodiscard]] bool is_null(std::size_t column) const { return !columns_[column]; }
  /// Empty for NULL.
  [[nodiscard]] std::string text(std::size_t column) const { return columns_[column].value_or(""); }
  /// 0 for NULL.
  [[nodiscard]] std::int64_t integer(std::size_t column) const;
  [[nodiscard]] std::uint64_t count(std::size_t column) const {
    return static_cast<std::uint64_t>(integer(column));
  }
  [[nodiscard]] Instant instant(std::size_t column) const {
    return Instant(std::chrono::microseconds(integer(column)));
  }
  [[nodiscard]] std::optional<Instant> maybe_instant(std::size_t column) const {
    return is_null(column) ? std::nullopt : std::optional(instant(column));
  }
  /// The zero id for NULL or what is no id.
  template <class IdType>
  [[nodiscard]] IdType id(std::size_t column) const {
    return IdType::parse(columns_[column].value_or("")).value_or(IdType{});
  }

 private:
  std::vector<std::optional<std::string>> columns_;
};
using Rows = std::vector<Row>;

/// One open transaction. Thread: one at a time.
class Session {
 public:
  virtual ~Session() = default;
  /// In: one SELECT whose columns are listed (no '*').
  /// Errors: kUnavailable (locked, no connection), kInternal.
  virtual Result<Rows> query(std::string_view sql, const Params& params = {}) = 0;
  /// Out: rows touched. Errors: also kConflict for a broken unique or foreign key.
  virtual Result<std::uint64_t> exec(std::string_view sql, const Params& params = {}) = 0;
  /// exec() once for each of `rows`, which name the same parameters in the same order.
  virtual Result<void> exec_each(std::string_view sql, const std::vector<Params>& rows) = 0;

  /// The only row, or nothing; more than one is a mistake of ours.
  Result<std::optional<Row>> query_one(std::string_view sql, const Params& params = {});
  /// Called after the transaction was committed, never where it was rolled back. Inside together()
  /// that is the outer one.
  virtual void after_commit(std::function<void()> action) = 0;
};

struct DatabaseConfig {
  /// "sqlite:/path/cluster.db" or "postgresql://…".
  std::string url;
  unsigned connections = 8;
};

/// Thread: any.
class Database {
 public:
  /// Opens, creates where missing, and brings the tables up to date.
  /// Errors: kUnavailable; kUnsupported for a database that a newer version has migrated.
  static Result<std::unique_ptr<Database>> open(const DatabaseConfig& config);
  ~Database();

  /// One snapshot. `work` must not write.
  template <class Work>
  auto read(Work&& work) -> decltype(work(std::declval<Session&>())) {
    using Answer = decltype(work(std::declval<Session&>()));
    return run<Answer>({}, std::forward<Work>(work));
  }
  /// All of `work` or nothing: rolled back where it returns an error. May be run again from its
  /// start where the database asks for it, so that it must have no effect but in the database.
  /// `work` returns std::expected with an error that has a `kind` and can be made from an Error.
  template <class Work>
  auto write(Work&& work) -> decltype(work(std::declval<Session&>())) {
    using Answer = decltype(work(std::declval<Session&>()));
    return run<Answer>({.writing = true}, std::forward<Work>(work));
  }
  /// A write() for which all others of the same `turn` wait, in this process and elsewhere. Nobody
  /// else waits for it or is stopped by it, except who writes the same rows: PostgreSQL does not
  /// watch what it reads, so that each statement sees what was committed before it.
  template <class Work>
  auto write_in_turn(std::string_view turn, Work&& work)
      -> decltype(work(std::declval<Session&>())) {
    using Answer = decltype(work(std::declval<Session&>()));
    return run<Answer>({.writing = true, .turn = turn}, std::forward<Work>(work));
  }
  /// A write() that takes in every read() and write() that `work` calls on this thread: what they
  /// do and what `work` itself does is committed at once or not at all. A write() inside that
  /// returns an error leaves nothing behind, as outside; `work` may go on after it.
  template <class Work>
  auto together(Work&& work) -> decltype(work(std::declval<Session&>())) {
    using Answer = decltype(work(std::declval<Session&>()));
    return run<Answer>({.writing = true, .joined = true}, std::forward<Work>(work));
  }

 private:
  struct State;
  struct Manner {
    bool writing = false;
    bool joined = false;         ///< takes in what `work` calls on this thread
    std::string_view turn = {};  ///< "": waits for no turn
  };
  explicit Database(std::unique_ptr<State> state);
  template <class Answer, class Work>
  Answer run(const Manner& manner, Work&& work) {
    std::optional<Answer> answer;
    const std::function<Result<void>(Session&)> erased = [&](Session& session) -> Result<void> {
      answer.emplace(work(session));
      if (!*answer) return fail(answer->error().kind, "rolled back");
      return {};
    };
    Result<void> done = transact(manner, erased);
    // A refusal of the caller's own goes out as it is; else it is the database that failed.
    if (!done && (!answer || *answer)) return std::unexpected(std::move(done.error()));
    return std::move(*answer);
  }
  Result<void> transact(const Manner& manner, const std::function<Result<void>(Session&)>& work);
  Result<void> transact_within(Session& outer, bool writing,
                               const std::function<Result<void>(Session&)>& work);
  std::unique_ptr<State> state_;
};

/// How many columns a SELECT lists. Exported for its test.
std::size_t count_columns(std::string_view select);

}  // namespace obhut::cluster::sql
