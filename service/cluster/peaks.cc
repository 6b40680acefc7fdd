#include "service/cluster/peaks.h"

#include <algorithm>

namespace obhut::cluster {

Result<Peak> note_peak(sql::Session& session, const CustomerId& customer,
                       billing::Location location, billing::Month month, std::uint64_t sum_before,
                       std::uint64_t sum, Instant now) {
  const sql::Params key = {
      {"customer", customer}, {"location", billing::to_string(location)}, {"month", month.text()}};
  ASSIGN_OR_RETURN(const std::optional<sql::Row> known,
                   session.query_one("SELECT bytes FROM month_peaks WHERE customer = :customer"
                                     " AND location = :location AND month = :month",
                                     key));
  const std::uint64_t before = known ? known->count(0) : sum_before;
  const Peak peak{sum > before, before};
  if (known && !peak.is_new) return peak;
  sql::Params row = key;
  row.emplace_back("bytes", std::max(sum, before));
  row.emplace_back("at", now);
  TRY(
      session.exec("INSERT INTO month_peaks (customer, location, month, bytes, at)"
                   " VALUES (:customer, :location, :month, :bytes, :at)"
                   " ON CONFLICT (customer, location, month)"
                   " DO UPDATE SET bytes = excluded.bytes, at = excluded.at",
                   row));
  return peak;
}

}  // namespace obhut::cluster
