#include "service/cluster/releases.h"

#include <algorithm>

#include "agent/trust/fields.h"
#include "service/cluster/retention.h"

namespace obhut::cluster {
namespace {

Answer<std::optional<std::string>> newest_root(sql::Session& session) {
  ASSIGN_OR_RETURN(
      const std::optional<sql::Row> row,
      session.query_one("SELECT document FROM release_roots ORDER BY version DESC LIMIT 1"));
  return row ? std::optional(row->text(0)) : std::nullopt;
}

Answer<std::optional<std::string>> newest_release(sql::Session& session) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                   session.query_one("SELECT document FROM releases ORDER BY serial DESC LIMIT 1"));
  return row ? std::optional(row->text(0)) : std::nullopt;
}

Answer<std::optional<StoredPackage>> stored_package(sql::Session& session, const Sha256& hash) {
  ASSIGN_OR_RETURN(
      const std::optional<sql::Row> row,
      session.query_one("SELECT size, store_key FROM release_packages WHERE sha256 = :hash",
                        {{"hash", hash}}));
  if (!row) return std::optional<StoredPackage>{};
  return std::optional(StoredPackage{hash, row->count(0), row->text(1)});
}

Answer<void> require_packages(sql::Session& session, const trust::ReleaseManifest& manifest) {
  for (const trust::ReleasePackage& package : manifest.packages) {
    ASSIGN_OR_RETURN(const std::optional<StoredPackage> stored,
                     stored_package(session, package.sha256));
    if (stored && stored->size == package.size) continue;
    return refuse(422, "package-missing",
                  "upload the " + package.kind + " package of " + package.version.text() + " for " +
                      package.architecture + " first: " + package.sha256.text());
  }
  return {};
}

}  // namespace

Answer<Releases::Published> Releases::publish_root(std::string_view document) {
  const std::string text(trust::trimmed(document));
  return database_.write_in_turn("releases", [&](sql::Session& session) -> Answer<Published> {
    ASSIGN_OR_RETURN(const trust::SignedReleaseRoot read, trust::read_release_root(text));
    const std::uint64_t version = read.root.version;
    ASSIGN_OR_RETURN(
        const std::optional<sql::Row> known,
        session.query_one("SELECT document FROM release_roots WHERE version = :version",
                          {{"version", version}}));
    if (known) {
      if (known->text(0) == text) return Published{version, true};
      return refuse(409, "conflict", "another release root has this version already");
    }
    ASSIGN_OR_RETURN(const std::optional<std::string> before, newest_root(session));
    ASSIGN_OR_RETURN(trust::ReleaseTrust trust,
                     trust::ReleaseTrust::begin(before ? *before : text));
    if (before) TRY(trust.advance(text));
    TRY(
        session.exec("INSERT INTO release_roots (version, document, received)"
                     " VALUES (:version, :document, :now)",
                     {{"version", version}, {"document", text}, {"now", clock_.now()}}));
    return Published{version, false};
  });
}

Answer<Releases::Published> Releases::publish(std::string_view document) {
  const std::string text(trust::trimmed(document));
  const Instant now = clock_.now();
  return database_.write_in_turn("releases", [&](sql::Session& session) -> Answer<Published> {
    ASSIGN_OR_RETURN(const std::optional<std::string> root, newest_root(session));
    if (!root) return refuse(409, "conflict", "publish a release root first");
    ASSIGN_OR_RETURN(const trust::ReleaseTrust trust, trust::ReleaseTrust::begin(*root));
    trust::ReleaseMemory seen;
    ASSIGN_OR_RETURN(const std::optional<std::string> last, newest_release(session));
    if (last) {
      ASSIGN_OR_RETURN(const trust::SignedRelease read, trust::read_release(*last));
      seen = {read.manifest.serial, read.hash};
    }
    ASSIGN_OR_RETURN(const trust::SignedRelease release,
                     trust::verify_release(text, trust, seen, now));
    const std::uint64_t serial = release.manifest.serial;
    if (serial == seen.serial) return Published{serial, true};
    TRY(require_packages(session, release.manifest));
    TRY(session.exec(
        "INSERT INTO releases (serial, hash, document, received)"
        " VALUES (:serial, :hash, :document, :now)",
        {{"serial", serial}, {"hash", release.hash}, {"document", text}, {"now", now}}));
    return Published{serial, false};
  });
}

