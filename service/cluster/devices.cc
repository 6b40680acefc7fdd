#include "service/cluster/devices.h"

#include <algorithm>

#include "agent/base/codec.h"
#include "agent/base/text.h"
#include "agent/crypto/digest.h"
#include "agent/crypto/random.h"
#include "agent/trust/assertion.h"
#include "agent/trust/receipt.h"
#include "agent/trust/token.h"
#include "service/cluster/clones.h"
#include "service/cluster/licences.h"
#include "service/cluster/succession.h"
#include "service/cluster/tenants.h"

namespace obhut::cluster {
namespace {

constexpr std::chrono::minutes kSeenEvery{5};
constexpr std::string_view kAccessMark = "obd2.";

constexpr std::string_view kDeviceColumns =
    "SELECT devices.id, devices.customer, customers.partner, devices.workload,"
    " devices.signing_key, devices.kind, devices.enrolled, devices.last_seen,"
    " workloads.activated, workloads.clock, devices.superseded, devices.removed,"
    " devices.replaced_by, devices.instance, devices.clone FROM devices"
    " JOIN customers ON customers.id = devices.customer"
    " JOIN workloads ON workloads.id = devices.workload ";

Device device_of(const sql::Row& row) {
  Device device;
  device.id = row.id<DeviceId>(0);
  device.customer = row.id<CustomerId>(1);
  device.partner = row.id<PartnerId>(2);
  device.workload = row.id<WorkloadId>(3);
  device.key = row.id<SigningKeyId>(4);
  device.kind = row.text(5);
  device.enrolled = row.instant(6);
  device.last_seen = row.instant(7);
  device.activated = row.instant(8);
  device.activation_clock = row.text(9);
  device.superseded = row.maybe_instant(10);
  device.removed = row.maybe_instant(11);
  if (!row.is_null(12)) device.replaced_by = row.id<DeviceId>(12);
  device.instance = row.id<InstanceId>(13);
  if (!row.is_null(14)) device.clone = row.id<WorkloadId>(14);
  return device;
}

Registration registration_of(const sql::Row& row) {
  Registration token{row.id<Sha256>(0), row.text(1),    row.count(2),         row.count(3),
                     row.instant(4),    row.instant(5), row.maybe_instant(6), {}};
  if (!row.is_null(7)) token.replaces = row.id<DeviceId>(7);
  return token;
}

constexpr std::string_view kTokenColumns =
    "SELECT hash, kind, uses, used, created, expires, revoked, replaces, customer FROM tokens ";

/// BILLING.md rule 10: the endpoint's date counts between the token's making and our receipt; but
/// not before the customer lived, when it would charge nothing, ever.
Activation activation_date(Instant installed, Instant token_created, Instant customer_created,
                           Instant now) {
  if (installed >= std::max(token_created, customer_created) && installed <= now) {
    return {installed, trust::ClockSource::kEndpoint};
  }
  return {now, trust::ClockSource::kReceipt};
}

}  // namespace

Answer<Device> find_device(sql::Session& session, const DeviceId& id) {
  ASSIGN_OR_RETURN(
      const std::optional<sql::Row> row,
      session.query_one(std::string(kDeviceColumns) + "WHERE devices.id = :id", {{"id", id}}));
  if (!row) return not_found("device");
  return device_of(*row);
}

Result<void> raise_alert(sql::Session& session, const DeviceId& device, std::string_view code,
                         std::string_view severity, Instant now) {
  TRY(
      session.exec("INSERT INTO alerts (device, id, code, severity, since, raised_by, received)"
                   " VALUES (:device, :id, :code, :severity, :since, 'cluster', :since)"
                   " ON CONFLICT (device, id) DO UPDATE SET cleared = NULL,"
                   " received = excluded.received",
                   {{"device", device},
                    {"id", "cluster-" + std::string(code)},
                    {"code", code},
                    {"severity", severity},
                    {"since", now}}));
  return {};
}

Result<void> clear_alert(sql::Session& session, const DeviceId& device, std::string_view code,
                         Instant now) {
  TRY(
      session.exec("UPDATE alerts SET cleared = :now WHERE device = :device AND id = :id"
                   " AND cleared IS NULL",
                   {{"now", now}, {"device", device}, {"id", "cluster-" + std::string(code)}}));
  return {};
}

DeviceRegistry::DeviceRegistry(sql::Database& database, const Clock& clock,
                               const crypto::SigningKey& cluster_key, const Passes& passes, Log log)
    : database_(database),
      clock_(clock),
      cluster_key_(cluster_key),
      passes_(passes),
      log_(std::move(log)) {}

Answer<Registration> DeviceRegistry::register_token(const CustomerId& customer_id,
                                                    std::string_view document) {
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<Registration> {
    ASSIGN_OR_RETURN(const Customer customer, live_customer(session, customer_id));
    ASSIGN_OR_RETURN(const trust::TrustChain chain, load_trust(session, customer.partner));
    ASSIGN_OR_RETURN(const trust::TokenRegistration token,
                     trust::read_registration(document, chain, now));
    if (token.customer != customer_id) {
      return refuse(422, "other-customer", "the registration names another customer");
    }
    if (token.replaces) TRY(replaceable_device(session, *token.replaces, customer_id));
    const auto added = session.exec(
        "INSERT INTO tokens (hash, customer, kind, uses, created, expires, registered, replaces)"
        " VALUES (:hash, :customer, :kind, :uses, :created, :expires, :registered, :replaces)"
        " ON CONFLICT (hash) DO NOTHING",
        {{"hash", token.token_hash},
         {"customer", customer_id},
         {"kind", token.kind},
         {"uses", token.uses},
         {"created", token.created},
         {"expires", token.expires},
         {"registered", now},
         {"replaces", token.replaces}});
    if (!added) return std::unexpected(Refusal(added.error()));
    ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                     session.query_one(
                         std::string(kTokenColumns) + "WHERE hash = :hash AND customer = :customer",
                         {{"hash", token.token_hash}, {"customer", customer_id}}));
    if (!row) return refuse(409, "token-exists", "this token is registered elsewhere");
    return registration_of(*row);
  });
}

