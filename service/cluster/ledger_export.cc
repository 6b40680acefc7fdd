#include "service/cluster/ledger_export.h"

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/crypto/digest.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "service/billing/json_reader.h"
#include "service/cluster/bills.h"
#include "service/cluster/ledger_store.h"

namespace obhut::cluster {
namespace {

constexpr std::size_t kPage = 10'000;
constexpr std::uint32_t kMode = 0644;

std::string line_of(const LedgerEntry& row) {
  return R"({"number":)" + std::to_string(row.number) + R"(,"received":")" +
         format_time_micro(row.received) + R"(","previous":")" + row.previous.text() +
         R"(","hash":")" + row.hash.text() + R"(","event":)" + billing::json_string(row.event) +
         "}\n";
}

Result<void> export_rows(sql::Database& database, const PartnerId& partner,
                         const billing::LedgerHead& head, const std::string& path) {
  ASSIGN_OR_RETURN(platform::AtomicFile file, platform::AtomicFile::create(path, kMode));
  std::uint64_t after = 0;
  while (after < head.sequence) {
    const std::size_t page = std::min<std::uint64_t>(kPage, head.sequence - after);
    ASSIGN_OR_RETURN(const std::vector<LedgerEntry> rows, database.read([&](sql::Session& session) {
      return read_ledger(session, partner, after, page);
    }));
    if (rows.empty()) return fail(ErrorKind::kCorrupt, "the ledger ends before its own end");
    std::string lines;
    for (const LedgerEntry& row : rows) lines += line_of(row);
    TRY(file.write(as_bytes(lines)));
    after = rows.back().number;
  }
  return file.commit();
}

/// What devices signed for levels that nobody else measured.
Result<void> export_measurements(sql::Database& database, const PartnerId& partner,
                                 const std::string& path) {
  ASSIGN_OR_RETURN(platform::AtomicFile file, platform::AtomicFile::create(path, kMode));
  std::string after;
  while (true) {
    ASSIGN_OR_RETURN(const sql::Rows rows, database.read([&](sql::Session& session) {
      return session.query(
          "SELECT measurements.event_id, measurements.document FROM measurements JOIN ledger"
          " ON ledger.partner = :partner AND ledger.event_id = measurements.event_id"
          " WHERE measurements.event_id > :after ORDER BY measurements.event_id LIMIT :limit",
          {{"partner", partner}, {"after", after}, {"limit", kPage}});
    }));
    std::string lines;
    for (const sql::Row& row : rows) {
      lines += R"({"event":)" + billing::json_string(row.text(0)) + R"(,"document":)" +
               billing::json_string(row.text(1)) + "}\n";
    }
    TRY(file.write(as_bytes(lines)));
    if (rows.size() < kPage) return file.commit();
    after = rows.back().text(0);
  }
}

Result<void> write(const std::string& folder, const std::string& name, std::string_view text) {
  return platform::write_file(platform::join(folder, name), as_bytes(text), kMode);
}

struct Documents {
  std::string newest_prices;  ///< hash; zeros where there are none
  sql::Rows prices;           ///< hash, document
  std::vector<ClosedMonth> months;
};

}  // namespace

Result<void> export_ledger(sql::Database& database, const PartnerId& partner,
                           const SigningKeyId& cluster_key, Instant now,
                           const std::string& folder) {
  if (platform::exists(folder)) {
    return fail(ErrorKind::kConflict, printable(folder) + ": is there already; name a new folder");
  }
  ASSIGN_OR_RETURN(const billing::LedgerHead head, chain_rows(database, partner));
  ASSIGN_OR_RETURN(
      const Documents documents, database.read([&](sql::Session& session) -> Result<Documents> {
        ASSIGN_OR_RETURN(sql::Rows prices, session.query("SELECT hash, document FROM price_lists"
                                                         " WHERE partner = :partner",
                                                         {{"partner", partner}}));
        ASSIGN_OR_RETURN(std::vector<ClosedMonth> months, closed_months(session, partner));
        ASSIGN_OR_RETURN(const std::optional<sql::Row> newest,
                         session.query_one("SELECT prices FROM partners WHERE id = :partner",
                                           {{"partner", partner}}));
        const bool any = newest && !newest->text(0).empty();
        const Sha256 hash = any ? crypto::sha256(as_bytes(newest->text(0))) : Sha256{};
        return Documents{hash.text(), std::move(prices), std::move(months)};
      }));
  for (const char* part : {"", "prices", "bills", "closings"}) {
    TRY(platform::make_directories(platform::join(folder, part), 0755));
  }
  TRY(export_rows(database, partner, head, platform::join(folder, "ledger.jsonl")));
  TRY(export_measurements(database, partner, platform::join(folder, "measurements.jsonl")));
  for (const sql::Row& row : documents.prices) {
    TRY(write(folder, "prices/" + row.text(0) + ".json", row.text(1)));
  }
  for (const ClosedMonth& month : documents.months) {
    TRY(write(folder, "bills/" + month.month.text() + ".json", month.bill));
    TRY(write(folder, "closings/" + month.month.text() + ".jws", month.closing));
  }
  const nlohmann::ordered_json about = {{"schema", "obhut.ledger-export/1"},
                                        {"partner", partner.text()},
                                        {"provider_key", cluster_key.text()},
                                        {"made_at", format_time_micro(now)},
                                        {"prices", documents.newest_prices},
                                        {"rows", head.sequence},
                                        {"head", head.hash.text()}};
  // Last: an export that was cut off has none.
  return write(folder, "export.json", about.dump() + "\n");
}

}  // namespace obhut::cluster
