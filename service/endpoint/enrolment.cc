#include "service/endpoint/enrolment.h"

#include <nlohmann/json.hpp>

#include "agent/base/codec.h"
#include "agent/base/text.h"
#include "agent/crypto/digest.h"
#include "agent/trust/device_id.h"
#include "agent/trust/receipt.h"
#include "platform/local_files.h"
#include "platform/machine.h"
#include "service/endpoint/json_fields.h"

namespace obhut::endpoint {

namespace {

constexpr const char* kKey = "device.key";
constexpr const char* kActivation = "activation.json";
constexpr const char* kIdentity = "identity.json";
constexpr const char* kTrust = "trust.json";
/// How far this clock may be off without keeping a good token out. That the token has not run out
/// is the cluster's to say, by its own clock.
constexpr std::chrono::hours kClockTolerance{72};

Sha256 hardware_hash(const CustomerId& customer) {
  // Without an identity every machine of this kind looks the same: then it says nothing.
  const Result<Bytes> machine = platform::machine_identity();
  Writer writer;
  writer.text("obhut.hardware/1");
  writer.id(customer);
  writer.blob(machine ? ByteView(*machine) : ByteView{});
  return crypto::sha256(writer.bytes());
}

Result<trust::VerifiedToken> read_token(std::string_view text, Instant now) {
  Result<trust::VerifiedToken> token = trust::read_token(text, now);
  if (token || token.error().kind != ErrorKind::kRefused) return token;
  Result<trust::VerifiedToken> tolerant = trust::read_token(text, now - kClockTolerance);
  return tolerant ? std::move(tolerant) : std::move(token);
}

}  // namespace

Result<Enrolment> Enrolment::open(StateFolder& state, Clock& clock) {
  Enrolment enrolment(state, clock);
  TRY(enrolment.load_key());
  ASSIGN_OR_RETURN(const std::optional<nlohmann::json> stored, state.load(kIdentity));
  if (stored) {
    ASSIGN_OR_RETURN(enrolment.identity_, identity_from_json(*stored));
    if (!enrolment.key_ ||
        trust::device_id_of(enrolment.key_->public_key()) != enrolment.identity_->device) {
      return fail(ErrorKind::kCorrupt,
                  state.path(std::string("secrets/") + kKey) +
                      ": missing or not this device's; restore it from a backup of the "
                      "state folder, or remove the folder and enrol again");
    }
    return enrolment;
  }
  TRY(enrolment.load_pending());
  return enrolment;
}

Result<void> Enrolment::load_key() {
  Result<Bytes> seed = state_->secrets().load(kKey);
  if (!seed && seed.error().kind == ErrorKind::kNotFound) return {};
  if (!seed) return std::unexpected(std::move(seed).error());
  Result<crypto::SigningKey> key = crypto::SigningKey::from_seed(*seed);
  crypto::wipe(*seed);
  if (!key) return pass_on(std::move(key.error()), kKey);
  key_ = std::move(*key);
  return {};
}

Result<void> Enrolment::make_key() {
  crypto::SigningKey key = crypto::SigningKey::generate();
  TRY(state_->secrets().save(kKey, key.seed().view()));
  key_ = std::move(key);
  return {};
}

Result<void> Enrolment::load_pending() {
  ASSIGN_OR_RETURN(const std::optional<nlohmann::json> stored, state_->load(kActivation));
  if (!stored) return {};
  const std::string token_text = text_or(*stored, "token");
  const std::optional<Instant> installed = time_of(*stored, "installed_at");
  if (!installed || !key_)
    return fail(ErrorKind::kCorrupt, state_->path(kActivation) + ": damaged");
  // Read as of the moment of installation: however long the network was away, this token was good.
  ASSIGN_OR_RETURN(trust::VerifiedToken token, read_token(token_text, *installed));
  pending_ = Pending{token_text, std::move(token), text_or(*stored, "activation"), *installed};
  return {};
}

Result<void> Enrolment::begin(std::string_view token_text) {
  ASSIGN_OR_RETURN(trust::VerifiedToken token, read_token(token_text, clock_->now()));
  if (identity_) {
    if (identity_->customer != token.token.customer) {
      return fail(ErrorKind::kConflict,
                  "this endpoint belongs to customer " + identity_->customer.text() +
                      "; to move it, have the partner remove it and clear the state folder");
    }
    if (!token.token.replaces || token.token.replaces == identity_->replaces) return {};
    return fail(ErrorKind::kConflict,
                "this endpoint is enrolled already: a token that replaces a device is for a fresh "
                "installation; stop obhutd, clear the state folder and enrol again");
  }
  if (pending_ && pending_->token.hash == token.hash) return {};
  if (!key_) TRY(make_key());
  // Another token after one that was refused: the endpoint was still installed when it was.
  const bool same_customer = pending_ && pending_->token.token.customer == token.token.customer;
  const Instant installed = same_customer ? pending_->installed_at : clock_->now();
  const trust::ActivationReport report{.device = trust::device_id_of(key_->public_key()),
                                       .device_key = key_->public_key(),
                                       .partner = token.token.partner,
                                       .customer = token.token.customer,
                                       .token_hash = token.hash,
                                       .kind = token.token.kind,
                                       .installed_at = installed,
                                       .hardware = hardware_hash(token.token.customer)};
  return record({std::string(token_text), std::move(token), trust::make_activation(report, *key_),
                 installed});
}

Result<void> Enrolment::record(Pending pending) {
  TRY(state_->save(kActivation, {{"token", pending.token_text},
                                 {"activation", pending.activation},
                                 {"installed_at", format_time_micro(pending.installed_at)}}));
  pending_ = std::move(pending);
  return {};
}

Enrolment Enrolment::again() const {
  Enrolment other(*state_, *clock_);
  other.key_ = key_->clone();
  other.pending_ = pending_;
  return other;
}

Result<Identity> Enrolment::identity_of(const wire::EnrollReply& reply) const {
  const trust::RegistrationToken& token = pending_->token.token;
  const DeviceId device = trust::device_id_of(key_->public_key());
  ASSIGN_OR_RETURN(const trust::Receipt receipt,
                   trust::read_receipt(reply.receipt, reply.cluster_key));
  const bool ours = receipt.kind == trust::ReceiptKind::kActivation && receipt.device == device &&
                    receipt.subject == crypto::sha256(as_bytes(pending_->activation)) &&
                    reply.device == device && reply.customer == token.customer &&
                    reply.partner == token.partner;
  if (!ours) return fail(ErrorKind::kRefused, "the cluster's receipt is for another activation");
  return Identity{device,
                  token.customer,
                  token.partner,
                  token.cluster,
                  token.ca_pin,
                  reply.cluster_key,
                  token.kind,
                  receipt.workload,
                  receipt.activated_at,
                  pending_->activation,
                  reply.receipt,
                  token.replaces};
}

Result<void> Enrolment::keep_trust(const std::string& newest) {
  trust::TrustChain chain = pending_->token.trust;
  // A list that does not follow from the pinned root is not believed, and no reason not to enrol:
  // plans under it will be refused and say why.
  if (!newest.empty()) (void)chain.update(newest);  // ignored: see above
  return state_->save_text(kTrust, chain.state());
}

Result<void> Enrolment::finish(wire::ControlClient& cluster, std::stop_token stop) {
  if (!pending()) return {};
  const wire::EnrollRequest request{pending_->token_text, key_->public_key(), pending_->activation};
  ASSIGN_OR_RETURN(const wire::EnrollReply reply, cluster.enroll(request, stop));
  ASSIGN_OR_RETURN(Identity identity, identity_of(reply));
  TRY(keep_trust(reply.trust));
  TRY(state_->save(kIdentity, to_json(identity)));  // from here on enrolled
  identity_ = std::move(identity);
  pending_.reset();
  // The token is a secret that has done its work; the activation stays in the identity.
  return platform::remove_file(state_->path(kActivation));
}

}  // namespace obhut::endpoint
