// What is signed for others: tokens and plans; and reading it back.

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/crypto/certificate.h"
#include "agent/crypto/random.h"
#include "agent/plan/plan_codec.h"
#include "agent/trust/envelope.h"
#include "agent/trust/jws.h"
#include "agent/trust/token.h"
#include "tools/sign/answer.h"
#include "tools/sign/commands.h"

namespace obhut::sign {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMaxPlan = std::size_t{256} * 1024;
constexpr std::size_t kMaxPem = std::size_t{1} << 20U;

Result<CustomerId> parse_customer(const std::string& text) {
  const std::optional<CustomerId> id = CustomerId::parse(text);
  if (id) return *id;
  return fail(ErrorKind::kInvalidInput,
              "customer " + printable(text) + ": must be 32 lower-case hex digits");
}

Result<DeviceId> parse_device(const std::string& text) {
  const std::optional<DeviceId> id = DeviceId::parse(text);
  if (id) return *id;
  return fail(ErrorKind::kInvalidInput,
              "device " + printable(text) + ": must be 32 lower-case hex digits");
}

/// `who`, or the first operator here that may, or else the root.
Result<crypto::SigningKey> token_signer(const Signer& signer, const Context& context,
                                        const std::string& who,
                                        const std::vector<trust::OperatorRole>& roles) {
  if (who == "root") return signer.root_key(context.ask);
  if (!who.empty()) {
    ASSIGN_OR_RETURN(const trust::Operator entry, signer.find_operator(who));
    for (const trust::OperatorRole role : roles) {
      TRY(signer.trust().require(entry.key, role, context.now));
    }
    return signer.operator_key(who, context.ask);
  }
  const auto usable = signer.usable_operator(roles, context.now);
  if (!usable) return signer.root_key(context.ask);
  return signer.operator_key(usable->key.text(), context.ask);
}

Result<std::vector<crypto::SigningKey>> plan_signers(const Signer& signer, const Context& context,
                                                     const PlanOptions& options) {
  std::vector<crypto::SigningKey> keys;
  for (const std::string& who : options.signers) {
    ASSIGN_OR_RETURN(crypto::SigningKey key, signer.operator_key(who, context.ask));
    keys.push_back(std::move(key));
  }
  for (const std::string& file : options.key_files) {
    ASSIGN_OR_RETURN(const std::string text, read_input(file, 65536));
    ASSIGN_OR_RETURN(crypto::SigningKey key, decode_signing_key(text, context.ask));
    keys.push_back(std::move(key));
  }
  if (keys.empty()) {
    const auto usable = signer.usable_operator({trust::OperatorRole::kPlan}, context.now);
    if (!usable) {
      return fail(ErrorKind::kRefused,
                  "plan: no operator with role \"plan\" here, add one or sign with --key");
    }
    ASSIGN_OR_RETURN(crypto::SigningKey key, signer.operator_key(usable->key.text(), context.ask));
    keys.push_back(std::move(key));
  }
  if (keys.size() > trust::kMaxSignatures) {
    return fail(ErrorKind::kInvalidInput, "plan: at most 4 operators sign");
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    TRY(signer.trust().require(keys[i].public_key(), trust::OperatorRole::kPlan, context.now));
    for (std::size_t j = 0; j < i; ++j) {
      if (keys[j].public_key() != keys[i].public_key()) continue;
      return fail(ErrorKind::kInvalidInput, "plan: one operator was named twice");
    }
  }
  return keys;
}

Result<trust::PlanTarget> plan_target(const PlanOptions& options) {
  if (options.device.empty() == options.customer.empty()) {
    return fail(ErrorKind::kInvalidInput, "plan: give either --device or --customer");
  }
  if (options.device.empty()) {
    ASSIGN_OR_RETURN(const CustomerId customer, parse_customer(options.customer));
    return customer;
  }
  ASSIGN_OR_RETURN(const DeviceId device, parse_device(options.device));
  return device;
}

ordered_json signers_json(const trust::TrustChain& trust, const std::vector<SigningKeyId>& keys,
                          trust::OperatorRole role, Instant now) {
  ordered_json out = ordered_json::array();
  for (const SigningKeyId& key : keys) {
    const trust::Operator* entry = trust.find(key);
    const bool root = key == trust.root();
    out.push_back(ordered_json{
        {"key", key.text()},
        {"name", root ? "root" : (entry != nullptr ? entry->name : "")},
        {"standing", root ? "root" : trust::to_string(trust.standing(key, role, now))}});
  }
  return out;
}

Result<Answer> verify_list(const std::string& text) {
  ASSIGN_OR_RETURN(const trust::TrustList list, trust::read_trust_list(text));
  return answer(ordered_json{{"type", "trust"},
                             {"partner", list.partner.text()},
                             {"root", list.root.text()},
                             {"serial", list.serial},
                             {"operators", list.operators.size()}},
                "trust list " + std::to_string(list.serial) + " of partner " + list.partner.text() +
                    ", signed by root " + list.root.text() + "\n");
}

Result<Answer> verify_envelope(const Signer& signer, const std::string& text, Instant now) {
  ASSIGN_OR_RETURN(const trust::SignedEnvelope read, trust::read_envelope(text));
  for (const SigningKeyId& key : read.signers) {
    TRY(signer.trust().require(key, trust::OperatorRole::kPlan, now));
  }
  ASSIGN_OR_RETURN(const model::Plan plan, plan::parse_plan(read.envelope.plan));
  if (now >= read.envelope.expires) {
    return fail(ErrorKind::kRefused, "plan: expired on " + format_time(read.envelope.expires));
  }
  const auto* device = std::get_if<DeviceId>(&read.envelope.target);
  const std::string target = device != nullptr
                                 ? "device " + device->text()
                                 : "customer " + std::get<CustomerId>(read.envelope.target).text();
  return answer(
      ordered_json{
          {"type", "plan"},
          {"name", plan.name},
          {"target", target},
          {"version", read.envelope.version},
          {"expires", format_time(read.envelope.expires)},
          {"hash", read.hash.text()},
          {"signers", signers_json(signer.trust(), read.signers, trust::OperatorRole::kPlan, now)}},
      "plan \"" + printable(plan.name) + "\" version " + std::to_string(read.envelope.version) +
          " for " + target + ", to be accepted until " + format_time(read.envelope.expires) +
          ", signed by " + std::to_string(read.signers.size()) + " operator(s)\n");
}

std::string replaces_text(const std::optional<DeviceId>& device) {
  return device ? "; the new device takes the place of " + device->text() : "";
}

Result<Answer> verify_token(const Signer& signer, const std::string& text, Instant now) {
  ASSIGN_OR_RETURN(const trust::VerifiedToken read, trust::read_token(text, now));
  if (read.token.root != signer.trust().root()) {
    return fail(ErrorKind::kRefused, "registration token: names another root than this signer's");
  }
  ordered_json out = {{"type", "token"},
                      {"customer", read.token.customer.text()},
                      {"cluster", read.token.cluster},
                      {"kind", read.token.kind},
                      {"uses", read.token.uses},
                      {"expires", format_time(read.token.expires)},
                      {"hash", read.hash.text()}};
  if (read.token.replaces) out["replaces"] = read.token.replaces->text();
  return answer(out, "registration token for customer " + read.token.customer.text() + " at " +
                         printable(read.token.cluster) + ", good until " +
                         format_time(read.token.expires) + replaces_text(read.token.replaces) +
                         "\n");
}

Result<Answer> verify_registration(const Signer& signer, const std::string& text, Instant now) {
  ASSIGN_OR_RETURN(const trust::TokenRegistration read,
                   trust::read_registration(text, signer.trust(), now));
  ordered_json out = {{"type", "registration"},
                      {"customer", read.customer.text()},
                      {"hash", read.token_hash.text()},
                      {"uses", read.uses},
                      {"expires", format_time(read.expires)}};
  if (read.replaces) out["replaces"] = read.replaces->text();
  return answer(
      out, "registration of token " + read.token_hash.text() + replaces_text(read.replaces) + "\n");
}

}  // namespace

