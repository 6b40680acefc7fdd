#include "service/cluster/grants.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"
#include "agent/crypto/kdf.h"
#include "service/cluster/tenants.h"

namespace obhut::cluster {
namespace {

using nlohmann::json;

// Crockford's base32: none of its symbols is taken for another when it is read out.
constexpr std::string_view kSymbols = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kCodeBytes = 5;
constexpr std::size_t kCodeSymbols = 8;
constexpr std::chrono::hours kWindow{1};
constexpr std::string_view kGuessing = "grant-code-guessing";

std::string code_text(ByteView bytes) {
  std::uint64_t bits = 0;
  for (const std::uint8_t byte : bytes) bits = bits << 8U | byte;
  std::string text;
  for (std::size_t at = kCodeSymbols; at-- > 0;) text += kSymbols[bits >> (5 * at) & 31U];
  return text;
}

/// What a person typed, as code_text() spells it.
std::string typed_code(std::string_view text) {
  std::string code;
  for (char c : text.substr(0, 64)) {
    if (c == '-' || c == ' ') continue;
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == 'O') c = '0';
    if (c == 'I' || c == 'L') c = '1';
    code += c;
  }
  return code;
}

constexpr std::string_view kColumns =
    "SELECT document, received, fetched, revoked FROM grants WHERE ";

Answer<PublishedGrant> grant_of(const sql::Row& row) {
  ASSIGN_OR_RETURN(trust::SignedGrant read, trust::read_grant(row.text(0)));
  return PublishedGrant{std::move(read.grant), read.signer,          row.text(0),
                        row.instant(1),        row.maybe_instant(2), row.maybe_instant(3)};
}

Answer<std::optional<PublishedGrant>> find_grant(sql::Session& session, const trust::GrantId& id) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                   session.query_one(std::string(kColumns) + "id = :id", {{"id", id}}));
  if (!row) return std::optional<PublishedGrant>{};
  ASSIGN_OR_RETURN(PublishedGrant found, grant_of(*row));
  return std::optional(std::move(found));
}

/// How often it may still be wrong. Errors: 429 where it may not.
Answer<std::int64_t> wrong_codes(sql::Session& session, const DeviceId& device, Instant now) {
  ASSIGN_OR_RETURN(
      const std::optional<sql::Row> row,
      session.query_one("SELECT wrong, since FROM grant_guesses WHERE device = :device",
                        {{"device", device}}));
  if (!row || now >= row->instant(1) + kWindow) {
    TRY(
        session.exec("INSERT INTO grant_guesses (device, wrong, since) VALUES (:device, 0, :now)"
                     " ON CONFLICT (device) DO UPDATE SET wrong = 0, since = excluded.since",
                     {{"device", device}, {"now", now}}));
    return std::int64_t{0};
  }
  if (row->integer(0) < Grants::kGuesses) return row->integer(0);
  Refusal refusal(429, "too-many-attempts", "too many wrong codes from this device; wait");
  refusal.retry_after =
      std::chrono::ceil<std::chrono::seconds>(row->instant(1) + kWindow - now).count();
  return std::unexpected(std::move(refusal));
}

Answer<void> count_wrong(sql::Session& session, const DeviceId& device, std::int64_t before,
                         Instant now) {
  TRY(session.exec("UPDATE grant_guesses SET wrong = :wrong WHERE device = :device",
                   {{"wrong", before + 1}, {"device", device}}));
  if (before + 1 >= Grants::kGuesses) {
    TRY(raise_alert(session, device, kGuessing, "warning", now));
  }
  return {};
}

bool is_account_id(std::string_view text) {
  std::string_view digits;
  if (text.starts_with("uid:")) digits = text.substr(4);
  if (text.starts_with("S-1-")) digits = text.substr(4);
  return !digits.empty() && text.size() <= 190 &&
         digits.find_first_not_of("0123456789-") == std::string_view::npos;
}

}  // namespace

std::string Grants::code_of(const trust::GrantId& id) const {
  const crypto::SecretBytes bits =
      crypto::hkdf_sha256(secret_.view(), as_bytes("grant-code"), as_bytes(id.text()), kCodeBytes);
  return code_text(bits.view());
}

Answer<PublishedGrant> Grants::publish(const Device& device, std::string_view document) {
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<PublishedGrant> {
    if (device.removed) return not_found("device");
    ASSIGN_OR_RETURN(trust::SignedGrant read, trust::read_grant(document));
    ASSIGN_OR_RETURN(std::optional<PublishedGrant> known, find_grant(session, read.grant.id));
    if (known) {
      if (known->document != document || known->grant.device != device.id) {
        return refuse(409, "conflict", "another grant has this id already");
      }
      known->repeated = true;
    } else {
      ASSIGN_OR_RETURN(const trust::TrustChain chain, load_trust(session, device.partner));
      TRY(trust::verify_grant(document, chain, device.id, now));
      TRY(
          session.exec("INSERT INTO grants (id, device, document, expires, received)"
                       " VALUES (:id, :device, :document, :expires, :received)",
                       {{"id", read.grant.id},
                        {"device", device.id},
                        {"document", document},
                        {"expires", read.grant.expires},
                        {"received", now}}));
      known = PublishedGrant{std::move(read.grant), read.signer, std::string(document), now,
                             std::nullopt,          std::nullopt};
    }
    const bool open = !known->fetched && !known->revoked && now < known->grant.expires;
    if (open) known->code = code_of(known->grant.id).insert(4, "-");
    return std::move(*known);
  });
}

