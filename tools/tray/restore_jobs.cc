#include "tools/tray/restore_jobs.h"

#include <array>
#include <optional>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "agent/base/guarded.h"
#include "agent/base/time_text.h"
#include "agent/model/picked_folder.h"
#include "service/endpoint/conversation.h"
#include "service/endpoint/json_fields.h"

namespace obhut::tray {

using endpoint::flag_or;
using endpoint::number_or;
using endpoint::text_or;
using nlohmann::json;

namespace {

constexpr std::size_t kNamedPaths = 20;
/// Older ones that have ended are forgotten.
constexpr std::size_t kRemembered = 50;

/// What the page asked for, as the daemon wants it.
Answer<json> request_of(const json& wanted) {
  const auto refuse = [](const char* why) {
    return std::unexpected(Refusal(400, "invalid-input", why));
  };
  const auto paths = endpoint::texts_of(wanted, "paths");
  if (!paths || paths->empty()) return refuse("paths: want at least one");
  const auto to = wanted.find("to");
  if (to == wanted.end() || !to->is_object()) return refuse("to: want an object");
  json request = {{"command", "restore"},
                  {"target", text_or(wanted, "location")},
                  {"point", text_or(wanted, "point")},
                  {"paths", *paths},
                  {"escaped", true},
                  {"existing", text_or(wanted, "existing", "keep")},
                  {"dry_run", flag_or(wanted, "dry_run")}};
  const std::string kind = text_or(*to, "kind");
  if (kind == "original") {
    request["to"] = "/";
  } else if (kind == "folder" && !text_or(*to, "folder").empty()) {
    request["to"] = text_or(*to, "folder");
    request["below"] = model::folder_of(*paths);
  } else {
    return refuse("to: want original, or a folder");
  }
  return request;
}

/// Why an entry is missing, as far as the page has words for it.
const char* problem_kind(const std::string& error) {
  static constexpr std::array<std::pair<std::string_view, const char*>, 8> kWords{{
      {"source-busy", "busy"},
      {"refused", "denied"},
      {"source-denied", "denied"},
      {"not-found", "missing"},
      {"corrupt", "corrupt"},
      {"crypto", "corrupt"},
      {"quota-exceeded", "full"},
      {"unsupported", "unsupported"},
  }};
  for (const auto& [from, to] : kWords) {
    if (error == from) return to;
  }
  return nullptr;
}

json page_problems(const json& answer) {
  json problems = json::array();
  const auto given = answer.find("problems");
  if (given == answer.end() || !given->is_array()) return problems;
  for (const json& problem : *given) {
    json shown = {{"path", text_or(problem, "path")}, {"reason", text_or(problem, "reason")}};
    if (const char* kind = problem_kind(text_or(problem, "error"))) shown["kind"] = kind;
    problems.push_back(std::move(shown));
  }
  return problems;
}

json page_report(const json& answer, const std::string& to) {
  json report = {{"files", number_or(answer, "files")},
                 {"directories", number_or(answer, "directories")},
                 {"bytes", number_or(answer, "bytes")},
                 {"kept", number_or(answer, "kept")},
                 {"renamed", number_or(answer, "renamed")},
                 {"missing", number_or(answer, "missing")},
                 {"problems", page_problems(answer)},
                 {"would", nullptr},
                 {"to", to}};
  if (!flag_or(answer, "dry_run")) return report;
  report["would"] = {{"create", number_or(answer, "create")},
                     {"overwrite", number_or(answer, "overwrite")},
                     {"keep", number_or(answer, "keep")},
                     {"rename", number_or(answer, "rename")},
                     {"examples", answer.value("examples", json::array())}};
  report["kept"] = number_or(answer, "keep");
  report["missing"] = number_or(answer, "denied");
  return report;
}

json page_progress(const json& progress) {
  json shown = {{"files_done", 0},        {"files_total", nullptr}, {"bytes_done", 0},
                {"bytes_total", nullptr}, {"percent", nullptr},     {"seconds_left", nullptr},
                {"bytes_per_second", 0},  {"path", nullptr}};
  for (auto& [name, value] : shown.items()) {
    if (progress.contains(name)) value = progress[name];
  }
  return shown;
}

}  // namespace

class RestoreJobs::Job {
 public:
  Job(const Daemon& daemon, std::uint64_t number, Instant started, const json& wanted, json request)
      : socket_(daemon.socket()),
        dry_run_(flag_or(wanted, "dry_run")),
        request_(std::move(request)) {
    const json& paths = request_["paths"];
    json named = json::array();
    for (const json& path : paths) {
      if (named.size() < kNamedPaths) named.push_back(path);
    }
    state_.with([&](json& state) {
      state = {{"id", "r" + std::to_string(number)},
               {"state", "running"},
               {"dry_run", dry_run_},
               {"started", format_time(started)},
               {"paths", std::move(named)},
               {"paths_total", paths.size()},
               {"progress", page_progress(json::object())},
               {"report", nullptr},
               {"error", nullptr}};
    });
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

  [[nodiscard]] json state() const {
    return state_.with([](const json& state) { return state; });
  }
  [[nodiscard]] bool is_dry_run() const { return dry_run_; }
  [[nodiscard]] bool has_ended() const {
    return state_.with([](const json& state) {
      return state["state"] != "running" && state["state"] != "paused";
    });
  }

  void steer(const std::string& verb) {
    if (has_ended()) return;
    talk_.with([&](Talk& talk) {
      if (talk.conversation) {
        // ignored: the one that listens hears of a daemon that is gone
        (void)talk.conversation->say({{"command", verb}}, {});
      } else {
        talk.early.push_back(verb);
      }
    });
    state_.with([&](json& state) {
      if (verb == "pause" && state["state"] == "running") state["state"] = "paused";
      if (verb == "resume" && state["state"] == "paused") state["state"] = "running";
    });
  }

 private:
  struct Talk {
    std::optional<endpoint::Conversation> conversation;
    std::vector<std::string> early;  ///< what was asked for before there was one
  };

  void run(const std::stop_token& stop) {
    Result<endpoint::Conversation> begun = endpoint::Conversation::begin(socket_, request_, stop);
    if (!begun) return finish(std::unexpected(std::move(begun).error()));
    endpoint::Conversation& conversation = talk_.with([&](Talk& talk) -> endpoint::Conversation& {
      talk.conversation.emplace(std::move(*begun));
      for (const std::string& verb : talk.early) {
        (void)talk.conversation->say({{"command", verb}}, {});  // ignored: as in steer()
      }
      return *talk.conversation;
    });
    finish(listen(conversation, stop));
  }

  Result<json> listen(endpoint::Conversation& talk, const std::stop_token& stop) {
    for (;;) {
      ASSIGN_OR_RETURN(json message, talk.next(stop));
      if (flag_or(message, "done")) return endpoint::result_of(std::move(message));
      const auto progress = message.find("progress");
      if (progress == message.end() || !progress->is_object()) continue;
      state_.with([&](json& state) { state["progress"] = page_progress(*progress); });
    }
  }

  void finish(const Result<json>& answer) {
    state_.with([&](json& state) {
      const std::string to = text_or(request_, "to");
      if (answer) {
        state["state"] = "done";
        state["report"] = page_report(*answer, to);
        return;
      }
      const bool cancelled = answer.error().kind == ErrorKind::kCancelled;
      state["state"] = cancelled ? "cancelled" : "failed";
      if (cancelled) {
        // What was restored until then is there.
        state["report"] = page_report({{"files", state["progress"]["files_done"]},
                                       {"bytes", state["progress"]["bytes_done"]}},
                                      to);
      } else {
        const Refusal refusal(answer.error());
        state["error"] = {{"kind", refusal.kind}, {"message", refusal.message}};
      }
    });
  }

  const std::string socket_;
  const bool dry_run_;
  json request_;
  Guarded<json> state_;
  Guarded<Talk> talk_;
  std::jthread thread_;
};

RestoreJobs::RestoreJobs(const Daemon& daemon, const Clock& clock)
    : daemon_(daemon), clock_(clock) {}
RestoreJobs::~RestoreJobs() = default;

Answer<std::string> RestoreJobs::start(const json& wanted) {
  ASSIGN_OR_RETURN(json request, request_of(wanted));
  const std::scoped_lock lock(mutex_);
  const std::uint64_t number = ++last_;
  jobs_.emplace(number,
                std::make_shared<Job>(daemon_, number, clock_.now(), wanted, std::move(request)));
  for (auto at = jobs_.begin(); jobs_.size() > kRemembered && at != jobs_.end();) {
    at = at->second->has_ended() ? jobs_.erase(at) : std::next(at);
  }
  return "r" + std::to_string(number);
}

std::shared_ptr<RestoreJobs::Job> RestoreJobs::find(const std::string& id) const {
  const std::scoped_lock lock(mutex_);
  for (const auto& [number, job] : jobs_) {
    if (id == "r" + std::to_string(number)) return job;
  }
  return nullptr;
}

Answer<json> RestoreJobs::state(const std::string& id) const {
  const std::shared_ptr<Job> job = find(id);
  if (!job) return std::unexpected(Refusal(404, "not-found", id + ": no such restore"));
  return job->state();
}

json RestoreJobs::all() const {
  const std::scoped_lock lock(mutex_);
  json restores = json::array();
  for (const auto& [number, job] : jobs_) {
    if (!job->is_dry_run()) restores.push_back(job->state());
  }
  return {{"restores", std::move(restores)}};
}

Answer<json> RestoreJobs::steer(const std::string& id, const std::string& verb) {
  const std::shared_ptr<Job> job = find(id);
  if (!job) return std::unexpected(Refusal(404, "not-found", id + ": no such restore"));
  job->steer(verb);
  return job->state();
}

}  // namespace obhut::tray
