#include "tools/tray/name_search.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <vector>

#include <nlohmann/json.hpp>

#include "platform/fold_case.h"
#include "service/endpoint/json_fields.h"
#include "tools/tray/entry_text.h"

namespace obhut::tray {

using endpoint::number_or;
using endpoint::text_or;
using nlohmann::json;

namespace {

constexpr std::size_t kPage = 100;
/// Who finds more than this looks for something else.
constexpr std::uint64_t kMostHits = 20'000;
/// One for each of a few windows. An older one is given up: its reader has typed on.
constexpr std::size_t kJobs = 3;
constexpr std::chrono::milliseconds kMoment{60};

/// How well a name answers what was typed: the lower the better.
int rank_of(const std::string& name, const std::string& typed) {
  if (name == typed) return 0;
  if (name.starts_with(typed)) return 1;
  const std::size_t at = name.find(typed);
  if (at == std::string::npos) return 4;
  // At the beginning of a word.
  return std::string_view(" -_.,()[]").find(name[at - 1]) != std::string_view::npos ? 2 : 3;
}

}  // namespace

/// One search. Results that were told of keep their places, later ones are put behind them.
class NameSearch::Job {
 public:
  Job(const Daemon& daemon, std::string location, std::string text)
      : daemon_(daemon),
        location_(std::move(location)),
        text_(std::move(text)),
        typed_(platform::fold_case(text_)),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}

  [[nodiscard]] bool is_for(const std::string& location, const std::string& text) const {
    return location == location_ && text == text_;
  }
  void give_up() { thread_.request_stop(); }
  [[nodiscard]] bool done() {
    const std::scoped_lock lock(mutex_);
    return done_;
  }

  Answer<json> page(std::size_t told, const std::stop_token& gone) {
    std::unique_lock lock(mutex_);
    const auto more = [&] { return done_ || results_.size() > told; };
    const auto full = [&] { return done_ || results_.size() >= told + kPage; };
    changed_.wait(lock, gone, more);
    changed_.wait_for(lock, gone, kMoment, full);
    if (gone.stop_requested()) {
      // Whoever has begun to read may want the next page; who went before the first has typed on.
      if (told == 0) give_up();
      return std::unexpected(Refusal(409, "cancelled", "search"));
    }
    if (refusal_ && results_.empty()) return std::unexpected(*refusal_);
    return cut(told);
  }

 private:
  struct Found {
    json value;
    int rank;
    std::uint64_t versions = 1;
  };

  void run(const std::stop_token& stop) {
    const json request = {{"command", "search"},
                          {"target", location_},
                          {"text", text_},
                          {"learn", text_.empty()},
                          {"limit", kMostHits}};
    const Answer<json> points = daemon_.ask({{"command", "points"}, {"target", location_}}, stop);
    if (points && points->contains("points") && !(*points)["points"].empty()) {
      latest_ = text_or((*points)["points"].back(), "id");
    }
    const Answer<json> answer =
        points ? daemon_.list(request, stop, [&](const json& entry) { return take(entry); })
               : points;
    const std::scoped_lock lock(mutex_);
    if (!answer) refusal_ = answer.error();
    done_ = true;
    changed_.notify_all();
  }

  bool take(const json& entry) {
    const std::string path = text_or(entry, "path");
    const std::scoped_lock lock(mutex_);
    const auto [at, fresh] = by_path_.try_emplace(path, results_.size());
    if (!fresh) {
      ++results_[at->second].versions;
      return true;
    }
    const std::string point = text_or(entry, "point");
    json value = {{"path", path},
                  {"type", page_type(text_or(entry, "type"))},
                  {"newest",
                   {{"point", point},
                    {"time", text_or(entry, "point_time")},
                    {"size", number_or(entry, "size")},
                    {"modified", text_or(entry, "modified")}}},
                  {"in_latest", point == latest_}};
    const int rank = rank_of(platform::fold_case(name_of(path)), typed_);
    results_.push_back({std::move(value), rank});
    changed_.notify_all();
    return true;
  }

  /// With the lock held.
  json cut(std::size_t told) {
    const std::size_t start = std::min(told, results_.size());
    sort_from(std::max(start, sorted_));
    const std::size_t end = std::min(start + kPage, results_.size());
    sorted_ = std::max(sorted_, end);
    json page = json::array();
    for (std::size_t i = start; i < end; ++i) {
      json value = results_[i].value;
      value["versions"] = results_[i].versions;
      page.push_back(std::move(value));
    }
    const bool last = done_ && end == results_.size();
    return {{"results", std::move(page)},
            {"next", last ? json(nullptr) : json(std::to_string(end))}};
  }

  void sort_from(std::size_t first) {
    std::ranges::stable_sort(
        results_.begin() + static_cast<std::ptrdiff_t>(std::min(first, results_.size())),
        results_.end(), {}, [](const Found& found) {
          const bool gone = !found.value.at("in_latest").get<bool>();
          return std::tuple(found.rank, gone,
                            found.value.at("path").get_ref<const std::string&>().size());
        });
    for (std::size_t i = first; i < results_.size(); ++i) {
      by_path_[results_[i].value.at("path").get_ref<const std::string&>()] = i;
    }
  }

  const Daemon& daemon_;
  const std::string location_;
  const std::string text_;
  const std::string typed_;
  std::string latest_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Found> results_;
  std::unordered_map<std::string, std::size_t> by_path_;
  std::size_t sorted_ = 0;  ///< what stands before was told of, and stays where it is
  std::optional<Refusal> refusal_;
  bool done_ = false;
  std::jthread thread_;
};

struct NameSearch::Recent {
  Guarded<std::deque<std::shared_ptr<Job>>> jobs;
};

NameSearch::NameSearch(const Daemon& daemon)
    : daemon_(daemon), recent_(std::make_unique<Recent>()) {}
NameSearch::~NameSearch() = default;

std::shared_ptr<NameSearch::Job> NameSearch::job_of(const std::string& location,
                                                    const std::string& text) {
  return recent_->jobs.with([&](auto& jobs) {
    const auto at =
        std::ranges::find_if(jobs, [&](const auto& job) { return job->is_for(location, text); });
    // Learned already; but since then there may be newer points.
    const bool again = at != jobs.end() && text.empty() && (*at)->done();
    if (again) jobs.erase(at);
    if (!again && at != jobs.end()) return *at;
    jobs.push_front(std::make_shared<Job>(daemon_, location, text));
    if (jobs.size() > kJobs) {
      jobs.back()->give_up();
      jobs.pop_back();
    }
    return jobs.front();
  });
}

Answer<json> NameSearch::page(const std::string& location, const std::string& text,
                              std::size_t told, const std::stop_token& gone) {
  const std::shared_ptr<Job> job = job_of(location, text);
  if (text.empty()) return json{{"results", json::array()}, {"next", nullptr}};
  Answer<json> page = job->page(told, gone);
  // The next one who asks begins anew: new recovery points, a daemon that is back.
  if (!page || (*page)["next"].is_null()) {
    recent_->jobs.with([&](auto& jobs) { std::erase(jobs, job); });
  }
  return page;
}

}  // namespace obhut::tray
