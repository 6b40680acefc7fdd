#include "tools/cli/daemon_browser.h"

#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"
#include "service/endpoint/raw_text.h"
#include "tools/cli/answer_fields.h"

namespace obhut::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kBetweenTries{200};

std::unexpected<Error> no_answer() {
  return fail(ErrorKind::kInternal, "obhutd gave an answer that is none");
}

/// Where a later try may find a daemon that answers.
bool may_pass(ErrorKind kind) {
  return kind == ErrorKind::kUnavailable || kind == ErrorKind::kNotFound ||
         kind == ErrorKind::kThrottled;
}

std::optional<model::EntryType> type_of(const std::string& word) {
  using enum model::EntryType;
  for (const model::EntryType type :
       {kFile, kDirectory, kSymlink, kFifo, kCharDevice, kBlockDevice, kSocket}) {
    if (model::to_string(type) == word) return type;
  }
  return std::nullopt;
}

model::FileTime file_time(const json& object, const char* name) {
  const auto pair = object.find(name);
  if (pair == object.end() || !pair->is_array() || pair->size() != 2) return {};
  if (!(*pair)[0].is_number_integer() || !(*pair)[1].is_number_unsigned()) return {};
  return {(*pair)[0].get<std::int64_t>(), (*pair)[1].get<std::uint32_t>()};
}

std::uint32_t number32(const json& object, const char* name) {
  return static_cast<std::uint32_t>(number_of(object, name));
}

Result<BrowsedEntry> entry_in(const json& object) {
  if (!object.is_object()) return no_answer();
  const auto name = endpoint::raw_of(object, "name");
  const auto target = endpoint::raw_of(object, "target");
  const auto type = type_of(text_of(object, "type"));
  if (!name || !target || !type) return no_answer();
  BrowsedEntry entry;
  entry.name = *name;
  entry.target = *target;
  entry.type = *type;
  entry.denied = object.value("denied", json(false)) == true;
  entry.mode = number32(object, "mode");
  entry.uid = number32(object, "uid");
  entry.gid = number32(object, "gid");
  entry.user = text_of(object, "user");
  entry.group = text_of(object, "group");
  entry.size = number_of(object, "size");
  entry.modified = file_time(object, "modified");
  entry.changed = file_time(object, "changed");
  entry.links = std::max(number32(object, "links"), 1U);
  entry.inode = number_of(object, "inode");
  entry.device = number_of(object, "device");
  entry.rdev = number_of(object, "rdev");
  return entry;
}

}  // namespace

struct DaemonBrowser::Answer {
  json message;
  Bytes content;
};

struct DaemonBrowser::Session {
  explicit Session(endpoint::Conversation the_conversation)
      : conversation(std::move(the_conversation)) {}
  endpoint::Conversation conversation;
  std::mutex asking;
  std::uint64_t asked = 0;
  std::mutex mutex;
  std::condition_variable turn;
  std::uint64_t answered = 0;
  bool broken = false;
};

DaemonBrowser::DaemonBrowser(Clock& clock, Begin begin, std::stop_token stop)
    : clock_(clock), begin_(std::move(begin)), stop_(std::move(stop)) {}
DaemonBrowser::~DaemonBrowser() = default;

Result<std::unique_ptr<DaemonBrowser>> DaemonBrowser::open(Clock& clock, Begin begin,
                                                           std::stop_token stop) {
  std::unique_ptr<DaemonBrowser> browser(
      new DaemonBrowser(clock, std::move(begin), std::move(stop)));
  ASSIGN_OR_RETURN(browser->session_, browser->begin());
  return browser;
}

Result<std::shared_ptr<DaemonBrowser::Session>> DaemonBrowser::begin() {
  ASSIGN_OR_RETURN(endpoint::Conversation conversation, begin_());
  ASSIGN_OR_RETURN(json first, conversation.next(stop_));
  if (text_of(first, "event") != "ready") {
    ASSIGN_OR_RETURN(const json answer, endpoint::result_of(std::move(first)));
    return no_answer();
  }
  return std::make_shared<Session>(std::move(conversation));
}

Result<std::shared_ptr<DaemonBrowser::Session>> DaemonBrowser::session() {
  const std::scoped_lock lock(mutex_);
  if (!session_) {
    ASSIGN_OR_RETURN(session_, begin());
  }
  return session_;
}

void DaemonBrowser::drop(const std::shared_ptr<Session>& session) {
  const std::scoped_lock lock(mutex_);
  if (session_ == session) session_.reset();
}

