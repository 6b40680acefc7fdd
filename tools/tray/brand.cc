#include "tools/tray/brand.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/model/rel_path.h"
#include "agent/model/strict_json.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "service/endpoint/json_fields.h"
#include "tools/tray/preview.h"

namespace obhut::tray {
namespace {

constexpr std::size_t kMostText = 64U << 10U;
constexpr std::size_t kMostLogo = 1U << 20U;

bool is_colour(std::string_view text) {
  return text.size() == 7 && text[0] == '#' && from_hex(text.substr(1)).has_value();
}

nlohmann::json or_null(const std::string& text) {
  return text.empty() ? nlohmann::json(nullptr) : nlohmann::json(text);
}

std::optional<Logo> read_logo(const std::string& folder, const std::string& name) {
  if (!model::is_entry_name(name)) return std::nullopt;
  Result<Bytes> content = platform::read_file(platform::join(folder, name), kMostLogo);
  if (!content) return std::nullopt;
  const std::optional<Picture> picture = picture_in(*content);
  if (!picture || !picture->may_be_shown()) return std::nullopt;
  return Logo{std::move(*content), picture->type};
}

}  // namespace

Brand Brand::read(const std::string& folder) {
  Brand brand;
  const Result<Bytes> bytes = platform::read_file(platform::join(folder, "brand.json"), kMostText);
  if (!bytes) return brand;
  const auto given = model::parse_strict_json(as_text(*bytes), "brand.json");
  if (!given || !given->is_object()) return brand;
  brand.name_ = printable(endpoint::text_or(*given, "name", brand.name_));
  const std::string accent = endpoint::text_or(*given, "accent");
  if (is_colour(accent)) brand.accent_ = accent;
  brand.logo_ = read_logo(folder, endpoint::text_or(*given, "logo"));
  const auto support = given->find("support");
  if (support == given->end() || !support->is_object()) return brand;
  brand.email_ = endpoint::text_or(*support, "email");
  brand.phone_ = endpoint::text_or(*support, "phone");
  const std::string url = endpoint::text_or(*support, "url");
  if (url.starts_with("https://")) brand.url_ = url;
  return brand;
}

nlohmann::json Brand::json() const {
  return {{"name", name_},
          {"logo", logo_ ? nlohmann::json("/brand/logo") : nlohmann::json(nullptr)},
          {"accent", or_null(accent_)},
          {"support",
           {{"email", or_null(email_)}, {"phone", or_null(phone_)}, {"url", or_null(url_)}}}};
}

}  // namespace obhut::tray