Result<Answer> token(const Context& context, const TokenOptions& options) {
  ASSIGN_OR_RETURN(const CustomerId customer, parse_customer(options.customer));
  ASSIGN_OR_RETURN(const std::string pem, read_input(options.ca_file, kMaxPem));
  Result<Sha256> pin = crypto::certificate_pin(pem);
  if (!pin) return pass_on(std::move(pin).error(), options.ca_file);
  ASSIGN_OR_RETURN(const Signer signer, Signer::open(context.folder));
  std::vector<trust::OperatorRole> roles = {trust::OperatorRole::kEnroll};
  if (!options.replaces.empty()) roles.push_back(trust::OperatorRole::kRestore);
  ASSIGN_OR_RETURN(const crypto::SigningKey key,
                   token_signer(signer, context, options.signer, roles));

  trust::RegistrationToken token;
  token.partner = signer.partner();
  token.customer = customer;
  token.cluster = options.cluster;
  while (token.cluster.ends_with('/')) token.cluster.pop_back();
  token.ca_pin = *pin;
  token.root = signer.trust().root();
  token.secret = Bytes(32);
  crypto::fill_random(token.secret);
  token.kind = options.kind;
  token.created = to_second(context.now);
  token.expires = days_later(context.now, options.days);
  token.uses = options.uses;
  if (!options.replaces.empty()) {
    ASSIGN_OR_RETURN(token.replaces, parse_device(options.replaces));
  }
  token.trust = signer.trust().document();
  if (!is_utf8(token.cluster) || !is_utf8(token.kind)) {
    return fail(ErrorKind::kInvalidInput, "token: cluster and kind must be UTF-8");
  }
  const std::string text = trust::make_token(token, key);
  // What an endpoint would refuse is not handed out.
  ASSIGN_OR_RETURN(const trust::VerifiedToken checked, trust::read_token(text, context.now));
  TRY(write_output(options.out, text + "\n", /*secret=*/true));
  const std::string registration = trust::make_registration(token, text, key);
  ordered_json out = {{"registration", registration}, {"token_hash", checked.hash.text()},
                      {"customer", customer.text()},  {"kind", token.kind},
                      {"uses", token.uses},           {"expires", format_time(token.expires)},
                      {"file", options.out}};
  if (token.replaces) out["replaces"] = token.replaces->text();
  return answer(out, options.out + ": registration token, a secret until " +
                         format_time(token.expires) + replaces_text(token.replaces) +
                         "\nregister it with the cluster:\n" + registration + "\n");
}

