#pragma once
// What the restore window asks for (web/README.md has the API), by what the daemon knows.

#include <string>

#include "agent/base/clock.h"
#include "tools/tray/brand.h"
#include "tools/tray/daemon.h"
#include "tools/tray/folder_listings.h"
#include "tools/tray/mounts.h"
#include "tools/tray/name_search.h"
#include "tools/tray/page_files.h"
#include "tools/tray/restore_jobs.h"

namespace obhut::tray {

/// Thread: any.
class Window {
 public:
  /// In: the token that every request has to carry; "de" or "en".
  Window(const Daemon& daemon, const Clock& clock, PageFiles page, const Brand& brand,
         std::string token, std::string language);

  Response answer(const Request& request, const std::stop_token& gone);

 private:
  Answer<Response> answer_api(const Request& request, const std::stop_token& gone);
  Answer<Response> get(const Request& request, const std::stop_token& gone);
  Answer<Response> change(const Request& request);
  Answer<nlohmann::json> session(const std::stop_token& gone) const;
  /// The one in force for whoever runs us, or null.
  [[nodiscard]] nlohmann::json grant(const std::stop_token& gone) const;
  Answer<Response> change_grants(const std::string& method, const nlohmann::json& body);
  Answer<nlohmann::json> points(const Request& request, const std::stop_token& gone) const;
  Answer<nlohmann::json> preview(const Request& request, const std::stop_token& gone) const;
  Answer<Response> picture(const Request& request, const std::stop_token& gone) const;

  const Daemon& daemon_;
  const PageFiles page_;
  const Brand& brand_;
  const std::string token_;
  const std::string language_;
  FolderListings listings_;
  NameSearch search_;
  RestoreJobs restores_;
  Mounts mounts_;
};

}  // namespace obhut::tray