/// Errors: kUnavailable where the session is over.
Result<DaemonBrowser::Answer> DaemonBrowser::ask_in(Session& session, const json& question,
                                                    const std::stop_token& stop) {
  std::uint64_t number = 0;
  Result<void> said;
  {
    const std::scoped_lock lock(session.asking);
    said = session.conversation.say(question, stop);
    if (said) number = session.asked++;
  }
  std::unique_lock lock(session.mutex);
  if (said) session.turn.wait(lock, [&] { return session.broken || session.answered == number; });
  if (!said || session.broken) {
    session.broken = true;
    session.turn.notify_all();
    return fail(ErrorKind::kUnavailable, "obhutd ended the conversation");
  }
  lock.unlock();  // nobody else's turn before ours is over
  Result<Answer> answer = [&]() -> Result<Answer> {
    ASSIGN_OR_RETURN(json message, session.conversation.next(stop));
    if (text_of(message, "event") != "answer") {
      return fail(ErrorKind::kUnavailable, "obhutd ended the conversation");
    }
    Bytes content;
    if (number_of(message, "content") > 0) {
      ASSIGN_OR_RETURN(content, session.conversation.next_bytes(kMostBytes, stop));
    }
    return Answer{std::move(message), std::move(content)};
  }();
  lock.lock();
  ++session.answered;
  session.broken = session.broken || !answer;
  session.turn.notify_all();
  return answer;
}

Result<DaemonBrowser::Answer> DaemonBrowser::ask(const json& question) {
  const auto end = clock_.steady() + kPatience;
  for (unsigned lost = 0;;) {
    Result<std::shared_ptr<Session>> now = session();
    if (now) {
      Result<Answer> answer = ask_in(**now, question, stop_);
      if (answer) {
        ASSIGN_OR_RETURN(answer->message, endpoint::result_of(std::move(answer->message)));
        return answer;
      }
      drop(*now);
      if (stop_.stop_requested()) return fail(ErrorKind::kCancelled, "browse");
      if (clock_.steady() >= end) return answer;
      // One that had merely been silent for long is begun anew at once.
      if (++lost == 1) continue;
    } else if (!may_pass(now.error().kind)) {
      return std::unexpected(std::move(now.error()));
    } else if (clock_.steady() >= end) {
      return fail(ErrorKind::kUnavailable, std::move(now.error().message));
    }
    if (!clock_.sleep_for(kBetweenTries, stop_)) return fail(ErrorKind::kCancelled, "browse");
  }
}

Result<std::vector<BrowsedPoint>> DaemonBrowser::points() {
  ASSIGN_OR_RETURN(const Answer answer, ask({{"question", "points"}}));
  const auto list = answer.message.find("points");
  if (list == answer.message.end() || !list->is_array()) return no_answer();
  std::vector<BrowsedPoint> points;
  for (const json& point : *list) {
    const auto time = parse_time(text_of(point, "time"));
    if (!time) return no_answer();
    points.push_back(
        {text_of(point, "id"), *time, number_of(point, "files"), number_of(point, "bytes")});
  }
  return points;
}

Result<Browser::Batch> DaemonBrowser::list(const std::string& point, const std::string& path,
                                           const std::string& after) {
  json question = {{"question", "list"}, {"point", point}};
  endpoint::put_raw(question, "path", path);
  endpoint::put_raw(question, "after", after);
  ASSIGN_OR_RETURN(const Answer answer, ask(question));
  const auto list = answer.message.find("entries");
  if (list == answer.message.end() || !list->is_array()) return no_answer();
  Batch batch;
  batch.more = answer.message.value("more", json(false)) == true;
  batch.faulty = answer.message.value("faulty", json(false)) == true;
  batch.entries.reserve(list->size());
  for (const json& one : *list) {
    ASSIGN_OR_RETURN(BrowsedEntry entry, entry_in(one));
    batch.entries.push_back(std::move(entry));
  }
  // More without any would be asked for without end.
  if (batch.more && batch.entries.empty()) return no_answer();
  return batch;
}

Result<BrowsedEntry> DaemonBrowser::entry(const std::string& point, const std::string& path) {
  json question = {{"question", "entry"}, {"point", point}};
  endpoint::put_raw(question, "path", path);
  ASSIGN_OR_RETURN(const Answer answer, ask(question));
  const auto entry = answer.message.find("entry");
  if (entry == answer.message.end()) return no_answer();
  return entry_in(*entry);
}

Result<Bytes> DaemonBrowser::read(const std::string& point, const std::string& path,
                                  ByteRange range) {
  json question = {
      {"question", "read"}, {"point", point}, {"offset", range.offset}, {"length", range.length}};
  endpoint::put_raw(question, "path", path);
  ASSIGN_OR_RETURN(Answer answer, ask(question));
  return std::move(answer.content);
}

}  // namespace obhut::cli
