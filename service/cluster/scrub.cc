#include "service/cluster/scrub.h"

#include "agent/crypto/digest.h"
#include "service/cluster/levels.h"
#include "service/cluster/vaults.h"

namespace obhut::cluster {
namespace {

constexpr std::size_t kBatch = 200;
constexpr std::size_t kBlock = std::size_t{1} << 20U;

/// The hash of what lies under `key`. Errors: kNotFound, kCorrupt for a wrong size.
Result<Sha256> hash_of(objects::ObjectStore& store, const std::string& key, std::uint64_t size) {
  ASSIGN_OR_RETURN(const std::optional<std::uint64_t> found, store.size_of(key));
  if (!found) return fail(ErrorKind::kNotFound, "missing");
  if (*found != size) return fail(ErrorKind::kCorrupt, "wrong size");
  ASSIGN_OR_RETURN(const std::unique_ptr<objects::ObjectReader> reader, store.open(key, {0, size}));
  crypto::Sha256Stream digest;
  Bytes block(kBlock);
  while (true) {
    ASSIGN_OR_RETURN(const std::size_t n, reader->read(block));
    if (n == 0) return digest.finish();
    digest.update(ByteView(block).first(n));
  }
}

}  // namespace

Answer<bool> Scrub::check(const sql::Row& row, ScrubReport& report) {
  const Sha256 want = row.id<Sha256>(2);
  const Result<Sha256> hash = hash_of(store_, row.text(3), row.count(4));
  // A medium that does not answer proves no damage.
  if (!hash && hash.error().kind != ErrorKind::kNotFound &&
      hash.error().kind != ErrorKind::kCorrupt) {
    return std::unexpected(Refusal(hash.error()));
  }
  const bool good = hash && *hash == want;
  const Instant now = clock_.now();
  ++report.objects;
  report.bytes += row.count(4);
  return database_.write([&](sql::Session& session) -> Answer<bool> {
    // Only where it is still the copy that was read: it may have been deleted or replaced.
    const sql::Params copy{{"now", now}, {"key", row.text(3)}};
    if (good) {
      TRY(session.exec("UPDATE objects SET scrubbed = :now WHERE store_key = :key", copy));
      return true;
    }
    ASSIGN_OR_RETURN(const std::uint64_t marked,
                     session.exec("UPDATE objects SET scrubbed = :now, damaged = :now"
                                  " WHERE store_key = :key AND state <> 'deleted'",
                                  copy));
    if (marked == 0) return true;
    ++report.damaged;
    log_.error("stored object is damaged", field("key", row.text(3)),
               field("error", hash ? "sha-256 differs" : hash.error().message));
    ASSIGN_OR_RETURN(const Vault vault, find_vault(session, row.id<VaultId>(0)));
    TRY(raise_alert(session, vault.device, "object-damaged", "critical", now));
    TRY(settle_level(session, vault, "object-damaged", now));
    return false;
  });
}

Answer<ScrubReport> Scrub::run(std::uint64_t limit, std::stop_token stop) {
  ScrubReport report;
  const Instant begin = clock_.now();
  while (report.objects < limit && !stop.stop_requested()) {
    const auto rows = database_.read([&](sql::Session& session) {
      return session.query(
          "SELECT vault, kind, hash, store_key, size FROM objects"
          " WHERE state <> 'deleted' AND damaged IS NULL AND scrubbed < :begin"
          " ORDER BY scrubbed LIMIT :limit",
          {{"begin", begin}, {"limit", std::min<std::uint64_t>(kBatch, limit - report.objects)}});
    });
    if (!rows) return std::unexpected(Refusal(rows.error()));
    if (rows->empty()) break;
    for (const sql::Row& row : *rows) {
      if (stop.stop_requested()) break;
      TRY(check(row, report));
    }
  }
  return report;
}

}  // namespace obhut::cluster