Answer<std::vector<std::string>> Releases::roots_after(std::uint64_t version) {
  return database_.read([&](sql::Session& session) -> Answer<std::vector<std::string>> {
    ASSIGN_OR_RETURN(const sql::Rows rows,
                     session.query("SELECT document FROM release_roots WHERE version > :version"
                                   " ORDER BY version LIMIT :limit",
                                   {{"version", version}, {"limit", kRoots}}));
    std::vector<std::string> documents;
    for (const sql::Row& row : rows) documents.push_back(row.text(0));
    return documents;
  });
}

Answer<std::string> Releases::newest() {
  ASSIGN_OR_RETURN(std::optional<std::string> document,
                   database_.read([](sql::Session& session) { return newest_release(session); }));
  if (!document) return not_found("release");
  return std::move(*document);
}

Answer<Releases::Overview> Releases::overview() {
  return database_.read([](sql::Session& session) -> Answer<Overview> {
    Overview all;
    ASSIGN_OR_RETURN(const std::optional<std::string> root, newest_root(session));
    if (root) {
      ASSIGN_OR_RETURN(trust::SignedReleaseRoot read, trust::read_release_root(*root));
      all.root = std::move(read.root);
    }
    ASSIGN_OR_RETURN(const std::optional<std::string> release, newest_release(session));
    if (release) {
      ASSIGN_OR_RETURN(trust::SignedRelease read, trust::read_release(*release));
      all.release = std::move(read.manifest);
    }
    ASSIGN_OR_RETURN(const sql::Rows rows,
                     session.query("SELECT sha256, size, store_key FROM release_packages"
                                   " ORDER BY received DESC, sha256 LIMIT 200"));
    for (const sql::Row& row : rows) {
      all.packages.push_back({row.id<Sha256>(0), row.count(1), row.text(2)});
    }
    return all;
  });
}

Answer<std::optional<StoredPackage>> Releases::find_package(const Sha256& hash) {
  return database_.read([&](sql::Session& session) { return stored_package(session, hash); });
}

Answer<void> Releases::keep_package(const StoredPackage& package) {
  return database_.write([&](sql::Session& session) -> Answer<void> {
    TRY(
        session.exec("INSERT INTO release_packages (sha256, size, store_key, received)"
                     " VALUES (:hash, :size, :key, :now) ON CONFLICT (sha256) DO NOTHING",
                     {{"hash", package.hash},
                      {"size", package.size},
                      {"key", package.key},
                      {"now", clock_.now()}}));
    return {};
  });
}

Answer<void> Releases::remove_package(const Sha256& hash) {
  const Instant now = clock_.now();
  return database_.write_in_turn("releases", [&](sql::Session& session) -> Answer<void> {
    ASSIGN_OR_RETURN(const std::optional<StoredPackage> stored, stored_package(session, hash));
    if (!stored) return not_found("package");
    ASSIGN_OR_RETURN(const std::optional<std::string> newest, newest_release(session));
    if (newest) {
      ASSIGN_OR_RETURN(const trust::SignedRelease release, trust::read_release(*newest));
      if (std::ranges::count(release.manifest.packages, hash, &trust::ReleasePackage::sha256) > 0) {
        return refuse(409, "package-offered",
                      "release " + std::to_string(release.manifest.serial) +
                          " offers this package: publish one without it first");
      }
    }
    TRY(session.exec("DELETE FROM release_packages WHERE sha256 = :hash", {{"hash", hash}}));
    TRY(doom(session, stored->key, now));
    return {};
  });
}

}  // namespace obhut::cluster
