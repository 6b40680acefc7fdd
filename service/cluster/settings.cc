#include "service/cluster/settings.h"

namespace obhut::cluster {

Result<std::optional<sql::Row>> setting(sql::Session& session, std::string_view name) {
  return session.query_one("SELECT value FROM settings WHERE name = :name", {{"name", name}});
}

Result<void> keep_setting(sql::Session& session, std::string_view name, std::int64_t value) {
  TRY(
      session.exec("INSERT INTO settings (name, value) VALUES (:name, :value)"
                   " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                   {{"name", name}, {"value", std::to_string(value)}}));
  return {};
}

}  // namespace obhut::cluster
