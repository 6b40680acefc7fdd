#include "service/cluster/sql/migrations.h"

#include <array>

namespace obhut::cluster::sql {
namespace {

// Types that SQLite and PostgreSQL both know. Instants are microseconds since 1970, ids are hex.
constexpr std::array kFirst = std::to_array<std::string_view>({
    "CREATE TABLE partners (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " currency TEXT NOT NULL, trust TEXT NOT NULL, prices TEXT NOT NULL DEFAULT '',"
    " created BIGINT NOT NULL)",

    "CREATE TABLE people (id TEXT NOT NULL PRIMARY KEY, partner TEXT REFERENCES partners (id),"
    " email TEXT NOT NULL UNIQUE, role TEXT NOT NULL, password TEXT NOT NULL,"
    " created BIGINT NOT NULL)",

    "CREATE TABLE sessions (token TEXT NOT NULL PRIMARY KEY,"
    " person TEXT NOT NULL REFERENCES people (id), created BIGINT NOT NULL,"
    " expires BIGINT NOT NULL)",

    "CREATE TABLE login_failures (subject TEXT NOT NULL PRIMARY KEY, failures BIGINT NOT NULL,"
    " last BIGINT NOT NULL)",

    "CREATE TABLE customers (id TEXT NOT NULL PRIMARY KEY,"
    " partner TEXT NOT NULL REFERENCES partners (id), number TEXT NOT NULL,"
    " name TEXT NOT NULL, mode TEXT NOT NULL, created BIGINT NOT NULL, deleted BIGINT)",
    // A number may be used again after the customer was deleted.
    "CREATE UNIQUE INDEX customers_number ON customers (partner, number) WHERE deleted IS NULL",

    "CREATE TABLE tokens (hash TEXT NOT NULL PRIMARY KEY,"
    " customer TEXT NOT NULL REFERENCES customers (id), kind TEXT NOT NULL, uses BIGINT NOT NULL,"
    " used BIGINT NOT NULL DEFAULT 0, created BIGINT NOT NULL, expires BIGINT NOT NULL,"
    " registered BIGINT NOT NULL, revoked BIGINT)",
    "CREATE INDEX tokens_customer ON tokens (customer, hash)",

    // What is licensed: it outlives the devices (installations) that present it.
    "CREATE TABLE workloads (id TEXT NOT NULL PRIMARY KEY,"
    " customer TEXT NOT NULL REFERENCES customers (id), kind TEXT NOT NULL,"
    " hardware TEXT NOT NULL, activated BIGINT NOT NULL, clock TEXT NOT NULL, removed BIGINT)",
    "CREATE INDEX workloads_hardware ON workloads (customer, hardware)",

    "CREATE TABLE devices (id TEXT NOT NULL PRIMARY KEY,"
    " customer TEXT NOT NULL REFERENCES customers (id),"
    " workload TEXT NOT NULL REFERENCES workloads (id), signing_key TEXT NOT NULL UNIQUE,"
    " kind TEXT NOT NULL, token TEXT NOT NULL, activation TEXT NOT NULL, receipt TEXT NOT NULL,"
    " enrolled BIGINT NOT NULL, last_seen BIGINT NOT NULL, superseded BIGINT, removed BIGINT)",
    "CREATE INDEX devices_customer ON devices (customer, id)",
    "CREATE INDEX devices_workload ON devices (workload)",

    // Nonces that were used, until they would have expired anyway.
    "CREATE TABLE nonces (nonce TEXT NOT NULL PRIMARY KEY, expires BIGINT NOT NULL)",

    // `target` is a device's or a customer's id; `gate` is PlanGate::state().
    "CREATE TABLE plan_gates (target TEXT NOT NULL PRIMARY KEY,"
    " customer TEXT NOT NULL REFERENCES customers (id), version BIGINT NOT NULL,"
    " document TEXT NOT NULL, gate TEXT NOT NULL, received BIGINT NOT NULL)",

    "CREATE TABLE vaults (id TEXT NOT NULL PRIMARY KEY,"
    " device TEXT NOT NULL REFERENCES devices (id),"
    " customer TEXT NOT NULL REFERENCES customers (id), created BIGINT NOT NULL,"
    " head_sequence BIGINT NOT NULL DEFAULT 0, head_hash TEXT NOT NULL DEFAULT '',"
    " level BIGINT NOT NULL DEFAULT 0, recoverable BIGINT NOT NULL DEFAULT 0,"
    " hold BIGINT, hold_reason TEXT NOT NULL DEFAULT '')",
    "CREATE INDEX vaults_device ON vaults (device)",
    "CREATE INDEX vaults_customer ON vaults (customer)",

    // state: 'stored', 'condemned' (phase one), 'deleted' (phase two; the row stays as a memory).
    // needed: 1 where a kept point refers to it.
    "CREATE TABLE objects (vault TEXT NOT NULL REFERENCES vaults (id), kind TEXT NOT NULL,"
    " hash TEXT NOT NULL, size BIGINT NOT NULL, store_key TEXT NOT NULL, state TEXT NOT NULL,"
    " needed BIGINT NOT NULL DEFAULT 0, stored BIGINT NOT NULL, condemned BIGINT,"
    " scrubbed BIGINT NOT NULL DEFAULT 0, damaged BIGINT, PRIMARY KEY (vault, kind, hash))",
    "CREATE INDEX objects_state ON objects (state, needed, condemned)",
    "CREATE INDEX objects_scrubbed ON objects (scrubbed)",
    "CREATE INDEX objects_store_key ON objects (store_key)",

    // Tickets that were handed out and not yet used.
    "CREATE TABLE uploads (store_key TEXT NOT NULL PRIMARY KEY,"
    " vault TEXT NOT NULL REFERENCES vaults (id), kind TEXT NOT NULL, hash TEXT NOT NULL,"
    " size BIGINT NOT NULL, expires BIGINT NOT NULL)",
    "CREATE INDEX uploads_expires ON uploads (expires)",
    "CREATE INDEX uploads_vault ON uploads (vault, expires)",

    // state: 'kept', 'dropped' (by retention or the partner), 'gone' (its bytes too).
    "CREATE TABLE heads (vault TEXT NOT NULL REFERENCES vaults (id), sequence BIGINT NOT NULL,"
    " hash TEXT NOT NULL, size BIGINT NOT NULL, store_key TEXT NOT NULL, previous TEXT NOT NULL,"
    " device TEXT NOT NULL, created BIGINT NOT NULL, received BIGINT NOT NULL,"
    " receipt TEXT NOT NULL, plan TEXT NOT NULL, is_full BIGINT NOT NULL, state TEXT NOT NULL,"
    " new_bytes BIGINT NOT NULL, total_bytes BIGINT NOT NULL, dropped BIGINT,"
    " locked_until BIGINT NOT NULL, PRIMARY KEY (vault, sequence), UNIQUE (vault, hash))",

    // The object is referred to by the heads from `first_head` up to, but not including, `until`.
    "CREATE TABLE needs (vault TEXT NOT NULL, kind TEXT NOT NULL, hash TEXT NOT NULL,"
    " first_head BIGINT NOT NULL, until BIGINT, PRIMARY KEY (vault, kind, hash, first_head))",
    "CREATE INDEX needs_open ON needs (vault, until)",

    // Keys to be removed from the object store from `due` on: written with the fact, carried out
    // after it.
    "CREATE TABLE doomed (store_key TEXT NOT NULL PRIMARY KEY, due BIGINT NOT NULL)",
    "CREATE INDEX doomed_due ON doomed (due)",

    "CREATE TABLE activities (device TEXT NOT NULL REFERENCES devices (id), id TEXT NOT NULL,"
    " kind TEXT NOT NULL, started BIGINT NOT NULL, finished BIGINT, outcome TEXT NOT NULL,"
    " counts TEXT NOT NULL, received BIGINT NOT NULL, PRIMARY KEY (device, id))",
    "CREATE INDEX activities_started ON activities (device, started)",

    "CREATE TABLE alerts (device TEXT NOT NULL REFERENCES devices (id), id TEXT NOT NULL,"
    " code TEXT NOT NULL, severity TEXT NOT NULL, since BIGINT NOT NULL, cleared BIGINT,"
    " raised_by TEXT NOT NULL, received BIGINT NOT NULL, PRIMARY KEY (device, id))",

    // Append-only; service/billing/FORMAT.md says what the hashes cover.
    "CREATE TABLE ledger (partner TEXT NOT NULL REFERENCES partners (id), number BIGINT NOT NULL,"
    " event_id TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL, event TEXT NOT NULL,"
    " received BIGINT NOT NULL, PRIMARY KEY (partner, number), UNIQUE (partner, event_id))",

    "CREATE TABLE settings (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)",

    "CREATE TABLE idempotency (subject TEXT NOT NULL PRIMARY KEY, request TEXT NOT NULL,"
    " status BIGINT NOT NULL, content_type TEXT NOT NULL, body TEXT NOT NULL,"
    " created BIGINT NOT NULL)",
    "CREATE INDEX idempotency_created ON idempotency (created)",
});

// A device takes the place of a lost one: what the token said, who came after whom, and who had a
// vault before (told apart from who never had it).
constexpr std::array kSuccession = std::to_array<std::string_view>({
    "ALTER TABLE tokens ADD COLUMN replaces TEXT",
    "ALTER TABLE devices ADD COLUMN replaced_by TEXT",
    "CREATE TABLE vault_transfers (vault TEXT NOT NULL REFERENCES vaults (id),"
    " device TEXT NOT NULL REFERENCES devices (id), taken BIGINT NOT NULL,"
    " PRIMARY KEY (vault, device))",
});

// Whoever causes an event writes its row; one sequencer gives rows their numbers and chains them,
// so that writers do not wait for each other. Months that were closed, and what they were rated
// with.
constexpr std::array kMetering = std::to_array<std::string_view>({
    // Append-only; service/billing/FORMAT.md says what the hashes cover. number, previous and hash
    // are NULL until the row is in the chain.
    "CREATE TABLE ledger_rows (partner TEXT NOT NULL REFERENCES partners (id),"
    " event_id TEXT NOT NULL, number BIGINT, previous TEXT, hash TEXT, event TEXT NOT NULL,"
    " received BIGINT NOT NULL, PRIMARY KEY (partner, event_id), UNIQUE (partner, number))",
    "INSERT INTO ledger_rows (partner, event_id, number, previous, hash, event, received)"
    " SELECT partner, event_id, number, previous, hash, event, received FROM ledger",
    "DROP TABLE ledger",
    "ALTER TABLE ledger_rows RENAME TO ledger",
    "CREATE INDEX ledger_unchained ON ledger (partner, received) WHERE number IS NULL",

    "CREATE TABLE price_lists (partner TEXT NOT NULL REFERENCES partners (id),"
    " hash TEXT NOT NULL, document TEXT NOT NULL, set_at BIGINT NOT NULL,"
    " PRIMARY KEY (partner, hash))",

    // `closing` is the provider's signature over month, bill, prices and the chain's head.
    "CREATE TABLE closed_months (partner TEXT NOT NULL REFERENCES partners (id),"
    " month TEXT NOT NULL, bill TEXT NOT NULL, prices TEXT NOT NULL, rows_rated BIGINT NOT NULL,"
    " head TEXT NOT NULL, closing TEXT NOT NULL, closed BIGINT NOT NULL,"
    " PRIMARY KEY (partner, month))",
});

// What vaults held when, by vault, for the receipts that devices get of each day. It begins here:
// earlier levels are in the ledger alone.
constexpr std::array kLevels = std::to_array<std::string_view>({
    "CREATE TABLE levels (vault TEXT NOT NULL REFERENCES vaults (id), location TEXT NOT NULL,"
    " at BIGINT NOT NULL, event_id TEXT NOT NULL, bytes BIGINT NOT NULL, subject TEXT NOT NULL,"
    " PRIMARY KEY (vault, location, at, event_id))",

    "CREATE TABLE storage_receipts (vault TEXT NOT NULL REFERENCES vaults (id),"
    " location TEXT NOT NULL, day TEXT NOT NULL, receipt TEXT NOT NULL,"
    " PRIMARY KEY (vault, location, day))",
});

// What is metered beside commits: vaults at the customer, which their devices measure; limits;
// heads that the store lost; and machines that present one identity.
constexpr std::array kMeasured = std::to_array<std::string_view>({
    "ALTER TABLE heads ADD COLUMN damaged BIGINT",
    "ALTER TABLE vaults ADD COLUMN location TEXT NOT NULL DEFAULT 'provider'",
    // The signed statements behind the levels of local vaults.
    "CREATE TABLE measurements (vault TEXT NOT NULL REFERENCES vaults (id),"
    " device TEXT NOT NULL REFERENCES devices (id), number BIGINT NOT NULL,"
    " event_id TEXT NOT NULL, document TEXT NOT NULL, received BIGINT NOT NULL,"
    " PRIMARY KEY (vault, device, number))",

    // `subject` is a customer's or a vault's id.
    "CREATE TABLE quotas (subject TEXT NOT NULL PRIMARY KEY, soft BIGINT, hard BIGINT)",
    // What was uploaded and is in no point yet counts towards a limit.
    "CREATE INDEX objects_unneeded ON objects (vault) WHERE needed = 0",

    // The process that a device was heard from last; all that present its identity; and how often
    // one of them came back after another since `returns_since`.
    "ALTER TABLE devices ADD COLUMN instance TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE devices ADD COLUMN returns BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE devices ADD COLUMN returns_since BIGINT NOT NULL DEFAULT 0",
    "CREATE TABLE instances (device TEXT NOT NULL REFERENCES devices (id), instance TEXT NOT NULL,"
    " last_seen BIGINT NOT NULL, PRIMARY KEY (device, instance))",
    "ALTER TABLE heads ADD COLUMN instance TEXT NOT NULL DEFAULT ''",
    // The licence of a second machine that presents this device's identity.
    "ALTER TABLE devices ADD COLUMN clone TEXT REFERENCES workloads (id)",
});

// What partners are told by webhook, and what of it must be known before.
constexpr std::array kWebhooks = std::to_array<std::string_view>({
    // `events` are words. A hook's secret is derived from its id and stored nowhere.
    "CREATE TABLE webhooks (id TEXT NOT NULL PRIMARY KEY,"
    " partner TEXT NOT NULL REFERENCES partners (id), url TEXT NOT NULL, events TEXT NOT NULL,"
    " threshold_bytes BIGINT NOT NULL, created BIGINT NOT NULL, disabled BIGINT)",
    "CREATE INDEX webhooks_partner ON webhooks (partner, created)",

    // next_attempt: when it is to be sent, or may be sent again if whoever sends it now is gone;
    // NULL where nothing more is to be done. asked: since when it is tried.
    "CREATE TABLE webhook_deliveries (id TEXT NOT NULL PRIMARY KEY,"
    " webhook TEXT NOT NULL REFERENCES webhooks (id), type TEXT NOT NULL,"
    " event_id TEXT NOT NULL, body TEXT NOT NULL, created BIGINT NOT NULL,"
    " asked BIGINT NOT NULL, attempts BIGINT NOT NULL DEFAULT 0, next_attempt BIGINT,"
    " delivered BIGINT, given_up BIGINT, last_error TEXT NOT NULL DEFAULT '',"
    " UNIQUE (webhook, event_id))",
    "CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook, next_attempt)"
    " WHERE next_attempt IS NOT NULL",
    "CREATE INDEX webhook_deliveries_created ON webhook_deliveries (webhook, created)",

    // Levels that are to be added up, and what was: the newest of each vault at a location.
    "CREATE TABLE level_changes (vault TEXT NOT NULL REFERENCES vaults (id),"
    " location TEXT NOT NULL, at BIGINT NOT NULL, event_id TEXT NOT NULL,"
    " customer TEXT NOT NULL REFERENCES customers (id), bytes BIGINT NOT NULL,"
    " PRIMARY KEY (vault, location, at, event_id))",
    "CREATE TABLE stored_levels (customer TEXT NOT NULL REFERENCES customers (id),"
    " location TEXT NOT NULL, vault TEXT NOT NULL REFERENCES vaults (id), bytes BIGINT NOT NULL,"
    " at BIGINT NOT NULL, PRIMARY KEY (customer, location, vault))",
    "INSERT INTO stored_levels (customer, location, vault, bytes, at)"
    " SELECT customer, location, id, level, created FROM vaults WHERE level > 0",
    // A customer's highest sum at a location in a month, from this step on.
    "CREATE TABLE month_peaks (customer TEXT NOT NULL REFERENCES customers (id),"
    " location TEXT NOT NULL, month TEXT NOT NULL, bytes BIGINT NOT NULL, at BIGINT NOT NULL,"
    " PRIMARY KEY (customer, location, month))",
    // What the next maximum is measured against: the last one that the hook was told of.
    "CREATE TABLE webhook_maxima (webhook TEXT NOT NULL REFERENCES webhooks (id),"
    " customer TEXT NOT NULL REFERENCES customers (id), location TEXT NOT NULL,"
    " month TEXT NOT NULL, bytes BIGINT NOT NULL, PRIMARY KEY (webhook, customer, location))",

    // Trials that are free and have not been seen to end. A number that was used before has none.
    "CREATE TABLE open_trials (customer TEXT NOT NULL PRIMARY KEY REFERENCES customers (id),"
    " started BIGINT NOT NULL)",
    "INSERT INTO open_trials (customer, started) SELECT customers.id, ledger.received"
    " FROM customers JOIN ledger ON ledger.partner = customers.partner"
    " AND ledger.event_id = 'trial-started-' || customers.id WHERE NOT EXISTS"
    " (SELECT 1 FROM customers AS before WHERE before.partner = customers.partner"
    " AND before.number = customers.number AND before.created < customers.created)",
});

// Restore grants, what was guessed of their codes, and what was done by them.
constexpr std::array kGrants = std::to_array<std::string_view>({
    "CREATE TABLE grants (id TEXT NOT NULL PRIMARY KEY,"
    " device TEXT NOT NULL REFERENCES devices (id), document TEXT NOT NULL,"
    " expires BIGINT NOT NULL, received BIGINT NOT NULL, fetched BIGINT, revoked BIGINT)",
    "CREATE INDEX grants_device ON grants (device, received)",
    "CREATE TABLE grant_guesses (device TEXT NOT NULL PRIMARY KEY REFERENCES devices (id),"
    " wrong BIGINT NOT NULL, since BIGINT NOT NULL)",
    "ALTER TABLE activities ADD COLUMN grant_use TEXT NOT NULL DEFAULT ''",
});

// Who holds a recovery key reads its vault without a device: by the key that comes of it.
constexpr std::array kRecoveryAccess = std::to_array<std::string_view>({
    "CREATE TABLE recovery_access (reader TEXT NOT NULL PRIMARY KEY, signing_key TEXT NOT NULL,"
    " vault TEXT NOT NULL REFERENCES vaults (id), registered BIGINT NOT NULL)",
});

// Newer versions of the agent: roots, releases, and the packages that they name.
constexpr std::array kReleases = std::to_array<std::string_view>({
    "CREATE TABLE release_roots (version BIGINT NOT NULL PRIMARY KEY, document TEXT NOT NULL,"
    " received BIGINT NOT NULL)",
    "CREATE TABLE releases (serial BIGINT NOT NULL PRIMARY KEY, hash TEXT NOT NULL,"
    " document TEXT NOT NULL, received BIGINT NOT NULL)",
    "CREATE TABLE release_packages (sha256 TEXT NOT NULL PRIMARY KEY, size BIGINT NOT NULL,"
    " store_key TEXT NOT NULL, received BIGINT NOT NULL)",
});

constexpr std::array kSteps = std::to_array<Migration>({{1, kFirst},
                                                        {2, kSuccession},
                                                        {3, kMetering},
                                                        {4, kLevels},
                                                        {5, kMeasured},
                                                        {6, kWebhooks},
                                                        {7, kGrants},
                                                        {8, kRecoveryAccess},
                                                        {9, kReleases}});

}  // namespace

std::span<const Migration> migrations() {
  return kSteps;
}

}  // namespace obhut::cluster::sql
