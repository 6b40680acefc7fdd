#pragma once
// Looking for names over all recovery points, told page by page while it still goes on.

#include <memory>
#include <string>

#include "agent/base/guarded.h"
#include "tools/tray/daemon.h"

namespace obhut::tray {

/// Thread: any.
class NameSearch {
 public:
  explicit NameSearch(const Daemon& daemon);
  ~NameSearch();

  /// GET /api/search. Without a text the daemon gets to know the names, and nothing is waited for.
  /// In: how many results were told of before. Waits for the first results, and for more of them a
  /// moment longer; what is found later stands on later pages.
  Answer<nlohmann::json> page(const std::string& location, const std::string& text,
                              std::size_t told, const std::stop_token& gone);

 private:
  class Job;
  std::shared_ptr<Job> job_of(const std::string& location, const std::string& text);

  const Daemon& daemon_;
  struct Recent;
  std::unique_ptr<Recent> recent_;
};

}  // namespace obhut::tray