Answer<std::vector<Registration>> DeviceRegistry::tokens(const CustomerId& customer) {
  return database_.read([&](sql::Session& session) -> Answer<std::vector<Registration>> {
    ASSIGN_OR_RETURN(const sql::Rows rows,
                     session.query(std::string(kTokenColumns) +
                                       "WHERE customer = :customer ORDER BY created, hash",
                                   {{"customer", customer}}));
    std::vector<Registration> tokens;
    for (const sql::Row& row : rows) tokens.push_back(registration_of(row));
    return tokens;
  });
}

Answer<void> DeviceRegistry::revoke_token(const CustomerId& customer, const Sha256& hash) {
  return database_.write([&](sql::Session& session) -> Answer<void> {
    ASSIGN_OR_RETURN(const std::uint64_t touched,
                     session.exec("UPDATE tokens SET revoked = COALESCE(revoked, :now)"
                                  " WHERE hash = :hash AND customer = :customer",
                                  {{"now", clock_.now()}, {"hash", hash}, {"customer", customer}}));
    if (touched == 0) return not_found("token");
    return {};
  });
}

namespace {

/// The token's row, fit to enrol what `report` says.
Answer<Registration> usable_token(sql::Session& session, const Sha256& hash,
                                  const trust::ActivationReport& report, Instant now,
                                  CustomerId& customer) {
  ASSIGN_OR_RETURN(
      const std::optional<sql::Row> row,
      session.query_one(std::string(kTokenColumns) + "WHERE hash = :hash", {{"hash", hash}}));
  if (!row) {
    return refuse(401, "token-unknown",
                  "this registration token is not known here; ask the partner");
  }
  Registration token = registration_of(*row);
  customer = row->id<CustomerId>(8);
  if (token.revoked) return refuse(403, "token-revoked", "this registration token was revoked");
  if (now >= token.expires) {
    return refuse(403, "token-expired", "this registration token has expired; ask for a new one");
  }
  if (token.used >= token.uses) {
    return refuse(403, "token-used-up", "this registration token has no uses left");
  }
  if (report.token_hash != hash || report.customer != customer || report.kind != token.kind) {
    return refuse(422, "activation-mismatch", "the activation belongs to another token");
  }
  return token;
}

/// That of the device that is replaced; else the one that this hardware presents already, or a new
/// one. Hardware joins licences alone: it never moves a vault.
Answer<WorkloadId> workload_for(sql::Session& session, const Customer& customer,
                                const trust::ActivationReport& report,
                                const std::optional<Device>& replaced, Activation& date,
                                Instant now) {
  if (replaced && !replaced->removed) {
    TRY(take_place(session, *replaced, report.hardware, now));
    date = {replaced->activated, clock_of(replaced->activation_clock)};
    return replaced->workload;
  }
  if (!report.hardware.is_zero()) {
    ASSIGN_OR_RETURN(
        const sql::Rows rows,
        session.query("SELECT id, activated, clock FROM workloads WHERE customer = :customer"
                      " AND hardware = :hardware AND removed IS NULL ORDER BY activated LIMIT 1",
                      {{"customer", customer.id}, {"hardware", report.hardware}}));
    if (!rows.empty()) {
      const WorkloadId known = rows.front().id<WorkloadId>(0);
      date = {rows.front().instant(1), clock_of(rows.front().text(2))};
      TRY(
          session.exec("UPDATE devices SET superseded = :now WHERE workload = :workload"
                       " AND superseded IS NULL AND removed IS NULL",
                       {{"now", now}, {"workload", known}}));
      return known;
    }
  }
  const WorkloadId fresh = crypto::random_id<WorkloadId>();
  TRY(begin_licence(session, customer, fresh, report.kind, report.hardware, date, now));
  return fresh;
}

Answer<std::optional<Enrolment>> enrolled_before(sql::Session& session, const SigningKeyId& key) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> row,
                   session.query_one("SELECT id, receipt FROM devices WHERE signing_key = :key",
                                     {{"key", key}}));
  if (!row) return std::optional<Enrolment>{};
  ASSIGN_OR_RETURN(const Device device, find_device(session, row->id<DeviceId>(0)));
  if (device.removed) return refuse(410, "removed", "the partner has removed this device");
  ASSIGN_OR_RETURN(const trust::TrustChain chain, load_trust(session, device.partner));
  return std::optional(Enrolment{device, row->text(1), chain.document(), true});
}

}  // namespace

