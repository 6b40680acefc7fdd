// Prices, bills and the ledger behind them.

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"
#include "service/cluster/api/access.h"
#include "service/cluster/api/body.h"
#include "service/cluster/api/route.h"
#include "service/cluster/bills.h"
#include "service/cluster/ledger_store.h"

namespace obhut::cluster::api {
namespace {

using http::Response;
using nlohmann::json;

constexpr std::size_t kPage = 1000;

Answer<Response> bill(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
  const std::string_view format = http::find(call.query, "format").value_or("json");
  if (format != "json" && format != "csv") return bad_member("format", "json or csv");
  const BillForm form = format == "csv" ? BillForm::kCsv : BillForm::kJson;
  ASSIGN_OR_RETURN(std::string text, services.bills.bill(partner, call.values[1], form));
  Response response = http::json(200, std::move(text));
  if (form == BillForm::kCsv) response.content_type = "text/csv; charset=utf-8";
  return response;
}

Answer<Response> ledger(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
  ASSIGN_OR_RETURN(const std::uint64_t after, query_count(call, "cursor", 0, UINT64_MAX >> 1U));
  const auto rows = services.database.read(
      [&](sql::Session& session) { return read_ledger(session, partner, after, kPage); });
  if (!rows) return std::unexpected(Refusal(rows.error()));
  json list = json::array();
  for (const LedgerEntry& row : *rows) {
    list.push_back({{"number", row.number},
                    {"hash", row.hash.text()},
                    {"received", format_time_micro(row.received)},
                    {"event", json::parse(row.event, nullptr, false)},
                    {"text", row.event}});
  }
  json answer = {{"rows", std::move(list)}};
  if (rows->size() == kPage) answer["next"] = std::to_string(rows->back().number);
  return reply(200, answer);
}

}  // namespace

void add_billing_routes(std::vector<Route>& routes, const Services& services) {
  Table table(routes);
  table.get("/api/v1/partners/{partner}/prices", Auth::kPerson,
            [&services](Call& call) -> Answer<Response> {
              ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
              ASSIGN_OR_RETURN(std::string prices, services.tenants.prices(partner));
              return http::json(200, std::move(prices));
            });
  // What the provider charges the partner is not for the partner to set.
  table.put("/api/v1/partners/{partner}/prices", Auth::kProvider, kJsonLimit,
            [&services](Call& call) -> Answer<Response> {
              ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
              TRY(services.tenants.put_prices(partner, body_text(call)));
              return http::empty(204);
            });
  table.get("/api/v1/partners/{partner}/bills/{month}", Auth::kPerson,
            [&services](Call& call) { return bill(services, call); });
  table.get("/api/v1/partners/{partner}/ledger", Auth::kPerson,
            [&services](Call& call) { return ledger(services, call); });
}

}  // namespace obhut::cluster::api
