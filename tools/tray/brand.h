#pragma once
// In whose name the window speaks: the partner's, where its rollout left word of that.
//
// brand.json in the folder for brands (platform/places.h); every member may be missing:
//   {"name": "Nordlicht IT", "accent": "#1f6f5c", "logo": "logo.png",
//    "support": {"email": "…", "phone": "…", "url": "https://…"}}

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/bytes.h"

namespace obhut::tray {

struct Logo {
  Bytes content;
  std::string type;  ///< for Content-Type
};

/// Thread: const methods may run at once.
class Brand {
 public:
  /// What is missing, or is not what it should be, is as if it were not there: a window in nobody's
  /// colours is better than none.
  static Brand read(const std::string& folder);

  /// The member "brand" of GET /api/session.
  [[nodiscard]] nlohmann::json json() const;
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::optional<Logo>& logo() const { return logo_; }

 private:
  std::string name_ = "Obhut";
  std::string accent_;
  std::string email_;
  std::string phone_;
  std::string url_;
  std::optional<Logo> logo_;
};

}  // namespace obhut::tray