Answer<Enrolment> DeviceRegistry::enrol(std::string_view token_text, const SigningKeyId& key,
                                        std::string_view activation) {
  ASSIGN_OR_RETURN(const trust::ActivationReport report, trust::read_activation(activation));
  if (report.device_key != key) {
    return refuse(422, "activation-mismatch", "the activation is signed by another key");
  }
  const Sha256 hash = trust::token_hash(token_text);
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<Enrolment> {
    ASSIGN_OR_RETURN(std::optional<Enrolment> before, enrolled_before(session, key));
    if (before) return std::move(*before);
    CustomerId customer_id;
    ASSIGN_OR_RETURN(const Registration token,
                     usable_token(session, hash, report, now, customer_id));
    ASSIGN_OR_RETURN(const Customer customer, live_customer(session, customer_id));
    if (report.partner != customer.partner) {
      return refuse(422, "activation-mismatch", "the activation names another partner");
    }
    Activation date = activation_date(report.installed_at, token.created, customer.created, now);
    std::optional<Device> replaced;
    if (token.replaces) {
      ASSIGN_OR_RETURN(replaced, replaceable_device(session, *token.replaces, customer.id));
    }
    ASSIGN_OR_RETURN(const WorkloadId workload,
                     workload_for(session, customer, report, replaced, date, now));
    trust::Receipt receipt;
    receipt.kind = trust::ReceiptKind::kActivation;
    receipt.device = report.device;
    receipt.received_at = now;
    receipt.subject = crypto::sha256(as_bytes(activation));
    receipt.workload = workload.text();
    receipt.activated_at = date.at;
    receipt.clock = date.clock;
    const std::string receipt_text = trust::make_receipt(receipt, cluster_key_);
    const auto added = session.exec(
        "INSERT INTO devices (id, customer, workload, signing_key, kind, token, activation, "
        "receipt,"
        " enrolled, last_seen) VALUES (:id, :customer, :workload, :signing_key, :kind, :token,"
        " :activation, :receipt, :enrolled, :enrolled)",
        {{"id", report.device},
         {"customer", customer.id},
         {"workload", workload},
         {"signing_key", key},
         {"kind", report.kind},
         {"token", hash},
         {"activation", activation},
         {"receipt", receipt_text},
         {"enrolled", now}});
    if (!added && added.error().kind == ErrorKind::kConflict) {
      return refuse(409, "device-exists", "this device id is enrolled with another key");
    }
    if (!added) return std::unexpected(Refusal(added.error()));
    if (replaced) TRY(hand_over_vaults(session, *replaced, report.device, now));
    TRY(session.exec("UPDATE tokens SET used = used + 1 WHERE hash = :hash", {{"hash", hash}}));
    ASSIGN_OR_RETURN(const trust::TrustChain chain, load_trust(session, customer.partner));
    ASSIGN_OR_RETURN(const Device device, find_device(session, report.device));
    return Enrolment{device, receipt_text, chain.document(), false};
  });
}