Result<Answer> plan_sign(const Context& context, const PlanOptions& options) {
  ASSIGN_OR_RETURN(const trust::PlanTarget target, plan_target(options));
  ASSIGN_OR_RETURN(const std::string text, read_input(options.file, kMaxPlan));
  Result<model::Plan> plan = plan::parse_plan(text);
  if (!plan) return pass_on(std::move(plan).error(), options.file);
  ASSIGN_OR_RETURN(Signer signer, Signer::open(context.folder));
  ASSIGN_OR_RETURN(const std::vector<crypto::SigningKey> keys,
                   plan_signers(signer, context, options));
  const bool device = std::holds_alternative<DeviceId>(target);
  const std::string target_name =
      device ? "device:" + options.device : "customer:" + options.customer;

  trust::PlanEnvelope envelope;
  envelope.partner = signer.partner();
  envelope.target = target;
  envelope.issued = to_second(context.now);
  envelope.expires = days_later(context.now, options.days);
  if (options.delay_hours) {
    envelope.effective = envelope.issued + std::chrono::hours{*options.delay_hours};
  }
  envelope.plan = text;
  ASSIGN_OR_RETURN(envelope.version, signer.take_version(target_name, options.version));
  std::vector<const crypto::SigningKey*> signers;
  signers.reserve(keys.size());
  for (const crypto::SigningKey& key : keys) signers.push_back(&key);
  const std::string document = trust::make_envelope(envelope, signers);
  ASSIGN_OR_RETURN(const trust::SignedEnvelope checked, trust::read_envelope(document));
  TRY(write_output(options.out, document, /*secret=*/false));
  return answer(ordered_json{{"file", options.out},
                             {"target", target_name},
                             {"version", envelope.version},
                             {"expires", format_time(envelope.expires)},
                             {"hash", checked.hash.text()},
                             {"signers", signers_json(signer.trust(), checked.signers,
                                                      trust::OperatorRole::kPlan, context.now)}},
                options.out + ": plan \"" + printable(plan->name) + "\" version " +
                    std::to_string(envelope.version) + " for " + target_name +
                    ", to be accepted until " + format_time(envelope.expires) + "\n");
}

Result<Answer> verify(const Context& context, const std::string& file) {
  ASSIGN_OR_RETURN(std::string text, read_input(file, trust::kDocumentLimit + 16));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.pop_back();
  }
  ASSIGN_OR_RETURN(const std::string type, trust::claimed_type(text));
  if (type == trust::kTrustListType) return verify_list(text);
  ASSIGN_OR_RETURN(const Signer signer, Signer::open(context.folder));
  if (type == trust::kEnvelopeType) return verify_envelope(signer, text, context.now);
  if (type == trust::kTokenType) return verify_token(signer, text, context.now);
  if (type == trust::kRegistrationType) return verify_registration(signer, text, context.now);
  if (type == trust::kGrantType) return verify_grant_document(signer, text, context.now);
  return fail(ErrorKind::kInvalidInput, file + ": a document of type " + printable(type) +
                                            ", which the signer does not read");
}

}  // namespace obhut::sign
