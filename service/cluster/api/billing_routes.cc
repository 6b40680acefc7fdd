// Prices, bills and the ledger behind them.

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"
#include "agent/crypto/digest.h"
#include "service/billing/calculator.h"
#include "service/cluster/api/access.h"
#include "service/cluster/api/body.h"
#include "service/cluster/api/route.h"
#include "service/cluster/bills.h"
#include "service/cluster/ledger_store.h"
#include "service/cluster/rating_inputs.h"
#include "service/cluster/usage.h"

namespace obhut::cluster::api {
namespace {

using http::Response;
using nlohmann::json;

constexpr std::size_t kPage = 1000;

Answer<Response> bill(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
  const std::string_view format = http::find(call.query, "format").value_or("json");
  if (format != "json" && format != "csv" && format != "focus") {
    return bad_member("format", "json, csv or focus");
  }
  const BillForm form = format == "csv"     ? BillForm::kCsv
                        : format == "focus" ? BillForm::kFocus
                                            : BillForm::kJson;
  ASSIGN_OR_RETURN(std::string text, services.bills.bill(partner, call.values[1], form));
  Response response = http::json(200, std::move(text));
  if (form != BillForm::kJson) response.content_type = "text/csv; charset=utf-8";
  return response;
}

json closed_json(const ClosedMonth& month) {
  return {{"month", month.month.text()},
          {"bill_sha256", crypto::sha256(as_bytes(month.bill)).text()},
          {"prices_sha256", month.prices.text()},
          {"closing", month.closing}};
}

Answer<Response> closed_months_of(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
  ASSIGN_OR_RETURN(const std::vector<ClosedMonth> months, services.bills.closed(partner));
  json list = json::array();
  for (const ClosedMonth& month : months) list.push_back(closed_json(month));
  return reply(200, {{"months", std::move(list)}});
}

Answer<Response> closing(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
  ASSIGN_OR_RETURN(const std::vector<ClosedMonth> months, services.bills.closed(partner));
  for (const ClosedMonth& month : months) {
    if (month.month.text() == call.values[1]) return reply(200, closed_json(month));
  }
  return not_found("closed month");
}

Answer<Response> close(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
  ASSIGN_OR_RETURN(const ClosedMonth month, services.bills.close(partner, call.values[1]));
  return reply(200, closed_json(month));
}

Answer<Response> usage(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
  const std::string_view format = http::find(call.query, "format").value_or("json");
  UsageQuery query{call.values[1],
                   std::string(http::find(call.query, "customer").value_or("")),
                   std::string(http::find(call.query, "product").value_or("")),
                   {}};
  if (const auto device = http::find(call.query, "device")) {
    query.device = DeviceId::parse(*device);
    if (!query.device) return not_found("device");
  }
  if (format == "json") {
    ASSIGN_OR_RETURN(std::string text, services.usage.by_day(partner, query));
    return http::json(200, std::move(text));
  }
  if (format != "csv") return bad_member("format", "json or csv");
  ASSIGN_OR_RETURN(std::string text, services.usage.table_by_day(partner, query));
  Response response = http::json(200, std::move(text));
  response.content_type = "text/csv; charset=utf-8";
  return response;
}

Answer<Response> forecast(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
  ASSIGN_OR_RETURN(std::string text, services.usage.forecast(partner, call.values[1]));
  return http::json(200, std::move(text));
}

/// By the price list of the partner whose person asks; a provider names one.
Answer<Response> calculator(const Services& services, Call& call) {
  const auto named = http::find(call.query, "partner");
  std::optional<PartnerId> partner = call.person->partner;
  if (!partner && named) partner = PartnerId::parse(*named);
  if (!partner) return bad_member("partner", "a partner's id, whose prices are to be used");
  ASSIGN_OR_RETURN(const billing::PriceList prices, price_list_of(services.database, *partner));
  ASSIGN_OR_RETURN(const billing::PlannedCustomer plan,
                   billing::PlannedCustomer::parse("plan", body_text(call)));
  ASSIGN_OR_RETURN(const billing::Estimate estimate, billing::calculate(plan, prices));
  return http::json(200, billing::estimate_to_json(estimate));
}

Answer<Response> price_versions(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
  ASSIGN_OR_RETURN(const std::vector<PriceVersion> versions,
                   services.tenants.price_versions(partner));
  json list = json::array();
  for (const PriceVersion& version : versions) {
    list.push_back({{"sha256", version.hash.text()},
                    {"set_at", format_time_micro(version.set_at)},
                    {"in_force", version.in_force}});
  }
  return reply(200, {{"versions", std::move(list)}});
}

Answer<Response> ledger(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
  // What was committed by now is shown.
  TRY(chain_rows(services.database, partner));
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
  table.get("/api/v1/partners/{partner}/prices/versions", Auth::kPerson,
            [&services](Call& call) { return price_versions(services, call); });
  table.get("/api/v1/partners/{partner}/prices/versions/{sha256}", Auth::kPerson,
            [&services](Call& call) -> Answer<Response> {
              ASSIGN_OR_RETURN(const PartnerId partner, visible_partner(services, call));
              ASSIGN_OR_RETURN(const Sha256 hash, path_id<Sha256>(call, 1, "price list"));
              ASSIGN_OR_RETURN(std::string prices, services.tenants.price_version(partner, hash));
              return http::json(200, std::move(prices));
            });
  // Reads alone: a POST for the length of what is asked.
  table.post(
      "/api/v1/calculator", Auth::kPerson, kJsonLimit,
      [&services](Call& call) { return calculator(services, call); }, Repeat::kHarmless);
  table.get("/api/v1/partners/{partner}/bills", Auth::kPerson,
            [&services](Call& call) { return closed_months_of(services, call); });
  table.get("/api/v1/partners/{partner}/bills/{month}", Auth::kPerson,
            [&services](Call& call) { return bill(services, call); });
  table.get("/api/v1/partners/{partner}/bills/{month}/closing", Auth::kPerson,
            [&services](Call& call) { return closing(services, call); });
  table.get("/api/v1/partners/{partner}/bills/{month}/forecast", Auth::kPerson,
            [&services](Call& call) { return forecast(services, call); });
  table.get("/api/v1/partners/{partner}/usage/{month}", Auth::kPerson,
            [&services](Call& call) { return usage(services, call); });
  // A month is rated outside of any transaction, and closed once whoever asks how often.
  table.post(
      "/api/v1/partners/{partner}/bills/{month}/closing", Auth::kProvider, kJsonLimit,
      [&services](Call& call) { return close(services, call); }, Repeat::kHarmless);
  table.get("/api/v1/partners/{partner}/ledger", Auth::kPerson,
            [&services](Call& call) { return ledger(services, call); });
}

}  // namespace obhut::cluster::api