/// Two installations that live at once and present one machine are two workloads from now on
/// (BILLING.md rule 5): the older one gets a licence of its own, dated by our clock.
Answer<void> DeviceRegistry::split_clone(sql::Session& session, const Device& device, Instant now) {
  ASSIGN_OR_RETURN(const Customer customer, find_customer(session, device.customer));
  // Where it was counted twice under one identity, that licence is the one.
  const WorkloadId fresh = device.clone ? *device.clone : crypto::random_id<WorkloadId>();
  // No hardware: the next installation on this machine belongs to the other workload.
  if (!device.clone) {
    TRY(begin_licence(session, customer, fresh, device.kind, Sha256{},
                      {now, trust::ClockSource::kReceipt}, now));
  }
  // A life of its own, whoever took its place in the last one: it may be replaced again.
  TRY(
      session.exec("UPDATE devices SET workload = :workload, superseded = NULL,"
                   " replaced_by = NULL, clone = NULL WHERE id = :id",
                   {{"workload", fresh}, {"id", device.id}}));
  log_.warn("cloned device", field("device", device.id));
  TRY(raise_alert(session, device.id, kClonedDevice, "warning", now));
  return {};
}

Answer<AccessToken> DeviceRegistry::exchange(std::string_view text) {
  const Instant now = clock_.now();
  const auto bad = [](std::string detail) {
    return refuse(401, "invalid-assertion", std::move(detail));
  };
  const Result<DeviceId> claimed = trust::claimed_device(text);
  if (!claimed) return bad(claimed.error().message);
  return database_.write([&](sql::Session& session) -> Answer<AccessToken> {
    const Answer<Device> device = find_device(session, *claimed);
    if (!device) {
      // The same words as for a bad signature: ids are not to be guessed.
      if (device.error().status == 404) return bad("the assertion proves no device known here");
      return std::unexpected(device.error());
    }
    ASSIGN_OR_RETURN(const trust::Assertion assertion,
                     passes_.use(session, text, device->key, now));
    if (device->removed) return refuse(410, "removed", "the partner has removed this device");
    if (device->superseded) TRY(split_clone(session, *device, now));
    TRY(session.exec("UPDATE devices SET last_seen = :now WHERE id = :id",
                     {{"now", now}, {"id", device->id}}));
    // Whoever signs in is there: a removal that its package reported was none, or is undone.
    TRY(
        session.exec("UPDATE alerts SET cleared = :now WHERE device = :id"
                     " AND id = 'software-removed' AND cleared IS NULL",
                     {{"now", now}, {"id", device->id}}));
    const InstanceId instance = assertion.instance.value_or(InstanceId{});
    TRY(note_instance(session, *device, instance, now));
    Writer writer;
    writer.id(device->id);
    writer.id(instance);
    return passes_.issue(kAccessMark, writer.bytes(), now);
  });
}

