#include "service/cluster/closing_document.h"

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"
#include "agent/trust/fields.h"
#include "agent/trust/jws.h"

namespace obhut::cluster {
namespace {

constexpr std::string_view kSchema = "obhut.closing/1";

}  // namespace

std::string make_closing(const Closing& closing, const crypto::SigningKey& cluster_key) {
  const nlohmann::ordered_json value = {{"schema", kSchema},
                                        {"partner", closing.partner.text()},
                                        {"month", closing.month.text()},
                                        {"bill", closing.bill.text()},
                                        {"prices", closing.prices.text()},
                                        {"rows", closing.head.sequence},
                                        {"head", closing.head.hash.text()},
                                        {"previous", closing.previous.text()},
                                        {"closed_at", format_time_micro(closing.closed_at)}};
  return trust::sign_compact(cluster_key, kClosingType, value.dump());
}

Result<Closing> read_closing(std::string_view text, const SigningKeyId& cluster_key) {
  ASSIGN_OR_RETURN(const trust::SignedPayload opened, trust::open_compact(text, kClosingType));
  if (opened.signers.front() != cluster_key) {
    return fail(ErrorKind::kRefused, "closing: signed by another key than the cluster's");
  }
  ASSIGN_OR_RETURN(const nlohmann::json value, trust::parse_payload(opened.payload, kSchema));
  trust::Fields fields(
      value, kSchema,
      {"schema", "partner", "month", "bill", "prices", "rows", "head", "previous", "closed_at"});
  Closing closing;
  closing.partner = fields.id<PartnerId>("partner");
  const auto month = billing::Month::parse(fields.text("month", 7));
  if (!month) fields.reject("month", "must be a month as YYYY-MM");
  closing.month = month.value_or(billing::Month{});
  closing.bill = fields.id<Sha256>("bill");
  closing.prices = fields.id<Sha256>("prices");
  closing.head.sequence = fields.number("rows", 0, std::uint64_t{1} << 53U);
  closing.head.hash = fields.id<Sha256>("head");
  closing.previous = fields.id<Sha256>("previous");
  closing.closed_at = fields.time("closed_at");
  TRY(fields.finish());
  return closing;
}

}  // namespace obhut::cluster
