#pragma once
// The page itself: what `npm run build` made of web/, read once.

#include <map>
#include <string>

#include "agent/base/result.h"
#include "tools/tray/http_server.h"

namespace obhut::tray {

class PageFiles {
 public:
  /// In: the folder that holds index.html. Errors: kNotFound.
  static Result<PageFiles> read(const std::string& folder);
  /// In: "/" or "/assets/x.js". 404 for anything else.
  [[nodiscard]] Response get(const std::string& path) const;

 private:
  std::map<std::string, Response> files_;
};

}  // namespace obhut::tray