Answer<Device> DeviceRegistry::authenticate(std::string_view token) {
  ASSIGN_OR_RETURN(const Bytes whose, passes_.open(kAccessMark, token));
  Reader reader(whose);
  const DeviceId id = reader.id<DeviceId>();
  const InstanceId instance = reader.id<InstanceId>();
  if (!reader.ok()) return refuse(401, "unauthenticated", "get a new access token");
  return database_.read([&](sql::Session& session) -> Answer<Device> {
    ASSIGN_OR_RETURN(Device device, find_device(session, id));
    if (device.removed) return refuse(410, "removed", "the partner has removed this device");
    device.asker = instance;
    return device;
  });
}

void DeviceRegistry::saw(const Device& device) {
  const Instant now = clock_.now();
  const bool another = !device.asker.is_zero() && device.asker != device.instance;
  if (!another && now - device.last_seen < kSeenEvery) return;
  const Answer<void> noted = database_.write([&](sql::Session& session) -> Answer<void> {
    TRY(session.exec("UPDATE devices SET last_seen = :now WHERE id = :id",
                     {{"now", now}, {"id", device.id}}));
    ASSIGN_OR_RETURN(const Device known, find_device(session, device.id));
    return note_instance(session, known, device.asker, now);
  });
  if (!noted) log_.warn("device not noted as seen", field("error", noted.error().detail));
}

Answer<std::vector<Device>> DeviceRegistry::devices(const CustomerId& customer,
                                                    const DeviceId& after, std::size_t limit) {
  return database_.read([&](sql::Session& session) -> Answer<std::vector<Device>> {
    ASSIGN_OR_RETURN(const sql::Rows rows,
                     session.query(std::string(kDeviceColumns) +
                                       "WHERE devices.customer = :customer AND devices.id > :after"
                                       " ORDER BY devices.id LIMIT :limit",
                                   {{"customer", customer}, {"after", after}, {"limit", limit}}));
    std::vector<Device> devices;
    for (const sql::Row& row : rows) devices.push_back(device_of(row));
    return devices;
  });
}

Answer<Device> DeviceRegistry::device(const DeviceId& id) {
  return database_.read([&](sql::Session& session) { return find_device(session, id); });
}

Answer<void> DeviceRegistry::remove_workload(const DeviceId& id) {
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<void> {
    ASSIGN_OR_RETURN(const Device device, find_device(session, id));
    if (device.removed) return {};
    ASSIGN_OR_RETURN(const Customer customer, find_customer(session, device.customer));
    TRY(
        session.exec("UPDATE devices SET removed = :now WHERE workload = :workload"
                     " AND removed IS NULL",
                     {{"now", now}, {"workload", device.workload}}));
    TRY(end_licence(session, customer, device.workload, now));
    if (device.clone) TRY(end_licence(session, customer, *device.clone, now));
    return {};
  });
}

Answer<void> DeviceRegistry::resolve_clone(const DeviceId& id) {
  const Instant now = clock_.now();
  return database_.write([&](sql::Session& session) -> Answer<void> {
    ASSIGN_OR_RETURN(const Device device, find_device(session, id));
    TRY(forget_instances(session, id));
    TRY(session.exec("UPDATE devices SET clone = NULL WHERE id = :id", {{"id", id}}));
    TRY(clear_alert(session, id, kClonedDevice, now));
    TRY(clear_alert(session, id, kForkedVault, now));
    if (!device.clone) return {};
    ASSIGN_OR_RETURN(const Customer customer, find_customer(session, device.customer));
    TRY(end_licence(session, customer, *device.clone, now));
    return {};
  });
}

}  // namespace obhut::cluster