Answer<std::vector<PublishedGrant>> Grants::of_device(const DeviceId& device, Instant before,
                                                      std::size_t limit) {
  return database_.read([&](sql::Session& session) -> Answer<std::vector<PublishedGrant>> {
    ASSIGN_OR_RETURN(
        const sql::Rows rows,
        session.query(std::string(kColumns) + "device = :device AND received < :before"
                                              " ORDER BY received DESC, id LIMIT :limit",
                      {{"device", device}, {"before", before}, {"limit", limit}}));
    std::vector<PublishedGrant> grants;
    for (const sql::Row& row : rows) {
      ASSIGN_OR_RETURN(PublishedGrant grant, grant_of(row));
      grants.push_back(std::move(grant));
    }
    return grants;
  });
}

Answer<void> Grants::revoke(const DeviceId& device, const trust::GrantId& id) {
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<void> {
    ASSIGN_OR_RETURN(const std::uint64_t changed,
                     session.exec("UPDATE grants SET revoked = COALESCE(revoked, :now)"
                                  " WHERE id = :id AND device = :device",
                                  {{"now", now}, {"id", id}, {"device", device}}));
    if (changed == 0) return not_found("grant");
    return {};
  });
}

Answer<std::string> Grants::fetch(const Device& device, std::string_view code) {
  const Instant now = clock_.now();
  const std::string typed = typed_code(code);
  // A wrong code is counted and refused: what is refused inside would be rolled back.
  auto answer = database_.write_in_turn(
      "grant codes " + device.id.text(), [&](sql::Session& session) -> Answer<Answer<std::string>> {
        ASSIGN_OR_RETURN(const std::int64_t wrong, wrong_codes(session, device.id, now));
        ASSIGN_OR_RETURN(
            const sql::Rows rows,
            session.query(std::string(kColumns) + "device = :device AND expires > :now",
                          {{"device", device.id}, {"now", now}}));
        for (const sql::Row& row : rows) {
          ASSIGN_OR_RETURN(const PublishedGrant found, grant_of(row));
          if (!crypto::equal_in_constant_time(as_bytes(code_of(found.grant.id)), as_bytes(typed))) {
            continue;
          }
          if (found.revoked) {
            return Answer<std::string>(
                refuse(410, "grant-revoked", "the partner took this grant back"));
          }
          if (found.fetched) {
            return Answer<std::string>(refuse(
                410, "code-used", "this code was used already; ask the partner for another grant"));
          }
          TRY(session.exec("UPDATE grants SET fetched = :now WHERE id = :id",
                           {{"now", now}, {"id", found.grant.id}}));
          TRY(clear_alert(session, device.id, kGuessing, now));
          return Answer<std::string>(found.document);
        }
        TRY(count_wrong(session, device.id, wrong, now));
        return Answer<std::string>(
            refuse(404, "unknown-code", "no grant for this device has this code"));
      });
  if (!answer) return std::unexpected(std::move(answer).error());
  return std::move(*answer);
}

Answer<std::vector<trust::GrantId>> Grants::revoked(const DeviceId& device) {
  return database_.read([&](sql::Session& session) -> Answer<std::vector<trust::GrantId>> {
    ASSIGN_OR_RETURN(const sql::Rows rows,
                     session.query("SELECT id FROM grants WHERE device = :device"
                                   " AND revoked IS NOT NULL AND expires > :now ORDER BY id",
                                   {{"device", device}, {"now", clock_.now()}}));
    std::vector<trust::GrantId> ids;
    for (const sql::Row& row : rows) ids.push_back(row.id<trust::GrantId>(0));
    return ids;
  });
}

Answer<std::string> Grants::describe(const Device& device, const GrantUseReport& use) {
  ASSIGN_OR_RETURN(const trust::SignedGrant read, trust::read_grant(use.document));
  const trust::RestoreGrant& grant = read.grant;
  const bool is_ours = grant.device == device.id && grant.partner == device.partner;
  const std::vector<std::string> scope = trust::scope_texts(grant);
  const bool in_scope =
      std::ranges::all_of(use.paths, [&scope](std::uint64_t at) { return at < scope.size(); });
  const bool is_word = use.destination == "original" || use.destination == "folder" ||
                       use.destination == "elsewhere" || use.destination == "none";
  if (!is_ours || !in_scope || !is_word || !is_account_id(use.account)) {
    return refuse(422, "invalid-request", "the use of a grant is not one of this device");
  }
  ASSIGN_OR_RETURN(const trust::TrustChain chain,
                   database_.read([&](sql::Session& session) -> Answer<trust::TrustChain> {
                     return load_trust(session, device.partner);
                   }));
  json value = {
      {"id", grant.id.text()},  {"account", use.account}, {"destination", use.destination},
      {"scope", json::array()}, {"reason", ""},           {"signer", read.signer.text()}};
  // Of a key that the partner's list does not name any more, no word is believed; that a grant was
  // used is.
  if (chain.find(read.signer) != nullptr) {
    value["reason"] = grant.reason;
    if (grant.account) value["name"] = *grant.account;
    for (const std::uint64_t at : use.paths) value["scope"].push_back(scope[at]);
  }
  return value.dump();
}

}  // namespace obhut::cluster
